"""The database of articles, polls and samples: an SQLite file whose contents can be built again from the topics.

One thread executes all statements, so the event loop never waits for the disk. A damaged file is replaced. Several
processes may use it at the same time.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from streams.errors import UnavailableError, UnreadableError
from streams.logger import get_logger

log = get_logger(__name__)

VERSION = 2  # of the tables; a file of another version is replaced
BUSY_TIMEOUT_S = 10.0
CACHE_KIB = 8_000
DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)  # primary result codes: sqlite.org/rescode.html
ROW_ERRORS = (sqlite3.IntegrityError, sqlite3.DataError, OverflowError)  # of a row: another attempt cannot succeed
P = ParamSpec("P")
ResultT = TypeVar("ResultT")


class Database:
    """An SQLite database. *schemas*: the statements that create the tables of its users.

    Without a *path* it is a temporary file that ends with the process (sqlite.org/inmemorydb.html).
    """

    def __init__(self, path: Path | None, schemas: Sequence[str]) -> None:
        self.path, self.schemas = path, schemas
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database")

    async def run(
        self, work: Callable[Concatenate[sqlite3.Connection, P], ResultT], *args: P.args, **kwargs: P.kwargs
    ) -> ResultT:
        """Return the result of *work* with a connection, in one transaction.

        Raises:
            UnavailableError: the file cannot be read or written. A damaged file is replaced by an empty one.
            UnreadableError: a row violates a constraint, or has a value that SQLite cannot hold.
        """
        name = self.path or "temporary file"
        call = asyncio.get_running_loop().run_in_executor(self._thread, lambda: self._run(work, *args, **kwargs))
        try:
            return await call
        except ROW_ERRORS as exc:
            raise UnreadableError(f"row refused: {name} ({exc}); correct its values") from exc
        except (sqlite3.Error, OSError) as exc:
            raise UnavailableError(f"database not usable: {name} ({exc}); check the disk") from exc

    async def close(self) -> None:
        """Close the file after the statements in progress."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)

    def _run(
        self, work: Callable[Concatenate[sqlite3.Connection, P], ResultT], *args: P.args, **kwargs: P.kwargs
    ) -> ResultT:
        try:
            connection = self._connection = self._connection or self._open()
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                return work(connection, *args, **kwargs)
        except sqlite3.DatabaseError as exc:
            if _is_damage(exc):
                log.error("database damaged", path=self.path, error=exc, next_step="building a new one")
                self._remove()
            raise

    def _open(self) -> sqlite3.Connection:
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))  # articles of paid feeds: for the owner only
        connection = _connect(self.path)
        [version] = connection.execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            connection.close()
            self._remove()
            return self._open()
        for schema in self.schemas:
            connection.executescript(schema)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        return connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _remove(self) -> None:
        self._close()
        if self.path is not None:
            for suffix in ("", "-wal", "-shm"):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Return whether the file is damaged; other errors concern a row, a statement or the disk."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF in DAMAGE  # without the extended code


def _connect(path: Path | None) -> sqlite3.Connection:
    # Of one thread at a time; transactions are explicit.
    connection = sqlite3.connect(path or "", BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", f"cache_size = -{CACHE_KIB}"):
        connection.execute(f"PRAGMA {pragma}")
    return connection
