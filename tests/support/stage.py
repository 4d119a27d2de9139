"""Fresh topics on a broker, and workers that copy between them."""

import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from streams.brokers import open_broker
from streams.brokers.base import Broker, ConsumedMessage, OutgoingMessage, Reader
from streams.config.settings import Settings
from streams.faust.agents import BatchResult
from streams.start import Start
from streams.topics import Topic
from tests.support.agents import add_agent, create_app
from tests.support.fork_server import Command, start_module


class Stage:
    """Two fresh topics on a broker."""

    def __init__(self, settings: Settings, broker: Broker) -> None:
        name = secrets.token_hex(4)
        self.settings, self.broker = settings, broker
        self.source, self.target = Topic(f"source-{name}", 3600), Topic(f"target-{name}", 3600)
        self.group = f"group-{name}"

    async def fill(self, count: int, keys: int = 7) -> list[bytes]:
        values = [b"%06d" % n for n in range(count)]
        await self.broker.publish(
            [OutgoingMessage(self.source.name, b"k%d" % (n % keys), v) for n, v in enumerate(values)]
        )
        return values

    async def published(self) -> list[ConsumedMessage]:
        return await drained(await self.broker.open_reader(self.target, "", Start.EARLIEST))

    @asynccontextmanager
    async def copying(self, handle: Any) -> AsyncGenerator[Any, None]:
        app = create_app(self.settings, self.group)
        add_agent(app, self.broker, self.source, handle, 10)
        await app.start()
        try:
            yield app
        finally:
            await app.stop()

    async def copy(self, batch: Sequence[ConsumedMessage]) -> BatchResult:
        return BatchResult([OutgoingMessage(self.target.name, i.key, i.value) for i in batch])


@asynccontextmanager
async def stage(settings: Settings) -> AsyncGenerator[Stage, None]:
    broker = open_broker(settings)
    created = Stage(settings, broker)
    await broker.create_topics([created.source, created.target])
    try:
        yield created
    finally:
        await broker.close()


async def drained(reader: Reader) -> list[ConsumedMessage]:
    messages: list[ConsumedMessage] = []
    while True:
        batch = await reader.read(0.1)
        messages += batch
        if not batch and await reader.at_end():
            await reader.close()
            return messages


def in_order_by_key(messages: Sequence[ConsumedMessage]) -> bool:
    by_key: dict[bytes, list[bytes]] = {}
    for m in messages:
        by_key.setdefault(m.key, []).append(m.value)
    return all(values == sorted(values) for values in by_key.values())


async def lag_is(s: Stage, expected: int) -> bool:
    return await s.broker.lag(s.source.name, s.group) == expected


async def all_exactly_once(s: Stage, values: Sequence[bytes]) -> None:
    """Assert that the target holds each of *values* once, ordered per key, and that the state agrees."""
    messages = await s.published()
    assert sorted(m.value for m in messages) == list(values)
    assert in_order_by_key(messages)
    assert await s.broker.state.hget("test:done", s.group) == b"%d" % len(values)


def end(*workers: Command | None) -> None:
    for worker in workers:
        if worker is not None:
            worker.kill()
            worker.wait()


def start_worker(s: Stage, pause_s: float) -> Command:
    arguments = [s.settings.broker_url, s.settings.state_url, s.source.name, s.target.name, s.group, str(pause_s)]
    return start_module("tests.contract.brokers.worker", *arguments)
