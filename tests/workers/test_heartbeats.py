"""Heartbeats on a real Valkey: reports and expiry."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from streams.config.settings import Settings
from tests.conftest import until
from workers import heartbeats
from workers.heartbeats import EXPIRY_LAST_S, EXPIRY_S, SILENT_S, Worker, expired_workers, heartbeat_task, read_workers
from workers.services import connect


@asynccontextmanager
async def open_state(settings: Settings) -> AsyncGenerator[Any, None]:
    broker = await connect(settings, settings.broker_url)
    try:
        yield broker.state
    finally:
        await broker.close()


async def record(state: Any, role: str, name: str, age_s: float) -> None:
    """Write the entry of a worker whose last heartbeat is *age_s* old."""
    seconds, _ = await state.time()
    await state.hset(heartbeats.KEY, name, f"{role} {seconds - age_s}")


async def names(state: Any) -> set[str]:
    return {worker.name for worker in await read_workers(state)}


async def test_worker_is_removed_on_clean_stop(either: Settings) -> None:
    async with open_state(either) as state:
        async with heartbeat_task(state, "desk", "desk-1"):
            [worker] = await until(lambda: read_workers(state))
            assert (worker.name, worker.role, worker.is_silent) == ("desk-1", "desk", False)
        assert await read_workers(state) == []


async def test_crashed_worker_stays_recorded(settings: Settings) -> None:
    async with open_state(settings) as state:
        with pytest.raises(ZeroDivisionError):
            async with heartbeat_task(state, "desk", "desk-1"):
                await until(lambda: names(state))
                raise ZeroDivisionError
        assert await names(state) == {"desk-1"}


async def test_worker_that_is_not_working_sends_nothing(settings: Settings) -> None:
    async with open_state(settings) as state:
        await record(state, "poller", "old", EXPIRY_LAST_S + 60)
        async with heartbeat_task(state, "poller", "poller-1", is_working=lambda: False):

            async def swept() -> bool:  # the first cycle removes expired entries after it would send a heartbeat
                return not await state.hexists(heartbeats.KEY, "old")

            await until(swept)
            assert await names(state) == set()


async def test_restarted_worker_replaces_its_entry(settings: Settings) -> None:
    async with open_state(settings) as state:
        await record(state, "desk", "desk-1", 3_600)
        [killed] = await read_workers(state)
        assert killed.is_silent
        [problem] = heartbeats.silent_problems([killed])
        assert re.match(r"no heartbeat for 36\d\d s: desk-1 \(desk, limit 12 s\); ", problem)
        async with heartbeat_task(state, "desk", "desk-1"):

            async def back() -> bool:
                [worker] = await read_workers(state)
                return not worker.is_silent

            await until(back)


async def test_heartbeat_ahead_of_clock_is_silent(settings: Settings) -> None:
    async with open_state(settings) as state:
        await record(state, "desk", "desk-1", -3_600)
        [worker] = await read_workers(state)
        assert worker.is_silent


@pytest.mark.parametrize(
    ("peers", "age_s", "is_expired"),
    [
        ({"desk-2": 1.0}, SILENT_S + 1, False),
        ({"desk-2": 1.0}, EXPIRY_S + 1, True),
        ({"desk-2": EXPIRY_S - 1}, EXPIRY_S + 1, False),
        ({}, EXPIRY_S + 1, False),
        ({}, EXPIRY_LAST_S + 1, True),
    ],
)
def test_silent_worker_is_expired_beside_live_peers(peers: dict[str, float], age_s: float, is_expired: bool) -> None:
    workers = [Worker("desk-1", "desk", age_s), Worker("poller", "poller", 1.0)]
    workers += [Worker(name, "desk", age) for name, age in peers.items()]
    assert ("desk-1" in expired_workers(workers)) == is_expired


async def test_start_removes_expired_entries(settings: Settings) -> None:
    async with open_state(settings) as state:
        await record(state, "desk", "desk-1", EXPIRY_S + 60)
        async with heartbeat_task(state, "desk", "desk-2"):

            async def swept() -> bool:
                return await state.hkeys(heartbeats.KEY) == [b"desk-2"]

            await until(swept)


async def test_heartbeats_continue_after_unexpected_reply(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    async with open_state(settings) as state:
        await state.set(heartbeats.KEY, "no hash")  # each HSET has an error reply
        async with heartbeat_task(state, "desk", "desk-1"):
            await until(lambda: "heartbeat failed" in caplog.text)
            await state.delete(heartbeats.KEY)
            await until(lambda: names(state))
        assert await read_workers(state) == []
