"""Documents of news agencies: NewsML 1.2 and G2, NITF, ninjs, IPTC 7901, ANPA 1312; see `workers/intake/wire`."""

from collections.abc import Iterator
from typing import BinaryIO

from streams.errors import UnreadableError
from workers.intake.formats.base import FileContext, FileRecord, failed_record
from workers.intake.wire import looks_like_wire, read_wire
from workers.intake.wire.article import WireArticle
from workers.intake.wire.to_item import embargo, wire_item


def matches(name: str, head: bytes) -> bool:
    """Return whether *head* begins a document of an agency."""
    return looks_like_wire(head)


def read(file: BinaryIO, start: int, context: FileContext) -> Iterator[FileRecord]:
    """Yield one record per article. Pictures and other media without a headline are left out."""
    if start:
        return
    data = file.read()
    articles = [s for s in read_wire(data) if s.media_type == "text" or s.headline]
    if not articles:
        yield failed_record(len(data), data[:10_000].decode("utf-8", "replace"), context, "no article with a headline")
    for number, article in enumerate(articles, 1):
        yield _record(article, len(data) if number == len(articles) else 0, context)


def _record(article: WireArticle, end: int, context: FileContext) -> FileRecord:
    try:
        item = wire_item(article, context.source, context.fetched_at)
    except UnreadableError as exc:
        return failed_record(end, repr(article), context, str(exc))
    held_until = embargo(article, context.fetched_at)
    return FileRecord(end, held=[(held_until, item)]) if held_until else FileRecord(end, [item])
