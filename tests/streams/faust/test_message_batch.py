"""Messages that travel through Faust together."""

from collections.abc import Sequence

from streams.brokers.base import ConsumedMessage
from streams.faust.consumer_mixins import last_offset, size_of
from streams.faust.message_batch import MAX_BYTES, MAX_MESSAGES, in_batches


def messages(sizes: Sequence[int]) -> list[ConsumedMessage]:
    return [ConsumedMessage("t", 1, 7 + n, 1.5, b"k", b"x" * size) for n, size in enumerate(sizes)]


def test_batches_are_bounded_by_messages() -> None:
    rows = messages([1] * (2 * MAX_MESSAGES + 1))
    batches = in_batches(rows, 3)
    assert [len(batch.messages) for batch in batches] == [MAX_MESSAGES, MAX_MESSAGES, 1]
    assert [message for batch in batches for message in batch.messages] == rows
    assert [(batch.offset, last_offset(batch)) for batch in batches] == [(7, 106), (107, 206), (207, 207)]
    assert {(batch.tp, batch.generation_id, batch.timestamp) for batch in batches} == {(("t", 1), 3, 1.5)}


def test_batches_are_bounded_by_bytes() -> None:
    sizes = [10, MAX_BYTES, 20, 30, MAX_BYTES // 2, MAX_BYTES // 2, 5]
    batches = in_batches(messages(sizes), 3)
    assert [[len(m.value) for m in batch.messages] for batch in batches] == [
        [10], [MAX_BYTES], [20, 30, MAX_BYTES // 2], [MAX_BYTES // 2, 5],
    ]  # fmt: skip
    assert [size_of(batch) for batch in batches] == [sum(len(m.value) + 1 for m in b.messages) for b in batches]


def test_no_messages_are_no_batch() -> None:
    assert in_batches([], 3) == []
