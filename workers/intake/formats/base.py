"""The interface of file formats."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, BinaryIO, NamedTuple, Protocol

from streams.errors import UnreadableError
from streams.records import Item
from workers.intake.pushed_items import to_item

MAX_ENTRY_CHARS = 10_000  # of a failed record, kept in its dead letter


class FileContext(NamedTuple):
    """Values for all items of a file. `name`: path as given, the id of an item without link and id of its own.

    `source`: feed URL of the items. `url`: base of relative links. `fetched_at`: time of arrival.
    """

    name: str
    source: str
    url: str
    fetched_at: datetime


class FileRecord(NamedTuple):
    """One record of a file. `end`: position after it, from which reading can resume.

    Positions are bytes or record numbers, as the format prefers. `failed`: (beginning of the record, error).
    `held`: (end of the embargo, item).
    """

    end: int
    items: Sequence[Item] = ()
    failed: Sequence[tuple[str, str]] = ()
    held: Sequence[tuple[datetime, Item]] = ()


class FileFormat(Protocol):
    """A module that reads one format."""

    def matches(self, name: str, head: bytes) -> bool:
        """Return whether this format should read the file called *name* (lower case) that begins with *head*."""

    def read(self, file: BinaryIO, start: int, context: FileContext) -> Iterator[FileRecord]:
        """Yield the records from position *start*. Raises UnreadableError if the file as a whole is damaged."""


def row_record(
    end: int, row: Mapping[str, Any], context: FileContext, fetched_at: datetime | None = None
) -> FileRecord:
    """Return the record of a JSON object in the form of `pushed_items`."""
    try:
        return FileRecord(end, [to_item(row, context.source, fetched_at or context.fetched_at)])
    except UnreadableError as exc:
        return failed_record(end, repr(dict(row)), context, str(exc))


def failed_record(end: int, entry: str, context: FileContext, error: str) -> FileRecord:
    """Return a record that cannot become an item."""
    return FileRecord(end, failed=[(entry[:MAX_ENTRY_CHARS], f"{context.name}: record before position {end}: {error}")])
