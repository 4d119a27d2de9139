"""Parquet files with the columns of pushed items. Needs the extra `copydesk[parquet]`. Positions are row numbers."""

import json
from collections.abc import Iterator
from typing import BinaryIO

from streams.errors import UnreadableError, missing_package
from workers.intake.formats.base import FileContext, FileRecord, row_record
from workers.intake.pushed_items import decode_json

MAGIC = b"PAR1"
BATCH_ROWS = 100


def matches(name: str, head: bytes) -> bool:
    """Return whether *head* begins with Parquet's magic number."""
    return head.startswith(MAGIC)


def read(file: BinaryIO, start: int, context: FileContext) -> Iterator[FileRecord]:
    """Yield one record per row.

    Raises:
        SettingsError: pyarrow is not installed.
        UnreadableError: the file is damaged.
    """
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as exc:
        raise missing_package("pyarrow", "Parquet", "parquet") from exc
    try:
        batches = parquet.ParquetFile(file).iter_batches(BATCH_ROWS)
        rows = (row for batch in batches for row in batch.to_pylist())
        for number, row in enumerate(rows, 1):
            if number > start:
                yield row_record(number, _as_json(row), context)
    except (ArrowException, OSError) as exc:
        raise UnreadableError(f"damaged Parquet file: {exc}") from exc


def _as_json(row: dict[str, object]) -> dict[str, object]:
    """Return a row as JSON would hold it: times as ISO 8601 texts, no empty cells."""
    cells = {name: value for name, value in row.items() if value is not None}
    result: dict[str, object] = decode_json(json.dumps(cells, default=str).encode(), "row")
    return result
