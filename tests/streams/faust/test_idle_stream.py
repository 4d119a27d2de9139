"""A stream sleeps until an event arrives, and then collects a batch."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from faust.events import Event

from streams.brokers.base import ConsumedMessage
from streams.config.settings import Settings
from streams.faust.agents import create_app
from streams.faust.idle_stream import IdleStream
from streams.faust.message_batch import MessageBatch
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


async def put(stream: Any, first: int, count: int) -> None:
    """Put *count* messages into the stream's channel, as one event."""
    rows = [ConsumedMessage("t", 0, first + n, 0.0, b"", b"") for n in range(count)]
    message = MessageBatch(rows, stream.app.consumer_generation_id)
    await stream.channel.put(Event(stream.app, b"", b"", None, message))


def offsets(events: Any) -> list[int]:
    return [message.offset for event in events for message in event.message.messages]


async def test_take_batches_counts_carried_messages(stream: Any) -> None:
    """A full batch is taken at once, and the rest waits for the next one."""
    batches = stream.take_batches(10, within=DEADLINE_S)
    waiting = asyncio.ensure_future(anext(batches))
    for first in range(0, 32, 4):
        await put(stream, first, 4)
    async with asyncio.timeout(DEADLINE_S / 2):
        assert offsets(await waiting) == list(range(12))
        assert offsets(await anext(batches)) == list(range(12, 24))
    await batches.aclose()


async def test_take_batches_lingers_for_full_batch(stream: Any) -> None:
    batches = stream.take_batches(10, within=LINGER_S)
    await put(stream, 0, 4)
    async with asyncio.timeout(DEADLINE_S):
        assert offsets(await anext(batches)) == list(range(4))
    await batches.aclose()
