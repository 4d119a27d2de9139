"""File formats of `copydesk ingest`: one module per format; see `FileFormat`.

To add a format, write such a module and add it to FORMATS. The first format that matches reads the file, so the last
one matches every file.
"""

from typing import BinaryIO

from workers.intake.formats import feed, json_lines, mbox, page, parquet, text_dump, warc, wire
from workers.intake.formats.base import FileContext, FileFormat, FileRecord

__all__ = ["FORMATS", "FileContext", "FileFormat", "FileRecord", "detect_format"]

SNIFFED_BYTES = 65_536

FORMATS: dict[str, FileFormat] = {
    "warc": warc,
    "parquet": parquet,
    "mbox": mbox,
    "wire": wire,
    "feed": feed,
    "jsonl": json_lines,
    "page": page,
    "text": text_dump,
}


def detect_format(name: str, file: BinaryIO) -> FileFormat:
    """Return the format of *file*, by its *name* and first bytes; the file is rewound."""
    head = file.read(SNIFFED_BYTES)
    file.seek(0)
    return next(file_format for file_format in FORMATS.values() if file_format.matches(name.lower(), head))
