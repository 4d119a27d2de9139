"""Text dumps: the visible text of one web page, with its clutter. Reads every file."""

from collections.abc import Iterator
from typing import BinaryIO

from workers.intake.formats.base import FileContext, FileRecord, row_record
from workers.text.encoding import decode


def matches(name: str, head: bytes) -> bool:
    """Return True: any bytes can be read as text."""
    return True


def read(file: BinaryIO, start: int, context: FileContext) -> Iterator[FileRecord]:
    """Yield the only record. It is identified by the name of the file, so that a changed file is a revision."""
    if start:
        return
    data = file.read()
    yield row_record(max(1, len(data)), {"id": context.name, "url": context.url, "page_text": decode(data)}, context)
