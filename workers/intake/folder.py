"""Watched folders: files that appear in a folder are ingested, as by `copydesk ingest`.

    list ──▶ files unchanged for settle_s ──▶ ingest_file ──▶ ignored until they change

copydesk:sources          hash: `NAME:field` → state of the source, for health
copydesk:sources:NAME     string: the worker that watches the source, with an expiry

The step that publishes the items of a file stores the position in it. A killed watcher therefore repeats nothing.
One watcher at a time works on a source. Another one takes over after CLAIM_S.
"""

import asyncio
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from streams.brokers.base import Broker, RedisCommand
from streams.config.tables import SourceTable
from streams.errors import SettingsError, UnavailableError
from streams.logger import get_logger
from streams.retry import Backoff
from workers.intake.ingest import DamagedFileError, FileProgress, IngestOptions, IngestResult, fail_file, ingest_file
from workers.intake.pushed_items import source_url

log = get_logger(__name__)

KEY = "copydesk:sources"
SCAN_S = 1.0
CLAIM_S = 15.0
FILE_RETRY_S = 30.0  # until a file that the system refuses to open is tried again
MAX_ERROR_CHARS = 300
NOTHING = IngestResult(0, 0)
# Names of unfinished files. Sources: rsync, Firefox, Chromium, wget, curl, vsftpd.
UNFINISHED = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".download", ".filepart", ".swp", "~")


class FileVersion(NamedTuple):
    """The size of a file, and the time of its last change."""

    size: int
    changed_ns: int


class Observation(NamedTuple):
    """A version of a file, and the monotonic time since which the file has it."""

    version: FileVersion
    since_s: float


class SourceState(NamedTuple):
    """Files, items and failed records of a source since its first start, and its current condition."""

    files: int = 0
    items: int = 0
    failed: int = 0
    waiting: int = 0
    error: str = ""
    scanned_s: float = 0.0


def list_files(folder: Path, pattern: str) -> dict[Path, FileVersion]:
    """Return the files of *folder* that match the glob *pattern*, without hidden and unfinished ones.

    Raises:
        OSError: the folder is absent or unreadable.
    """
    os.scandir(folder).close()  # `glob` ignores a folder that it can't read
    files = {}
    for path in sorted(folder.glob(pattern)):
        names = path.relative_to(folder).parts
        if any(name.startswith(".") for name in names) or path.name.lower().endswith(UNFINISHED):
            continue
        try:
            if path.is_file():
                status = path.stat()
                files[path] = FileVersion(status.st_size, status.st_mtime_ns)
        except OSError:  # removed meanwhile
            continue
    return files


def observe(
    files: Mapping[Path, FileVersion], before: Mapping[Path, Observation], now_s: float
) -> dict[Path, Observation]:
    """Return the observations of *files*: a file with the version of *before* keeps its time. Pure."""
    return {
        path: seen if (seen := before.get(path)) and seen.version == version else Observation(version, now_s)
        for path, version in files.items()
    }


def settled(observations: Mapping[Path, Observation], now_s: float, settle_s: float) -> Iterable[Path]:
    """Return the files that have not changed for *settle_s*. Pure."""
    return [path for path, seen in observations.items() if now_s - seen.since_s >= settle_s]


class FolderWatcher:
    """Watches the folder of one source. *worker*: name of the process, unique on the broker."""

    def __init__(self, broker: Broker, source: SourceTable, worker: str) -> None:
        self.broker, self.source, self.worker = broker, source, worker
        self.folder = Path(source.path).expanduser()
        self.options = IngestOptions(source_url(source.name), live=True)
        self._seen: dict[Path, Observation] = {}
        self._done: dict[Path, FileVersion] = {}
        self._retry_s: dict[Path, float] = {}
        self._error = ""

    async def run(self) -> None:
        """Ingest files until cancelled. While the broker is unreachable, retry with backoff."""
        backoff = Backoff()
        while True:
            try:
                if await self.claim():
                    await self.scan()
                backoff.reset()
                await asyncio.sleep(SCAN_S)
            except UnavailableError as exc:
                retry_s = backoff.next_delay_s()
                log.warning("folder not read", feed=self.options.source, path=self.folder, error=exc, retry_s=retry_s)
                await asyncio.sleep(retry_s)

    async def claim(self) -> bool:
        """Claim or renew the source; return False while another worker has it."""
        key, state, expiry_ms = f"{KEY}:{self.source.name}", self.broker.state, round(1_000 * CLAIM_S)
        if await state.set(key, self.worker, nx=True, px=expiry_ms):
            return True
        is_own = await state.get(key) == self.worker.encode()
        return is_own and bool(await state.set(key, self.worker, xx=True, px=expiry_ms))

    async def release(self) -> None:
        """Give up the claim, for the next watcher."""
        if await self.broker.state.get(f"{KEY}:{self.source.name}") == self.worker.encode():
            await self.broker.state.delete(f"{KEY}:{self.source.name}")

    async def scan(self) -> None:
        """Ingest the files that are complete, and record the state of the source."""
        try:
            files = await asyncio.to_thread(list_files, self.folder, self.source.pattern)
        except OSError as exc:
            await self._record_unreadable_folder(f"folder unreadable: {exc}")
            return
        now_s = time.monotonic()
        self._seen = observe(files, self._seen, now_s)
        self._done = {path: version for path, version in self._done.items() if path in files}
        waiting = [path for path, seen in self._seen.items() if self._done.get(path) != seen.version]
        ready = set(settled(self._seen, now_s, self.source.settle_s))
        errors = [await self._ingest(path) for path in waiting if path in ready]
        left = sum(self._done.get(path) != seen.version for path, seen in self._seen.items())
        await self._record(next(filter(None, errors), ""), left)

    async def _ingest(self, path: Path) -> str:
        """Ingest one file; return the error for which it must be tried again, or ""."""
        version = self._seen[path].version
        if self._retry_s.get(path, 0.0) > time.monotonic():
            return self._error
        try:
            result = await self._while_claimed(path)
            self._retry_s.pop(path, None)
        except FileNotFoundError:
            return ""
        except DamagedFileError as exc:
            log.warning("file unreadable", feed=self.options.source, path=path, error=exc, next_step="see dead letters")
            await self._fail(path, version, str(exc), exc.result)
        except (OSError, SettingsError) as exc:  # SettingsError: an optional package is absent
            log.warning("file unreadable", feed=self.options.source, path=path, error=exc, retry_s=FILE_RETRY_S)
            self._retry_s[path] = time.monotonic() + FILE_RETRY_S
            return f"file unreadable: {path} ({exc})"
        except UnavailableError:
            raise
        except Exception as exc:
            log.exception("file failed", feed=self.options.source, path=path, next_step="see dead letters")
            await self._fail(path, version, f"bug: {exc!r}")
        else:
            if result is not None:
                log.info("file ingested", feed=self.options.source, path=path, count=result.items)
                await self._count(files=1, items=result.items, failed=result.failed)
        self._done[path] = version
        return ""

    async def _fail(self, path: Path, version: FileVersion, error: str, sent: IngestResult = NOTHING) -> None:
        """Publish a dead letter for *version* of a file, of which the records *sent* were readable."""
        progress = FileProgress(0, version.size, version.changed_ns)
        await fail_file(self.broker, path, self.options, error, progress)
        await self._count(files=1, items=sent.items, failed=sent.failed + 1)

    async def _while_claimed(self, path: Path) -> Any:
        """Return the result of `ingest_file`; renew the claim meanwhile. Stop when another worker has the source."""
        work = asyncio.ensure_future(ingest_file(self.broker, path, self.options))
        try:
            while not (await asyncio.wait({work}, timeout=CLAIM_S / 3))[0]:
                if not await self.claim():
                    raise UnavailableError(f"source taken over: {self.source.name}")
            return work.result()
        finally:
            work.cancel()

    async def _count(self, **counts: int) -> None:
        commands: list[RedisCommand] = [
            ("HINCRBY", KEY, f"{self.source.name}:{name}", n) for name, n in counts.items() if n
        ]
        await self.broker.publish((), commands)

    async def _record_unreadable_folder(self, error: str) -> None:
        if error != self._error:
            log.warning("folder not read", feed=self.options.source, path=self.folder, error=error, retry_s=SCAN_S)
        await self._record(error, 0)

    async def _record(self, error: str, waiting: int) -> None:
        self._error = error
        values: dict[str, str | int] = {
            "error": error[:MAX_ERROR_CHARS],
            "waiting": waiting,
            "scanned_s": f"{time.time():.0f}",
        }
        commands: list[RedisCommand] = [("HSET", KEY, f"{self.source.name}:{key}", v) for key, v in values.items()]
        await self.broker.publish((), commands)


async def read_source_states(state: Any) -> dict[str, SourceState]:
    """Return the state of each source by its name."""
    fields: dict[str, dict[str, Any]] = {}
    for key, value in (await state.hgetall(KEY)).items():
        name, _, field = key.decode().rpartition(":")
        kind = {"error": str, "scanned_s": float}.get(field, int)
        fields.setdefault(name, {})[field] = kind(value.decode())
    return {name: SourceState(**values) for name, values in fields.items()}
