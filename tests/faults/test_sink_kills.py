"""Sinks and their stores are killed at random moments: the rows equal the newest revisions."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from streams.codec import decode
from streams.config.settings import Settings
from streams.records import Article
from tests.conftest import ROOT
from tests.faults.fleet import die_with_harness
from tests.faults.sink_kills import Row, Store, check_kills
from tests.support.extras import require_module
from tests.support.journal import read_journal
from tests.support.ports import free_port
from tests.support.postgresql import PostgresqlServer, running_postgresql
from tests.support.s3_server import ACCESS_KEY, REGION, SECRET_KEY

FEW, MANY = 4, 100
SEEDS = (1, 2, 3)  # 300 kills of each sink


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


class PostgresqlStore:
    """A server, killed with all its processes."""

    def __init__(self, server: PostgresqlServer) -> None:
        self.server = server

    def table(self) -> str:
        return f'type = "postgresql"\nurl = "{self.server.url}"'

    def rows(self) -> dict[str, Row]:
        with psycopg.connect(self.server.url) as db:
            found = db.execute("SELECT id, revision, withdrawn, body FROM articles").fetchall()
        return {id_: Row(revision, withdrawn, body) for id_, revision, withdrawn, body in found}

    def kill(self) -> bool:
        self.server.kill()
        self.server.start()
        return True


class LinesStore:
    """JSON Lines in several files, which no process serves."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "articles.jsonl"

    def table(self) -> str:
        return f'type = "jsonl"\npath = "{self.path}"\nmax_mb = 0.05'

    def rows(self) -> dict[str, Row]:
        files = sorted(self.path.parent.glob("articles*.jsonl"))
        records = [decode(line, Article) for path in files for line in path.read_bytes().splitlines()]
        assert len({(record.id, record.revision) for record in records}) == len(records), "repeated lines"
        newest = {record.id: record for record in sorted(records, key=lambda record: record.revision)}
        return {id_: Row(r.revision, r.withdrawn, "".join(r.paragraphs)) for id_, r in newest.items()}

    def kill(self) -> bool:
        return False


class ParquetStore:
    """Parquet files, which no process serves."""

    def __init__(self, folder: Path) -> None:
        require_module("pyarrow")
        self.path = folder / "articles"
        self.path.mkdir()

    def table(self) -> str:
        return f'type = "parquet"\npath = "{self.path}"\nbatch_s = 0.2'

    def rows(self) -> dict[str, Row]:
        from pyarrow import parquet

        columns = ["id", "revision", "withdrawn", "body"]
        rows = [r for p in self.path.rglob("*.parquet") for r in parquet.ParquetFile(p).read(columns).to_pylist()]
        assert len({(row["id"], row["revision"]) for row in rows}) == len(rows), "repeated rows"
        newest = {row["id"]: row for row in sorted(rows, key=lambda row: row["revision"])}
        return {id_: Row(row["revision"], row["withdrawn"], row["body"]) for id_, row in newest.items()}

    def kill(self) -> bool:
        return False


FILES: dict[str, Callable[[Path], Store]] = {"sqlite": SqliteStore, "jsonl": LinesStore, "parquet": ParquetStore}


class ServedStore:
    """A store that a test server keeps in a journal; the server is killed. *module* is the server."""

    def __init__(self, folder: Path, module: str) -> None:
        self.port, self.journal, self.module = free_port(), folder / "journal", module
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.module, str(self.port), str(self.journal)],
            cwd=ROOT,
            preexec_fn=die_with_harness,
        )

    def kill(self) -> bool:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.start()
        return True

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


class SearchStore(ServedStore):
    """An index of OpenSearch."""

    def table(self) -> str:
        return f'type = "opensearch"\nurl = "http://127.0.0.1:{self.port}"'

    def rows(self) -> dict[str, Row]:
        newest = {id_: document["source"] for _, id_, document in read_journal(self.journal)}
        return {id_: Row(d["revision"], d["withdrawn"], d["body"]) for id_, d in newest.items()}


class ObjectStore(ServedStore):
    """A bucket of S3."""

    def table(self) -> str:
        return (
            f'type = "s3"\nurl = "http://127.0.0.1:{self.port}"\nbucket = "news"\nregion = "{REGION}"\n'
            f'access_key = "{ACCESS_KEY}"\nsecret_key = "{SECRET_KEY}"'
        )

    def rows(self) -> dict[str, Row]:
        articles = [decode(body.encode(), Article) for _, body, _ in read_journal(self.journal)]
        return {a.id: Row(a.revision, a.withdrawn, "".join(a.paragraphs)) for a in articles}


SERVED: dict[str, tuple[type[SearchStore] | type[ObjectStore], str]] = {
    "opensearch": (SearchStore, "tests.support.search_server"),
    "s3": (ObjectStore, "tests.support.s3_server"),
}


@pytest.fixture(params=(*FILES, *SERVED, "postgresql"))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param in FILES:
        yield FILES[request.param](tmp_path)
        return
    if request.param in SERVED:
        store_class, module = SERVED[request.param]
        served = store_class(tmp_path, module)
        served.start()
        yield served
        served.end()
        return
    with running_postgresql() as server:
        yield PostgresqlStore(server)


async def test_killed_sink_keeps_newest_revisions(store: Store, settings: Settings, tmp_path: Path) -> None:
    await check_kills(settings, tmp_path, store, FEW)


@pytest.mark.faults
@pytest.mark.parametrize("seed", SEEDS)
async def test_sink_survives_hundreds_of_kills(store: Store, seed: int, settings: Settings, tmp_path: Path) -> None:
    await check_kills(settings, tmp_path, store, MANY, seed)
