"""HTML pages: one article page in one file."""

from collections.abc import Iterator
from typing import BinaryIO

from workers.clean.document import detect_input_type
from workers.clean.html_parser import parse_html
from workers.clean.metadata import extract_metadata
from workers.intake.formats.base import FileContext, FileRecord, row_record
from workers.text.encoding import decode


def matches(name: str, head: bytes) -> bool:
    """Return whether *head* has an element of a page."""
    return detect_input_type(decode(head)) == "page"


def read(file: BinaryIO, start: int, context: FileContext) -> Iterator[FileRecord]:
    """Yield the only record. The page's own canonical link identifies it, else the name of the file."""
    if start:
        return
    data = file.read()
    html = decode(data)
    url = context.url or extract_metadata(parse_html(html, page=True), "").canonical_url
    yield row_record(max(1, len(data)), {"id": "" if url else context.name, "url": url, "page_html": html}, context)
