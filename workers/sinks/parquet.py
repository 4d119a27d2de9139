"""The Parquet sink: each batch of revisions becomes a file in the folder of its UTC day, such as `day=2026-11-27`.

A file appears complete, by its renaming, and never changes. A row has one revision; readers take the newest of an id.
"""

import os
import time
import uuid
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.codec import encode
from streams.config.settings import Settings
from streams.errors import UnavailableError
from streams.records import Article
from workers.sinks.article_rows import COLUMNS, Kind, to_row
from workers.sinks.base import Sink, SinkEvent, SinkRejectedError
from workers.sinks.blocking import BlockingCalls
from workers.sinks.jsonl import sync_folder
from workers.sinks.options import option

if TYPE_CHECKING:
    import pyarrow

REMEMBERED_DAYS = 8
ABANDONED_S = 3_600.0  # a temporary file of this age has no writer


@dataclass(frozen=True, kw_only=True)
class ParquetOptions:
    """Write Parquet files, in a folder for each day; see [Parquet](../howto/sink-parquet.md)."""

    path: Path = option("existing folder", example='"articles"')
    batch_rows: int = option("rows after which a file is written", default=5_000, minimum=1, example="5000")
    batch_s: float = option("seconds after which a file is written", default=60.0, minimum=0.0, example="60")


@dataclass
class Day:
    """The files of a day that were read, and the revisions in them."""

    files: set[str] = field(default_factory=set)
    revisions: dict[str, int] = field(default_factory=dict)


class ParquetSink(Sink[ParquetOptions]):
    """Writes articles to Parquet files."""

    options_type = ParquetOptions
    requires = ("pyarrow", "parquet")

    def __init__(self, settings: Settings, options: ParquetOptions) -> None:
        super().__init__(settings, options)
        self.batch_size, self.batch_wait_s = options.batch_rows, options.batch_s
        self._calls = BlockingCalls()
        self._days: OrderedDict[str, Day] = OrderedDict()

    async def deliver(self, batch: Sequence[SinkEvent]) -> None:
        """Write the revisions that the files lack. Raises: see `Sink.deliver`."""
        await self._calls.run(lambda: self._write(batch))

    async def close(self) -> None:
        """End the thread: no file stays open."""
        self._calls.close()

    def _write(self, batch: Sequence[SinkEvent]) -> None:
        by_day: dict[str, list[Article]] = {}
        for event in batch:
            by_day.setdefault(day_of(event.article), []).append(event.article)
        try:
            if not self.options.path.is_dir():
                raise FileNotFoundError(2, "no such folder")
            for name, articles in by_day.items():
                self._write_day(name, articles)
        except OSError as exc:
            self._days.clear()
            raise UnavailableError(f"folder not writable: {self.options.path} ({exc.strerror or exc})") from exc

    def _write_day(self, name: str, articles: Sequence[Article]) -> None:
        folder = self.options.path / name
        folder.mkdir(exist_ok=True)
        day = self._read_day(folder)
        rows = [article for article in articles if article.revision > day.revisions.get(article.id, 0)]
        if rows:
            file = write_file(folder, rows)
            day.files.add(file)
            for article in rows:
                day.revisions[article.id] = max(article.revision, day.revisions.get(article.id, 0))

    def _read_day(self, folder: Path) -> Day:
        """Return the revisions in *folder*; read the files that are new since the last call."""
        day = self._days.setdefault(folder.name, Day())
        self._days.move_to_end(folder.name)
        if len(self._days) > REMEMBERED_DAYS:
            self._days.popitem(last=False)
        for path in sorted(folder.iterdir()):
            if path.suffix == ".parquet" and path.name not in day.files:
                for id_, revision in read_revisions(path):
                    day.revisions[id_] = max(revision, day.revisions.get(id_, 0))
                day.files.add(path.name)
            elif path.suffix == ".tmp" and time.time() - path.stat().st_mtime > ABANDONED_S:
                path.unlink(missing_ok=True)
        return day


def day_of(article: Article) -> str:
    """Return the name of the folder for *article*: the UTC day of its publication, else of its poll."""
    moment = article.published or article.fetched_at
    return f"day={moment.astimezone(UTC):%Y-%m-%d}" if moment else "day=unknown"


def read_revisions(path: Path) -> list[tuple[str, int]]:
    """Return id and revision of each row in a file, which may be of another program.

    Raises:
        UnavailableError: it is no Parquet file, or has other columns.
    """
    import pyarrow
    from pyarrow import parquet

    schema = pyarrow.schema([("id", pyarrow.string()), ("revision", pyarrow.int64())])
    try:
        columns = parquet.read_table(path, columns=schema.names).select(schema.names).cast(schema).to_pydict()
    except (pyarrow.ArrowException, OSError) as exc:
        reason = " ".join(str(exc).split())
        raise UnavailableError(f"file unreadable: {path} ({reason}); remove it from the folder") from exc
    pairs = zip(columns["id"], columns["revision"], strict=True)
    return [(id_, revision) for id_, revision in pairs if id_ is not None and revision is not None]


def write_file(folder: Path, articles: Sequence[Article]) -> str:
    """Write *articles* to a new file in *folder*; return its name. Raises: OSError, SinkRejectedError."""
    import pyarrow
    from pyarrow import parquet

    name = f"articles-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:12]}.parquet"
    temporary = folder / f".{name}.tmp"  # readers ignore hidden files
    try:
        parquet.write_table(to_table(articles), temporary, compression="zstd")
    except pyarrow.ArrowInvalid as exc:
        raise SinkRejectedError(f"Parquet: {exc}") from exc
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.rename(folder / name)
    sync_folder(folder / name)
    sync_folder(folder)
    return name


def to_table(articles: Sequence[Article]) -> "pyarrow.Table":
    """Return the table of *articles*: COLUMNS, and the whole record as JSON."""
    schema = table_schema()
    rows = [(*to_row(article), encode(article).decode()) for article in articles]
    columns = {name: [row[i] for row in rows] for i, name in enumerate(schema.names)}
    import pyarrow

    return pyarrow.table(columns, schema=schema)


def table_schema() -> "pyarrow.Schema":
    """Return the schema of the files."""
    import pyarrow

    types: dict[Kind, Any] = {
        Kind.TEXT: pyarrow.string(), Kind.TEXTS: pyarrow.list_(pyarrow.string()), Kind.INTEGER: pyarrow.int32(),
        Kind.REAL: pyarrow.float64(), Kind.TIME: pyarrow.timestamp("us", tz="UTC"),
    }  # fmt: skip
    fields = [pyarrow.field(column.name, types[column.kind]) for column in COLUMNS]
    return pyarrow.schema([*fields, pyarrow.field("article", pyarrow.string())])
