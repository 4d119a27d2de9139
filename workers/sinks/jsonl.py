"""The JSON Lines sink: appends each revision to a file, which is renamed when it is full.

The file may be shared by several processes, and renamed by another program such as logrotate. Each batch is appended
under a lock, after the lines of others were read.
"""

import fcntl
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import msgspec

from streams.codec import encode
from streams.config.settings import Settings
from streams.errors import UnavailableError
from streams.logger import get_logger
from workers.sinks.base import DECODE_ERRORS, Sink, SinkEvent
from workers.sinks.blocking import BlockingCalls
from workers.sinks.options import option

log = get_logger(__name__)

BATCH_SIZE = 200
MB = 1_000_000
READ_BYTES = 1024 * 1024
RENAMED = re.compile(r"-([0-9]{6,})-[0-9]{8}T[0-9]{6}Z$")  # number and time at the end of a renamed file's stem


class Revision(msgspec.Struct):
    """The part of a line that identifies an event."""

    id: str
    revision: int


REVISION = msgspec.json.Decoder(Revision)


@dataclass(frozen=True, kw_only=True)
class JsonLinesOptions:
    """Append each revision of an article to a file, as one line of JSON; see [JSON Lines](../howto/sink-jsonl.md)."""

    path: Path = option("path of the file, in an existing folder", example='"articles.jsonl"')
    max_mb: float = option(
        "size in MB at which the file is renamed to `NAME-NUMBER-TIME.jsonl`",
        default=100.0,
        minimum=0.001,
        example="100",
    )
    keep_files: int = option(
        "number of renamed files to keep, the newest; 0 keeps all", default=0, minimum=0, example="30"
    )


class JsonLinesSink(Sink[JsonLinesOptions]):
    """Appends articles to a file."""

    options_type = JsonLinesOptions

    def __init__(self, settings: Settings, options: JsonLinesOptions) -> None:
        super().__init__(settings, options)
        self.batch_size = BATCH_SIZE
        self._calls = BlockingCalls()
        self._writer = LinesWriter(options)

    async def deliver(self, batch: Sequence[SinkEvent]) -> None:
        """Append the events that the file lacks. Raises: see `Sink.deliver`."""
        await self._calls.run(lambda: self._append(batch))

    async def close(self) -> None:
        """Close the file."""
        await self._calls.run(self._writer.close)
        self._calls.close()

    def _append(self, batch: Sequence[SinkEvent]) -> None:
        try:
            self._writer.append(batch)
        except OSError as exc:
            self._writer.close()
            raise UnavailableError(f"file not writable: {self.options.path} ({exc.strerror or exc})") from exc


class LinesWriter:
    """Appends lines to a file that others may append to and rename. It knows the revisions in the file.

    It also knows those of the last renamed file: a redelivered batch may be in both files.
    """

    def __init__(self, options: JsonLinesOptions) -> None:
        self.options = options
        self._file: IO[bytes] | None = None
        self._read_bytes = 0
        self._revisions: dict[str, int] = {}

    def append(self, batch: Sequence[SinkEvent]) -> None:
        """Append the lines of *batch* that are missing, and write them to the disk. Raises: OSError."""
        with self._lock_file() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # released with the file
            file = self._current_file()
            self._read_new_lines(file)
            lines = b"".join(encode(event.article) + b"\n" for event in batch if self._is_new(event))
            if lines:
                _write_all(file, lines)
                os.fsync(file.fileno())
                self._read_bytes += len(lines)
            if self._read_bytes >= self.options.max_mb * MB:
                self._rotate()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _lock_file(self) -> IO[bytes]:
        return self.options.path.with_name(f".{self.options.path.name}.lock").open("ab")

    def _current_file(self) -> IO[bytes]:
        """Return the file at the path; open it again if another program has renamed or truncated it."""
        path = self.options.path
        if self._file is not None:
            try:
                found = path.stat()
                if os.path.samestat(os.fstat(self._file.fileno()), found) and found.st_size >= self._read_bytes:
                    return self._file
            except FileNotFoundError:
                pass  # renamed
        self.close()
        self._revisions, self._read_bytes = {}, 0
        for renamed in self._renamed_files()[-1:]:
            with renamed.open("rb") as file:
                self._read_lines(file)
        self._read_bytes = 0
        self._file = path.open("a+b", buffering=0)  # a failed write must not be repeated by close()
        sync_folder(path)
        return self._file

    def _read_new_lines(self, file: IO[bytes]) -> None:
        """Read the lines of others. Remove a line without its end: its writer was killed, or had no space."""
        file.seek(self._read_bytes)
        if rest := self._read_lines(file):
            file.truncate(self._read_bytes)
            log.warning(
                "incomplete line removed", path=self.options.path,
                position_bytes=self._read_bytes, removed_bytes=len(rest),
            )  # fmt: skip

    def _read_lines(self, file: IO[bytes]) -> bytes:
        """Record the revisions in the lines from the current position; return the bytes after the last line end."""
        rest = b""
        while chunk := file.read(READ_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._record(line)
                self._read_bytes += len(line) + 1
        return rest

    def _record(self, line: bytes) -> None:
        try:
            event = REVISION.decode(line)
        except DECODE_ERRORS:
            return  # a line of another program
        self._revisions[event.id] = max(event.revision, self._revisions.get(event.id, 0))

    def _is_new(self, event: SinkEvent) -> bool:
        id_, revision = event.article.id, event.article.revision
        if revision <= self._revisions.get(id_, 0):
            return False
        self._revisions[id_] = revision
        return True

    def _rotate(self) -> None:
        """Rename the full file; remove the oldest renamed files beyond `keep_files`."""
        path = self.options.path
        number = max(self._numbers().values(), default=0) + 1
        path.rename(path.with_name(f"{path.stem}-{number:06}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}{path.suffix}"))
        sync_folder(path)
        self.close()
        if self.options.keep_files:
            for old in self._renamed_files()[: -self.options.keep_files]:
                old.unlink(missing_ok=True)

    def _renamed_files(self) -> list[Path]:
        """Return the renamed files, the oldest first."""
        numbers = self._numbers()
        return sorted(numbers, key=lambda path: numbers[path])

    def _numbers(self) -> dict[Path, int]:
        """Return the renamed files with their numbers, which do not depend on the clock."""
        path = self.options.path
        matches = {old: RENAMED.search(old.stem) for old in path.parent.iterdir() if old.suffix == path.suffix}
        return {old: int(m[1]) for old, m in matches.items() if m and old.stem[: m.start()] == path.stem}


def _write_all(file: IO[bytes], data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def sync_folder(path: Path) -> None:
    """Write the names in the folder of *path* to the disk: a new or renamed file survives a power cut."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
