"""Concurrent backups, and restores of damaged backups."""

import re
import resource
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.config.settings import Settings
from streams.errors import SettingsError
from streams.valkey.backup import restore
from streams.valkey.server import EmbeddedValkey, find_server_binary
from tests.conftest import DEADLINE_S, ROOT, copydesk
from tests.support.backups import KEYS, fill, keys
from tests.support.fork_server import start_module
from tests.support.server_commands import server_commands


@pytest.fixture
def server(tmp_path: Path) -> EmbeddedValkey:
    return EmbeddedValkey(Settings(data_dir=tmp_path / "copydesk-data"))


async def rewrite(url: str) -> None:
    broker = RedisStreamsBroker(url)
    await server_commands(broker.state).bgrewriteaof()
    await broker.close()


async def test_backups_at_once_during_rewrites_succeed(server: EmbeddedValkey, tmp_path: Path) -> None:
    server.start()
    await fill(server.url)
    files = [f"b{n}.tar" for n in range(4)]
    running = []
    for file in files:
        with (tmp_path / f"{file}.errors").open("wb") as errors:
            running.append(start_module("workers.cli", "backup", file, cwd=tmp_path, stderr=errors))
    await rewrite(server.url)
    for process, file in zip(running, files, strict=True):
        assert process.wait(DEADLINE_S) == 0, (tmp_path / f"{file}.errors").read_text()
    server.stop()
    for n, file in enumerate(files):
        copydesk("restore", file, "--data-dir", f"r{n}", cwd=tmp_path)
        assert await keys(tmp_path / f"r{n}") == KEYS
    assert not list(tmp_path.rglob("dump.rdb"))


@pytest.fixture
async def backup(server: EmbeddedValkey, tmp_path: Path) -> Path:
    server.start()
    await fill(server.url)
    copydesk("backup", "b.tar", cwd=tmp_path)
    server.stop()
    return tmp_path / "b.tar"


def offset_in_snapshot(backup: Path) -> int:
    with tarfile.open(backup) as tar:
        entry = tar.getmember("snapshot.rdb")
        return entry.offset_data + entry.size // 2


def without_digest(backup: Path) -> None:
    """Remove the SHA-256 from *backup*, as in early backups."""
    backup.write_bytes(backup.read_bytes().replace(b'"sha256"', b'"sha000"'))


@pytest.mark.parametrize("older", [False, True])
def test_restore_of_flipped_bit_is_refused(older: bool, backup: Path, tmp_path: Path) -> None:
    data = bytearray(backup.read_bytes())
    data[offset_in_snapshot(backup)] ^= 4
    backup.write_bytes(data)
    if older:
        without_digest(backup)
    stderr = copydesk("restore", "b.tar", "--data-dir", "new", cwd=tmp_path, check=1).stderr
    assert "checksum" in stderr
    assert not list((tmp_path / "new").rglob("appendonlydir*"))


async def test_restore_of_older_backup_succeeds(backup: Path, tmp_path: Path) -> None:
    without_digest(backup)
    copydesk("restore", "b.tar", "--data-dir", "new", cwd=tmp_path)
    assert await keys(tmp_path / "new") == KEYS


def test_restore_of_cut_backup_is_refused(backup: Path, tmp_path: Path) -> None:
    backup.write_bytes(backup.read_bytes()[: offset_in_snapshot(backup)])
    copydesk("restore", "b.tar", "--data-dir", "new", cwd=tmp_path, check=1)
    assert not list((tmp_path / "new").rglob("appendonlydir*"))


async def test_restore_into_emptied_directory_succeeds(backup: Path, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "copydesk-data" / "valkey")
    copydesk("restore", "b.tar", cwd=tmp_path)
    assert await keys(tmp_path / "copydesk-data") == KEYS
    shutil.rmtree(tmp_path / "copydesk-data" / "valkey")
    assert "file damaged" in copydesk("repair", cwd=tmp_path, check=2).stderr


def synced_names(trace: str, before: str) -> set[str]:
    """Return the names of the files that were synced before the rename of *before*."""
    head = re.split(rf"rename[^\n]*{re.escape(before)}", trace)[0]
    return {Path(path).name for path in re.findall(r"f(?:data)?sync\(\d+<([^>]+)>\)\s*= 0", head)}


def test_restore_syncs_files_and_folders(backup: Path, tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("no strace on this machine")
    trace = tmp_path / "trace"
    command = [sys.executable, "-m", "workers.cli", "restore", "b.tar", "--data-dir", "new"]
    subprocess.run(
        ["strace", "-f", "-y", "-e", "trace=fsync,fdatasync,rename,renameat,renameat2", "-o", str(trace), *command],
        cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, check=True, capture_output=True,
    )  # fmt: skip
    text = trace.read_text()
    wanted = {"appendonly.aof.1.base.rdb", "appendonly.aof.manifest", "appendonlydir.part"}
    assert wanted <= synced_names(text, "appendonlydir.part")
    assert {"valkey", "new", tmp_path.name} <= synced_names(text, "no such rename")


def test_restore_into_unwritable_data_dir_names_it(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    stderr = copydesk("restore", "b.tar", "--data-dir", "file/new", cwd=tmp_path, check=2).stderr
    assert "data_dir not writable: file/new (Not a directory); free space" in stderr


def test_restore_on_full_disk_names_data_dir(backup: Path, tmp_path: Path) -> None:
    """The system refuses bytes beyond the limit of a file, as it refuses them on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(SettingsError, match=r"data_dir not writable: .*new \(File too large\); free space"):
            restore(backup, tmp_path / "new", find_server_binary())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list((tmp_path / "new").rglob("appendonlydir*"))


def test_backup_unwritable_file_is_named(backup: Path, tmp_path: Path) -> None:
    stderr = copydesk("backup", "gone/b.tar", cwd=tmp_path, check=3).stderr
    assert "gone/b.tar" in stderr
    assert "Traceback" not in stderr
