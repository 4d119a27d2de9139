"""Check and repair of the embedded server's append-only log: what is behind the last complete step is cut off.

valkey-check-aof and valkey-check-rdb come within the server's binary, and run under those names. Of a torn
transaction the first leaves nothing: a step of copydesk's is whole or gone.
"""

import mmap
import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from streams.errors import SettingsError
from streams.valkey.aof_integrity import (
    LOG_DIR,
    MANIFEST,
    LogFile,
    Record,
    accepting,
    boot_id,
    compare,
    damaged,
    read_log_files,
    read_record,
    sync_folder,
)

_ANALYSED = re.compile(r"size=(\d+), ok_up_to=(\d+)")
_ARRAY, _ARRAY_START = re.compile(rb"\*(\d{1,10})\r\n"), re.compile(rb"(?:\*\d{0,10}\r?)?")
_BULK, _BULK_START = re.compile(rb"\$(\d{1,10})\r\n"), re.compile(rb"(?:\$\d{0,10}\r?)?")


class AofDamage(NamedTuple):
    """A log file with something unreadable behind its first `sound` of `size` bytes; `confirmed` were recorded."""

    path: Path
    size: int
    valid_bytes: int
    confirmed: int = 0


def verify(valkey_dir: Path, server: Path) -> Record | None:
    """Verify that the files of the log are there and hold what the record has; returns the record.

    Raises DamagedLogError naming what is missing or damaged. A directory that was never used is sound.
    """
    record = read_record(valkey_dir)
    files = _incr_files(valkey_dir, server, record)
    if files is not None and record is not None:
        compare(valkey_dir / LOG_DIR, files, record)
    return record


def find_damage(valkey_dir: Path, server: Path) -> AofDamage | None:
    """Return where the log in *valkey_dir* is torn; None for a sound one, or none at all.

    Raises DamagedLogError for damage that cutting off can't mend: only the last file may end early.
    """
    log_dir, record = valkey_dir / LOG_DIR, read_record(valkey_dir)
    files = _incr_files(valkey_dir, server, record) or []
    found = next((damage for file in files if (damage := _check_contents(log_dir, file, files[-1], server))), None)
    if record is None:
        return found
    if files:
        compare(log_dir, files, record, {found.path.name: found.valid_bytes} if found else None)
    confirmed = record.files.get(found.path.name) if found else None
    return found._replace(confirmed=confirmed.size_bytes) if found and confirmed else found


def _incr_files(valkey_dir: Path, server: Path, record: Record | None) -> list[LogFile] | None:
    """Return the files of the log; None for a directory that was never used, or whose first start was killed."""
    log_dir = valkey_dir / LOG_DIR
    files = read_log_files(log_dir)
    if files is None and record is not None:
        raise damaged(log_dir, f"{MANIFEST} is missing, and the directory was in use", accepting(log_dir))
    if files is None:
        for path in [*log_dir.glob("*.base.*"), *log_dir.glob("*.incr.*")]:
            if path.stat().st_size and "[info] 0 keys read" not in _run("valkey-check-rdb", server, path).stdout:
                raise damaged(log_dir, f"{MANIFEST} is missing, and {path.name} holds data")
    return files


def _check_contents(log_dir: Path, file: LogFile, last: LogFile, server: Path) -> AofDamage | None:
    """Read *file* to its end; returns the damage of an incremental file that ends early."""
    path = log_dir / file.name
    tool = "valkey-check-rdb" if path.suffix == ".rdb" else "valkey-check-aof"
    done = _run(tool, server, path)
    found = _ANALYSED.search(done.stdout)
    if done.returncode == 0:
        return None
    if found is None or file != last or file.kind == "b":
        raise damaged(log_dir, f"{file.name} can't be read ({tool}: status {done.returncode})")
    return AofDamage(path, int(found[1]), int(found[2]))


def snapshot_is_sound(path: Path, server: Path) -> bool:
    """Whether the snapshot at *path* can be read to its end and has the checksum that it should (CRC-64)."""
    return _run("valkey-check-rdb", server, path).returncode == 0


def truncate(damage: AofDamage, server: Path) -> Path:
    """Copy the log, then cut the damage off; returns where the copy is."""
    folder = damage.path.parent
    copy = folder.with_name(f"{folder.name}.{_now()}")
    shutil.copytree(folder, copy)
    for path in [*copy.iterdir(), copy, copy.parent]:
        sync_folder(path)
    done = _run("valkey-check-aof", server, "--fix", damage.path)
    if done.returncode:
        raise SettingsError(f"{damage.path} couldn't be repaired: {done.stdout.strip()}; the copy is {copy}")
    sync_folder(damage.path)
    return copy


def cut_torn_write(valkey_dir: Path, server: Path) -> Path | None:
    """Cut off a write that the server's end interrupted; returns where its bytes are kept, None to leave it.

    Within one boot the page cache has each write that was acknowledged, so an incomplete command at the end was not.
    A write that a signal ends stops at a page (generic_perform_write in Linux's mm/filemap.c): a log that ends
    elsewhere was cut by something else. That, or a power cut, may have taken more: a person decides.
    """
    record, damage = read_record(valkey_dir), find_damage(valkey_dir, server)
    if damage is None or record is None or not record.boot_id or record.boot_id != boot_id():
        return None
    with damage.path.open("r+b") as log:
        log.seek(damage.valid_bytes)
        tail = log.read()
        if damage.valid_bytes < damage.confirmed or damage.size % mmap.PAGESIZE or not ends_early(tail):
            return None
        copy = valkey_dir / "torn" / f"{damage.path.name}.{damage.valid_bytes}.{_now()}"
        copy.parent.mkdir(mode=0o700, exist_ok=True)
        copy.write_bytes(tail)
        for path in (copy, copy.parent, valkey_dir):
            sync_folder(path)
        log.truncate(damage.valid_bytes)
        os.fsync(log.fileno())
    return copy


def ends_early(data: bytes) -> bool:
    """Whether *data* are RESP commands (arrays of bulk strings), of which the last or its transaction is torn."""
    at = 0
    while head := _ARRAY.match(data, at):
        at = head.end()
        for _ in range(int(head[1])):
            bulk = _BULK.match(data, at)
            if bulk is None:
                return _BULK_START.fullmatch(data, at) is not None
            at = bulk.end() + int(bulk[1]) + 2
            ending = data[at - 2 : at]
            if ending != b"\r\n":
                return len(data) < at and b"\r\n".startswith(ending)
    return _ARRAY_START.fullmatch(data, at) is not None


def _now() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"


def _run(tool: str, server: Path, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [tool, *map(str, arguments)],
        executable=server, input="y\n", capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
