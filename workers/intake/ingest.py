"""Reading of files into the items topic, resumable after a kill.

    file ──▶ format ──▶ records ──▶ items, in batches ──▶ items topic, and the position in the file (one step)

copydesk:ingest    hash: digest of source and path → position, size, time of change, end of the file, time of the entry

The hash has at most MAX_FILES entries. A new entry then removes the oldest ones. A repeated ingestion of such a file
sends its items again, and the desk recognises them.

A repeated step sends the items of one batch again; the desk recognises them. Items go through the archive lane, which
the desk handles while no live item waits. Files wait for the desk: a batch is sent once fewer than MAX_WAITING items
are queued. This bounds the broker's memory.
"""

import asyncio
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from streams.brokers.base import Broker, RedisCommand
from streams.errors import UnreadableError
from streams.logger import get_logger
from streams.records import Item
from streams.topics import ARCHIVE_ITEMS, DESK_GROUP, ITEMS, Topic
from workers.intake.formats import FORMATS, FileContext, FileRecord, detect_format
from workers.intake.publish import publish
from workers.intake.pushed_items import as_archived

log = get_logger(__name__)

STATE_KEY = "copydesk:ingest"
BATCH_ITEMS = 50
BATCH_CHARS = 2_000_000
MAX_WAITING = 100
LAG_CHECK_S = 0.1
MAX_FILES = 100_000  # with a stored position, 15 MB
REMOVED_SHARE = 1 / 10  # of them, beyond MAX_FILES: one pass over all entries serves many new files
FIELDS_PER_COMMAND = 1_000  # Lua's unpack takes fewer than 8,000 values (LUAI_MAXCSTACK)


class FileProgress(msgspec.Struct, frozen=True, omit_defaults=True):
    """The position up to which the broker has confirmed the items of a file. *at_s*: Unix time of the entry."""

    position: int
    size: int
    changed_ns: int
    is_done: bool = False
    at_s: int = 0


class IngestOptions(NamedTuple):
    """Options of one run. `source`: feed URL of the items. `again`: ignore stored positions.

    `live`: send news of now through the main lane, dated by their arrival.
    """

    source: str
    url: str = ""
    format_name: str = ""
    again: bool = False
    live: bool = False

    @property
    def topic(self) -> Topic:
        return ITEMS if self.live else ARCHIVE_ITEMS


class IngestResult(NamedTuple):
    """Numbers of items sent and of failed records."""

    items: int
    failed: int


class DamagedFileError(UnreadableError):
    """A file of an unknown format, or damaged. *result*: numbers of the records before the damage, which were sent."""

    def __init__(self, error: UnreadableError, result: IngestResult) -> None:
        super().__init__(*error.args, code=error.code)
        self.result = result


class Batch:
    """Records that are sent in one step."""

    def __init__(self, end: int = 0) -> None:
        self.items: list[Item] = []
        self.failed: list[tuple[str, str]] = []
        self.held: list[tuple[datetime, Item]] = []
        self.end, self._chars = end, 0

    def add(self, record: FileRecord) -> None:
        """Add a record."""
        self.items += record.items
        self.failed += record.failed
        self.held += record.held
        self.end = max(self.end, record.end)
        self._chars += sum(len(item.text_dump) + len(item.page.html if item.page else "") for item in record.items)

    @property
    def is_full(self) -> bool:
        return len(self.items) + len(self.failed) >= BATCH_ITEMS or self._chars >= BATCH_CHARS


def expand(paths: Sequence[str]) -> list[Path]:
    """Return the files of *paths*, and those of each directory in them, sorted. Raises UnreadableError."""
    files: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            files += sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
        elif path.exists():
            files.append(path)
        else:
            raise UnreadableError(f"no such file: {path}")
    return files


def read_records(
    name: str, file: BinaryIO, options: IngestOptions, start: int = 0, changed_at: datetime | None = None
) -> Iterator[FileRecord]:
    """Yield the records of *file* from position *start*. *changed_at*: when the file did. Raises UnreadableError."""
    file_format = FORMATS[options.format_name] if options.format_name else detect_format(name, file)
    context = FileContext(name, options.source, options.url, datetime.now(UTC))
    for record in file_format.read(file, start, context):
        yield record if options.live else _dated(record, context.fetched_at, changed_at)


def _dated(record: FileRecord, arrived_at: datetime, changed_at: datetime | None) -> FileRecord:
    """Return *record* with the time of its version in each item whose time is that of arrival."""
    items = [as_archived(item, changed_at) if item.fetched_at == arrived_at else item for item in record.items]
    return record._replace(items=items)


async def ingest_file(
    broker: Broker, path: Path, options: IngestOptions, advance: Callable[[int], None] = lambda n: None
) -> IngestResult | None:
    """Send the items of a file, from the stored position; return None if the file was sent completely before.

    *advance* is called with the number of items of each batch.

    Raises:
        DamagedFileError: the file is damaged; the records before the damage were sent.
    """
    fresh = _new_progress(path)
    stored = None if options.again else await _stored(broker, path, options, fresh)
    if stored and stored.is_done:
        return None
    with path.open("rb") as file:
        changed_at = datetime.fromtimestamp(fresh.changed_ns / 1e9, UTC)
        records = read_records(str(path), file, options, stored.position if stored else 0, changed_at)
        result = await send_records(broker, records, options, path, fresh, advance)
    await forget_oldest(broker)
    return result


async def fail_file(broker: Broker, path: Path, options: IngestOptions, error: str, fresh: FileProgress) -> None:
    """Publish a dead letter for a damaged file, and end its reading in the same step.

    The letter names the file and the position up to which its items were sent. *fresh*: progress 0 of the version that
    was read. The file may have changed or gone meanwhile.
    """
    stored = await _stored(broker, path, options, fresh)
    position = stored.position if stored else 0
    letter = (options.source, os.fspath(path), f"{path}: unreadable after position {position}: {error}")
    ended = _progress_commands(path, options, fresh, position, is_done=True)
    await publish(broker, [], failed=[letter], state_writes=ended)


def _new_progress(path: Path) -> FileProgress:
    status = path.stat()
    return FileProgress(0, status.st_size, status.st_mtime_ns)


async def send_records(
    broker: Broker, records: Iterator[FileRecord], options: IngestOptions, path: Path | None = None,
    progress: FileProgress | None = None, advance: Callable[[int], None] = lambda n: None,
) -> IngestResult:  # fmt: skip
    """Send *records* in batches; store the *progress* of the file at *path* with each.

    Raises:
        DamagedFileError: the file is damaged; the records before the damage were sent.
    """
    batch, sent, failed = Batch(), 0, 0
    try:
        for record in records:
            batch.add(record)
            if batch.is_full:
                await _send(broker, batch, options, _progress_commands(path, options, progress, batch.end))
                sent, failed = sent + len(batch.items), failed + len(batch.failed)
                advance(len(batch.items))
                batch = Batch(batch.end)
    except UnreadableError as exc:
        if batch.end:
            await _send(broker, batch, options, _progress_commands(path, options, progress, batch.end))
        raise DamagedFileError(exc, IngestResult(sent + len(batch.items), failed + len(batch.failed))) from exc
    await _send(broker, batch, options, _progress_commands(path, options, progress, batch.end, is_done=True))
    return IngestResult(sent + len(batch.items), failed + len(batch.failed))


async def _send(broker: Broker, batch: Batch, options: IngestOptions, state_writes: Sequence[RedisCommand]) -> None:
    while batch.items and await broker.lag(options.topic.name, DESK_GROUP) > MAX_WAITING:
        await asyncio.sleep(LAG_CHECK_S)
    failed = [(options.source, entry, error) for entry, error in batch.failed]
    for _, _, error in failed:
        log.warning("record unreadable", error=error, next_step="see `copydesk dead-letters list`")
    live, archived = (batch.items, []) if options.live else ([], batch.items)
    await publish(broker, live, archived=archived, failed=failed, held=batch.held, state_writes=state_writes)


def _progress_commands(
    path: Path | None, options: IngestOptions, progress: FileProgress | None, position: int, *, is_done: bool = False
) -> list[RedisCommand]:
    if path is None or progress is None:
        return []
    progress = msgspec.structs.replace(progress, position=position, is_done=is_done, at_s=int(time.time()))
    return [("HSET", STATE_KEY, _field(path, options), msgspec.json.encode(progress))]


async def forget_oldest(broker: Broker, limit: int = MAX_FILES) -> int:
    """Forget the oldest files beyond *limit*; return their number."""
    count = int(await broker.state.execute_command("HLEN", STATE_KEY))
    if count <= limit:
        return 0
    entries = (await broker.state.hgetall(STATE_KEY)).items()
    by_age = sorted((msgspec.json.decode(value, type=FileProgress).at_s, field) for field, value in entries)
    oldest = [field for _, field in by_age[: count - limit + int(limit * REMOVED_SHARE)]]
    parts = (oldest[n : n + FIELDS_PER_COMMAND] for n in range(0, len(oldest), FIELDS_PER_COMMAND))
    await broker.publish((), [("HDEL", STATE_KEY, *part) for part in parts])
    log.warning("positions of ingested files removed", count=len(oldest), reason=f"more than {limit} are stored",
                next_step="a repeated `copydesk ingest` sends them again")  # fmt: skip
    return len(oldest)


async def _stored(broker: Broker, path: Path, options: IngestOptions, fresh: FileProgress) -> FileProgress | None:
    """Return the stored progress of the file; None if it has changed since."""
    value = await broker.state.hget(STATE_KEY, _field(path, options))
    stored = msgspec.json.decode(value, type=FileProgress) if value else None
    is_same = stored is not None and (stored.size, stored.changed_ns) == (fresh.size, fresh.changed_ns)
    return stored if is_same else None


def _field(path: Path, options: IngestOptions) -> str:
    name = f"{options.source}\n{options.url}\n{os.fspath(path.resolve())}"
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:32]
