"""Watched folders: complete files, restarts, kill -9, dead letters and health; on a real Valkey."""

import asyncio
import contextlib
import gzip
import json
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from streams.brokers.base import Broker
from streams.config.settings import Settings, load_settings
from streams.config.tables import SourceTable
from streams.errors import SettingsError
from streams.records import Article, DeadLetter
from streams.topics import DESK_GROUP
from tests.conftest import until
from tests.support.fork_server import Command, start_module
from tests.support.pipeline import desk, everything, settled
from workers.counters import read_counters
from workers.health import find_warnings
from workers.intake.folder import FileVersion, FolderWatcher, Observation, list_files, observe, read_source_states
from workers.intake.folder import settled as settled_files
from workers.status import read_status

STORY = "The harbour board reopened canal number {n} on Monday, nine years after the flood closed it for {n} days."


def rows(first: int, count: int) -> str:
    numbers = range(first, first + count)
    return "".join(
        json.dumps({"id": n, "title": f"Canal {n} reopens", "content_text": STORY.format(n=n)}) + "\n" for n in numbers
    )


def source(folder: Path, **values: object) -> SourceTable:
    return SourceTable(**{"name": "drop", "type": "folder", "path": str(folder), "settle_s": 0.0, **values})  # type: ignore[arg-type]


@asynccontextmanager
async def watching(broker: Broker, table: SourceTable, worker: str = "watcher") -> AsyncGenerator[FolderWatcher, None]:
    watcher = FolderWatcher(broker, table, worker)
    task = asyncio.create_task(watcher.run())
    try:
        yield watcher
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await watcher.release()


# -- decisions ------------------------------------------------------------------------------------------------


def test_settled_file_has_not_changed() -> None:
    path, small, large = Path("a"), FileVersion(1, 1), FileVersion(2, 2)
    seen = observe({path: small}, {}, 10.0)
    assert settled_files(seen, 11.0, 2.0) == []
    seen = observe({path: large}, seen, 12.0)
    assert settled_files(seen, 13.0, 2.0) == []
    seen = observe({path: large}, seen, 14.0)
    assert seen == {path: Observation(large, 12.0)}
    assert settled_files(seen, 14.0, 2.0) == [path]


def test_list_files_omits_hidden_and_unfinished(tmp_path: Path) -> None:
    (tmp_path / "a" / ".b").mkdir(parents=True)
    for name in ("1.xml", "2.xml.part", "3.xml~", ".4.xml", "a/5.xml", "a/.b/6.xml", "7.txt", "8.XML.TMP"):
        (tmp_path / name).write_text("x")

    def names(pattern: str) -> list[str]:
        return [str(path.relative_to(tmp_path)) for path in list_files(tmp_path, pattern)]

    assert names("*") == ["1.xml", "7.txt"]
    assert names("**/*.xml") == ["1.xml", "a/5.xml"]
    with pytest.raises(OSError, match="absent"):
        list_files(tmp_path / "absent", "*")


TABLES = {
    "no name": ('path = "x"', "missing key: sources[1].name"),
    "no path": ('name = "a"', "missing key: sources[1].path 'a'"),
    "bad name": ('name = "A b"\npath = "x"', "invalid value: sources[1].name"),
    "bad type": ('name = "a"\npath = "x"\ntype = "ftp"', "invalid value: sources[1].type"),
    "bad pattern": ('name = "a"\npath = "x"\npattern = "../*"', "invalid value: sources[1].pattern"),
    "bad number": ('name = "a"\npath = "x"\nsettle_s = -1', "invalid value: sources[1].settle_s"),
    "unknown key": ('name = "a"\npath = "x"\nwait = 1', "unknown key: sources[1].wait"),
    "same name": ('name = "a"\npath = "x"\n[[sources]]\ntype = "folder"\nname = "a"\npath = "y"', "duplicate source name: a"),
}  # fmt: skip


@pytest.mark.parametrize(("table", "message"), TABLES.values(), ids=TABLES)
def test_wrong_source_table_is_refused(table: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "copydesk.toml"
    kind = "" if "type" in table.partition("[[")[0] else 'type = "folder"\n'
    path.write_text(f"[[sources]]\n{kind}{table}\n")
    with pytest.raises(SettingsError) as raised:
        load_settings(environ={"COPYDESK_CONFIG": str(path)})
    assert str(raised.value).startswith(message)


# -- on a broker ----------------------------------------------------------------------------------------------


async def test_files_that_appear_become_articles(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    (folder / "first.jsonl").write_text(rows(0, 3))
    async with desk(settings) as broker, watching(broker, source(folder)):
        await settled(broker, {"new": 3})
        (folder / "second.jsonl.part").write_text(rows(3, 2))
        (folder / "third.txt").write_text("Bridge opens\n\n" + STORY.format(n=77))
        await settled(broker, {"new": 4})
        (folder / "second.jsonl.part").rename(folder / "second.jsonl")
        await settled(broker, {"new": 6})
        (folder / "first.jsonl").write_text(rows(0, 3) + rows(9, 1))  # a changed file is read anew
        counters = await settled(broker, {"new": 7, "duplicate": 3})
        assert counters["desk"]["received"] == 10
    articles: list[Article] = await everything(settings, "articles")
    assert {article.feed for article in articles} == {"source:drop"}


async def test_growing_file_is_read_once_complete(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    async with desk(settings) as broker:
        watcher = FolderWatcher(broker, source(folder, settle_s=1e6), "watcher")
        path = folder / "slow.jsonl"
        path.write_text(rows(0, 1)[:-20])
        await watcher.scan()
        path.write_text(rows(0, 2))
        await watcher.scan()
        assert (await read_counters(broker.state))["intake"]["received"] == 0
        assert (await read_source_states(broker.state))["drop"].waiting == 1
        watcher.source = source(folder)
        await watcher.scan()
        await settled(broker, {"new": 2})
        assert (await read_source_states(broker.state))["drop"].waiting == 0
    assert await everything(settings, "dead-letters") == []


async def test_damaged_file_becomes_one_letter(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    path = folder / "archive.warc.gz"
    path.write_bytes(
        gzip.compress(b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 900\r\n\r\nHTTP/1.1 200 OK\r\n")[:60]
    )
    (folder / "rows.jsonl").write_text(rows(0, 1) + '{"title": \n')
    async with desk(settings) as broker:
        async with watching(broker, source(folder)):
            await settled(broker, {"new": 1})

            async def has_ended() -> bool:
                return (await read_source_states(broker.state))["drop"].files == 2

            await until(has_ended)
        async with watching(broker, source(folder)):  # a restart repeats nothing
            (folder / "more.jsonl").write_text(rows(5, 1))
            await settled(broker, {"new": 2})
        states = await read_source_states(broker.state)
    assert states["drop"][:3] == (3, 2, 2)
    letters: list[DeadLetter] = await everything(settings, "dead-letters")
    errors = sorted(letter.error for letter in letters)
    assert len(errors) == 2
    assert errors[0].startswith(f"{path}: unreadable after position 0: damaged WARC file after byte 0")
    assert errors[1].startswith(f"{folder / 'rows.jsonl'}: record before position")
    assert {letter.feed for letter in letters} == {"source:drop"}


async def test_absent_folder_is_reported_until_it_exists(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    table = source(folder)
    settings = replace(settings, sources=(table,))
    async with desk(settings) as broker, watching(broker, table):

        async def has_warning() -> bool:
            report = await read_status(broker, DESK_GROUP, settings)
            return any("source failing: drop" in message for message in find_warnings(report, settings))

        await until(has_warning)
        folder.mkdir()
        (folder / "a.jsonl").write_text(rows(0, 1))
        await settled(broker, {"new": 1})

        async def is_recorded() -> bool:
            return (await read_status(broker, DESK_GROUP, settings))["sources"][0]["files"] == 1

        await until(is_recorded)
        [row] = (await read_status(broker, DESK_GROUP, settings))["sources"]
        assert (row["error"], row["items"], row["waiting"], row["path"]) == ("", 1, 0, str(folder))
        assert not await has_warning()


async def test_one_watcher_has_the_source(settings: Settings, tmp_path: Path) -> None:
    async with desk(settings) as broker:
        first, second = (FolderWatcher(broker, source(tmp_path), name) for name in ("a", "b"))
        assert await first.claim()
        assert await first.claim()
        assert not await second.claim()
        await second.release()
        assert not await second.claim()
        await first.release()
        assert await second.claim()


def start_watch(settings: Settings, config: Path) -> Command:
    environ = {"COPYDESK_CONFIG": str(config), "COPYDESK_BROKER_URL": settings.broker_url, "COPYDESK_PARTITIONS": "4"}
    return start_module("workers.cli", "watch", "--name", "watcher", environ=environ)


async def test_killed_watch_neither_loses_nor_repeats(settings: Settings, tmp_path: Path) -> None:
    """Kill -9 at different points of the work; each item arrives once."""
    folder, config = tmp_path / "drop", tmp_path / "copydesk.toml"
    folder.mkdir()
    config.write_text(f'[[sources]]\ntype = "folder"\nname = "drop"\npath = "{folder}"\nsettle_s = 0\n')
    files, per_file = 6, 130
    async with desk(settings) as broker:
        for kill in range(4):
            process = start_watch(settings, config)
            try:
                for n in range(files * kill // 4, files * (kill + 1) // 4):
                    temporary = folder / f".{n}.jsonl"
                    temporary.write_text(rows(1_000 * n, per_file))
                    temporary.rename(folder / f"{n}.jsonl")
                wanted = 60 + 150 * kill

                async def has_received(wanted: int = wanted) -> bool:
                    return (await read_counters(broker.state))["intake"]["received"] >= wanted

                await until(has_received)
            finally:
                process.send_signal(signal.SIGKILL)
                process.wait()
        process = start_watch(settings, config)
        try:
            counters = await settled(broker, {"new": files * per_file})
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
        assert process.returncode == 0
        assert counters["intake"] == {"received": files * per_file, "new": files * per_file, "failed": 0}
        assert counters["desk"]["received"] == files * per_file
    assert await everything(settings, "dead-letters") == []
