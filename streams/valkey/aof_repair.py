"""Check and repair of the embedded server's append-only file (AOF): truncate it after the last complete command.

The server's binary contains valkey-check-aof and valkey-check-rdb. The name by which it is called selects the tool.
valkey-check-aof removes a torn transaction as a whole, so each batch of copydesk is complete or absent.
"""

import mmap
import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from streams.clock import boot_id
from streams.errors import SettingsError
from streams.valkey.aof_integrity import (
    AOF_DIR,
    MANIFEST,
    AofFile,
    SyncedPrefixes,
    compare,
    damaged,
    read_aof_files,
    read_record,
    restore_or_accept,
    sync_folder,
)

_ANALYSED = re.compile(r"size=(\d+), ok_up_to=(\d+)")
_ARRAY, _ARRAY_START = re.compile(rb"\*(\d{1,10})\r\n"), re.compile(rb"(?:\*\d{0,10}\r?)?")
_BULK, _BULK_START = re.compile(rb"\$(\d{1,10})\r\n"), re.compile(rb"(?:\$\d{0,10}\r?)?")


class AofDamage(NamedTuple):
    """An AOF file that is readable up to `valid_bytes` of `size_bytes`.

    `confirmed_bytes` is the size of its synced prefix in the record, 0 without one.
    """

    path: Path
    size_bytes: int
    valid_bytes: int
    confirmed_bytes: int = 0


def verify(valkey_dir: Path, server: Path) -> SyncedPrefixes | None:
    """Compare the AOF files with the record of synced prefixes; return the record.

    An unused directory is valid.

    Raises:
        DamagedAofError: a file is missing or damaged; the message names it.
    """
    record = read_record(valkey_dir)
    files = _aof_files(valkey_dir, server, record)
    if files is not None and record is not None:
        compare(valkey_dir / AOF_DIR, files, record)
    return record


def find_damage(valkey_dir: Path, server: Path) -> AofDamage | None:
    """Return the torn end of the AOF in *valkey_dir*; None for a valid or missing AOF.

    Raises:
        DamagedAofError: truncation cannot repair the damage. Only the last file may end early.
    """
    aof_dir, record = valkey_dir / AOF_DIR, read_record(valkey_dir)
    files = _aof_files(valkey_dir, server, record) or []
    damages = (_check_contents(aof_dir, file, files[-1], server) for file in files)
    damage = next(filter(None, damages), None)
    if record is None:
        return damage
    if files:
        compare(aof_dir, files, record, {damage.path.name: damage.valid_bytes} if damage else None)
    prefix = record.files.get(damage.path.name) if damage else None
    return damage._replace(confirmed_bytes=prefix.size_bytes) if damage and prefix else damage


def _aof_files(valkey_dir: Path, server: Path, record: SyncedPrefixes | None) -> list[AofFile] | None:
    """Return the AOF files; None for an unused directory, or one whose first start was killed."""
    aof_dir = valkey_dir / AOF_DIR
    files = read_aof_files(aof_dir)
    if files is None and record is not None:
        raise damaged(aof_dir, f"{MANIFEST} is missing, and the directory was in use", restore_or_accept(aof_dir))
    if files is None:
        for path in [*aof_dir.glob("*.base.*"), *aof_dir.glob("*.incr.*")]:
            if path.stat().st_size and "[info] 0 keys read" not in _run("valkey-check-rdb", server, path).stdout:
                raise damaged(aof_dir, f"{MANIFEST} is missing, and {path.name} holds data")
    return files


def _check_contents(aof_dir: Path, file: AofFile, last: AofFile, server: Path) -> AofDamage | None:
    """Check all of *file*; return the damage of an incremental file that ends early."""
    path = aof_dir / file.name
    tool = "valkey-check-rdb" if path.suffix == ".rdb" else "valkey-check-aof"
    result = _run(tool, server, path)
    sizes = _ANALYSED.search(result.stdout)
    if result.returncode == 0:
        return None
    if sizes is None or file != last or file.type == "b":
        raise damaged(aof_dir, f"{file.name} is unreadable, {tool}: status {result.returncode}")
    return AofDamage(path, int(sizes[1]), int(sizes[2]))


def is_valid_snapshot(path: Path, server: Path) -> bool:
    """Return whether the snapshot at *path* is complete and its CRC-64 is correct."""
    return _run("valkey-check-rdb", server, path).returncode == 0


def truncate(damage: AofDamage, server: Path) -> Path:
    """Copy the append-only directory, then truncate the damaged file; return the path of the copy."""
    folder = damage.path.parent
    copy = folder.with_name(f"{folder.name}.{_now()}")
    shutil.copytree(folder, copy)
    for path in [*copy.iterdir(), copy, copy.parent]:
        sync_folder(path)
    result = _run("valkey-check-aof", server, "--fix", damage.path)
    if result.returncode:
        raise SettingsError(f"repair failed: {damage.path} ({result.stdout.strip()}); {copy} has a copy of the file")
    sync_folder(damage.path)
    return copy


def cut_torn_write(valkey_dir: Path, server: Path) -> Path | None:
    """Truncate a write that was interrupted by the server's death; return the copy of the removed bytes.

    Return None if the AOF must not be repaired automatically. Within one boot, the page cache holds every acknowledged
    write, so an incomplete last command was not acknowledged. A write that a signal interrupts ends at a page boundary
    (generic_perform_write in Linux's mm/filemap.c). Another end has another cause, which may have removed more, like
    a power cut. In these cases a person decides.
    """
    record, damage = read_record(valkey_dir), find_damage(valkey_dir, server)
    if damage is None or record is None or not record.boot_id or record.boot_id != boot_id():
        return None
    with damage.path.open("r+b") as aof:
        aof.seek(damage.valid_bytes)
        tail = aof.read()
        if damage.valid_bytes < damage.confirmed_bytes or damage.size_bytes % mmap.PAGESIZE or not ends_early(tail):
            return None
        copy = valkey_dir / "torn" / f"{damage.path.name}.{damage.valid_bytes}.{_now()}"
        copy.parent.mkdir(mode=0o700, exist_ok=True)
        copy.write_bytes(tail)
        for path in (copy, copy.parent, valkey_dir):
            sync_folder(path)
        aof.truncate(damage.valid_bytes)
        os.fsync(aof.fileno())
    return copy


def ends_early(data: bytes) -> bool:
    """Return whether *data* consists of RESP commands (arrays of bulk strings) and the last one is incomplete."""
    pos = 0
    while head := _ARRAY.match(data, pos):
        pos = head.end()
        for _ in range(int(head[1])):
            bulk = _BULK.match(data, pos)
            if bulk is None:
                return _BULK_START.fullmatch(data, pos) is not None
            pos = bulk.end() + int(bulk[1]) + 2
            ending = data[pos - 2 : pos]
            if ending != b"\r\n":
                return len(data) < pos and b"\r\n".startswith(ending)
    return _ARRAY_START.fullmatch(data, pos) is not None


def _now() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"


def _run(tool: str, server: Path, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [tool, *map(str, arguments)],
        executable=server, input="y\n", capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
