"""Files that are damaged behind good records: their items count, and a letter names the damage; on a real Valkey."""

import asyncio
import sys
from pathlib import Path

import pytest

from streams.config.settings import Settings
from streams.config.tables import SourceTable
from streams.records import DeadLetter
from streams.topics import DESK_GROUP, ITEMS
from tests.conftest import copydesk, until
from tests.support.archives import page_record
from tests.support.pipeline import desk, everything, settled
from workers.intake.folder import FolderWatcher, read_source_states
from workers.intake.ingest import BATCH_ITEMS, MAX_WAITING
from workers.services import connect

PAGE = "<title>Canal {n} reopens</title><p>The harbour board reopened canal {n} on Monday, after {n} years.</p>"


def write_damaged(path: Path, count: int) -> Path:
    """Write *count* complete pages and a truncated one."""
    pages = [page_record(f"https://courier.example/{n}", PAGE.format(n=n).encode()) for n in range(count + 1)]
    path.write_bytes(b"".join(pages)[:-40])
    return path


def watcher(broker: object, folder: Path) -> FolderWatcher:
    table = SourceTable(name="drop", type="folder", path=str(folder), settle_s=0.0)
    return FolderWatcher(broker, table, "watcher")  # type: ignore[arg-type]


async def test_items_before_damage_are_counted(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    path = write_damaged(folder / "a.warc", BATCH_ITEMS + 3)
    environ = {"COPYDESK_BROKER_URL": settings.broker_url}
    async with desk(settings) as broker:
        await watcher(broker, folder).scan()
        assert (await read_source_states(broker.state))["drop"][:3] == (1, BATCH_ITEMS + 3, 1)
        done = await asyncio.to_thread(
            copydesk, "ingest", str(path), "--source", "archive", cwd=tmp_path, check=1, env=environ
        )
        assert done.stdout == f"{BATCH_ITEMS + 3} items sent, 0 unreadable\n"
        assert done.stderr.startswith(f"copydesk: file unreadable: {path} (damaged WARC file")
        await settled(broker, {})


async def test_damaged_file_removed_meanwhile_becomes_a_letter(settings: Settings, tmp_path: Path) -> None:
    """The last items wait for the desk. The producer removes the file before the damage is found."""
    count = 3 * BATCH_ITEMS + 10
    path = write_damaged(tmp_path / "a.warc", count)
    broker = await connect(settings, settings.broker_url)
    scan = asyncio.create_task(watcher(broker, tmp_path).scan())

    async def is_waiting() -> bool:
        return await broker.lag(ITEMS.name, DESK_GROUP) > MAX_WAITING

    await until(is_waiting)
    path.unlink()
    async with desk(settings):
        await scan
    state = (await read_source_states(broker.state))["drop"]
    await broker.close()
    assert (state[:4], state.error) == ((1, count, 1, 0), "")
    [letter] = await everything(settings, "dead-letters")
    assert isinstance(letter, DeadLetter)
    assert letter.error.startswith(f"{path}: unreadable after position ")


async def test_unreadable_file_is_logged_once(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is readable, so one warning names the file and its delay."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"PAR1 and a table")
    broker = await connect(settings, settings.broker_url)
    drop = watcher(broker, tmp_path)
    await drop.scan()
    await drop.scan()
    state = (await read_source_states(broker.state))["drop"]
    await broker.close()
    assert (
        state.waiting,
        state.error.startswith(f"file unreadable: {path} (missing package: pyarrow (Parquet); run"),
    ) == (1, True)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["file unreadable"]
