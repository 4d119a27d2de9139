"""Backup and restore beside snapshots of others, with a killed server, and killed themselves."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.config.settings import Settings
from streams.errors import SettingsError, UnavailableError
from streams.valkey.backup import take_snapshot, write_archive
from streams.valkey.server import EmbeddedValkey, find_server_binary
from tests.conftest import DEADLINE_S, copydesk
from tests.support.backups import KEYS, fill, keys
from tests.support.fork_server import Command, start_module


@pytest.fixture
def server(tmp_path: Path) -> EmbeddedValkey:
    server = EmbeddedValkey(Settings(data_dir=tmp_path / "copydesk-data"))
    server.start()
    return server


def started(folder: Path, *arguments: str) -> Command:
    with (folder / "errors").open("wb") as errors:
        return start_module("workers.cli", *arguments, cwd=folder, stderr=errors)


def errors(folder: Path) -> str:
    """Return the standard error of the last command."""
    return (folder / "errors").read_text("utf-8")


async def test_backup_beside_snapshots_of_others_succeeds(server: EmbeddedValkey, tmp_path: Path) -> None:
    """Another client starts snapshots all the time, as `valkey-cli BGSAVE` does."""
    await fill(server.url)
    broker = RedisStreamsBroker(server.url)
    try:
        for n in range(2):
            command = started(tmp_path, "backup", f"b{n}.tar")
            while command.poll() is None:
                await asyncio.gather(broker.state.bgsave(schedule=True), return_exceptions=True)
                await asyncio.sleep(0.002)
            assert command.returncode == 0, errors(tmp_path)
            assert archive_is_sound(tmp_path / f"b{n}.tar", tmp_path)
    finally:
        await broker.close()
        server.stop()


async def test_backup_of_killed_server_names_it(server: EmbeddedValkey, tmp_path: Path) -> None:
    await fill(server.url)
    command = started(tmp_path, "backup", "b.tar")
    broker = RedisStreamsBroker(server.url)
    while not (await broker.state.info("persistence"))["rdb_bgsave_in_progress"] and command.poll() is None:
        await asyncio.sleep(0.001)
    assert server.process is not None
    server.process.kill()
    code = command.wait(DEADLINE_S)
    server.stop()
    await broker.close()
    if code:  # the snapshot may have been complete
        stderr = errors(tmp_path)
        assert "Traceback" not in stderr
        assert "copydesk" in stderr
        assert not (tmp_path / "b.tar").exists()


def archive_is_sound(file: Path, folder: Path) -> bool:
    """Return whether *file* can be restored completely."""
    target = folder / f"restored-{random.getrandbits(32):x}"
    return copydesk("restore", str(file), "--data-dir", str(target), cwd=folder, check=None).returncode == 0


def kill_when(command: Command, condition: Callable[[], bool]) -> None:
    """Kill *command* as soon as *condition* holds; return at its end."""
    while command.poll() is None:
        if condition():
            command.kill()


async def test_killed_backup_is_absent_or_complete(server: EmbeddedValkey, tmp_path: Path) -> None:
    await fill(server.url)
    file, part = tmp_path / "b.tar", tmp_path / "b.tar.part"
    kill_when(started(tmp_path, "backup", "b.tar"), part.exists)
    assert not file.exists() or archive_is_sound(file, tmp_path)
    file.unlink(missing_ok=True)
    copydesk("backup", "b.tar", cwd=tmp_path)
    assert archive_is_sound(file, tmp_path)
    server.stop()


@pytest.mark.parametrize("part", ["valkey/appendonlydir.part", "valkey.record.json", "valkey/appendonlydir"])
async def test_killed_restore_can_be_repeated(part: str, server: EmbeddedValkey, tmp_path: Path) -> None:
    """A start after a killed restore finds all records, or is refused; never an empty directory."""
    await fill(server.url)
    copydesk("backup", "b.tar", cwd=tmp_path)
    server.stop()
    target = tmp_path / "new"
    kill_when(started(tmp_path, "restore", "b.tar", "--data-dir", "new"), (target / part).exists)
    if (target / "valkey" / "appendonlydir").exists():
        assert await keys(target) == KEYS
        return
    if (target / "valkey.record.json").exists():
        with pytest.raises(SettingsError, match="file damaged"):
            await keys(target)
    copydesk("restore", "b.tar", "--data-dir", "new", cwd=tmp_path)
    assert await keys(target) == KEYS


def test_damaged_archive_is_no_sound_one(tmp_path: Path) -> None:
    """The check of these tests must detect half an archive."""
    (tmp_path / "half.tar").write_bytes(b"copydesk" * 100)
    assert not archive_is_sound(tmp_path / "half.tar", tmp_path)


class BusyState:
    """A server where another client starts a snapshot between INFO and our BGSAVE."""

    def __init__(self) -> None:
        self.saves, self.requests = 3, 0

    async def info(self, section: str) -> dict[str, object]:
        return {"rdb_bgsave_in_progress": 0, "rdb_saves": self.saves, "rdb_last_bgsave_status": "ok"}

    async def bgsave(self, schedule: bool = True) -> None:
        self.requests += 1
        self.saves += 1
        if self.requests == 1:
            raise ResponseError("Background save already in progress")


async def test_snapshot_of_others_is_waited_for() -> None:
    state = BusyState()
    await take_snapshot(state)
    assert state.requests == 2


def test_archive_of_damaged_snapshot_is_refused(tmp_path: Path) -> None:
    """A disk that returns other bytes than the server wrote must not end in a backup."""
    data_dir = EmbeddedValkey(Settings(data_dir=tmp_path / "data")).data_dir
    snapshot = data_dir / "valkey" / "dump.rdb"
    snapshot.parent.mkdir(parents=True)
    snapshot.write_bytes(b"REDIS0011" + b"x" * 100)
    with pytest.raises(UnavailableError, match="damaged"):
        write_archive(data_dir, tmp_path / "b.tar", find_server_binary())
    assert not (tmp_path / "b.tar").exists()
