"""Classification as a table, and as a property of any sequence of items."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.dedupe.classify import MAX_FINGERPRINTS, ArticleMemory, Status, classify
from workers.dedupe.seen import decode, encode

A, B, C = b"a" * 8, b"b" * 8, b"c" * 8


@pytest.mark.parametrize(
    ("memory", "fingerprint", "fetched_s", "status", "revision"),
    [
        (None, A, 1.0, Status.NEW, 1),
        (ArticleMemory(1, 1.0, (A,)), A, 2.0, Status.DUPLICATE, 1),
        (ArticleMemory(1, 1.0, (A,)), B, 2.0, Status.REVISION, 2),
        (ArticleMemory(2, 2.0, (B, A)), A, 3.0, Status.DUPLICATE, 2),  # back to an earlier version
        (ArticleMemory(2, 2.0, (B, A)), C, 1.0, Status.STALE, 2),
        (ArticleMemory(2, 2.0, (B, A)), B, 1.0, Status.DUPLICATE, 2),
    ],
)
def test_classify_returns_status_and_revision(
    memory: ArticleMemory | None, fingerprint: bytes, fetched_s: float, status: Status, revision: int
) -> None:
    classification = classify(memory, fingerprint, fetched_s)
    assert (classification.status, classification.revision) == (status, revision)


@given(st.lists(st.tuples(st.binary(min_size=8, max_size=8), st.floats(0, 1e9)), max_size=40))
def test_revisions_increase_by_one_and_memory_is_bounded(items: list[tuple[bytes, float]]) -> None:
    memory, last = None, 0
    for fingerprint, fetched_s in items:
        classification = classify(memory, fingerprint, fetched_s)
        memory = classification.memory
        if classification.status in (Status.NEW, Status.REVISION):
            assert classification.revision == last + 1
            last = classification.revision
            assert classify(memory, fingerprint, fetched_s).status is Status.DUPLICATE
        assert len(memory.fingerprints) <= MAX_FINGERPRINTS
        assert decode(encode(memory)) == memory


FEED, OTHER = b"feed", b"othr"


@pytest.mark.parametrize(
    ("memory", "feed", "status"),
    [
        (ArticleMemory(2, 2.0, (B, A), FEED), FEED, Status.REVISION),
        (ArticleMemory(2, 2.0, (B, A), FEED), OTHER, Status.DUPLICATE),  # another feed still shows the former version
        (ArticleMemory(2, 4.0, (B, A), FEED), FEED, Status.DUPLICATE),  # replayed from before the last revision
        (ArticleMemory(6, 2.0, (B, A, B, A, B, A), FEED), FEED, Status.DUPLICATE),  # servers of a site alternate
        (ArticleMemory(6, 2.0, (B, A, B, A, B, C), FEED), FEED, Status.REVISION),
    ],
)
def test_classify_feed_that_reverts_makes_a_revision(memory: ArticleMemory, feed: bytes, status: Status) -> None:
    classification = classify(memory, A, 3.0, feed)
    assert classification.status is status
    if status is Status.REVISION:
        assert classification.memory.fingerprints[0] == A
    assert decode(encode(classification.memory)) == classification.memory
