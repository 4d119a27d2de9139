"""The PostgreSQL sink: the newest revision of each article in a table. Rows and offsets are written in one transaction.

Classes of SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streams.codec import encode
from streams.config.settings import Settings
from streams.config.sources import redact_url
from streams.errors import UnavailableError
from workers.sinks.article_rows import Kind, to_row
from workers.sinks.base import Sink, SinkEvent, SinkRejectedError, next_offsets
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

if TYPE_CHECKING:
    from psycopg import AsyncConnection

BATCH_SIZE = 200
TIMEOUT_S = 60.0  # of a transaction: longer ones count as a lost connection
CONNECT_TIMEOUT_S = 10
DIALECT = Dialect(
    "%s",
    {Kind.TEXT: "text", Kind.TEXTS: "text[]", Kind.INTEGER: "integer", Kind.REAL: "real", Kind.TIME: "timestamptz"},
    "jsonb",
)
TABLE = re.compile(r"[a-z_][a-z0-9_]{0,47}(\.[a-z_][a-z0-9_]{0,47})?")


def check_table(name: str) -> None:
    """Check the name of a table. Raises ValueError."""
    if not TABLE.fullmatch(name):
        raise ValueError("expected a name such as articles or news.articles")


@dataclass(frozen=True, kw_only=True)
class PostgresqlOptions:
    """Keep the newest revision of each article in a PostgreSQL table; see [PostgreSQL](../howto/sink-postgresql.md)."""

    url: str = option(
        "`postgresql://` URL of the database",
        schemes=("postgresql", "postgres"),
        secret=True,
        example='"postgresql://copydesk:PASSWORD@localhost/news"',
    )
    table: str = option(
        "table, with or without schema; the offsets are in `<table>_offsets`",
        default="articles",
        check=check_table,
        example='"articles"',
    )


def quoted(name: str) -> str:
    """Return a checked name as an identifier of SQL: `order` and `user` are keywords.

    >>> quoted("news.order")
    '"news"."order"'
    """
    return ".".join(f'"{part}"' for part in name.split("."))


class PostgresqlSink(Sink[PostgresqlOptions]):
    """Writes articles to a PostgreSQL table."""

    options_type = PostgresqlOptions
    requires = ("psycopg", "postgresql")

    def __init__(self, settings: Settings, options: PostgresqlOptions) -> None:
        super().__init__(settings, options)
        self.batch_size = BATCH_SIZE
        self._articles, self._offsets = quoted(options.table), quoted(f"{options.table}_offsets")
        self._connection: AsyncConnection | None = None
        self._lock = asyncio.Lock()  # articles and replays share the connection

    async def deliver(self, batch: Sequence[SinkEvent]) -> None:
        """Write rows and offsets in one transaction. Raises: see `Sink.deliver`."""
        rows = [_parameters(event) for event in batch]
        async with self._transaction() as connection, connection.cursor() as cursor:
            await cursor.executemany(upsert_article(DIALECT, self._articles), rows)
            await cursor.executemany(upsert_offset(DIALECT, self._offsets), next_offsets(batch))

    async def positions(self, topic: str) -> Mapping[int, int]:
        """Return the next offset of each partition of *topic* that the database has."""
        async with self._transaction() as connection:
            cursor = await connection.execute(select_offsets(DIALECT, self._offsets), (topic,))
            return dict(await cursor.fetchall())

    async def record_positions(self, topic: str, positions: Mapping[int, int]) -> None:
        """Store the next offsets that are higher than those of the database."""
        rows = [(topic, partition, offset) for partition, offset in positions.items()]
        async with self._transaction() as connection, connection.cursor() as cursor:
            await cursor.executemany(raise_offset(DIALECT, self._offsets), rows)

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()

    @asynccontextmanager
    async def _transaction(self) -> AsyncGenerator["AsyncConnection", None]:
        """Commit at the end of the block, or roll back; map errors. Connects if necessary."""
        import psycopg  # 0.1 s, for this sink only

        try:
            async with self._lock, asyncio.timeout(TIMEOUT_S):
                if self._connection is None:
                    self._connection = await self._connect()
                async with self._connection.transaction():
                    yield self._connection
        except (psycopg.DataError, psycopg.IntegrityError) as exc:
            raise SinkRejectedError(f"PostgreSQL: {_describe(exc)}") from exc
        except (psycopg.Error, OSError) as exc:  # a TimeoutError is an OSError
            with contextlib.suppress(psycopg.Error):
                await self.close()
            raise UnavailableError(f"database not writable: {redact_url(self.options.url)} ({_describe(exc)})") from exc

    async def _connect(self) -> "AsyncConnection":
        """Return a connection whose database has the tables."""
        import psycopg

        connection = await psycopg.AsyncConnection.connect(
            self.options.url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, application_name="copydesk",
        )  # fmt: skip
        try:
            async with connection.transaction():
                await create_tables(connection, self.options.table)
        except BaseException:
            await connection.close()
            raise
        return connection


async def create_tables(connection: "AsyncConnection", table: str) -> None:
    """Create the tables if they are absent. An existing table needs no permission to create one."""
    articles, offsets = quoted(table), quoted(f"{table}_offsets")
    cursor = await connection.execute(
        "SELECT to_regclass(%s) IS NOT NULL AND to_regclass(%s) IS NOT NULL", (articles, offsets)
    )
    if (await cursor.fetchone() or (False,))[0]:
        return
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('copydesk'))")  # CREATE IF NOT EXISTS can collide
    index = quoted(f"{table.rpartition('.')[2]}_published")
    for statement in (
        create_articles(DIALECT, articles),
        create_offsets(offsets),
        f"CREATE INDEX IF NOT EXISTS {index} ON {articles} (published)",
    ):
        await connection.execute(statement)


def _parameters(event: SinkEvent) -> tuple[Any, ...]:
    return (*to_row(event.article), encode(event.article).decode())


def _describe(exc: BaseException) -> str:
    return " ".join((str(exc) or type(exc).__name__).split())
