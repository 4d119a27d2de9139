"""JSON: one pushed item per line, or one document with an item or a list of items; see `pushed_items`.

Positions are bytes; a document is one record.
"""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from streams.errors import UnreadableError
from workers.intake.formats.base import FileContext, FileRecord, failed_record, row_record
from workers.intake.pushed_items import decode_json, decode_rows

EXTENSIONS = (".jsonl", ".ndjson", ".json")
MAX_LINE_BYTES = 16_000_000
LINES_ENDINGS = (b"}", b"]")  # a first line without one of them belongs to a document


def matches(name: str, head: bytes) -> bool:
    """Return whether the name has an extension of JSON, or the first line begins an object."""
    return name.endswith(EXTENSIONS) or head.lstrip()[:2] in (b'{"', b"{}")


def read(file: BinaryIO, start: int, context: FileContext) -> Iterator[FileRecord]:
    """Yield one record per line or one per item of a document. An unreadable line fails on its own."""
    first = file.readline(MAX_LINE_BYTES).strip()
    file.seek(0)
    if first[:1] == b"[" or (first[:1] == b"{" and not first.endswith(LINES_ENDINGS)):
        yield from [] if start else _document(file.read(), context)
        return
    end = start
    file.seek(start)
    while line := file.readline(MAX_LINE_BYTES):
        end += len(line)
        if line.strip():
            yield _record(line, end, context)


def _document(data: bytes, context: FileContext) -> Iterator[FileRecord]:
    """Yield the items of a document. Only the last has the position after it."""
    rows: list[Mapping[str, Any]] = decode_rows(data, one_per_line=False)
    for number, row in enumerate(rows, 1):
        yield row_record(len(data) if number == len(rows) else 0, row, context)


def _record(line: bytes, end: int, context: FileContext) -> FileRecord:
    try:
        row = decode_json(line, "line")
        if not isinstance(row, dict):
            raise UnreadableError("not a JSON object")
    except UnreadableError as exc:
        return failed_record(end, line.decode("utf-8", "replace"), context, str(exc))
    return row_record(end, row, context)
