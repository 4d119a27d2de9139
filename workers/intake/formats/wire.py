"""Documents of news agencies: NewsML 1.2 and G2, NITF, ninjs, IPTC 7901, ANPA 1312; see `workers/intake/wire`."""

from collections.abc import Iterator
from typing import BinaryIO

from streams.errors import UnreadableError
from workers.intake.formats.base import FileContext, FileRecord, failed_record
from workers.intake.wire import looks_like_wire, read_wire
from workers.intake.wire.story import WireStory
from workers.intake.wire.to_item import embargo, wire_item


def matches(name: str, head: bytes) -> bool:
    """Return whether *head* begins a document of an agency."""
    return looks_like_wire(head)


def read(file: BinaryIO, start: int, context: FileContext) -> Iterator[FileRecord]:
    """Yield one record per story. Pictures and other media without a headline are left out."""
    if start:
        return
    data = file.read()
    stories = [s for s in read_wire(data) if s.media_type == "text" or s.headline]
    if not stories:
        yield failed_record(len(data), data[:10_000].decode("utf-8", "replace"), context, "no story with a headline")
    for number, story in enumerate(stories, 1):
        yield _record(story, len(data) if number == len(stories) else 0, context)


def _record(story: WireStory, end: int, context: FileContext) -> FileRecord:
    try:
        item = wire_item(story, context.source, context.fetched_at)
    except UnreadableError as exc:
        return failed_record(end, repr(story), context, str(exc))
    held_until = embargo(story, context.fetched_at)
    return FileRecord(end, held=[(held_until, item)]) if held_until else FileRecord(end, [item])
