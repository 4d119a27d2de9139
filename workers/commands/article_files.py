"""Files of articles: JSON Lines, CSV and Parquet, for `copydesk articles export`."""

import csv
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Protocol

from streams.codec import encode
from streams.errors import SettingsError, missing_package
from streams.records import Article
from workers.sinks.article_rows import COLUMN_NAMES, to_row

FORMATS = ("jsonl", "csv", "parquet")
ROW_GROUP = 5_000  # articles in memory


class Writer(Protocol):
    """Writes articles to a binary file."""

    def write(self, article: Article) -> None:
        """Add *article*."""

    def close(self) -> None:
        """Write the rest; the file stays open."""


class JsonLinesWriter:
    """One record per line."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def write(self, article: Article) -> None:
        """Add *article*."""
        self.file.write(encode(article) + b"\n")

    def close(self) -> None:
        """Do nothing."""


class CsvWriter:
    """RFC 4180 in UTF-8: a header, then one row per article. Times are ISO 8601; lists are joined by `; `."""

    def __init__(self, file: IO[bytes]) -> None:
        self.text = io.TextIOWrapper(file, "utf-8", newline="")
        self.rows = csv.writer(self.text)
        self.rows.writerow(COLUMN_NAMES)

    def write(self, article: Article) -> None:
        """Add *article*."""
        self.rows.writerow(map(_to_cell, to_row(article)))

    def close(self) -> None:
        """Write the rest."""
        self.text.flush()
        self.text.detach()


class ParquetWriter:
    """The columns of the Parquet sink."""

    def __init__(self, file: IO[bytes]) -> None:
        from pyarrow import parquet

        from workers.sinks.parquet import table_schema

        self.parquet = parquet.ParquetWriter(file, table_schema(), compression="zstd")
        self.articles: list[Article] = []

    def write(self, article: Article) -> None:
        """Add *article*."""
        self.articles.append(article)
        if len(self.articles) >= ROW_GROUP:
            self._flush()

    def close(self) -> None:
        """Write the rest and the footer."""
        self._flush()
        self.parquet.close()

    def _flush(self) -> None:
        from workers.sinks.parquet import to_table

        if self.articles:
            self.parquet.write_table(to_table(self.articles))
            self.articles = []


WRITERS: dict[str, Any] = {"jsonl": JsonLinesWriter, "csv": CsvWriter, "parquet": ParquetWriter}


def choose_format(file: str, format_name: str | None) -> str:
    """Return the format of *file*: the given one, else that of its suffix. Raises SettingsError."""
    name = format_name or Path(file).suffix.removeprefix(".")
    if name not in FORMATS:
        raise SettingsError(f"unknown format: {file}; name it *.jsonl, *.csv or *.parquet, or add --format")
    if name == "parquet" and find_spec("pyarrow") is None:
        raise missing_package("pyarrow", "Parquet", "parquet")
    return name


@contextmanager
def open_writer(file: str, format_name: str) -> Iterator[Writer]:
    """Yield the writer of *file*, which appears complete at the end of the block; `-` is standard output.

    Raises:
        SettingsError: the file is not writable.
    """
    if file == "-":
        writer: Writer = WRITERS[format_name](sys.stdout.buffer)
        yield writer
        writer.close()
        sys.stdout.buffer.flush()
        return
    path = Path(file)
    temporary = path.with_name(f".{path.name}.part")
    try:
        try:
            with temporary.open("wb") as opened:
                writer = WRITERS[format_name](opened)
                yield writer
                writer.close()
            temporary.rename(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as exc:
        raise SettingsError(f"file not writable: {file} ({exc.strerror or exc})") from exc


def _to_cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return "; ".join(value) if isinstance(value, list) else value
