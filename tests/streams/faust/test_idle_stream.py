"""A stream sleeps until an event arrives, and then collects a batch."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from streams.config.settings import Settings
from streams.faust.agents import create_app
from streams.faust.idle_stream import IdleStream
from tests.conftest import DEADLINE_S

LINGER_S = 0.05


class CountingStream(IdleStream):
    """Counts its waits."""

    waits = 0

    async def wait(self, *coros: Any, timeout: Any = None) -> Any:
        self.waits += 1
        return await super().wait(*coros, timeout=timeout)


@pytest.fixture
async def stream(settings: Settings) -> AsyncGenerator[Any, None]:
    app = create_app(settings, "idle-stream")
    app.flow_control.resume()  # as after an assignment
    app.conf.Stream = CountingStream
    stream = app.stream(app.channel())
    yield stream
    await stream.stop()


async def next_batch(batches: Any) -> list[Any]:
    async with asyncio.timeout(DEADLINE_S):
        return [event.value for event in await anext(batches)]


async def test_idle_stream_collects_events_in_order(stream: Any) -> None:
    assert isinstance(stream, IdleStream)
    batches = stream.take_events(10, within=LINGER_S)
    values: list[Any] = []
    for first in (0, 3):
        waiting = asyncio.create_task(next_batch(batches))
        await asyncio.sleep(0)
        for n in range(first, first + 3):
            await stream.channel.send(value=n)
        values += await waiting
        while len(values) < first + 3:  # a busy machine may split a batch
            values += await next_batch(batches)
    assert values == list(range(6))
    await batches.aclose()


async def test_idle_stream_waits_once_per_second(stream: Any) -> None:
    """Faust's stream waits once per linger time."""
    stream.waits = 0
    batches = stream.take_events(10, within=LINGER_S)
    waiting = asyncio.create_task(next_batch(batches))
    await asyncio.wait({waiting}, timeout=20 * LINGER_S)
    assert stream.waits <= 3
    await stream.channel.send(value=1)
    assert await waiting == [1]
    await batches.aclose()
