"""Near-identical texts: duplicates under similar titles or of other publishers, separate articles within one feed."""

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from streams.brokers import open_broker
from streams.config.settings import Settings
from streams.records import Article
from tests.support.duplicates import CHANNEL, classify_duplicates, row, words
from tests.support.feed_server import FeedServer, rss
from tests.support.pipeline import everything, newsdesk, settled
from tests.support.server_commands import server_commands
from tests.support.stories import DAY_S, NOW_S, story
from workers.dedupe.identity import article_id
from workers.dedupe.near_duplicates.copy_rules import apply_rules
from workers.dedupe.near_duplicates.index import StoryIndex
from workers.dedupe.near_duplicates.model import load_default
from workers.dedupe.near_duplicates.pair_features import pair_features, read_signatures
from workers.dedupe.near_duplicates.signature import BODY_KEYS, LEAD_KEYS, signature_of
from workers.dedupe.near_duplicates.stories import BUCKET
from workers.dedupe.near_duplicates.titles import are_similar, read_title
from workers.dedupe.rebuild import RebuildLock, rebuild
from workers.poller.registry import FeedRegistry

LENGTHS = (15, 30, 55, 60, 80, 100, 120, 200)
DESCRIBED = (
    "Smugglers caught with lamps|Driver saves children from a fire",
    "The keeper of the northern light, part one|The keeper of the northern light, part two",
    "The keeper of the northern light, part II|The keeper of the northern light, part III",
    "Your horoscope for Thursday, May 21|Your horoscope for Thursday, July 21",
    "Tide table of the outer harbour for Monday|Tide table of the outer harbour for Tuesday",
    "Lost towns of the moors | The tomb|Lost towns of the moors | The gate",
)


@pytest.mark.parametrize("count", LENGTHS)
@pytest.mark.parametrize(
    "other", ["same_feed", "same_feed_other_title", "other_feed", "other_publisher", "other_publisher_other_title"]
)
async def test_verbatim_duplicate_of_any_length_is_found(count: int, other: str, settings: Settings) -> None:
    rows = []
    for seed in range(10):
        title, text = words(seed, count)
        copy = row(f"copy {seed}", title, text)
        copy |= {"feed": "g"} if not other.startswith("same_feed") else {}
        copy |= {"publisher": "The Saltby Courier"} if "publisher" in other else {}
        copy |= {"title": "Quay engineers look back on a long day"} if other.endswith("title") else {}
        rows += [row(f"first {seed}", title, text), copy]
    duplicate_of = await classify_duplicates(settings, rows)
    assert duplicate_of == {r["id"]: r["id"].replace("copy", "first") if "copy" in r["id"] else "" for r in rows}


ALPHABETS = {"Latin": "abdeiklmnoprstu", "Cyrillic": "абвгдеиклмнопрст", "Greek": "αβγδεικλμνοπρστ",
             "Arabic": "ابتدرسعفقكلمنهوي", "Han": "塩運河船橋市長川海山風雨町村港"}  # fmt: skip


@given(
    alphabet=st.sampled_from(sorted(ALPHABETS)), count=st.integers(15, 2000), seed=st.integers(0, 2**32),
    same_publisher=st.booleans(), same_title=st.booleans(),
)  # fmt: skip
@hypothesis_settings(deadline=None, max_examples=60)
def test_text_is_copy_of_itself(alphabet: str, count: int, seed: int, same_publisher: bool, same_title: bool) -> None:
    """A text is a copy of itself at any length, under any title and publisher, in every script."""
    rnd, letters = random.Random(seed), ALPHABETS[alphabet]
    separator = "" if alphabet == "Han" else " "
    text = separator.join("".join(rnd.choice(letters) for _ in range(1 if alphabet == "Han" else rnd.randint(4, 9))) for _ in range(count))  # fmt: skip
    title = text[: len(text) * 9 // count]
    other_title = title if same_title else text[-len(title) :]
    one, other = (
        signature_of(name, text, publisher, NOW_S, publisher).signature
        for name, publisher in ((title, "Tidewire"), (other_title, "Tidewire" if same_publisher else "The Courier"))
    )
    assert load_default().compare(other, [one])[0].probability >= 0.99


async def test_corrections_under_new_links_are_duplicates(settings: Settings) -> None:
    _, text = words(1, 80)
    titles = (
        "Mental health nurses to be based at harbour stations|Mental heath nurses to be based at harbour stations",
        "Fire at residential tower, 7 injuries reported|Fire at residential tower, seven injuries reported",
        "Élan ferry opens its café to walkers|Elan ferry opens its cafe to walkers - Tidewire",
    )
    for pair in titles:
        one, other = pair.split("|")
        assert (await classify_duplicates(settings, [row(f"a {pair}", one, text), row(f"b {pair}", other, text)]))[
            f"b {pair}"
        ], pair
        text = words(len(pair), 80)[1]


async def test_short_description_with_address_is_separate(settings: Settings) -> None:
    text = "Lantern Tonight is on every weekday at eleven. For more parts of it visit www.oddquay.example today."
    rows = [row("a", "Smugglers caught with lamps", text), row("b", "Driver saves children from a fire", text)]
    assert await classify_duplicates(settings, rows) == {"a": "", "b": ""}


async def test_text_under_many_titles_describes_its_source(settings: Settings) -> None:
    """The text of the first three articles is known then, so the fourth is separate."""
    text = "Our editors chose the best pictures of the harbour and of the hills for readers who like to look at them."
    titles = ("Lamps by night", "Swans on ice", "Ferries in fog", "Roofs of the valley", "Bells of the coast")
    rows = [later_row(n, row(str(n), title, text)) for n, title in enumerate(titles)]
    assert list((await classify_duplicates(settings, rows)).values())[3:] == ["", ""]


def later_row(minutes: int, fields: dict[str, Any]) -> dict[str, Any]:
    return fields | {"time": NOW_S + 60 * minutes}


@pytest.mark.parametrize("titles", DESCRIBED)
async def test_common_descriptions_in_one_feed_are_separate(titles: str, settings: Settings) -> None:
    one, _, other = titles.rpartition("|")
    assert await classify_duplicates(settings, [row("a", one, CHANNEL), row("b", other, CHANNEL)]) == {"a": "", "b": ""}


def test_other_numbers_leave_texts_to_the_trees() -> None:
    title, text = words(1, 120)
    one, same, other = (
        signature_of(title, f"{text} Page {n}", publisher, NOW_S, "").signature
        for n, publisher in ((12, "Tidewire"), (12, "The Saltby Courier"), (13, "The Saltby Courier"))
    )
    a, b = read_signatures(one, [same, other])
    probability = apply_rules(a, b, pair_features(a, b)).probability
    assert probability[0] == 1
    assert np.isnan(probability[1])


async def test_description_of_two_channels_makes_no_duplicates(settings: Settings) -> None:
    rows = [row(f"f{seed}", story(seed)[0], CHANNEL, "Odd Quay News", "f") for seed in range(3)]
    rows += [row(f"g{seed}", story(seed)[0], CHANNEL, "Odd Quay World", "g") for seed in range(2, 5)]
    assert await classify_duplicates(settings, rows) == {r["id"]: "f2" if r["id"] == "g2" else "" for r in rows}


async def test_duplicate_joins_story_despite_its_own_feed(settings: Settings) -> None:
    """An article of the same feed with another text and title does not keep a verbatim duplicate out."""
    title, text = words(1, 120)
    longer = f"{text} {words(2, 30)[1]}"
    rows = [
        row("first", title, text),
        row("longer", "Harbour board meets the press", longer, "The Saltby Courier", "g"),
        row("copy", "Quay engineers look back on a long day", text, "The Saltby Courier", "g"),
    ]
    assert await classify_duplicates(settings, rows) == {"first": "", "longer": "first", "copy": "first"}


async def test_title_key_finds_duplicate_among_many_descriptions(settings: Settings) -> None:
    """The description does not count, so only the title finds the video of another outlet."""
    others = [row(str(seed), story(seed)[0], CHANNEL) for seed in range(3 * BUCKET)]
    title = "Smugglers caught with nine lamps of glass"
    rows = [*others, row("first", title, CHANNEL), row("again", title, "", "The Saltby Courier", "g")]
    assert {id_: of for id_, of in (await classify_duplicates(settings, rows)).items() if of} == {"again": "first"}


@pytest.mark.parametrize("count", LENGTHS)
def test_verbatim_duplicate_has_all_keys(count: int) -> None:
    title, text = words(3, count)
    keys = signature_of(title, text, "Tidewire", NOW_S, "f").keys
    assert keys == signature_of(title, text, "The Saltby Courier", NOW_S + 60, "g").keys
    assert len(keys) == BODY_KEYS + LEAD_KEYS + 1


async def test_two_revisions_in_batch_hide_no_duplicate(settings: Settings) -> None:
    broker = open_broker(settings)
    stories = StoryIndex(broker.state, 7 * DAY_S)
    title, text = story(1)
    first = (article_id("first"), signature_of(title, text, "Tidewire", NOW_S, "f"))
    copy = (article_id("copy"), signature_of(title, text, "The Saltby Courier", NOW_S, "g"))
    revised = (article_id("copy"), signature_of(*story(2), "The Saltby Courier", NOW_S, "g"))
    await stories.assign([first])
    assert [t.duplicate_of for t in await stories.assign([copy, revised])] == [article_id("first")] * 2
    await broker.close()


async def test_records_of_other_versions_are_not_compared(settings: Settings) -> None:
    broker = open_broker(settings)
    stories = StoryIndex(broker.state, 7 * DAY_S)
    title, text = story(1)
    old = signature_of(title, text, "Tidewire", NOW_S)
    await stories.assign([(article_id("old"), old._replace(signature=old.signature[:-20]))])
    assignments = await stories.assign([
        (article_id("copy"), signature_of(title, text, "The Saltby Courier", NOW_S, "g")),
        (article_id("other"), signature_of(*story(2), "Tidewire", NOW_S, "f")),
    ])  # fmt: skip
    assert [t.duplicate_of for t in assignments] == ["", ""]
    await broker.close()


async def test_desk_and_rebuild_distinguish_feeds(settings: Settings) -> None:
    """Videos of one channel are separate articles, also after a rebuild. The video of another outlet is a duplicate."""
    body = f"<p>{CHANNEL}</p>"
    titles = ["Smugglers caught with lamps of glass", "Driver saves children from a fire", "Ferry found at last"]
    links = [(f"https://a.example/{n}", title, body) for n, title in enumerate(titles)]
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        server.answers["f"] = rss(links[:2], "Odd Quay Television")
        await FeedRegistry(broker.state).add([(server.url + "f", "")])
        await settled(broker, {"new": 2})
        await broker.state.delete(*[key async for key in server_commands(broker.state).scan_iter("copydesk:stories:*")])
        lock = RebuildLock(broker)
        assert await lock.acquire()
        await rebuild(broker, settings, lock.write)
        server.answers["f"] = rss(links, "Odd Quay Television")
        await settled(broker, {"new": 3})
        server.answers["g"] = rss([("https://b.example/1", titles[0], body)], "The Saltby Courier")
        await FeedRegistry(broker.state).add([(server.url + "g", "")])
        await settled(broker, {"new": 4})
        articles: list[Article] = await everything(settings, "articles")
        duplicate_of = {a.url: a.duplicate_of for a in articles}
        first = next(a.id for a in articles if a.url == links[0][0])
        assert duplicate_of == {**dict.fromkeys([url for url, _, _ in links], ""), "https://b.example/1": first}


@pytest.mark.parametrize(
    ("one", "other", "similar"),
    [
        ("Ferry opens its café", "FERRY OPENS ITS CAFE", True),
        ("Ferry opens its café | Odd Quay Television", "Ferry opens its café", True),
        ("Ferry opens its café - Odd Quay", "Ferry opens its café", True),
        ("Ferry opens its café - The Courier", "Ferry opens", False),
        ("Fire at the tower, 7 injuries reported", "Fire at the tower, seven injuries reported", True),
        ("Fire at the tower, 7 injuries reported", "Fire at the tower, 8 injuries reported", False),
        ("The keeper of the light, part 2", "The keeper of the light, part II", True),
        ("The keeper of the light, part 2", "The keeper of the light, part 3", False),
        ("The keeper of the light", "The keeper of the light, part two", False),
        ("Best of cartoons, March 3", "Best of cartoons, April 3", False),
        ("Tide table for Monday at the quay", "Tide table for Tuesday at the quay", False),
        ("Board pushes plan as Tick-19 gaps widen", "Board to push plan as Tick gaps widen", False),
        ("Board has its plan for Tick-19 gaps at the quay", "Board has its plan for Tick gaps at the quay", True),
        ("Evening update", "Evening update as trials are to start this week", False),
        ("", "", True),
        ("", "Ferry opens", False),
        ("塩の運河、第二部", "塩の運河、第三部", False),
        ("9" * 5000, "9" * 5000, True),
    ],
)
def test_titles_are_similar(one: str, other: str, similar: bool) -> None:
    titles = [read_title(title, "Odd Quay Television") for title in (one, other)]
    assert are_similar(*titles) is are_similar(*titles[::-1]) is similar


async def test_long_titles_are_compared_by_sample(settings: Settings) -> None:
    """A signature keeps twelve words of a title, so the similarity of longer titles is an estimate."""
    rnd, right = random.Random(1), 0
    for seed in range(20):
        title = " ".join(story(seed)[1].split()[:24])
        changed = title.split()
        changed[rnd.randrange(24)] = "lantern"
        text = words(seed, 60)[1]
        rows = [row(f"a{seed}", title, text), row(f"b{seed}", " ".join(changed), text)]
        right += (await classify_duplicates(settings, rows))[f"b{seed}"] == f"a{seed}"
    assert right >= 15
