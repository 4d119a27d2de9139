"""SQLite sink: newest revisions, search, withdrawals, and offsets in the same transaction."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from streams.config.settings import Settings
from streams.errors import UnavailableError
from streams.records import Article, MessageId
from workers.sinks.base import SinkEvent, SinkRejectedError
from workers.sinks.sqlite import SqliteOptions, SqliteSink

SEARCH = "SELECT a.id FROM search JOIN articles AS a ON a.rowid = search.rowid WHERE search MATCH ? ORDER BY a.id"


def event(id_: str, revision: int = 1, *, offset: int = 0, **fields: Any) -> SinkEvent:
    record = Article(id=id_, revision=revision, **({"title": id_} | fields))
    return SinkEvent(MessageId("copydesk.articles", 0, offset), record)


def query(path: Path, statement: str, *parameters: Any) -> list[Any]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(statement, parameters).fetchall()


async def write(path: Path, *batches: Sequence[SinkEvent]) -> None:
    sink = SqliteSink(Settings(), SqliteOptions(path=path))
    try:
        for batch in batches:
            await sink.deliver(batch)
    finally:
        await sink.close()


async def test_sqlite_keeps_the_newest_revision(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    await write(path, [event("a"), event("a", 3, title="third")], [event("a", 2, title="second"), event("b")])
    assert query(path, "SELECT id, revision, title FROM articles ORDER BY id") == [("a", 3, "third"), ("b", 1, "b")]


async def test_sqlite_columns_are_typed(tmp_path: Path) -> None:
    path, time = tmp_path / "a.db", datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
    await write(path, [event("a", published=time, byline=("Mø Å",), tags=("x", "y"), paragraphs=("One.", "Two."))])
    [row] = query(path, "SELECT published, byline, tags, body, article ->> 'id', updated FROM articles")
    assert row == ("2026-03-04T05:06:00+00:00", '["Mø Å"]', '["x", "y"]', "One.\n\nTwo.", "a", None)


async def test_sqlite_search_follows_revisions(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    await write(path, [event("a", paragraphs=("The ferry sank off Ærø.",)), event("b", paragraphs=("Rain.",))])
    assert query(path, SEARCH, "ferry") == [("a",)]
    assert query(path, SEARCH, "ærø") == [("a",)]
    await write(path, [event("a", 2, paragraphs=("The boat sank.",))])
    assert query(path, SEARCH, "ferry") == []
    assert query(path, SEARCH, "boat") == [("a",)]


async def test_sqlite_withdrawal_removes_the_text(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    await write(path, [event("a", paragraphs=("Secret ferry.",))], [event("a", 2, withdrawn="mistake")])
    assert query(path, "SELECT revision, withdrawn, body FROM articles") == [(2, "mistake", "")]
    assert query(path, SEARCH, "a OR ferry") == []
    await write(path, [event("a", 3, paragraphs=("Corrected ferry.",))])
    assert query(path, SEARCH, "ferry") == [("a",)]
    query(path, "INSERT INTO search (search, rank) VALUES ('integrity-check', 1)")


async def test_sqlite_offset_shares_the_transaction(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    await write(path, [event("a", offset=7)])
    with closing(sqlite3.connect(path)) as db:
        db.execute(
            "CREATE TRIGGER t BEFORE INSERT ON articles WHEN new.id = 'x' BEGIN SELECT RAISE(ABORT, 'no x'); END"
        )
    with pytest.raises(SinkRejectedError, match="no x"):
        await write(path, [event("b", offset=8), event("x", offset=9)])
    assert query(path, "SELECT id FROM articles") == [("a",)]
    assert query(path, "SELECT topic, partition, next_offset FROM offsets") == [("copydesk.articles", 0, 8)]
    sink = SqliteSink(Settings(), SqliteOptions(path=path))
    assert await sink.positions("copydesk.articles") == {0: 8}
    assert await sink.positions("copydesk.articles.world") == {}
    await sink.close()


async def test_sqlite_locked_file_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "absent" / "a.db"
    with pytest.raises(UnavailableError, match="database not writable: .*a.db"):
        await write(path, [event("a")])


async def test_sqlite_record_positions_raises_only(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    await write(path, [event("a", offset=7)])
    sink = SqliteSink(Settings(), SqliteOptions(path=path))
    await sink.record_positions("copydesk.articles", {0: 5, 1: 0, 2: 3})
    await sink.record_positions("copydesk.articles", {2: 4})
    assert await sink.positions("copydesk.articles") == {0: 8, 1: 0, 2: 4}
    await sink.close()
