"""Sinks and their stores are killed at random moments: the rows equal the newest revisions."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from streams.config.settings import Settings
from tests.faults.sink_kills import Row, check_kills

FEW, MANY = 4, 300


class SqliteStore:
    """A SQLite file, which no process serves."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "articles.db"

    def table(self) -> str:
        return f'type = "sqlite"\npath = "{self.path}"'

    def rows(self) -> dict[str, Row]:
        with closing(sqlite3.connect(self.path)) as db:
            db.execute("INSERT INTO search (search, rank) VALUES ('integrity-check', 1)")  # raises on a difference
            found = db.execute("SELECT id, revision, withdrawn, body FROM articles").fetchall()
            indexed = {id_ for (id_,) in db.execute(
                "SELECT id FROM search JOIN articles ON articles.rowid = search.rowid WHERE search MATCH 'body'"
            )}  # fmt: skip
        assert indexed == {id_ for id_, _, withdrawn, _ in found if not withdrawn}
        return {id_: Row(revision, withdrawn, body) for id_, revision, withdrawn, body in found}

    def kill(self) -> bool:
        return False


STORES = {"sqlite": SqliteStore}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqliteStore]:
    yield STORES[request.param](tmp_path)


async def test_killed_sink_keeps_newest_revisions(store: SqliteStore, settings: Settings, tmp_path: Path) -> None:
    await check_kills(settings, tmp_path, store, FEW)


@pytest.mark.faults
async def test_sink_survives_hundreds_of_kills(store: SqliteStore, settings: Settings, tmp_path: Path) -> None:
    await check_kills(settings, tmp_path, store, MANY)
