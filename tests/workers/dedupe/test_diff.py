"""Diffs of revisions: as operations, and as counts on the article."""

from hypothesis import given
from hypothesis import strategies as st

from streams.config.settings import Settings
from streams.records import RevisionChanges
from tests.support.feed_server import FeedServer, rss
from tests.support.pipeline import BODY, MORE, everything, newsdesk, settled
from workers.dedupe.diff import MAX_WORDS, DiffOp, count_changes, diff, diff_paragraphs
from workers.poller.registry import FeedRegistry

DIFFS: list[tuple[list[str], list[str], list[DiffOp]]] = [
    (["a b"], ["a b"], [DiffOp("=", "a b")]),
    (["a b c"], ["a x c"], [DiffOp("=", "a"), DiffOp("-", "b"), DiffOp("+", "x"), DiffOp("=", "c")]),
    (["a b", "c"], ["a b", "new one", "c"], [DiffOp("=", "a b"), DiffOp("+", "new one"), DiffOp("=", "c")]),
    ([], ["a"], [DiffOp("+", "a")]),
    (["a"], [], [DiffOp("-", "a")]),
]


def test_diff_marks_deleted_and_inserted_words() -> None:
    for before, after, operations in DIFFS:
        assert diff(before, after) == operations


words = st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8).map(" ".join), max_size=8)


@given(words, words)
def test_diff_contains_both_texts(before: list[str], after: list[str]) -> None:
    operations = diff(before, after)
    for tags, paragraphs in (("=-", before), ("=+", after)):
        assert " ".join(o.text for o in operations if o.op in tags).split() == " ".join(paragraphs).split()


@given(st.lists(st.text("ab c", max_size=12), max_size=6), st.lists(st.text("ab c", max_size=12), max_size=6))
def test_paragraph_diff_contains_both_texts(before: list[str], after: list[str]) -> None:
    operations = [operation for paragraph in diff_paragraphs(before, after) for operation in paragraph]
    assert " ".join(o.text for o in operations if o.op != "+").split() == " ".join(before).split()
    assert " ".join(o.text for o in operations if o.op != "-").split() == " ".join(after).split()


def test_paragraph_diff_keeps_paragraphs_apart() -> None:
    before, after = ["One.", "Two is old.", "Three.", "Four."], ["One.", "Two is new.", "Three.", "Five.", "Six."]
    assert diff_paragraphs(before, after) == [
        [("=", "One.")],
        [("=", "Two is"), ("-", "old."), ("+", "new.")],
        [("=", "Three.")],
        [("-", "Four."), ("+", "Five.")],
        [("+", "Six.")],
    ]


def test_long_texts_are_compared_by_paragraph() -> None:
    long = "word " * (MAX_WORDS + 1)
    assert diff(["same", long], ["same", long + "more"])[0] == DiffOp("=", "same")
    assert count_changes("A", [long], "B", [long + "more"]).title == "A"


async def test_published_revision_has_change_counts(settings: Settings) -> None:
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
