"""A worker process for the contract tests: copies a topic in small batches, and can be killed."""

import asyncio
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from streams.brokers import open_broker
from streams.brokers.base import ConsumedMessage, OutgoingMessage
from streams.config.settings import Settings
from streams.faust.agents import BatchResult
from streams.topics import Topic
from tests.support.agents import add_agent, create_app


async def main(broker_url: str, state_url: str, source: str, target: str, group: str, pause_s: str) -> None:
    settings = Settings(
        broker_url=broker_url, state_url=state_url, partitions=4, lease_timeout_s=2.0, data_dir=Path("unused")
    )
    broker = open_broker(replace(settings))
    app = create_app(settings, group)

    async def copy(batch: Sequence[ConsumedMessage]) -> BatchResult:
        await asyncio.sleep(float(pause_s))
        messages = [OutgoingMessage(target, i.key, i.value) for i in batch]
        return BatchResult(messages, [("HINCRBY", "test:done", group, len(batch))])

    add_agent(app, broker, Topic(source, 3600), copy, 10)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await app.start()
    await stopping.wait()
    await app.stop()
    await broker.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
