"""Runner of sinks: batches, outcomes of single events, and a store with an older state."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.config.tables import Place, SinkTable
from streams.errors import SettingsError, UnavailableError
from streams.start import Start
from streams.topics import ARTICLES
from tests.conftest import until
from tests.support.subscribers import article
from workers import dead_letters
from workers.services import connect
from workers.sinks import require_library
from workers.sinks.base import Sink, SinkEvent, SinkRejectedError, SinkRetryError
from workers.sinks.runner import SinkRunner
from workers.sinks.sqlite import SqliteOptions, SqliteSink
from workers.sinks.state import SinkState, read_sink_states


@dataclass(frozen=True)
class NoOptions:
    """Nothing."""


class MemoryStore(Sink[NoOptions]):
    """A store of the newest revisions and offsets.

    It rejects the ids in `rejected`, asks to wait for those in `delayed`, and fails with a ValueError at `broken`.
    """

    options_type = NoOptions
    batch_size, batch_wait_s = 50, 0.2

    def __init__(self) -> None:
        super().__init__(Settings(), NoOptions())
        self.batches: list[list[str]] = []
        self.revisions: dict[str, int] = {}
        self.offsets: dict[int, int] = {}
        self.rejected: set[str] = set()
        self.delayed: set[str] = set()
        self.broken: set[str] = set()
        self.is_down = False

    async def deliver(self, batch: Sequence[SinkEvent]) -> None:
        self.batches.append([event.id for event in batch])
        if self.is_down:
            raise UnavailableError("no store")
        for event in batch:
            if event.article.id in self.broken:
                raise ValueError(f"cannot store {event.id}")
            if event.article.id in self.rejected:
                raise SinkRejectedError("unwanted")
            if event.article.id in self.delayed:
                raise SinkRetryError("busy")
        for event in batch:
            self.revisions[event.article.id] = max(event.article.revision, self.revisions.get(event.article.id, 0))
            self.offsets[event.message_id.partition] = event.message_id.offset + 1

    async def positions(self, topic: str) -> Mapping[int, int]:
        return dict(self.offsets)

    async def record_positions(self, topic: str, positions: Mapping[int, int]) -> None:
        self.offsets |= {p: max(offset, self.offsets.get(p, 0)) for p, offset in positions.items()}

    async def close(self) -> None: ...


@asynccontextmanager
async def running(
    settings: Settings, sink: Sink[Any], max_retry_s: float = 3_600.0, start: Start = Start.EARLIEST
) -> AsyncGenerator[Broker, None]:
    table = SinkTable(name="store", type="memory", start_from=start)
    broker = await connect(settings, settings.broker_url)
    runner = SinkRunner(settings, broker, table, sink, initial_delay_s=0.02, max_retry_s=max_retry_s)
    task = asyncio.create_task(runner.run())
    try:
        yield broker
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await broker.close()


async def letters(broker: Broker) -> list[str]:
    return sorted(
        letter.letter.error.split(" rejected ")[1].split()[0] for letter in await dead_letters.select(broker, [])
    )


async def test_runner_delivers_in_batches(settings: Settings) -> None:
    sink = MemoryStore()
    broker = await connect(settings, settings.broker_url)
    await broker.publish([article(f"a{n}") for n in range(120)])
    await broker.close()
    async with running(settings, sink) as broker:
        await until(lambda: len(sink.revisions) == 120)
        await until(lambda: _lag_is_zero(broker))
    assert max(map(len, sink.batches)) == 50


async def _lag_is_zero(broker: Broker) -> bool:
    return await broker.lag("copydesk.articles", "sink.store") == 0


async def test_rejected_event_spares_its_batch(settings: Settings) -> None:
    sink = MemoryStore()
    sink.rejected = {"a3"}
    async with running(settings, sink) as broker:
        await broker.publish([article(f"a{n}") for n in range(6)])
        await until(lambda: len(sink.revisions) == 5)
        await until(lambda: _lag_is_zero(broker))
        assert await letters(broker) == ["a3.1"]


async def test_exhausted_retry_spares_its_batch(settings: Settings) -> None:
    sink = MemoryStore()
    sink.delayed = {"a3"}
    async with running(settings, sink, max_retry_s=0.3) as broker:
        await broker.publish([article(f"a{n}") for n in range(6)])
        await until(lambda: len(sink.revisions) == 5)
        await until(lambda: _lag_is_zero(broker))
        assert await letters(broker) == ["a3.1"]


async def test_unknown_error_spares_its_batch(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    sink = MemoryStore()
    sink.broken = {"a3"}
    async with running(settings, sink, max_retry_s=0.3) as broker:
        await broker.publish([article(f"a{n}") for n in range(6)])
        await until(lambda: len(sink.revisions) == 5)
        await until(lambda: _lag_is_zero(broker))
        [letter] = await dead_letters.select(broker, [])
        assert "rejected a3.1" in letter.letter.error
        assert "ValueError('cannot store a3.1')" in letter.letter.error
    assert "delivery failed" in caplog.text
    assert "error_kind=bug" in caplog.text


async def test_unknown_error_is_retried(settings: Settings) -> None:
    sink = MemoryStore()
    sink.broken = {"a"}
    async with running(settings, sink) as broker:
        await broker.publish([article("a")])
        await until(lambda: len(sink.batches) >= 3)
        sink.broken.clear()
        await until(lambda: sink.revisions == {"a": 1})
        await until(lambda: _lag_is_zero(broker))
        assert not await letters(broker)


async def _state(broker: Broker) -> SinkState:
    return (await read_sink_states(broker.state)).get("store", SinkState())


async def test_rejection_ends_failure_of_sink(settings: Settings) -> None:
    async def rejected() -> bool:
        return (await _state(broker)).rejected == 1

    sink = MemoryStore()
    sink.is_down, sink.rejected = True, {"a"}
    async with running(settings, sink) as broker:
        await broker.publish([article("a")])
        await until(lambda: len(sink.batches) >= 2)
        sink.is_down = False
        await until(rejected)
        state = await _state(broker)
    assert state.failures >= 1
    assert (state.failing_since_s, state.error) == (0.0, "")


async def test_exhausted_retry_keeps_failure_of_sink(settings: Settings) -> None:
    async def rejected() -> bool:
        return (await _state(broker)).rejected == 1

    sink = MemoryStore()
    sink.delayed = {"a"}
    async with running(settings, sink, max_retry_s=0.3) as broker:
        await broker.publish([article("a")])
        await until(rejected)
        state = await _state(broker)
    assert state.failing_since_s > 0
    assert state.error == "busy"


async def test_older_store_receives_lost_articles(either: Settings) -> None:
    sink = MemoryStore()
    async with running(either, sink) as broker:
        await broker.publish([article(f"a{n}") for n in range(20)])
        await until(lambda: _lag_is_zero(broker))
        saved = dict(sink.revisions), dict(sink.offsets)
        await broker.publish([article(f"a{n}", 2) for n in range(20)])
        await until(lambda: _lag_is_zero(broker))
    older = MemoryStore()
    older.revisions, older.offsets = saved
    async with running(either, older) as broker:
        await broker.publish([article("b")])
        await until(lambda: "b" in older.revisions)
        await until(lambda: _lag_is_zero(broker))
        assert not await letters(broker)
    assert older.revisions == {f"a{n}": 2 for n in range(20)} | {"b": 1}


async def test_older_store_receives_articles_of_missing_partitions(either: Settings) -> None:
    sink = MemoryStore()
    async with running(either, sink) as broker:
        await broker.publish([article("a0")])
        await until(lambda: _lag_is_zero(broker))
        saved = dict(sink.revisions), {p: offset for p, offset in sink.offsets.items() if offset}
        await broker.publish([article(f"a{n}") for n in range(20)])
        await until(lambda: _lag_is_zero(broker))
    assert len(saved[1]) == 1
    older = MemoryStore()
    older.revisions, older.offsets = saved
    async with running(either, older) as broker:
        await broker.publish([article("b")])
        await until(lambda: "b" in older.revisions)
        await until(lambda: _lag_is_zero(broker))
    assert older.revisions == {f"a{n}": 1 for n in range(20)} | {"b": 1}


async def test_sink_from_end_receives_no_former_articles(either: Settings) -> None:
    async def publish(*ids: str) -> None:
        await broker.publish([article(id_) for id_ in ids])
        await until(lambda: sink.revisions.keys() >= {*ids})
        await until(lambda: _lag_is_zero(broker))

    broker = await connect(either, either.broker_url)
    await broker.create_topics([ARTICLES])
    await broker.publish([article(f"former{n}") for n in range(20)])
    await broker.close()
    sink = MemoryStore()
    async with running(either, sink, start=Start.LATEST) as broker:
        await until(lambda: _lag_is_zero(broker))  # the group starts at the end of each partition
        await publish("a")
        backup = dict(sink.revisions), dict(sink.offsets)
        await publish(*(f"a{n}" for n in range(20)))
    async with running(either, sink, start=Start.LATEST) as broker:
        await publish("b")
    expected = dict(sink.revisions)
    assert expected == {f"a{n}": 1 for n in range(20)} | {"a": 1, "b": 1}
    sink = MemoryStore()
    sink.revisions, sink.offsets = backup
    async with running(either, sink, start=Start.LATEST) as broker:
        await publish("c")
    assert sink.revisions == expected | {"c": 1}


async def test_restored_sqlite_file_receives_lost_articles(settings: Settings, tmp_path: Path) -> None:
    async def deliver(*ids: str) -> set[str]:
        async with running(settings, SqliteSink(settings, SqliteOptions(path=path))) as broker:
            await broker.publish([article(id_) for id_ in ids])
            await until(lambda: _lag_is_zero(broker))
        with closing(sqlite3.connect(path)) as db:
            return {id_ for (id_,) in db.execute("SELECT id FROM articles")}

    path, ids = tmp_path / "a.db", {f"a{n}" for n in range(20)}
    await deliver("first")  # the other partitions have no article
    shutil.copy(path, tmp_path / "backup.db")
    assert await deliver(*ids) == ids | {"first"}
    shutil.copy(tmp_path / "backup.db", path)
    assert await deliver("b") == ids | {"first", "b"}
    path.unlink()
    assert await deliver("c") == {"c"}


async def test_rejected_articles_are_delivered_again_once(settings: Settings) -> None:
    async def deliver(id_: str) -> int:
        """Start the sink, deliver the article *id_*, and return the number of attempts of a rejected article."""
        sink.batches.clear()
        async with running(settings, sink) as broker:
            await broker.publish([article(id_)])
            await until(lambda: _lag_is_zero(broker))
        return sum("x.1" in batch for batch in sink.batches)

    sink = MemoryStore()
    sink.rejected = {"x"}
    assert await deliver("x") == 1
    assert await deliver("a") <= 2  # in a batch, then alone
    assert await deliver("b") == 0


async def test_new_store_receives_no_former_articles(settings: Settings) -> None:
    async with running(settings, MemoryStore()) as broker:
        await broker.publish([article("a")])
        await until(lambda: _lag_is_zero(broker))
    empty = MemoryStore()
    async with running(settings, empty) as broker:
        await broker.publish([article("b")])
        await until(lambda: "b" in empty.revisions)
    assert empty.revisions == {"b": 1}


def test_missing_library_error_names_command() -> None:
    class Foreign(MemoryStore):
        requires = ("no_such_module", "postgresql")

    table = SinkTable(name="store", type="foreign", place=Place())
    with pytest.raises(
        SettingsError, match=r'missing package no_such_module: type; run `pip install "copydesk\[postgresql\]"`'
    ):
        require_library(Foreign, table)
    require_library(MemoryStore, table)
