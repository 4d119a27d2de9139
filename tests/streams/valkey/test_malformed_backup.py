"""Restore of malformed and hostile archives: one message, and nothing is left behind."""

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from streams.errors import UnreadableError
from streams.valkey.backup import METADATA_FILE, SNAPSHOT, restore
from streams.valkey.server import find_server_binary

NOTE = json.dumps({"format": 1, "time": "2026-01-01T00:00:00+00:00"}).encode()
RDB = b"REDIS0011" + b"\xff" * 9
LINK, HARD_LINK, FIFO, FOLDER = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE
Member = tuple[str, bytes, bytes | str]  # name, type, content or target
ARCHIVES: dict[str, list[Member]] = {
    "traversal": [(METADATA_FILE, b"0", NOTE), ("../../PWNED", b"0", b"x"), (SNAPSHOT, b"0", RDB)],
    "link": [(METADATA_FILE, b"0", NOTE), (SNAPSHOT, LINK, "/etc/passwd")],
    "link of metadata": [(METADATA_FILE, LINK, "/etc/passwd"), (SNAPSHOT, b"0", RDB)],
    "hard link": [(METADATA_FILE, b"0", NOTE), (SNAPSHOT, HARD_LINK, "/etc/passwd")],
    "fifo": [(METADATA_FILE, b"0", NOTE), (SNAPSHOT, FIFO, "")],
    "folder": [(METADATA_FILE, b"0", NOTE), (SNAPSHOT, FOLDER, "")],
    "loop": [(METADATA_FILE, b"0", NOTE), (SNAPSHOT, LINK, SNAPSHOT)],
    "nested metadata": [(METADATA_FILE, b"0", b"[" * 9_000), (SNAPSHOT, b"0", RDB)],
    "deep metadata": [(METADATA_FILE, b"0", b'{"a":' * 1_600 + b"1"), (SNAPSHOT, b"0", RDB)],
    "escape sequence": [(METADATA_FILE, b"0", b'{"format": "\\u001b]0;x\\u0007", "time": "x"}'), (SNAPSHOT, b"0", RDB)],
    "time as list": [(METADATA_FILE, b"0", b'{"format": 1, "time": [1]}'), (SNAPSHOT, b"0", RDB)],
    "no time": [(METADATA_FILE, b"0", b'{"format": 1}'), (SNAPSHOT, b"0", RDB)],
    "no snapshot": [(METADATA_FILE, b"0", NOTE)],
    "no metadata": [(SNAPSHOT, b"0", RDB)],
}


def archive(path: Path, members: list[Member]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, kind, content in members:
            entry = tarfile.TarInfo(name)
            entry.type = kind
            if isinstance(content, bytes):
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
            else:
                entry.linkname = content
                tar.addfile(entry)
    return path


@pytest.mark.parametrize("name", ARCHIVES)
def test_malformed_backup_is_refused_without_traces(name: str, tmp_path: Path) -> None:
    file, data_dir = archive(tmp_path / "b.tar", ARCHIVES[name]), tmp_path / "restored"
    with pytest.raises(UnreadableError, match=r"backup: .*b\.tar \(.*; use ") as error:
        restore(file, data_dir, find_server_binary())
    assert str(error.value).isprintable()
    assert not [path for path in data_dir.rglob("*") if path.is_file()]
    assert not list(tmp_path.rglob("PWNED"))


@pytest.mark.parametrize("content", [b"", b"not a tar", gzip.compress(b"\0" * 5_000_000)])
def test_file_that_is_no_archive_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "b.tar"
    file.write_bytes(content)
    with pytest.raises(UnreadableError, match="not a readable backup"):
        restore(file, tmp_path / "restored", find_server_binary())
