"""JSON lines: one pushed item per line; see `pushed_items`. Positions are bytes."""

from collections.abc import Iterator
from typing import BinaryIO

from streams.errors import UnreadableError
from workers.intake.formats.base import FileContext, FileRecord, failed_record, row_record
from workers.intake.pushed_items import decode_json

EXTENSIONS = (".jsonl", ".ndjson", ".json")
MAX_LINE_BYTES = 16_000_000


def matches(name: str, head: bytes) -> bool:
    """Return whether the name says JSON, or the first line is the beginning of an object."""
    return name.endswith(EXTENSIONS) or head.lstrip()[:2] in (b'{"', b"{}")


def read(file: BinaryIO, start: int, context: FileContext) -> Iterator[FileRecord]:
    """Yield one record per line. An unreadable line fails on its own."""
    end = start
    file.seek(start)
    while line := file.readline(MAX_LINE_BYTES):
        end += len(line)
        if line.strip():
            yield _record(line, end, context)


def _record(line: bytes, end: int, context: FileContext) -> FileRecord:
    try:
        row = decode_json(line, "line")
        if not isinstance(row, dict):
            raise UnreadableError("not a JSON object")
    except UnreadableError as exc:
        return failed_record(end, line.decode("utf-8", "replace"), context, str(exc))
    return row_record(end, row, context)
