"""Start positions: where a reader begins in a partition without a committed offset. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal, NamedTuple

from streams.errors import SettingsError

StartName = Literal["start", "end"]


class Start(StrEnum):
    """An end of a partition: its oldest message, or the next message. The values are the names for users."""

    EARLIEST = "start"
    LATEST = "end"


class Last(NamedTuple):
    """The last *messages* messages of each partition."""

    messages: int


class Offsets(NamedTuple):
    """An offset per partition. Other partitions begin with their oldest message."""

    by_partition: Mapping[int, int]


StartPosition = Start | int | Last | Offsets
"""A number is an offset that applies to every partition."""


def parse_start(start: str | StartPosition) -> StartPosition:
    """Return the position that a user wrote: `start`, `end` or an offset; other positions unchanged.

    Raises:
        SettingsError: *start* is none of them.
    """
    if not isinstance(start, str):
        return start
    if start.isdecimal():
        return int(start)
    try:
        return Start(start)
    except ValueError as exc:
        raise SettingsError(f"invalid start: {start!r}; use start, end or an offset") from exc


def resolve_start(start: StartPosition, partition: int, first: int, end: int) -> int:
    """Return the first offset to read in a partition that holds the offsets [first, end).

    An offset outside of them counts as the nearest one: Kafka would begin with the oldest message.
    """
    match start:
        case Last(messages):
            offset = end - messages
        case Offsets(by_partition):
            offset = by_partition.get(partition, first)
        case int():
            offset = start
        case _:
            offset = end if start == Start.LATEST else first
    return min(max(offset, first), end)
