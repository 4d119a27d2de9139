"""Verification of the embedded server's append-only file (AOF): manifest, base and incremental files, and a record.

The record lies beside the AOF. It holds the size and CRC-32 of a synced prefix of each file. The files only grow, until
a rewrite replaces them by files with higher numbers. A later AOF therefore contains the recorded prefixes.
Manifest: lines `file NAME seq N type b|i|h` for base, incremental and history files (aof.c of Valkey).
"""

import os
import re
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from streams.clock import boot_id
from streams.errors import SettingsError

AOF_DIR, MANIFEST, RECORD = "appendonlydir", "appendonly.aof.manifest", "valkey.record.json"
RDB_MAGIC = (b"REDIS", b"VALKEY")  # a base is a snapshot, or commands where aof-use-rdb-preamble is off
AOF_FIRST_BYTES = (b"*", b"#")
FORMAT = 1
CHUNK_BYTES = 1 << 20
_NAME = r"appendonly\.aof\.(\d+)\.(?:base\.(?:rdb|aof)|incr\.aof)"
_LINE = re.compile(rf"file ({_NAME}) seq (\d+) type ([bih])(?: \S+ \S+)*")


class DamagedAofError(SettingsError):
    """The append-only file is unreadable, or lacks acknowledged writes."""


class AofFile(NamedTuple):
    """A line of the manifest."""

    name: str
    seq: int
    type: str  # b: base, i: incremental, h: history, about to be removed


class Prefix(NamedTuple):
    """A prefix of a file: size and CRC-32."""

    size_bytes: int
    crc: int


class SyncedPrefixes(msgspec.Struct, frozen=True):
    """Synced prefixes of all AOF files at one moment; `boot_id` is empty where the kernel has none."""

    format: int
    boot_id: str
    files: dict[str, Prefix]


def damaged(aof_dir: Path, fault: str, step: str = "put a backup in its place (`copydesk restore`)") -> DamagedAofError:
    """Return the error for *fault* of the append-only file in *aof_dir*."""
    return DamagedAofError(f"append-only file damaged: {aof_dir} ({fault}); a start would lose data, so {step}")


# -- the files ------------------------------------------------------------------------------------------------


def read_aof_files(aof_dir: Path) -> list[AofFile] | None:
    """Return the base and incremental files in order; None without a manifest.

    Raises:
        DamagedAofError: a part is missing, empty or malformed; the message names the first one.
    """
    try:
        text = (aof_dir / MANIFEST).read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    entries = [_entry(aof_dir, line) for line in text.splitlines(keepends=True) if not line.startswith("#")]
    files = [entry for entry in entries if entry.type != "h"]
    _check_order(aof_dir, entries)
    for file in files:
        _check_file(aof_dir, file)
    for path in aof_dir.glob("*.incr.aof"):
        if path.name not in {entry.name for entry in entries} and path.stat().st_size:
            raise damaged(aof_dir, f"{MANIFEST} does not list {path.name}")
    return files


def _entry(aof_dir: Path, line: str) -> AofFile:
    fields = _LINE.fullmatch(line.removesuffix("\n"))
    if not fields or not line.endswith("\n") or fields[2] != fields[3]:
        raise damaged(aof_dir, f"{MANIFEST} has an unreadable line {line[:80]!r}")
    return AofFile(fields[1], int(fields[3]), fields[4])


def _check_order(aof_dir: Path, entries: Iterable[AofFile]) -> None:
    """Check that the manifest lists one base, incremental files without gaps, and older history files."""
    seqs = {kind: [e.seq for e in entries if e.type == kind and (kind == "b" or "incr" in e.name)] for kind in "bih"}
    if len(seqs["b"]) != 1:
        raise damaged(aof_dir, f"{MANIFEST} lists {len(seqs['b'])} bases, not one")
    current, history = seqs["i"], seqs["h"]
    if current and current != list(range(current[0], current[0] + len(current))):
        raise damaged(aof_dir, f"{MANIFEST} does not list all incremental files (*.incr.aof)")
    if history and (not current or max(history) >= current[0]):
        raise damaged(aof_dir, f"{MANIFEST} lists the last incremental file (*.incr.aof) as history")


def _check_file(aof_dir: Path, file: AofFile) -> None:
    try:
        with (aof_dir / file.name).open("rb") as content:
            head = content.read(max(map(len, RDB_MAGIC)))
    except FileNotFoundError:
        raise damaged(aof_dir, f"{file.name} of {MANIFEST} is missing") from None
    if file.type == "b" and not head:
        raise damaged(aof_dir, f"{file.name} is empty")
    first_bytes = RDB_MAGIC + AOF_FIRST_BYTES if file.type == "b" else AOF_FIRST_BYTES
    if head and not head.startswith(first_bytes):
        raise damaged(aof_dir, f"{file.name} has an invalid start {head!r}")


# -- the record -----------------------------------------------------------------------------------------------


def read_record(valkey_dir: Path) -> SyncedPrefixes | None:
    """Return the record beside *valkey_dir*; None without one."""
    path = valkey_dir.parent / RECORD
    try:
        record = msgspec.json.decode(path.read_bytes(), type=SyncedPrefixes)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as exc:
        raise SettingsError(
            f"unreadable record of the append-only file: {path} ({exc}); remove it to start without a comparison"
        ) from exc
    if record.format != FORMAT:
        raise SettingsError(
            f"unsupported record of the append-only file: {path} (format {record.format}, supported {FORMAT});"
            " upgrade copydesk"
        )
    return record


def write_record(valkey_dir: Path, files: Mapping[str, Prefix]) -> None:
    """Write the record of *files*, which must be synced; a crash leaves the previous or the new record."""
    path = valkey_dir.parent / RECORD
    part = path.with_suffix(".part")
    with part.open("wb") as out:
        out.write(msgspec.json.encode(SyncedPrefixes(FORMAT, boot_id(), dict(files))))
        out.flush()
        os.fsync(out.fileno())
    part.rename(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Sync the directory *folder*, or a file."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # a parent of another owner, which exists for long
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def synced_prefixes(
    aof_dir: Path, previous: Mapping[str, Prefix] | None = None, max_bytes: int | None = None
) -> dict[str, Prefix]:
    """Sync the AOF files; return their prefixes, extended from *previous* by at most *max_bytes* together."""
    out: dict[str, Prefix] = {}
    for file in read_aof_files(aof_dir) or ():
        before = (previous or {}).get(file.name, Prefix(0, 0))
        with (aof_dir / file.name).open("rb") as content:
            prefix = _extend(content.fileno(), before, max_bytes)
            if prefix != before:
                os.fsync(content.fileno())
        if max_bytes is not None:
            max_bytes -= prefix.size_bytes - before.size_bytes
        out[file.name] = prefix
    return out


def _extend(descriptor: int, prefix: Prefix, max_bytes: int | None) -> Prefix:
    """Return *prefix* extended by the following bytes of the file, at most *max_bytes*."""
    size, crc = prefix
    end = os.fstat(descriptor).st_size if max_bytes is None else size + max_bytes
    while piece := os.pread(descriptor, min(CHUNK_BYTES, max(0, end - size)), size):
        size, crc = size + len(piece), zlib.crc32(piece, crc)
    return Prefix(size, crc)


def compare(
    aof_dir: Path, files: Iterable[AofFile], record: SyncedPrefixes, torn: Mapping[str, int] | None = None
) -> None:
    """Compare *files* with the prefixes in *record*.

    *torn* maps the name of a torn file to its readable size; the caller reports its missing end.

    Raises:
        DamagedAofError: a recorded prefix is missing or differs.
    """
    files = list(files)
    names = {file.name for file in files}
    [base] = [file for file in files if file.type == "b"]
    last_seq = {"base": base.seq, "incr": max((file.seq for file in files if file.type == "i"), default=0)}
    for name, prefix in record.files.items():
        readable = (torn or {}).get(name)
        if name in names and (readable is None or readable >= prefix.size_bytes):
            _compare_file(aof_dir, name, prefix)
        elif name not in names and (base.name in record.files or not _is_replaced(name, last_seq)):
            raise damaged(aof_dir, f"{MANIFEST} no longer lists {name}", restore_or_accept(aof_dir))


def _compare_file(aof_dir: Path, name: str, prefix: Prefix) -> None:
    size = (aof_dir / name).stat().st_size
    if size < prefix.size_bytes:
        fault = f"{name} has {size} bytes, at least {prefix.size_bytes} were confirmed"
        step = "truncate a torn end (`copydesk repair`), " if ".incr." in name else ""
        raise damaged(aof_dir, fault, step + restore_or_accept(aof_dir))
    with (aof_dir / name).open("rb") as content:
        if _extend(content.fileno(), Prefix(0, 0), prefix.size_bytes) != prefix:
            raise damaged(aof_dir, f"CRC-32 mismatch in the confirmed bytes of {name}", restore_or_accept(aof_dir))


def restore_or_accept(aof_dir: Path) -> str:
    """Return the next step for damage whose loss a person may also accept."""
    record = aof_dir.parent.parent / RECORD
    return f"put a backup in its place (`copydesk restore`), or remove {record} to start with the remaining data"


def _is_replaced(name: str, last_seq: Mapping[str, int]) -> bool:
    """Return whether a rewrite has replaced *name* by a later file."""
    seq, kind = name.split(".")[2:4]
    return int(seq) <= last_seq[kind]
