"""PostgreSQL sink: typed rows, newest revisions, withdrawals, offsets in the same transaction, and a killed server."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from streams.config.settings import Settings
from streams.errors import UnavailableError
from streams.records import Article, MessageId
from tests.support.postgresql import PostgresqlServer, running_postgresql
from workers.sinks.base import SinkEvent, SinkRejectedError
from workers.sinks.postgresql import PostgresqlOptions, PostgresqlSink


@pytest.fixture(scope="module")
def module_server() -> Iterator[PostgresqlServer]:
    with running_postgresql() as server:
        yield server


@pytest.fixture
def server(module_server: PostgresqlServer) -> PostgresqlServer:
    query(module_server, "DROP SCHEMA IF EXISTS news CASCADE")
    query(module_server, "CREATE SCHEMA news")
    return module_server


def event(id_: str, revision: int = 1, *, offset: int = 0, **fields: Any) -> SinkEvent:
    record = Article(id=id_, revision=revision, **({"title": id_} | fields))
    return SinkEvent(MessageId("copydesk.articles", 0, offset), record)


def query(server: PostgresqlServer, statement: str) -> list[Any]:
    with psycopg.connect(server.url, autocommit=True) as db:
        cursor = db.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def open_sink(server: PostgresqlServer) -> PostgresqlSink:
    return PostgresqlSink(Settings(), PostgresqlOptions(url=server.url, table="news.articles"))


async def write(server: PostgresqlServer, *batches: Sequence[SinkEvent]) -> None:
    sink = open_sink(server)
    try:
        for batch in batches:
            await sink.deliver(batch)
    finally:
        await sink.close()


async def test_postgresql_keeps_the_newest_revision(server: PostgresqlServer) -> None:
    await write(server, [event("a"), event("a", 3, title="third")], [event("a", 2, title="second"), event("b")])
    rows = query(server, "SELECT id, revision, title FROM news.articles ORDER BY id")
    assert rows == [("a", 3, "third"), ("b", 1, "b")]


async def test_postgresql_columns_are_typed(server: PostgresqlServer) -> None:
    time = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
    await write(server, [event("a", published=time, byline=("Mø Å",), tags=("x", "y"), paragraphs=("One.", "Two."))])
    columns = "published, byline, tags, body, article ->> 'id', updated"
    [row] = query(server, f"SELECT {columns} FROM news.articles")
    assert row == (time, ["Mø Å"], ["x", "y"], "One.\n\nTwo.", "a", None)


async def test_postgresql_withdrawal_removes_the_text(server: PostgresqlServer) -> None:
    await write(server, [event("a", paragraphs=("Secret.",))], [event("a", 2, withdrawn="mistake")])
    rows = query(server, "SELECT revision, withdrawn, body, article::text LIKE '%Secret%' FROM news.articles")
    assert rows == [(2, "mistake", "", False)]


async def test_postgresql_offset_shares_the_transaction(server: PostgresqlServer) -> None:
    await write(server, [event("a", offset=7)])
    query(server, "ALTER TABLE news.articles ADD CONSTRAINT no_x CHECK (id <> 'x')")
    with pytest.raises(SinkRejectedError, match="no_x"):
        await write(server, [event("b", offset=8), event("x", offset=9)])
    assert query(server, "SELECT id FROM news.articles") == [("a",)]
    sink = open_sink(server)
    assert await sink.positions("copydesk.articles") == {0: 8}
    assert await sink.positions("copydesk.articles.world") == {}
    await sink.close()


async def test_postgresql_nul_character_is_rejected(server: PostgresqlServer) -> None:
    with pytest.raises(SinkRejectedError, match="NUL"):
        await write(server, [event("a", title="a\0b")])
    await write(server, [event("a", title=r"a\u0000b")])


async def test_postgresql_missing_permission_is_unavailable(server: PostgresqlServer) -> None:
    query(server, "DROP ROLE IF EXISTS reader")
    query(server, "CREATE ROLE reader LOGIN")
    url = server.url.replace("copydesk@", "reader@")
    sink = PostgresqlSink(Settings(), PostgresqlOptions(url=url, table="news.articles"))
    with pytest.raises(UnavailableError, match="permission denied"):
        await sink.deliver([event("a")])
    await sink.close()


async def test_postgresql_sink_reconnects_after_kill(server: PostgresqlServer) -> None:
    sink = open_sink(server)
    await sink.deliver([event("a")])
    server.kill()
    with pytest.raises(UnavailableError, match="database not writable"):
        await sink.deliver([event("b")])
    server.start()
    await sink.deliver([event("b")])
    await sink.close()
    assert query(server, "SELECT id FROM news.articles ORDER BY id") == [("a",), ("b",)]


async def test_postgresql_error_hides_the_password(server: PostgresqlServer) -> None:
    url = f"postgresql://copydesk:hunter2@127.0.0.1:{server.port}/absent"
    sink = PostgresqlSink(Settings(), PostgresqlOptions(url=url))
    with pytest.raises(UnavailableError) as error:
        await sink.deliver([event("a")])
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("table", ["order", "news.user", "select.table"])
async def test_postgresql_table_may_be_a_keyword(table: str, server: PostgresqlServer) -> None:
    query(server, 'DROP TABLE IF EXISTS "order", order_offsets')
    query(server, 'DROP SCHEMA IF EXISTS "select" CASCADE')
    query(server, 'CREATE SCHEMA "select"')
    sink = PostgresqlSink(Settings(), PostgresqlOptions(url=server.url, table=table))
    for batch in ([event("a")], [event("a", 2)]):
        await sink.deliver(batch)
        await sink.close()
    assert await sink.positions("copydesk.articles") == {0: 1}
    await sink.close()
    quoted = ".".join(f'"{part}"' for part in table.split("."))
    assert query(server, f"SELECT id, revision FROM {quoted}") == [("a", 2)]


async def test_postgresql_record_positions_raises_only(server: PostgresqlServer) -> None:
    await write(server, [event("a", offset=7)])
    sink = open_sink(server)
    await sink.record_positions("copydesk.articles", {0: 5, 1: 0, 2: 3})
    await sink.record_positions("copydesk.articles", {2: 4})
    assert await sink.positions("copydesk.articles") == {0: 8, 1: 0, 2: 4}
    await sink.close()
