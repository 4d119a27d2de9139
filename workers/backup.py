"""Backup and restore of the embedded data directory: one file, consistent, made while copydesk runs.

server ──BGSAVE──▶ a snapshot of one moment ──▶ FILE.tar      FILE.tar ──▶ the first part of a new directory's log
"""

import asyncio
import io
import json
import tarfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from streams.errors import SettingsError, UnavailableError, UnreadableError

FORMAT = 1
NOTE, SNAPSHOT = "copydesk-backup.json", "snapshot.rdb"
BASE, MANIFEST = "appendonly.aof.1.base.rdb", "appendonly.aof.manifest"
RDB_MAGIC = (b"REDIS", b"VALKEY")
LONGEST_S = 3_600.0


async def take_snapshot(state: Any) -> None:
    """Let the server write what it holds at this moment. Raises UnavailableError when it can't."""
    before = (await state.info("persistence"))["rdb_saves"]
    await state.bgsave()
    end_s = time.monotonic() + LONGEST_S
    while time.monotonic() < end_s:
        found = await state.info("persistence")
        if not found["rdb_bgsave_in_progress"]:
            if found["rdb_saves"] > before and found["rdb_last_bgsave_status"] == "ok":
                return
            raise UnavailableError("the embedded server couldn't write its snapshot; is the disk full?")
        await asyncio.sleep(0.05)
    raise UnavailableError(f"the embedded server's snapshot took longer than {LONGEST_S:g} s")


def refuse_existing(file: Path) -> None:
    """Raise SettingsError when *file* is there: a backup doesn't overwrite another."""
    if file.exists():
        raise SettingsError(f"{file}: is there already; a backup doesn't overwrite another")


def pack(data_dir: Path, file: Path) -> int:
    """Write *file* from the snapshot of *data_dir*, which goes; returns its size in bytes."""
    snapshot, part = data_dir / "valkey" / "dump.rdb", file.with_name(file.name + ".part")
    try:
        with tarfile.open(part, "w") as tar, snapshot.open("rb") as held:
            note = json.dumps({"format": FORMAT, "time": datetime.now(UTC).isoformat(timespec="seconds")}).encode()
            _add(tar, NOTE, io.BytesIO(note), len(note))
            _add(tar, SNAPSHOT, held, snapshot.stat().st_size)
        part.rename(file)  # there whole, or not at all
    finally:
        part.unlink(missing_ok=True)
        snapshot.unlink(missing_ok=True)
    return file.stat().st_size


def _add(tar: tarfile.TarFile, name: str, held: IO[bytes], size: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, int(time.time())
    tar.addfile(entry, held)


def restore(file: Path, data_dir: Path) -> datetime:
    """Make *data_dir* what *file* holds; returns when that was.

    Raises SettingsError when there is a log in *data_dir* already, UnreadableError for what is no backup.
    """
    log = data_dir / "valkey" / "appendonlydir"
    if log.exists():
        raise SettingsError(f"{data_dir}: holds data; give another --data-dir, or move this one away")
    try:
        with tarfile.open(file) as tar:
            note = json.loads(_read(tar, NOTE, 10_000).read())
            if note["format"] != FORMAT:
                raise UnreadableError(f"{file}: a backup of format {note['format']}; this copydesk reads {FORMAT}")
            snapshot = _read(tar, SNAPSHOT)
            head = snapshot.read(6)
            if not head.startswith(RDB_MAGIC):
                raise UnreadableError(f"{file}: its snapshot is none")
            _write(log, head, snapshot)
            return datetime.fromisoformat(note["time"])
    except (tarfile.TarError, OSError, ValueError, KeyError, TypeError) as exc:
        raise UnreadableError(f"{file}: not a readable backup: {exc}") from exc


def _read(tar: tarfile.TarFile, name: str, most: int | None = None) -> IO[bytes]:
    held = tar.extractfile(name)
    if held is None or (most is not None and tar.getmember(name).size > most):
        raise ValueError(f"{name} isn't a file")
    return held


def _write(log: Path, head: bytes, rest: IO[bytes]) -> None:
    part = log.with_name("appendonlydir.part")
    part.mkdir(parents=True, exist_ok=True)
    with (part / BASE).open("wb") as out:
        out.write(head)
        while piece := rest.read(1 << 20):
            out.write(piece)
    (part / MANIFEST).write_text(f"file {BASE} seq 1 type b\n")
    part.rename(log)  # the server finds all of it, or nothing
