"""A worker process that copies a topic, and is killed by one of its messages, as by a segmentation fault."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from streams.brokers import open_broker
from streams.brokers.base import ConsumedMessage, OutgoingMessage
from streams.config.settings import Settings
from streams.faust.agents import BatchResult
from streams.topics import Topic
from tests.support.agents import add_agent, create_app

GIVEN_UP = b"given up "


async def main(broker_url: str, state_url: str, source: str, target: str, group: str, deadly: str) -> None:
    settings = Settings(
        broker_url=broker_url, state_url=state_url, partitions=4, lease_timeout_s=2.0, data_dir=Path("unused")
    )
    broker = open_broker(settings)
    app = create_app(settings, group, name="crashing")

    async def copy(batch: Sequence[ConsumedMessage]) -> BatchResult:
        if any(message.value == deadly.encode() for message in batch):
            os.kill(os.getpid(), signal.SIGKILL)
        return BatchResult([OutgoingMessage(target, m.key, m.value) for m in batch])

    def give_up(message: ConsumedMessage, attempts: int) -> BatchResult:
        return BatchResult([OutgoingMessage(target, message.key, GIVEN_UP + message.value)])

    add_agent(app, broker, Topic(source, 3600), copy, 10, give_up)
    await app.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
