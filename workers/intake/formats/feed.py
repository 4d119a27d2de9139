"""Feed documents: RSS, Atom, RDF and JSON Feed, as the poller reads them."""

from collections.abc import Iterator
from typing import BinaryIO

from msgspec.structs import replace

from workers.intake.formats.base import FileContext, FileRecord
from workers.poller.formats import looks_like_feed, parse_feed
from workers.text.encoding import decode


def matches(name: str, head: bytes) -> bool:
    """Return whether *head* begins a feed document."""
    return looks_like_feed(decode(head))


def read(file: BinaryIO, start: int, context: FileContext) -> Iterator[FileRecord]:
    """Yield one record with all items."""
    if start:
        return
    data = file.read()
    feed = parse_feed(data, context.url or context.source, fetched_at=context.fetched_at)
    items = [replace(item, feed=context.source) for item in feed.items]
    yield FileRecord(len(data), items, [(entry, f"{context.name}: {error}") for entry, error in feed.unreadable])
