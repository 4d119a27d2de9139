"""Stores of the newest revisions: databases and objects."""

import sqlite3
from contextlib import closing
from typing import ClassVar

from tests.contract.sinks.destinations import Store
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
