"""Backup and restore of the embedded data directory: one file, consistent, made while copydesk runs.

server ──BGSAVE──▶ a snapshot of one moment ──▶ FILE.tar      FILE.tar ──▶ the first part of a new directory's log
"""

import asyncio
import contextlib
import fcntl
import hashlib
import io
import json
import os
import shutil
import tarfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from streams.errors import SettingsError, UnavailableError, UnreadableError
from streams.valkey.aof_integrity import LOG_DIR, MANIFEST, RDB_MAGIC, sync_folder, synced_prefixes, write_record
from streams.valkey.aof_repair import snapshot_is_sound

FORMAT = 1
METADATA_FILE, SNAPSHOT = "copydesk-backup.json", "snapshot.rdb"
BASE = "appendonly.aof.1.base.rdb"
SNAPSHOT_TIMEOUT_S = 3_600.0


@contextlib.contextmanager
def one_at_a_time(data_dir: Path) -> Iterator[None]:
    """Wait until no other backup of *data_dir* runs: all of them use the server's one snapshot file."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (data_dir / "backup.lock").open("wb")
    except OSError as exc:
        raise SettingsError(f"data_dir = {data_dir}: {exc.strerror}") from exc
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def take_snapshot(state: Any) -> None:
    """Let the server write what it holds at this moment. Raises UnavailableError when it can't."""
    end_s = time.monotonic() + SNAPSHOT_TIMEOUT_S
    found = await _idle(state, end_s)  # a snapshot that runs already is of an earlier moment
    before = found["rdb_saves"]
    await state.bgsave(schedule=True)  # a rewrite of the log may run: after that
    while found["rdb_saves"] == before:
        await asyncio.sleep(0.05)
        found = await _idle(state, end_s)
    if found["rdb_last_bgsave_status"] != "ok":
        raise UnavailableError("the embedded server couldn't write its snapshot; is the disk full?")


async def _idle(state: Any, end_s: float) -> Any:
    """Return the server's `info persistence` once no snapshot is being written."""
    while (found := await state.info("persistence"))["rdb_bgsave_in_progress"]:
        if time.monotonic() > end_s:
            raise UnavailableError(f"the embedded server's snapshot took longer than {SNAPSHOT_TIMEOUT_S:g} s")
        await asyncio.sleep(0.05)
    return found


def require_absent(file: Path) -> None:
    """Raise SettingsError when *file* is there: a backup doesn't overwrite another."""
    if file.exists():
        raise SettingsError(f"{file}: is there already; a backup doesn't overwrite another")


def write_archive(data_dir: Path, file: Path) -> int:
    """Write *file* from the snapshot of *data_dir*, which goes; returns its size in bytes.

    Raises UnavailableError where *file* can't be written.
    """
    snapshot, part = data_dir / "valkey" / "dump.rdb", file.with_name(file.name + ".part")
    try:
        with part.open("wb") as out, tarfile.open(fileobj=out, mode="w") as tar, snapshot.open("rb") as held:
            digest = hashlib.file_digest(held, "sha256").hexdigest()
            held.seek(0)
            note = {"format": FORMAT, "time": datetime.now(UTC).isoformat(timespec="seconds"), "sha256": digest}
            noted = json.dumps(note).encode()
            _add(tar, METADATA_FILE, io.BytesIO(noted), len(noted))
            _add(tar, SNAPSHOT, held, snapshot.stat().st_size)
            tar.close()
            out.flush()
            os.fsync(out.fileno())
        part.rename(file)  # there whole, or not at all
        sync_folder(file.absolute().parent)
        return file.stat().st_size
    except OSError as exc:
        raise UnavailableError(f"backup not written: {file} ({exc}); make room there, or give another place") from exc
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        snapshot.unlink(missing_ok=True)


def _add(tar: tarfile.TarFile, name: str, held: IO[bytes], size: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, int(time.time())
    tar.addfile(entry, held)


def restore(file: Path, data_dir: Path, server: Path) -> datetime:
    """Make *data_dir* what *file* holds, checked by the binary *server*; returns when that was.

    Raises SettingsError when there is a log in *data_dir* already, UnreadableError for what is no backup.
    """
    log = data_dir.absolute() / "valkey" / LOG_DIR
    if log.exists():
        raise SettingsError(f"{data_dir}: holds data; give another --data-dir, or move this one away")
    part = log.with_name(f"{LOG_DIR}.part")
    try:
        with tarfile.open(file) as tar:
            note = json.loads(_read(tar, METADATA_FILE, 10_000).read())
            if note["format"] != FORMAT:
                raise UnreadableError(f"{file}: a backup of format {note['format']}; this copydesk reads {FORMAT}")
            snapshot = _read(tar, SNAPSHOT)
            head = snapshot.read(6)
            if not head.startswith(RDB_MAGIC):
                raise UnreadableError(f"{file}: its snapshot is none")
            digest = _write(part, head, snapshot)
        # Backups of before have no SHA-256; a snapshot has a CRC-64 of its own.
        if note.get("sha256", digest) != digest or not snapshot_is_sound(part / BASE, server):
            raise UnreadableError(f"damaged backup: {file} (the checksum is another); take an earlier one")
        _put_in_place(part, log)
        return datetime.fromisoformat(note["time"])
    except (tarfile.TarError, OSError, ValueError, KeyError, TypeError) as exc:
        raise UnreadableError(f"{file}: not a readable backup: {exc}") from exc
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _read(tar: tarfile.TarFile, name: str, most: int | None = None) -> IO[bytes]:
    held = tar.extractfile(name)
    if held is None or (most is not None and tar.getmember(name).size > most):
        raise ValueError(f"{name} isn't a file")
    return held


def _write(part: Path, head: bytes, rest: IO[bytes]) -> str:
    """Write a log whose base is the snapshot; returns the SHA-256 of that."""
    part.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest = hashlib.sha256(head)
    with (part / BASE).open("wb") as out:
        out.write(head)
        while piece := rest.read(1 << 20):
            digest.update(piece)
            out.write(piece)
    with (part / MANIFEST).open("w") as manifest:
        manifest.write(f"file {BASE} seq 1 type b\n")
        manifest.flush()
        os.fsync(manifest.fileno())
    return digest.hexdigest()


def _put_in_place(part: Path, log: Path) -> None:
    """Sync *part* and make it the log: the server finds all of it, or nothing, also after a power cut."""
    valkey_dir = log.parent
    prefixes = synced_prefixes(part)
    sync_folder(part)
    write_record(valkey_dir, prefixes)  # first: a start in between is refused, and a second `restore` is not
    part.rename(log)
    for folder in (valkey_dir, valkey_dir.parent, valkey_dir.parent.parent):
        sync_folder(folder)
