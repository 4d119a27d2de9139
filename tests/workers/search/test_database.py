"""The database of the index: damage of its file, and rows that it refuses."""

import sqlite3
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from msgspec.structs import replace

from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.errors import UnavailableError, UnreadableError
from tests.support.site import article, publish
from workers.search.articles import Filters
from workers.search.database import Database
from workers.search.index import open_index
from workers.search.tables import file_path, open_database
from workers.services import connect

SCHEMA = "CREATE TABLE IF NOT EXISTS names (name TEXT NOT NULL UNIQUE);"
REFUSAL = """
CREATE TRIGGER refusal BEFORE INSERT ON articles WHEN new.publisher = 'Refused' BEGIN SELECT RAISE(ABORT, 'refused'); END
"""
HUGE = 2**63  # SQLite's integers end below it
PAGE_BYTES = 4_096


@pytest.fixture
async def broker(settings: Settings) -> AsyncGenerator[Broker, None]:
    connected = await connect(settings, settings.broker_url)
    yield connected
    await connected.close()


def insert(connection: sqlite3.Connection, *names: object) -> None:
    connection.executemany("INSERT INTO names VALUES (?)", [(name,) for name in names])


def names(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM names ORDER BY name")]


@pytest.mark.parametrize("refused", [None, "a", HUGE], ids=["null", "second of a unique column", "huge"])
async def test_refused_row_keeps_the_file(refused: object, tmp_path: Path) -> None:
    database = Database(tmp_path / "index.sqlite3", (SCHEMA,))
    await database.run(insert, "a")
    with pytest.raises(UnreadableError, match="row refused: "):
        await database.run(insert, "b", refused)
    assert await database.run(names) == ["a"]
    await database.close()


@pytest.mark.parametrize("kept_bytes", [0, PAGE_BYTES], ids=["header", "tables"])
async def test_damaged_file_is_replaced(kept_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite3"
    database = Database(path, (SCHEMA,))
    await database.run(insert, *map(str, range(1_000)))
    await database.close()
    data = path.read_bytes()
    path.write_bytes(data[:kept_bytes] + b"\xff" * (len(data) - kept_bytes))
    database = Database(path, (SCHEMA,))
    with pytest.raises(UnavailableError, match="database not usable"):
        await database.run(names)
    assert await database.run(names) == []
    await database.close()


async def test_index_passes_over_refused_articles(settings: Settings, broker: Broker) -> None:
    database = open_database(settings)
    await database.run(lambda connection: connection.execute(REFUSAL))
    await database.close()
    await publish(broker, article(1), article(2, HUGE), article(3), replace(article(4), publisher="Refused"))
    for count in (2, 3):
        async with open_index(settings, broker) as index:
            assert await index.count() == count
            assert sum((await index.position()).values()) == count + 2, "the refused ones are not read again"
            rows = (await index.page(Filters(), 9)).rows
        assert {row["id"] for row in rows} == {article(n).id for n in (1, 3, 5)[:count]}
        await publish(broker, article(5))
    assert file_path(settings).exists()
