"""Stores of the newest revisions: databases and objects."""

import sqlite3
from contextlib import closing
from typing import Any, ClassVar

import psycopg

from tests.contract.sinks.destinations import Store
from tests.support.postgresql import PostgresqlServer
from workers.sinks.postgresql import create_tables
from workers.sinks.sqlite import connect


class SqliteFile(Store):
    """A database that loses its folder, or refuses rows by a trigger."""

    fails = ("down", "reject")
    invalid: ClassVar = {"path = 7": "expected a path"}

    async def __aenter__(self) -> "SqliteFile":
        self.path = self.folder / "out" / "articles.db"
        self.path.parent.mkdir()
        return self

    def options(self) -> dict[str, str]:
        return {"path": f'"{self.path}"'}

    def delivered(self) -> list[str]:
        if not self.path.exists():
            return []
        with closing(sqlite3.connect(self.path)) as db:
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'articles'").fetchall():
                return []
            return [f"{id_}.{n}" for id_, n in db.execute("SELECT id, revision FROM articles ORDER BY id")]

    async def fail(self, failure: str) -> None:
        if failure == "down":
            self.path.parent.rename(self.folder / "moved")
            return
        with closing(connect(self.path)) as db:
            db.execute(
                "CREATE TRIGGER refusal BEFORE INSERT ON articles BEGIN SELECT RAISE(ABORT, 'unwanted article'); END"
            )

    async def recover(self) -> None:
        if (self.folder / "moved").exists():
            (self.folder / "moved").rename(self.path.parent)
        else:
            with closing(connect(self.path)) as db:
                db.execute("DROP TRIGGER refusal")


class PostgresqlTable(Store):
    """A server that is killed, or refuses rows by a constraint."""

    fails = ("down", "reject")
    invalid: ClassVar = {
        'url = "mysql://localhost/news"': "must start with postgresql:// or postgres://",
        'table = "a; drop table b"': "expected a name such as articles or news.articles",
    }

    async def __aenter__(self) -> "PostgresqlTable":
        self.server = PostgresqlServer()
        self.server.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.server.remove()

    def options(self) -> dict[str, str]:
        return {"url": f'"{self.server.url}"'}

    def delivered(self) -> list[str]:
        if self.server.process is None or self._query("SELECT to_regclass('articles')") == [(None,)]:
            return []
        return [f"{id_}.{revision}" for id_, revision in self._query("SELECT id, revision FROM articles ORDER BY id")]

    def _query(self, statement: str) -> list[Any]:
        with psycopg.connect(self.server.url, autocommit=True) as db:
            cursor = db.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    async def fail(self, failure: str) -> None:
        if failure == "down":
            self.server.kill()
            return
        async with await psycopg.AsyncConnection.connect(self.server.url, autocommit=True) as db:
            await create_tables(db, "articles")
        self._query("ALTER TABLE articles ADD CONSTRAINT refusal CHECK (false)")

    async def recover(self) -> None:
        if self.server.process is None:
            self.server.start()
        else:
            self._query("ALTER TABLE articles DROP CONSTRAINT refusal")
