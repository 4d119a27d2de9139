"""A worker for the contract tests: copies a topic, a little at a time. Run as a process, so that it can be killed."""

import asyncio
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from streams.app import Incoming, Outcome, create_app, run_agent
from streams.settings import Settings
from streams.topics import Topic
from streams.transport.broker import Message, open_broker


async def main(broker_url: str, state_url: str, source: str, target: str, group: str, pause_s: str) -> None:
    settings = Settings(broker_url=broker_url, state_url=state_url, partitions=4, lease_s=2.0, data_dir=Path("unused"))
    broker = open_broker(replace(settings))
    app = create_app(settings, group)

    async def copy(batch: Sequence[Incoming]) -> Outcome:
        await asyncio.sleep(float(pause_s))
        messages = [Message(target, i.key, i.value) for i in batch]
        return Outcome(messages, [("HINCRBY", "test:done", group, len(batch))])

    run_agent(app, broker, Topic(source, 3600), copy, 10)
    leaving = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, leaving.set)
    await app.start()
    await leaving.wait()
    await app.stop()
    await broker.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
