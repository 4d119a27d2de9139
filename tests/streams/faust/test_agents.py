"""The batch wrapper around agents: selection of the messages that are still pending."""

from types import SimpleNamespace
from typing import Any

from streams.brokers.base import ConsumedMessage
from streams.faust.agents import _batches_by_partition, _offset_range
from streams.faust.message_batch import MessageBatch

APP: Any = SimpleNamespace(consumer=SimpleNamespace(is_current=lambda message: message.generation_id == 7))


def batch(partition: int, generation: int, *offsets: int) -> Any:
    messages = [ConsumedMessage("t", partition, offset, 0.0, b"", b"") for offset in offsets]
    return SimpleNamespace(message=MessageBatch(messages, generation))


def events(*messages: tuple[int, int, int]) -> list[Any]:
    return [batch(partition, generation, offset) for partition, offset, generation in messages]


def offsets(events: list[Any], next_offsets: dict[Any, int] | None = None) -> list[list[int]]:
    return [[m.offset for m in messages] for messages in _batches_by_partition(APP, events, next_offsets or {})]


def test_batches_by_partition_keeps_order() -> None:
    assert offsets(events((0, 3, 7), (1, 9, 7), (0, 4, 7))) == [[3, 4], [9]]


def test_batches_by_partition_skips_stale_and_finished() -> None:
    assert offsets(events((0, 3, 6), (0, 4, 7), (1, 5, 7)), {("t", 1): 6}) == [[4]]


def test_batches_by_partition_rewind_skips_repeats() -> None:
    """A batch may contain messages from before and after a seek back."""
    assert offsets(events(*((0, n, 7) for n in (4, 5, 6, 4, 5, 6, 7)))) == [[4, 5, 6, 7]]
    [run] = _batches_by_partition(APP, events((0, 4, 7), (0, 5, 7), (0, 4, 7)), {})
    assert (_offset_range(run).first, _offset_range(run).end) == (4, 6)


def test_batches_by_partition_joins_carried_messages() -> None:
    carried = [batch(0, 7, 4, 5, 6), batch(1, 7, 1), batch(0, 6, 7, 8), batch(0, 7, 6, 7)]
    assert offsets(carried, {("t", 0): 5}) == [[5, 6, 7], [1]]


def test_batches_by_partition_begin_at_rewound_offset() -> None:
    """The messages before a rewind to an earlier offset would be refused; they come again."""
    assert offsets(events(*((0, n, 7) for n in (8, 9, 4, 5)))) == [[4, 5]]
    assert offsets(events(*((0, n, 7) for n in (8, 9, 4, 5, 8, 9, 10))), {("t", 0): 5}) == [[5, 8, 9, 10]]
    assert offsets(events(*((0, n, 7) for n in (8, 9, 4, 5))), {("t", 0): 7}) == [[8, 9]]
