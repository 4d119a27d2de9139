"""What a revision changed: as numbers on the article, as runs of words; bounded memory."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from streams.brokers import open_broker
from streams.config.settings import Settings
from streams.records import RevisionChanges
from tests.support.feed_server import FeedServer, rss
from tests.support.pipeline import BODY, MORE, everything, newsdesk, settled
from workers.dedupe.diff import MAX_WORDS, DiffOp, count_changes, diff
from workers.dedupe.recent_texts import PREFIX, RecentTexts
from workers.poller.registry import FeedRegistry

DIFFS: list[tuple[list[str], list[str], list[DiffOp]]] = [
    (["a b"], ["a b"], [DiffOp("=", "a b")]),
    (["a b c"], ["a x c"], [DiffOp("=", "a"), DiffOp("-", "b"), DiffOp("+", "x"), DiffOp("=", "c")]),
    (["a b", "c"], ["a b", "new one", "c"], [DiffOp("=", "a b"), DiffOp("+", "new one"), DiffOp("=", "c")]),
    ([], ["a"], [DiffOp("+", "a")]),
    (["a"], [], [DiffOp("-", "a")]),
]


def test_diffs() -> None:
    for before, after, runs in DIFFS:
        assert diff(before, after) == runs


words = st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8).map(" ".join), max_size=8)


@given(words, words)
def test_runs_hold_both_texts(before: list[str], after: list[str]) -> None:
    runs = diff(before, after)
    for marks, paragraphs in (("=-", before), ("=+", after)):
        assert " ".join(run.text for run in runs if run.op in marks).split() == " ".join(paragraphs).split()


def test_endless_texts_are_compared_by_the_paragraph() -> None:
    long = "word " * (MAX_WORDS + 1)
    assert diff(["same", long], ["same", long + "more"])[0] == DiffOp("=", "same")
    assert count_changes("A", [long], "B", [long + "more"]).title == "A"


def test_a_revision_says_what_it_changed(settings: Settings) -> None:
    async def go() -> None:
        async with FeedServer() as server, newsdesk(settings, server) as broker:
            url = "https://a.example/1"
            server.answers["f"] = rss([(url, "Canal reopens", BODY)])
            await FeedRegistry(broker.state).add([(server.url + "f", "")])
            await settled(broker, {"new": 1})
            server.answers["f"] = rss([(url, "Salt canal reopens", BODY.replace("nine", "almost ten") + MORE)])
            await settled(broker, {"revised": 1})
            first, second = await everything(settings, "articles")
            assert first.changes is None
            assert second.changes == RevisionChanges("Canal reopens", 2 + len(MORE.split()), 1)

    asyncio.run(go())


def test_the_memory_of_texts_is_bounded(settings: Settings) -> None:
    async def go() -> None:
        broker = open_broker(settings)
        lately = RecentTexts(broker.state, part_articles=10)
        ids = [f"{n:020x}" for n in range(100)]
        for n, id_ in enumerate(ids):
            await lately.get([])
            await broker.publish([], lately.set_commands({id_: (f"Title {n}", "text", "")}))
        found = await lately.get(ids)
        assert 10 <= len(found) <= 20
        assert found[ids[-1]] == ["Title 99", "text", ""]
        assert len(await broker.state.keys(f"{PREFIX}:*")) <= 4
        assert lately.set_commands({ids[0]: ("x", "".join(chr(0x4E00 + n * 7 % 20000) for n in range(200_000)))}) == []
        await broker.close()

    asyncio.run(go())
