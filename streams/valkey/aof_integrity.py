"""Verification of the embedded server's append-only log: manifest, base, incremental files, and a record of them.

The record lies beside the log: size and CRC-32 of a prefix of each file, written after that prefix was synced. The
files only grow until a rewrite replaces them under higher numbers, so a later log always holds what the record has.
Manifest: lines `file NAME seq N type b|i|h` for base, incremental and history files (aof.c of Valkey).
"""

import os
import re
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from streams.errors import SettingsError

LOG_DIR, MANIFEST, RECORD = "appendonlydir", "appendonly.aof.manifest", "valkey.record.json"
RDB_MAGIC = (b"REDIS", b"VALKEY")  # a base is a snapshot, or commands where aof-use-rdb-preamble is off
AOF_MARKS = (b"*", b"#")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
FORMAT = 1
PIECE_BYTES = 1 << 20
_NAME = r"appendonly\.aof\.(\d+)\.(?:base\.(?:rdb|aof)|incr\.aof)"
_LINE = re.compile(rf"file ({_NAME}) seq (\d+) type ([bih])(?: \S+ \S+)*")


class DamagedLogError(SettingsError):
    """A log that lacks something that was acknowledged, or can't be read."""


class LogFile(NamedTuple):
    """A line of the manifest."""

    name: str
    seq: int
    kind: str  # b: base, i: incremental, h: history, about to be removed


class Prefix(NamedTuple):
    """The first bytes of a file, by number and CRC-32."""

    size_bytes: int
    crc: int


class Record(msgspec.Struct, frozen=True):
    """The log as it was on the disk at one moment; `boot_id` is empty where the kernel has none."""

    format: int
    boot_id: str
    files: dict[str, Prefix]


def damaged(log_dir: Path, fault: str, step: str = "put a backup in its place (`copydesk restore`)") -> DamagedLogError:
    """Return the error for *fault* of the log in *log_dir*."""
    return DamagedLogError(f"the log in {log_dir} is damaged, and starting would lose data: {fault}; {step}")


def boot_id() -> str:
    """Return the id of this boot of the kernel; empty where there is none."""
    return BOOT_ID.read_text("ascii").strip() if BOOT_ID.exists() else ""


# -- the files ------------------------------------------------------------------------------------------------


def read_log_files(log_dir: Path) -> list[LogFile] | None:
    """Return the files that make up the log, in order; None where there is no manifest.

    Raises DamagedLogError naming the first part that is missing, empty, or of another form.
    """
    try:
        text = (log_dir / MANIFEST).read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    entries = [_entry(log_dir, line) for line in text.splitlines(keepends=True) if not line.startswith("#")]
    files = [entry for entry in entries if entry.kind != "h"]
    _check_order(log_dir, entries)
    for file in files:
        _check_file(log_dir, file)
    for path in log_dir.glob("*.incr.aof"):
        if path.name not in {entry.name for entry in entries} and path.stat().st_size:
            raise damaged(log_dir, f"{MANIFEST} does not list {path.name}")
    return files


def _entry(log_dir: Path, line: str) -> LogFile:
    found = _LINE.fullmatch(line.removesuffix("\n"))
    if not found or not line.endswith("\n") or found[2] != found[3]:
        raise damaged(log_dir, f"{MANIFEST} has an unreadable line {line[:80]!r}")
    return LogFile(found[1], int(found[3]), found[4])


def _check_order(log_dir: Path, entries: Iterable[LogFile]) -> None:
    """Refuse a manifest that Valkey can't have written: one base; incremental files without a gap, history before."""
    seqs = {kind: [e.seq for e in entries if e.kind == kind and (kind == "b" or "incr" in e.name)] for kind in "bih"}
    if len(seqs["b"]) != 1:
        raise damaged(log_dir, f"{MANIFEST} lists {len(seqs['b'])} bases, not one")
    current, history = seqs["i"], seqs["h"]
    if current and current != list(range(current[0], current[0] + len(current))):
        raise damaged(log_dir, f"{MANIFEST} does not list all incremental files (*.incr.aof)")
    if history and (not current or max(history) >= current[0]):
        raise damaged(log_dir, f"{MANIFEST} lists the last incremental file (*.incr.aof) as history")


def _check_file(log_dir: Path, file: LogFile) -> None:
    try:
        with (log_dir / file.name).open("rb") as held:
            head = held.read(max(map(len, RDB_MAGIC)))
    except FileNotFoundError:
        raise damaged(log_dir, f"{file.name} is missing, which {MANIFEST} lists") from None
    if file.kind == "b" and not head:
        raise damaged(log_dir, f"{file.name} is empty")
    marks = RDB_MAGIC + AOF_MARKS if file.kind == "b" else AOF_MARKS
    if head and not head.startswith(marks):
        raise damaged(log_dir, f"{file.name} begins with {head!r}, which no log does")


# -- the record -----------------------------------------------------------------------------------------------


def read_record(valkey_dir: Path) -> Record | None:
    """Return the record beside *valkey_dir*; None where none was written."""
    path = valkey_dir.parent / RECORD
    try:
        record = msgspec.json.decode(path.read_bytes(), type=Record)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as exc:
        raise SettingsError(
            f"unreadable record of the log: {path} ({exc}); remove it to start without a comparison"
        ) from exc
    if record.format != FORMAT:
        raise SettingsError(f"{path}: written by a newer copydesk (format {record.format}); upgrade this one")
    return record


def write_record(valkey_dir: Path, files: Mapping[str, Prefix]) -> None:
    """Write the record of *files*, which must be synced; a crash leaves the one before, or this."""
    path = valkey_dir.parent / RECORD
    part = path.with_suffix(".part")
    with part.open("wb") as out:
        out.write(msgspec.json.encode(Record(FORMAT, boot_id(), dict(files))))
        out.flush()
        os.fsync(out.fileno())
    part.rename(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Sync the names in *folder*, or the file of that name."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # a parent that is not ours to read: its owner made it long before
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def synced_prefixes(
    log_dir: Path, known: Mapping[str, Prefix] | None = None, most_bytes: int | None = None
) -> dict[str, Prefix]:
    """Sync the files of the log; returns what they hold, read on from *known*, *most_bytes* at once."""
    out: dict[str, Prefix] = {}
    for file in read_log_files(log_dir) or ():
        before = (known or {}).get(file.name, Prefix(0, 0))
        with (log_dir / file.name).open("rb") as held:
            prefix = _read_on(held.fileno(), before, most_bytes)
            if prefix != before:
                os.fsync(held.fileno())
        if most_bytes is not None:
            most_bytes -= prefix.size_bytes - before.size_bytes
        out[file.name] = prefix
    return out


def _read_on(descriptor: int, prefix: Prefix, most_bytes: int | None) -> Prefix:
    """Return *prefix* made longer by what the file holds behind it."""
    size, crc = prefix
    end = os.fstat(descriptor).st_size if most_bytes is None else size + most_bytes
    while piece := os.pread(descriptor, min(PIECE_BYTES, max(0, end - size)), size):
        size, crc = size + len(piece), zlib.crc32(piece, crc)
    return Prefix(size, crc)


def compare(log_dir: Path, files: Iterable[LogFile], record: Record, torn: Mapping[str, int] | None = None) -> None:
    """Raise DamagedLogError when *files* hold less than *record*, or something else.

    *torn* gives, by name, the readable size of a file whose missing end is known and reported elsewhere.
    """
    files = list(files)
    names = {file.name for file in files}
    [base] = [file for file in files if file.kind == "b"]
    last_seq = {"base": base.seq, "incr": max((file.seq for file in files if file.kind == "i"), default=0)}
    for name, prefix in record.files.items():
        readable = (torn or {}).get(name)
        if name in names and (readable is None or readable >= prefix.size_bytes):
            _compare_file(log_dir, name, prefix)
        elif name not in names and (base.name in record.files or not _is_replaced(name, last_seq)):
            raise damaged(log_dir, f"{MANIFEST} no longer lists {name}", accepting(log_dir))


def _compare_file(log_dir: Path, name: str, prefix: Prefix) -> None:
    size = (log_dir / name).stat().st_size
    if size < prefix.size_bytes:
        fault = f"{name} has {size} bytes, and {prefix.size_bytes} were confirmed"
        step = "`copydesk repair` cuts off a torn end; else " if ".incr." in name else ""
        raise damaged(log_dir, fault, step + accepting(log_dir))
    with (log_dir / name).open("rb") as held:
        if _read_on(held.fileno(), Prefix(0, 0), prefix.size_bytes) != prefix:
            raise damaged(log_dir, f"{name} has other bytes than were confirmed (CRC-32)", accepting(log_dir))


def accepting(log_dir: Path) -> str:
    """Return the next step where a person may decide that what is left is enough."""
    record = log_dir.parent.parent / RECORD
    return f"put a backup in its place (`copydesk restore`), or remove {record} to start with what is left"


def _is_replaced(name: str, last_seq: Mapping[str, int]) -> bool:
    """Whether a rewrite has put a later file in the place of *name*."""
    seq, kind = name.split(".")[2:4]
    return int(seq) <= last_seq[kind]
