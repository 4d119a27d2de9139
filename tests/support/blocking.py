"""A worker whose handler blocks the event loop for longer than its lease; it logs the handled items."""

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from streams.brokers import open_broker
from streams.brokers.base import ConsumedMessage
from streams.config.settings import Settings
from streams.faust.agents import BatchResult, add_agent, create_app
from streams.topics import Topic
from tests.support.fork_server import Command, start_module
from tests.support.server_commands import server_commands

if TYPE_CHECKING:
    from tests.support.stage import Stage


def start_blocking(stage: "Stage", *, lease_s: float, block_s: float) -> Command:
    """Start the worker as a process."""
    arguments = [stage.settings.broker_url, stage.source.name, stage.group, str(lease_s), str(block_s)]
    return start_module("tests.support.blocking", *arguments)


async def main(broker_url: str, source: str, group: str, lease_s: str, block_s: str) -> None:
    settings = Settings(broker_url=broker_url, partitions=1, lease_timeout_s=float(lease_s), data_dir=Path("unused"))
    broker = open_broker(settings)
    app = create_app(settings, group)

    async def block(batch: Sequence[ConsumedMessage]) -> BatchResult:
        await server_commands(broker.state).rpush("test:handled", *(incoming.value for incoming in batch))
        time.sleep(float(block_s))  # noqa: ASYNC251 - blocks, as cleaning does
        return BatchResult()

    add_agent(app, broker, Topic(source, 3600), block, 1)
    await app.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
