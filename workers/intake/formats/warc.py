"""Web archives: WARC 1.0 and 1.1 (ISO 28500), plain or compressed by record, such as CC-NEWS. Positions are bytes.

Each response with status 200 and an HTML body becomes an item. It arrived at its WARC-Date: an older capture of an
article is not a revision of a newer one.
"""

import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed

from streams.errors import UnreadableError
from workers.intake.formats.base import FileContext, FileRecord, failed_record, row_record
from workers.text.dates import parse_date
from workers.text.encoding import decode

GZIP_MAGIC = b"\x1f\x8b"
HTML_TYPES = ("text/html", "application/xhtml+xml")
MAX_PAGE_BYTES = 5_000_000
MAX_GAP_BYTES = 1_000  # read to find data after the last record


def matches(name: str, head: bytes) -> bool:
    """Return whether *head* begins a WARC record, or a compressed file is called WARC."""
    return head.startswith(b"WARC/1") or (name.endswith(".warc.gz") and head.startswith(GZIP_MAGIC))


def read(file: BinaryIO, start: int, context: FileContext) -> Iterator[FileRecord]:
    """Yield one record per WARC record; most have no item.

    Raises:
        UnreadableError: the file is damaged; the message has the position.
    """
    file.seek(start)
    records = ArchiveIterator(file)
    end = start
    try:
        for record in records:
            page = _page(record)
            records.read_to_end(record)
            if not record.rec_headers.get_header("Content-Length", "").isdecimal() or record.raw_stream.limit > 0:
                raise EOFError("the last record is truncated")
            end = records.get_record_offset() + records.get_record_length()
            yield _file_record(record, page, end, context)
        file.seek(end)
        if file.read(MAX_GAP_BYTES).strip():  # warcio ends without an error at a truncated record
            raise EOFError("the last record is truncated")
    # warcio reports some damages as errors of its own code.
    except (ArchiveLoadFailed, OSError, EOFError, ValueError, AttributeError, TypeError, zlib.error) as exc:
        raise UnreadableError(f"damaged WARC file after byte {end}: {exc}") from exc


def _page(record: Any) -> bytes | None:
    """Return the body of an HTML response, None for any other record."""
    if record.rec_type != "response" or record.http_headers is None:
        return None
    content_type = record.http_headers.get_header("Content-Type", "").partition(";")[0].strip().lower()
    is_page = record.http_headers.get_statuscode() == "200" and content_type in HTML_TYPES
    return bytes(record.content_stream().read(MAX_PAGE_BYTES + 1)) if is_page else None


def _file_record(record: Any, page: bytes | None, end: int, context: FileContext) -> FileRecord:
    if page is None:
        return FileRecord(end)
    url = record.rec_headers.get_header("WARC-Target-URI", "").strip("<>")
    if len(page) > MAX_PAGE_BYTES:
        return failed_record(end, url, context, f"page above {MAX_PAGE_BYTES:,} bytes: {url}")
    html = decode(page, record.http_headers.get_header("Content-Type", ""))
    return row_record(end, {"url": url, "page_html": html}, context, _captured_at(record))


def _captured_at(record: Any) -> datetime:
    date = record.rec_headers.get_header("WARC-Date", "")
    return parse_date(date) or datetime.now(UTC)
