"""Positions of ingested files: their number is bounded, and the oldest ones go."""

import json
from pathlib import Path

import msgspec

from streams.config.settings import Settings
from tests.support.pipeline import desk, everything, settled
from workers.intake.ingest import STATE_KEY, FileProgress, IngestOptions, IngestResult, forget_oldest, ingest_file

OPTIONS = IngestOptions("source:files")


def write_rows(path: Path, count: int) -> Path:
    rows = ({"id": n, "title": f"Lock {n} opens", "content_text": f"The lock number {n} opens."} for n in range(count))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def entry(at_s: int) -> bytes:
    return msgspec.json.encode(FileProgress(1, 2, 3, True, at_s))


async def test_oldest_files_are_forgotten_beyond_limit(settings: Settings, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", 2)
    async with desk(settings) as broker:
        await ingest_file(broker, path, OPTIONS)
        old = [("HSET", STATE_KEY, f"file {n}", entry(n)) for n in range(1, 40)]
        await broker.publish((), old)
        assert await forget_oldest(broker, limit=40) == 0
        assert await forget_oldest(broker, limit=20) == 22
        fields = {field.decode() for field in await broker.state.hkeys(STATE_KEY)}
        assert {f"file {n}" for n in range(23, 40)} < fields
        assert len(fields) == 18
        assert await ingest_file(broker, path, OPTIONS) is None  # the newest entry stays


async def test_many_files_are_forgotten_at_once(settings: Settings) -> None:
    """Lua unpacks fewer than 8,000 values into one command."""
    count = 9_000
    async with desk(settings) as broker:
        for start in range(0, count, 1_000):
            await broker.publish((), [("HSET", STATE_KEY, f"file {n}", entry(n)) for n in range(start, start + 1_000)])
        assert await forget_oldest(broker, limit=10) == count - 9
        assert int(await broker.state.execute_command("HLEN", STATE_KEY)) == 9


async def test_entry_without_time_is_the_oldest(settings: Settings) -> None:
    """Entries of earlier versions have no time."""
    async with desk(settings) as broker:
        value = b'{"position":1,"size":2,"changed_ns":3,"is_done":true}'
        await broker.publish((), [("HSET", STATE_KEY, "old", value), ("HSET", STATE_KEY, "new", entry(5))])
        assert await forget_oldest(broker, limit=1) == 1
        assert await broker.state.hkeys(STATE_KEY) == [b"new"]


async def test_forgotten_file_gives_duplicates_only(settings: Settings, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", 3)
    async with desk(settings) as broker:
        await ingest_file(broker, path, OPTIONS)
        await forget_oldest(broker, limit=0)
        assert await ingest_file(broker, path, OPTIONS) == IngestResult(3, 0)
        await settled(broker, {"new": 3, "duplicate": 3})
    assert len(await everything(settings, "articles")) == 3
