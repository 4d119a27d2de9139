"""Copies and stories, on a real Valkey: wire copy is one story, follow-ups and templates are not; races and redeliveries."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.brokers.base import open_broker
from streams.config.settings import Settings
from streams.records import Article
from tests.support.feed_server import FeedServer, rss
from tests.support.pipeline import everything, newsdesk, settled
from workers.dedupe.identity import article_id
from workers.dedupe.near_duplicates.index import PREFIX, StoryIndex
from workers.dedupe.near_duplicates.signature import LAYOUT, load_default, pair_features, signature_of
from workers.dedupe.near_duplicates.words import tokenise
from workers.poller.registry import FeedRegistry

DAY_S = 86_400.0
NOW_S = 1_790_000_000.0
NAMES = "harbour canal board barge salt ferry council bridge tide quay pilot engineer flood museum orchard mill".split()
VERBS = "opened closed bought sold repaired painted measured promised refused inspected borrowed praised".split()


def story(seed: int, sentences: int = 14) -> tuple[str, str]:
    """An invented story: its title and text. Its people and places are its own, as those of real stories are."""
    rnd = random.Random(seed)
    own = [
        "".join(rnd.choice("bdfgklmnprstvz") + rnd.choice("aeiou") for _ in range(rnd.randint(2, 4))) for _ in range(24)
    ]
    names, places = own[:16] + NAMES[:4], [name.title() for name in own[16:]]

    def sentence() -> str:
        who, what, where = rnd.choice(names), rnd.choice(names), rnd.choice(places)
        return (
            f"The {who} of {where} {rnd.choice(VERBS)} {rnd.randint(2, 900)} {what}s on {rnd.choice(('Monday', 'Tuesday', 'Friday'))}"
            f" because the {rnd.choice(names)} had {rnd.choice(VERBS)} the {rnd.choice(names)} near {rnd.choice(places)}."
        )

    return sentence()[:60], " ".join(sentence() for _ in range(sentences))


def reworded(text: str) -> str:
    """The text as another outlet has it: a dateline, a credit, a paragraph less, numbers in words."""
    kept = text.split(". ")
    return "SALTBY (Tidewire) - " + ". ".join(kept[:-2]) + ". Reporting by Ida Marrow"


def with_stories(settings: Settings, work: Callable[[StoryIndex], Awaitable[None]], **more: int) -> None:
    async def go() -> None:
        broker = open_broker(settings)
        await work(StoryIndex(broker.state, 7 * DAY_S, **more))
        await broker.close()

    asyncio.run(go())


def one(name: str, title: str, text: str, publisher: str = "Tidewire", time_s: float = NOW_S) -> tuple[str, object]:
    return article_id(name), signature_of(title, text, publisher, time_s)


def test_wire_copy_is_one_story_and_other_stories_are_others(settings: Settings) -> None:
    async def work(stories: StoryIndex) -> None:
        for seed in range(40):
            title, text = story(seed)
            first, copy, again = await stories.assign([
                one(f"a/{seed}", title, text),
                one(f"b/{seed}", title.upper(), reworded(text), "The Saltby Courier"),
                one(f"c/{seed}", "Something else as a headline today", text, "Fenwater Post"),
            ])  # fmt: skip
            assert first == (article_id(f"a/{seed}"), "", 0.0, False, False)
            for found in (copy, again):
                assert (found.story, bool(found.duplicate_of), found.same_publisher) == (first.story, True, False)
                assert found.similarity > 0.6

    with_stories(settings, work)


def test_a_follow_up_and_a_form_filled_in_anew_are_stories_of_their_own(settings: Settings) -> None:
    weather = "Tomorrow will be {} in the morning with winds from the {} at {} knots. The water stands at {} degrees. Ferries leave at {} past the hour. Bathers should mind the tide."

    async def work(stories: StoryIndex) -> None:
        title, text = story(1, 20)
        background = " ".join(text.split(". ")[:5])
        _, news = story(2, 14)
        told = await stories.assign([one("a", title, text), one("b", "Council looks into it", f"{news} {background}.")])
        assert told[1].duplicate_of == ""
        forms = [("fair", "north", "12", "9", "ten"), ("wet", "southwest", "31", "11", "five")]
        told = await stories.assign([
            one(f"weather/{n}", "Harbour weather", weather.format(*form), time_s=NOW_S + n * DAY_S)
            for n, form in enumerate(forms)
        ])  # fmt: skip
        assert [t.duplicate_of for t in told] == ["", ""]

    with_stories(settings, work)


def test_whoever_asks_again_gets_the_same_answer(settings: Settings) -> None:
    async def work(stories: StoryIndex) -> None:
        title, text = story(3)
        pair = [one("a", title, text), one("b", title, reworded(text), "The Saltby Courier")]
        first = await stories.assign(pair)
        assert await stories.assign(pair[::-1]) == first[::-1]
        other = StoryIndex(stories.state, 7 * DAY_S)
        assert await other.assign(pair) == first

    with_stories(settings, work)


def test_of_copies_that_race_one_is_first_and_the_rest_find_it(settings: Settings) -> None:
    async def go() -> None:
        brokers = [open_broker(settings) for _ in range(4)]
        desks = [StoryIndex(broker.state, 7 * DAY_S) for broker in brokers]
        for seed in range(30):
            title, text = story(100 + seed)
            told = await asyncio.gather(*(
                desk.assign([one(f"{n}/{seed}", title, text if n % 2 else reworded(text), f"Outlet {n}")])
                for n, desk in enumerate(desks)
            ))  # fmt: skip
            [heads] = [{t.story for [t] in told}]
            assert len(heads) == 1
            assert sum(not t.duplicate_of for [t] in told) == 1
        for broker in brokers:
            await broker.close()

    asyncio.run(go())


def test_what_is_older_than_the_window_is_no_story_of_today(settings: Settings) -> None:
    async def work(stories: StoryIndex) -> None:
        title, text = story(4)
        told = await stories.assign([
            one("a", title, text), one("b", title, text, time_s=NOW_S + 8 * DAY_S), one("c", title, text, time_s=NOW_S - 8 * DAY_S),
        ])  # fmt: skip
        assert [t.duplicate_of for t in told] == ["", "", ""]

    with_stories(settings, work)


def test_the_index_forgets_by_number(settings: Settings) -> None:
    async def work(stories: StoryIndex) -> None:
        title, text = story(5)
        await stories.assign([one("first", title, text)])
        for n in range(45):
            await stories.assign([one(f"{n}", *story(1000 + n))])
        kept = await stories.state.keys(f"{PREFIX}:*:t:*")
        assert {key.split(b":")[2] for key in kept} == {b"3", b"4"}
        [told] = await stories.assign([one("late", title, text)])
        assert told.duplicate_of == ""

    with_stories(settings, work, slice_articles=10)


def test_too_short_a_text_is_nobody_s_copy(settings: Settings) -> None:
    async def work(stories: StoryIndex) -> None:
        told = await stories.assign([one("a", "Weather", "Fair"), one("b", "Weather", "Fair")])
        assert [t.duplicate_of for t in told] == ["", ""]

    with_stories(settings, work)


@pytest.mark.parametrize(
    ("copies", "published"),
    [("mark", {"one", "two", "again"}), ("drop", {"one"}), ("first-publisher", {"one", "again"})],
)
def test_what_becomes_of_copies(copies: str, published: set[str], settings: Settings) -> None:
    async def go() -> None:
        at = replace(settings, near_duplicates=copies)
        title, text = story(6)
        async with FeedServer() as server, newsdesk(at, server) as broker:
            server.answers["f"] = rss([("https://a.example/one", title, f"<p>{text}</p>")], "Tidewire")
            await FeedRegistry(broker.state).add([(server.url + "f", "")])
            await settled(broker, {"in": 1})
            server.answers["g"] = rss(
                [("https://b.example/two", title, f"<p>{reworded(text)}</p>")], "The Saltby Courier"
            )
            await FeedRegistry(broker.state).add([(server.url + "g", "")])
            await settled(broker, {"in": 2})
            server.answers["h"] = rss([("https://a.example/again", title, f"<p>{text} And so on.</p>")], "Tidewire")
            await FeedRegistry(broker.state).add([(server.url + "h", "")])
            counters = await settled(broker, {"in": 3})
            articles: list[Article] = await everything(settings, "articles")
            assert {a.canonical_url.rpartition("/")[2] for a in articles} == published
            assert len({a.story_id for a in articles}) == 1
            assert [bool(a.duplicate_of) for a in articles] == [False, True, True][: len(articles)]
            assert counters["desk"]["duplicate"] == 3 - len(published)

    asyncio.run(go())


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_can_be_signed(title: str, text: str) -> None:
    signed = signature_of(title, text, "p", NOW_S)
    assert len(signed.signature) in (0, LAYOUT.itemsize)
    assert all(len(key) == 5 for key in signed.keys)


def test_what_nobody_sees_makes_no_difference() -> None:
    title, text = story(7)
    assert signature_of(title, text, "p", 0) == signature_of(
        title.upper(), text.replace("a", "a\u200b").replace(" ", "\u00a0 "), "P", 0
    )
    assert tokenise("塩の運河") == [c.encode() for c in "塩の運河"]


def test_a_text_is_like_itself() -> None:
    signed = signature_of(*story(8), "p", 0)
    [row] = pair_features(signed.signature, [signed.signature])
    assert row[:7] == pytest.approx([1.0] * 7)
    assert load_default().compare(signed.signature, [signed.signature])[0].probability > 0.9
