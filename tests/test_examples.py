"""The programs in examples/, as they are, on a running broker: nothing is missing and nothing comes twice."""

import importlib.util
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.topics import ARTICLES
from tests.conftest import ROOT, until
from tests.support.site import article, publish
from workers.services import connect


@contextmanager
def running(name: str, settings: Settings, folder: Path, *arguments: str) -> Iterator[None]:
    environ = os.environ | {"COPYDESK_BROKER_URL": settings.broker_url, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, ROOT / "examples" / name, *arguments], cwd=folder, env=environ)
    try:
        yield
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


async def goes_on(
    name: str, settings: Settings, folder: Path, arguments: list[str], found: Callable[[], list[str]]
) -> None:
    """The program is killed between two batches, and takes up where it was."""
    broker: Broker = await connect(settings, settings.broker_url)
    await publish(broker, *(article(n) for n in range(10)))
    with running(name, settings, folder, *arguments):
        await until(lambda: len(found()) == 10)
    await publish(broker, *(article(n) for n in range(10, 20)), article(3, 2))
    with running(name, settings, folder, *arguments):
        await until(lambda: set(found()) == {article(n).id for n in range(20)})
    await broker.close()


async def test_jsonl_example_appends_each_article_once(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "articles.jsonl"

    def found() -> list[str]:
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line)["id"] for line in lines]

    await goes_on("to_jsonl.py", settings, tmp_path, [path.name], found)


async def test_sqlite_and_its_search(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "news.db"

    def found() -> list[str]:
        if not path.exists():
            return []
        with sqlite3.connect(path) as db:
            try:
                return [id_ for (id_,) in db.execute("select id from articles")]
            except sqlite3.OperationalError:  # the table isn't there yet
                return []

    await goes_on("to_sqlite.py", settings, tmp_path, [path.name], found)
    with sqlite3.connect(path) as db:
        wanted = "select title from search where search match 'harbour AND 3' order by rank"
        assert db.execute(wanted).fetchall() == [("Story 3 & more",)]
        assert db.execute("select revision from articles where title = 'Story 3 & more'").fetchall() == [(2,)]


async def test_sqlite_example_keeps_the_latest_revision(settings: Settings, tmp_path: Path) -> None:
    async def is_done() -> bool:
        return path.exists() and await broker.lag(ARTICLES.name, "to-sqlite") == 0

    path, first = tmp_path / "news.db", article(1)
    last = structs.replace(
        first, revision=3, title="Corrected", url="https://b.example/1", publisher="B", published=None
    )
    older = structs.replace(first, revision=2, title="Older")
    broker: Broker = await connect(settings, settings.broker_url)
    for articles in ([first, last], [older]):  # only another process receives the older revision
        await publish(broker, *articles)
        with running("to_sqlite.py", settings, tmp_path, path.name):
            await until(is_done)
    await broker.close()
    columns = "id, revision, title, url, publisher, published"
    assert rows(path, f"select {columns} from articles") == [
        (first.id, 3, "Corrected", "https://b.example/1", "B", None)
    ]
    assert rows(path, "select title from search") == [("Corrected",)]


def rows(path: Path, statement: str, *parameters: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(statement, parameters).fetchall()


async def test_parquet_example_writes_batches(settings: Settings, tmp_path: Path) -> None:
    if importlib.util.find_spec("pyarrow") is None:
        assert not os.environ.get("CI"), "pyarrow has to be there in CI"
        pytest.skip("pyarrow isn't there")
    import pyarrow.parquet

    def found() -> list[str]:
        files = sorted((tmp_path / "out").glob("*.parquet"))
        return [id_ for file in files for id_ in pyarrow.parquet.read_table(file)["id"].to_pylist()]

    await goes_on("to_parquet.py", settings, tmp_path, ["out", "0.2"], found)
