"""After a refused step, an agent handles no message that it had read before: all of them would be refused, too."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import faust
import pytest
from faust.types import TP

from streams.brokers.base import ConsumedMessage, OutgoingMessage
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.config.settings import Settings
from streams.faust.agents import BatchResult, add_agent, create_app
from streams.topics import Topic, partition_name
from tests.conftest import until

TOPIC, GROUP = Topic("refused", 3600), "refusing"
TP_0 = TP(TOPIC.name, 0)
COUNT, BATCH = 403, 40  # the last batch is not full, so that a rewind moves the limits of batches
COMMITTED = 5
LARGE_BYTES = 100_000


class Handler:
    """Records the offsets of each step. During the first one, the group's offset moves to COMMITTED.

    Then all messages are in the queue of the agent, or the consumer waits for space.
    """

    def __init__(self, app: faust.App, broker: RedisStreamsBroker) -> None:
        self.app, self.broker = app, broker
        self.steps: list[list[int]] = []

    async def __call__(self, batch: Sequence[ConsumedMessage]) -> BatchResult:
        self.steps.append([message.offset for message in batch])
        if len(self.steps) == 1:

            async def is_read() -> bool:
                return bool(await self.app.consumer.position(TP_0) == COUNT or not self.app.consumer.free_bytes())

            await until(is_read, what="all messages in the queue of the agent, or no space")
            offsets = self.broker.key("offsets", GROUP)
            await self.broker.state.hset(offsets, partition_name(*TP_0), COMMITTED)
        return BatchResult()

    async def is_done(self) -> bool:
        committed = (await self.broker.committed(GROUP, [TP_0]))[TP_0]
        return committed == COUNT or len(self.steps) > COUNT


@pytest.mark.parametrize("size", [10, LARGE_BYTES])
async def test_refused_step_drops_messages_read_before(size: int, settings: Settings) -> None:
    broker = RedisStreamsBroker(settings.broker_url, partitions=1)
    await broker.create_topics([TOPIC])
    for _ in range(COUNT):
        await broker.publish([OutgoingMessage(TOPIC.name, b"k", b"x" * size)])
    app = create_app(replace(settings, partitions=1), GROUP)
    handler = Handler(app, broker)
    add_agent(app, broker, TOPIC, handler, BATCH)
    await app.start()
    try:
        await until(handler.is_done, what="the end of the topic")
    finally:
        await app.stop()
        await asyncio.sleep(0)
        await broker.close()
    refused, *steps = handler.steps
    assert refused[0] == 0
    assert [offset for step in steps for offset in step] == list(range(COMMITTED, COUNT))
