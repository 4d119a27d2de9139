"""The SQLite sink: the newest revision of each article in a table, with a full-text index (FTS5).

Rows and offsets are written in one transaction. The index follows by triggers, from a view without withdrawn articles.
External content tables: https://www.sqlite.org/fts5.html#external_content_tables
"""

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.codec import encode
from streams.config.settings import Settings
from streams.errors import UnavailableError
from workers.sinks.article_rows import COLUMNS, Kind, to_row
from workers.sinks.base import Sink, SinkEvent, SinkRejectedError, next_offsets
from workers.sinks.blocking import BlockingCalls
from workers.sinks.options import option
from workers.sinks.sql import (
    Dialect,
    create_articles,
    create_offsets,
    raise_offset,
    select_offsets,
    upsert_article,
    upsert_offset,
)

BATCH_SIZE = 200
BUSY_TIMEOUT_S = 5.0  # another process may hold the write lock for a transaction
# TEXT of times and lists: ISO 8601 and JSON, as SQLite's functions read them.
DIALECT = Dialect("?", dict.fromkeys(Kind, "TEXT") | {Kind.INTEGER: "INTEGER", Kind.REAL: "REAL"}, "TEXT")
# The index refers to rows by rowid. VACUUM keeps it only where a column declares it.
SCHEMA = (
    create_articles(DIALECT, "articles", "rowid INTEGER PRIMARY KEY"),
    create_offsets("offsets"),
    "CREATE INDEX IF NOT EXISTS articles_published ON articles (published)",
    "CREATE VIEW IF NOT EXISTS searchable AS SELECT rowid, title, dek, body FROM articles WHERE withdrawn = ''",
    "CREATE VIRTUAL TABLE IF NOT EXISTS search USING fts5 (title, dek, body, content = 'searchable',"
    " content_rowid = 'rowid', tokenize = 'unicode61 remove_diacritics 2')",
    "CREATE TRIGGER IF NOT EXISTS articles_inserted AFTER INSERT ON articles WHEN new.withdrawn = '' BEGIN"
    " INSERT INTO search (rowid, title, dek, body) VALUES (new.rowid, new.title, new.dek, new.body); END",
    "CREATE TRIGGER IF NOT EXISTS articles_deleted BEFORE DELETE ON articles WHEN old.withdrawn = '' BEGIN"
    " INSERT INTO search (search, rowid, title, dek, body)"
    " VALUES ('delete', old.rowid, old.title, old.dek, old.body); END",
    "CREATE TRIGGER IF NOT EXISTS articles_replaced BEFORE UPDATE ON articles WHEN old.withdrawn = '' BEGIN"
    " INSERT INTO search (search, rowid, title, dek, body)"
    " VALUES ('delete', old.rowid, old.title, old.dek, old.body); END",
    "CREATE TRIGGER IF NOT EXISTS articles_updated AFTER UPDATE ON articles WHEN new.withdrawn = '' BEGIN"
    " INSERT INTO search (rowid, title, dek, body) VALUES (new.rowid, new.title, new.dek, new.body); END",
)
REJECTED_ERRORS = (sqlite3.IntegrityError, sqlite3.DataError)


@dataclass(frozen=True, kw_only=True)
class SqliteOptions:
    """Keep the newest revision of each article in a SQLite file, with a full-text index.

    See [SQLite](../howto/sink-sqlite.md).
    """

    path: Path = option("path of the database, in an existing folder on a local disk", example='"articles.db"')


class SqliteSink(Sink[SqliteOptions]):
    """Writes articles to a SQLite file."""

    options_type = SqliteOptions

    def __init__(self, settings: Settings, options: SqliteOptions) -> None:
        super().__init__(settings, options)
        self.batch_size = BATCH_SIZE
        self._calls = BlockingCalls()
        self._connection: sqlite3.Connection | None = None

    async def deliver(self, batch: Sequence[SinkEvent]) -> None:
        """Write rows and offsets in one transaction. Raises: see `Sink.deliver`."""
        await self._calls.run(lambda: self._write(batch))

    async def positions(self, topic: str) -> Mapping[int, int]:
        """Return the next offset of each partition of *topic* that the file has."""
        return await self._calls.run(lambda: self._read_positions(topic))

    async def record_positions(self, topic: str, positions: Mapping[int, int]) -> None:
        """Store the next offsets that are higher than those of the file."""
        rows = [(topic, partition, offset) for partition, offset in positions.items()]
        await self._calls.run(lambda: self._raise_offsets(rows))

    async def close(self) -> None:
        """Close the file."""
        await self._calls.run(self._disconnect)
        self._calls.close()

    def _write(self, batch: Sequence[SinkEvent]) -> None:
        with self._transaction() as connection:
            connection.executemany(upsert_article(DIALECT, "articles"), [_parameters(event) for event in batch])
            connection.executemany(upsert_offset(DIALECT, "offsets"), next_offsets(batch))

    def _read_positions(self, topic: str) -> Mapping[int, int]:
        with self._transaction() as connection:
            return dict(connection.execute(select_offsets(DIALECT, "offsets"), (topic,)).fetchall())

    def _raise_offsets(self, rows: Sequence[tuple[str, int, int]]) -> None:
        with self._transaction() as connection:
            connection.executemany(raise_offset(DIALECT, "offsets"), rows)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit at the end of the block, or roll back; map errors. Opens the file if necessary."""
        try:
            if self._connection is None:
                self._connection = connect(self.options.path)
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
        except REJECTED_ERRORS as exc:
            raise SinkRejectedError(f"SQLite: {exc}") from exc
        except sqlite3.Error as exc:
            self._disconnect()  # the file may be another one by now
            raise UnavailableError(f"database not writable: {self.options.path} ({exc})") from exc

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection to *path* with its schema. A confirmed transaction survives a power cut."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")  # readers do not block the sink
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        for statement in SCHEMA:
            connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _parameters(event: SinkEvent) -> tuple[Any, ...]:
    values = [_to_sqlite(column.kind, value) for column, value in zip(COLUMNS, to_row(event.article), strict=True)]
    return (*values, encode(event.article).decode())


def _to_sqlite(kind: Kind, value: Any) -> Any:
    if kind is Kind.TIME and value is not None:
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False) if kind is Kind.TEXTS else value
