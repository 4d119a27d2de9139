"""Online backup and restore of the embedded data directory: one consistent tar file.

server ──BGSAVE──▶ point-in-time snapshot ──▶ FILE.tar      FILE.tar ──▶ base file of a new append-only directory
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
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import msgspec
from redis.exceptions import ResponseError

from streams.errors import SettingsError, UnavailableError, UnreadableError
from streams.valkey.aof_integrity import AOF_DIR, MANIFEST, RDB_MAGIC, sync_folder, synced_prefixes, write_record
from streams.valkey.aof_repair import is_valid_snapshot

FORMAT = 1
METADATA_FILE, SNAPSHOT = "copydesk-backup.json", "snapshot.rdb"
BASE = "appendonly.aof.1.base.rdb"
SNAPSHOT_TIMEOUT_S = 3_600.0


class Metadata(msgspec.Struct, frozen=True):
    """The description of a backup; early ones have no `sha256` of the snapshot."""

    format: int
    time: datetime
    sha256: str = ""


@contextlib.contextmanager
def one_at_a_time(data_dir: Path) -> Iterator[None]:
    """Hold the backup lock of *data_dir*: all backups share the server's one snapshot file."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (data_dir / "backup.lock").open("wb")
    except OSError as exc:
        raise SettingsError(f"data_dir not writable: {data_dir} ({exc.strerror}); choose another") from exc
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def take_snapshot(state: Any) -> None:
    """Make the server write a snapshot of its current data.

    Raises:
        UnavailableError: the snapshot failed or timed out.
    """
    deadline_s = time.monotonic() + SNAPSHOT_TIMEOUT_S
    while True:
        info = await _wait_until_idle(state, deadline_s)  # a running snapshot holds an earlier state
        saves_before = info["rdb_saves"]
        try:
            await state.bgsave(schedule=True)  # scheduled: waits for a running AOF rewrite
        except ResponseError as exc:
            if "in progress" not in str(exc):
                raise UnavailableError(f"snapshot failed: embedded server ({exc}); retry") from exc
        else:
            break
    while info["rdb_saves"] == saves_before:
        await asyncio.sleep(0.05)
        info = await _wait_until_idle(state, deadline_s)
    if info["rdb_last_bgsave_status"] != "ok":
        raise UnavailableError("snapshot failed: embedded server (BGSAVE error); check free disk space")


async def _wait_until_idle(state: Any, deadline_s: float) -> Any:
    """Return the server's `INFO persistence` as soon as no snapshot is being written."""
    while (info := await state.info("persistence"))["rdb_bgsave_in_progress"]:
        if time.monotonic() > deadline_s:
            raise UnavailableError(f"snapshot timed out: embedded server (after {SNAPSHOT_TIMEOUT_S:g} s); retry")
        await asyncio.sleep(0.05)
    return info


def require_absent(file: Path) -> None:
    """Raise SettingsError if *file* exists, so that no backup is overwritten."""
    if file.exists():
        raise SettingsError(f"file already exists: {file}; choose another name")


def write_archive(data_dir: Path, file: Path, server: Path) -> int:
    """Move the snapshot of *data_dir* into the archive *file*; return the archive's size in bytes.

    The tools in the binary *server* verify the snapshot.

    Raises:
        UnavailableError: *file* is not writable, or the snapshot is damaged.
    """
    snapshot, temporary = data_dir / "valkey" / "dump.rdb", file.with_name(file.name + ".part")
    try:
        if not is_valid_snapshot(snapshot, server):
            raise UnavailableError(f"snapshot damaged: {snapshot} (checksum mismatch); check the disk, then retry")
        with temporary.open("wb") as out, tarfile.open(fileobj=out, mode="w") as tar, snapshot.open("rb") as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
            source.seek(0)
            created_at = datetime.now(UTC).isoformat(timespec="seconds")
            metadata = json.dumps({"format": FORMAT, "time": created_at, "sha256": digest}).encode()
            _add(tar, METADATA_FILE, io.BytesIO(metadata), len(metadata))
            _add(tar, SNAPSHOT, source, snapshot.stat().st_size)
            tar.close()
            out.flush()
            os.fsync(out.fileno())
        temporary.rename(file)  # atomic: the file is complete or absent
        sync_folder(file.absolute().parent)
        return file.stat().st_size
    except OSError as exc:
        raise UnavailableError(f"backup not written: {file} ({exc}); free space, or choose another place") from exc
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        snapshot.unlink(missing_ok=True)


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, int(time.time())
    tar.addfile(entry, content)


def restore(file: Path, data_dir: Path, server: Path) -> datetime:
    """Restore *data_dir* from the backup *file*; return the time of the backup.

    The tools in the binary *server* verify the snapshot.

    Raises:
        SettingsError: *data_dir* already contains an append-only file, is not writable, or its disk is full.
        UnreadableError: *file* is not a valid backup.
    """
    aof_dir = data_dir.absolute() / "valkey" / AOF_DIR
    if aof_dir.exists():
        raise SettingsError(f"data_dir holds data: {data_dir}; choose another --data-dir, or move this one away")
    temporary = aof_dir.with_name(f"{AOF_DIR}.part")
    try:
        with tarfile.open(file, "r:") as tar:  # without decompression, which could fill the disk
            metadata = _read_metadata(tar, file)
            snapshot = _open_member(tar, SNAPSHOT)
            head = snapshot.read(6)
            if not head.startswith(RDB_MAGIC):
                raise UnreadableError(f"invalid backup: {file} (not a Valkey snapshot); use another backup")
            with _writing(data_dir):
                digest = _write(temporary, head, _pieces(snapshot))
        # Early backups have no SHA-256; the snapshot itself has a CRC-64.
        if (metadata.sha256 or digest) != digest or not is_valid_snapshot(temporary / BASE, server):
            raise UnreadableError(f"damaged backup: {file} (checksum mismatch); use an earlier backup")
        with _writing(data_dir):
            _put_in_place(temporary, aof_dir)
        return metadata.time
    except (tarfile.TarError, OSError, ValueError, KeyError, RecursionError) as exc:
        raise UnreadableError(f"not a readable backup: {file} ({exc}); use another backup") from exc
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _read_metadata(tar: tarfile.TarFile, file: Path) -> Metadata:
    metadata = msgspec.json.decode(_open_member(tar, METADATA_FILE, 10_000).read(), type=Metadata)
    if metadata.format != FORMAT:
        raise UnreadableError(
            f"unsupported backup format: {file} (format {metadata.format}, supported {FORMAT}); "
            "use the copydesk version that wrote it"
        )
    return metadata


@contextlib.contextmanager
def _writing(data_dir: Path) -> Iterator[None]:
    """Turn the errors of writes to *data_dir* into SettingsError: the backup is not their cause."""
    try:
        yield
    except OSError as exc:
        raise SettingsError(
            f"data_dir not writable: {data_dir} ({exc.strerror}); free space, or choose another --data-dir"
        ) from exc


def _pieces(snapshot: IO[bytes]) -> Iterator[bytes]:
    """Yield the content of *snapshot*. Raises ReadError where the medium of the archive fails."""
    try:
        while piece := snapshot.read(1 << 20):
            yield piece
    except OSError as exc:
        raise tarfile.ReadError(str(exc)) from exc


def _open_member(tar: tarfile.TarFile, name: str, max_bytes: int | None = None) -> IO[bytes]:
    member = tar.getmember(name)
    content = tar.extractfile(member) if member.isreg() else None  # a link could lead out of the archive, or to itself
    if content is None or (max_bytes is not None and member.size > max_bytes):
        raise ValueError(f"{name} is not a regular file, or too large")
    return content


def _write(folder: Path, head: bytes, rest: Iterable[bytes]) -> str:
    """Write an append-only directory with the snapshot as its base file; return the snapshot's SHA-256."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest = hashlib.sha256(head)
    with (folder / BASE).open("wb") as out:
        out.write(head)
        for piece in rest:
            digest.update(piece)
            out.write(piece)
    with (folder / MANIFEST).open("w") as manifest:
        manifest.write(f"file {BASE} seq 1 type b\n")
        manifest.flush()
        os.fsync(manifest.fileno())
    return digest.hexdigest()


def _put_in_place(temporary: Path, aof_dir: Path) -> None:
    """Sync *temporary* and rename it to *aof_dir*; after a power cut the directory is complete or absent."""
    valkey_dir = aof_dir.parent
    prefixes = synced_prefixes(temporary)
    sync_folder(temporary)
    # Before the rename: a start in between is refused, but a second `restore` is possible.
    write_record(valkey_dir, prefixes)
    temporary.rename(aof_dir)
    for folder in (valkey_dir, valkey_dir.parent, valkey_dir.parent.parent):
        sync_folder(folder)
