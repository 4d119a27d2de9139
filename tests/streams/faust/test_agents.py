"""The batch wrapper around agents: selection of the messages that are still pending."""

from types import SimpleNamespace
from typing import Any

from faust.types import TP

from streams.faust.agents import _batches_by_partition, _offset_range

APP: Any = SimpleNamespace(consumer=SimpleNamespace(is_current=lambda message: message.generation_id == 7))


def events(*messages: tuple[int, int, int]) -> list[Any]:
    return [
        SimpleNamespace(message=SimpleNamespace(tp=TP("t", partition), offset=offset, generation_id=generation))
        for partition, offset, generation in messages
    ]


def offsets(batch: list[Any], next_offsets: dict[Any, int] | None = None) -> list[list[int]]:
    return [[m.offset for m in messages] for messages in _batches_by_partition(APP, batch, next_offsets or {})]


def test_batches_by_partition_keeps_order() -> None:
    assert offsets(events((0, 3, 7), (1, 9, 7), (0, 4, 7))) == [[3, 4], [9]]


def test_batches_by_partition_skips_stale_and_finished() -> None:
    assert offsets(events((0, 3, 6), (0, 4, 7), (1, 5, 7)), {TP("t", 1): 6}) == [[4]]


def test_batches_by_partition_rewind_skips_repeats() -> None:
    """A batch may contain messages from before and after a seek back."""
    assert offsets(events(*((0, n, 7) for n in (4, 5, 6, 4, 5, 6, 7)))) == [[4, 5, 6, 7]]
    [run] = _batches_by_partition(APP, events((0, 4, 7), (0, 5, 7), (0, 4, 7)), {})
    assert (_offset_range(run).first, _offset_range(run).end) == (4, 6)


def test_batches_by_partition_begin_at_rewound_offset() -> None:
    """The messages before a rewind to an earlier offset would be refused; they come again."""
    assert offsets(events(*((0, n, 7) for n in (8, 9, 4, 5)))) == [[4, 5]]
    assert offsets(events(*((0, n, 7) for n in (8, 9, 4, 5, 8, 9, 10))), {TP("t", 0): 5}) == [[5, 8, 9, 10]]
    assert offsets(events(*((0, n, 7) for n in (8, 9, 4, 5))), {TP("t", 0): 7}) == [[8, 9]]
