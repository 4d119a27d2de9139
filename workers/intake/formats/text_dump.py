"""Text dumps: the visible text of one web page, with its clutter. Matches every file."""

from collections.abc import Iterator
from typing import BinaryIO

from streams.errors import UnreadableError
from workers.intake.formats.base import FileContext, FileRecord, row_record
from workers.text.encoding import decode, is_binary


def matches(name: str, head: bytes) -> bool:
    """Return True: `read` refuses files that are no text."""
    return True


def read(file: BinaryIO, start: int, context: FileContext) -> Iterator[FileRecord]:
    """Yield the only record. It is identified by the name of the file, so that a changed file is a revision.

    Raises:
        UnreadableError: the file is no text.
    """
    if start:
        return
    data = file.read()
    text = decode(data)
    if is_binary(text):
        raise UnreadableError("not text (control characters), and no other format")
    yield row_record(max(1, len(data)), {"id": context.name, "url": context.url, "page_text": text}, context)
