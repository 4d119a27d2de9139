"""Files that are damaged behind good records: their items count, and a letter names the damage; on a real Valkey."""

import asyncio
from pathlib import Path

from streams.config.settings import Settings
from streams.config.tables import SourceTable
from streams.records import DeadLetter
from streams.topics import DESK_GROUP, ITEMS
from tests.conftest import until
from tests.support.archives import page_record
from tests.support.pipeline import desk, everything
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
    assert (state.files, state.failed, state.waiting, state.error) == (1, 1, 0, "")
    [letter] = await everything(settings, "dead-letters")
    assert isinstance(letter, DeadLetter)
    assert letter.error.startswith(f"{path}: unreadable after position ")
