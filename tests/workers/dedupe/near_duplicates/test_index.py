"""The story index on a real Valkey: wire copy, follow-ups, templates, races and redeliveries."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.brokers import open_broker
from streams.config.settings import Settings
from streams.records import Article
from tests.support.feed_server import FeedServer, rss
from tests.support.pipeline import everything, newsdesk, settled
from tests.support.stories import DAY_S, NOW_S, reworded, signed, story
from workers.dedupe.identity import article_id
from workers.dedupe.near_duplicates.index import PREFIX, StoryIndex
from workers.dedupe.near_duplicates.model import load_default
from workers.dedupe.near_duplicates.pair_features import pair_features, read_signatures
from workers.dedupe.near_duplicates.signature import LAYOUT, signature_of
from workers.dedupe.near_duplicates.stories import StoryAssignment
from workers.dedupe.near_duplicates.words import tokenise
from workers.poller.registry import FeedRegistry


@asynccontextmanager
async def open_index(settings: Settings, **options: int) -> AsyncGenerator[StoryIndex, None]:
    broker = open_broker(settings)
    try:
        yield StoryIndex(broker.state, 7 * DAY_S, **options)
    finally:
        await broker.close()


async def test_wire_copy_clusters(settings: Settings) -> None:
    async with open_index(settings) as stories:
        for seed in range(40):
            title, text = story(seed)
            first, copy, again = await stories.assign([
                signed(f"a/{seed}", title, text),
                signed(f"b/{seed}", title.upper(), reworded(text), "The Saltby Courier"),
                signed(f"c/{seed}", "Something else as a headline today", text, "Fenwater Post"),
            ])  # fmt: skip
            assert first == StoryAssignment(article_id(f"a/{seed}"))
            for duplicate in (copy, again):
                assert (duplicate.story, bool(duplicate.duplicate_of)) == (first.story, True)
                assert not duplicate.same_publisher
                assert duplicate.similarity > 0.6


async def test_follow_ups_and_filled_templates_start_stories(settings: Settings) -> None:
    weather = "Tomorrow will be {} in the morning with winds from the {} at {} knots. The water stands at {} degrees. Ferries leave at {} past the hour. Bathers should mind the tide."
    async with open_index(settings) as stories:
        title, text = story(1, 20)
        background = " ".join(text.split(". ")[:5])
        _, news = story(2, 14)
        assignments = await stories.assign(
            [signed("a", title, text), signed("b", "Council looks into it", f"{news} {background}.")]
        )
        assert assignments[1].duplicate_of == ""
        forms = [("fair", "north", "12", "9", "ten"), ("wet", "southwest", "31", "11", "five")]
        assignments = await stories.assign([
            signed(f"weather/{n}", "Harbour weather", weather.format(*form), time_s=NOW_S + n * DAY_S)
            for n, form in enumerate(forms)
        ])  # fmt: skip
        assert [t.duplicate_of for t in assignments] == ["", ""]


async def test_story_claim_is_idempotent(settings: Settings) -> None:
    async with open_index(settings) as stories:
        title, text = story(3)
        pair = [signed("a", title, text), signed("b", title, reworded(text), "The Saltby Courier")]
        first = await stories.assign(pair)
        assert await stories.assign(pair[::-1]) == first[::-1]
        other = StoryIndex(stories.state, 7 * DAY_S)
        assert await other.assign(pair) == first


async def test_concurrent_duplicates_join_one_story(settings: Settings) -> None:
    brokers = [open_broker(settings) for _ in range(4)]
    desks = [StoryIndex(broker.state, 7 * DAY_S) for broker in brokers]
    for seed in range(30):
        title, text = story(100 + seed)
        assignments = await asyncio.gather(*(
            desk.assign([signed(f"{n}/{seed}", title, text if n % 2 else reworded(text), f"Outlet {n}")])
            for n, desk in enumerate(desks)
        ))  # fmt: skip
        [heads] = [{t.story for [t] in assignments}]
        assert len(heads) == 1
        assert sum(not t.duplicate_of for [t] in assignments) == 1
    for broker in brokers:
        await broker.close()


async def test_story_window_excludes_old_articles(settings: Settings) -> None:
    async with open_index(settings) as stories:
        title, text = story(4)
        assignments = await stories.assign([
            signed("a", title, text), signed("b", title, text, time_s=NOW_S + 8 * DAY_S), signed("c", title, text, time_s=NOW_S - 8 * DAY_S),
        ])  # fmt: skip
        assert [t.duplicate_of for t in assignments] == ["", "", ""]


async def test_story_index_is_bounded(settings: Settings) -> None:
    async with open_index(settings, segment_articles=10) as stories:
        title, text = story(5)
        await stories.assign([signed("first", title, text)])
        for n in range(45):
            await stories.assign([signed(f"{n}", *story(1000 + n))])
        for family in ("texts", "keys"):
            keys = await stories.state.keys(f"{PREFIX}:{family}:*")
            assert {key.split(b":")[3] for key in keys} == {b"3", b"4"}
        [late] = await stories.assign([signed("late", title, text)])
        assert late.duplicate_of == ""


async def test_short_text_is_not_compared(settings: Settings) -> None:
    async with open_index(settings) as stories:
        assignments = await stories.assign([signed("a", "Weather", "Fair"), signed("b", "Weather", "Fair")])
        assert [t.duplicate_of for t in assignments] == ["", ""]


@pytest.mark.parametrize(
    ("policy", "published"),
    [("mark", {"one", "two", "again"}), ("drop", {"one"}), ("first-publisher", {"one", "again"})],
)
async def test_near_duplicate_policies(policy: str, published: set[str], settings: Settings) -> None:
    with_policy = replace(settings, near_duplicates=policy)
    title, text = story(6)
    async with FeedServer() as server, newsdesk(with_policy, server) as broker:
        server.answers["f"] = rss([("https://a.example/one", title, f"<p>{text}</p>")], "Tidewire")
        await FeedRegistry(broker.state).add([(server.url + "f", "")])
        await settled(broker, {"received": 1})
        server.answers["g"] = rss([("https://b.example/two", title, f"<p>{reworded(text)}</p>")], "The Saltby Courier")
        await FeedRegistry(broker.state).add([(server.url + "g", "")])
        await settled(broker, {"received": 2})
        server.answers["h"] = rss([("https://a.example/again", title, f"<p>{text} And so on.</p>")], "Tidewire")
        await FeedRegistry(broker.state).add([(server.url + "h", "")])
        counters = await settled(broker, {"received": 3})
        articles: list[Article] = await everything(settings, "articles")
        assert {a.canonical_url.rpartition("/")[2] for a in articles} == published
        assert len({a.story_id for a in articles}) == 1
        assert [bool(a.duplicate_of) for a in articles] == [False, True, True][: len(articles)]
        assert counters["desk"]["duplicate"] == 3 - len(published)


@given(st.text(max_size=300), st.text(max_size=300))
def test_signature_of_any_text(title: str, text: str) -> None:
    signature = signature_of(title, text, "p", NOW_S)
    assert len(signature.signature) in (0, LAYOUT.itemsize)
    assert all(len(key) == 5 for key in signature.keys)


def test_signature_ignores_invisible_differences() -> None:
    title, text = story(7)
    assert signature_of(title, text, "p", 0) == signature_of(
        title.upper(), text.replace("a", "a\u200b").replace(" ", "\u00a0 "), "P", 0
    )
    assert tokenise("塩の運河") == [c.encode() for c in "塩の運河"]


def test_similarity_of_identical_texts_is_1() -> None:
    signature = signature_of(*story(8), "p", 0).signature
    [row] = pair_features(*read_signatures(signature, [signature]))
    assert row[:8] == pytest.approx([1.0] * 8)
    assert load_default().compare(signature, [signature])[0].probability > 0.9
