"""Kills of a sink and of its store, while articles are published, revised and withdrawn."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Protocol

from streams.brokers.base import Broker, OutgoingMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.records import Article
from streams.topics import ARTICLES
from tests.conftest import ROOT, until
from tests.faults.fleet import die_with_harness
from tests.support.subscribers import wire

LEASE_S = 1.0  # a restarted sink waits for the lease of the killed one
KEYS, BURST, MAX_LAG = 40, 10, 400
WITHDRAWN_SHARE = 0.1
GROUP = "sink.s"


class Row(NamedTuple):
    """The state of an article in a store."""

    revision: int
    withdrawn: str
    body: str


class Store(Protocol):
    """A store under test."""

    def table(self) -> str:
        """Return the options of its sink, as TOML."""

    def rows(self) -> Mapping[str, Row]:
        """Return the newest revision of each article."""

    def kill(self) -> bool:
        """Kill its processes and start it again; return False if it has none."""


class Publisher:
    """Publishes revisions without end; `rows` is the expected content of a store."""

    def __init__(self, broker: Broker, seed: int) -> None:
        self.broker, self.random = broker, random.Random(seed)
        self.rows: dict[str, Row] = {}
        self.count = 0
        self.is_ended = False

    async def burst(self) -> None:
        """Publish the next revision of some articles."""
        messages = []
        for id_ in self.random.sample(range(KEYS), BURST):
            key = f"a{id_}"
            revision = self.rows[key].revision + 1 if key in self.rows else 1
            is_withdrawn = self.random.random() < WITHDRAWN_SHARE
            row = Row(revision, "mistake" if is_withdrawn else "", "" if is_withdrawn else f"body {revision} of {key}")
            paragraphs = (row.body,) if row.body else ()
            record = Article(id=key, revision=revision, title=key, withdrawn=row.withdrawn, paragraphs=paragraphs)
            messages.append(OutgoingMessage(ARTICLES.name, key.encode(), encode(record)))
            self.rows[key] = row
        await self.broker.publish(messages)
        self.count += len(messages)

    async def run(self) -> None:
        """Publish until the end, while the sink keeps up."""
        while not self.is_ended:
            if await self.broker.lag(ARTICLES.name, GROUP) < MAX_LAG:
                await self.burst()
            await asyncio.sleep(0.01)  # continuous stream


@asynccontextmanager
async def publishing(publisher: Publisher) -> AsyncGenerator[None, None]:
    task = asyncio.create_task(publisher.run())
    try:
        yield
        assert not task.done(), task
    finally:
        publisher.is_ended = True  # a cancelled publish would leave rows that no message has
        await asyncio.gather(task, return_exceptions=True)


class SinkProcess:
    """A `copydesk sink` process."""

    def __init__(self, settings: Settings, folder: Path, table: str) -> None:
        (folder / "copydesk.toml").write_text(f'[[sinks]]\nname = "s"\nstart_from = "start"\n{table}\n')
        flags = {
            "broker-url": settings.broker_url, "allowed-private-hosts": "127.0.0.1:*", "log-file": folder / "sink.log",
            "lease-timeout-s": settings.lease_timeout_s, "item-timeout-s": settings.item_timeout_s,
        }  # fmt: skip
        arguments = [text for name, value in flags.items() for text in (f"--{name}", str(value))]
        self.starter = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.sink_forks", "sink", "s", *arguments],
            cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, preexec_fn=die_with_harness,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self.pid = 0

    def start(self) -> None:
        assert self.starter.stdin is not None and self.starter.stdout is not None
        print("start", file=self.starter.stdin, flush=True)
        self.pid = int(self.starter.stdout.readline())

    def is_running(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    async def kill(self) -> None:
        if self.is_running():
            os.kill(self.pid, signal.SIGKILL)
        await until(lambda: not self.is_running())

    def close(self) -> None:
        self.starter.kill()
        self.starter.communicate()


async def check_kills(settings: Settings, folder: Path, store: Store, kills: int, seed: int = 1) -> None:
    """Kill the sink and the store in turn; the store must hold the newest revision of each article at the end."""
    settings = replace(settings, lease_timeout_s=LEASE_S, item_timeout_s=LEASE_S / 3)
    sink, chance = SinkProcess(settings, folder, store.table()), random.Random(seed)
    async with wire(settings) as broker:
        publisher = Publisher(broker, seed)
        await publisher.burst()
        sink.start()
        try:
            async with publishing(publisher):
                for number in range(kills):
                    await _progress(broker, sink)
                    await asyncio.sleep(chance.uniform(0, 0.05))  # a random moment of a delivery
                    if number % 2 == 0 or not await asyncio.to_thread(store.kill):
                        await sink.kill()
                        sink.start()
            await until(lambda: _lag_is_zero(broker))
        finally:
            sink.close()
        assert dict(store.rows()) == publisher.rows
        print(f"{kills} kills, {publisher.count} articles, {len(publisher.rows)} rows")


async def _lag_is_zero(broker: Broker) -> bool:
    return await broker.lag(ARTICLES.name, GROUP) == 0


async def _progress(broker: Broker, sink: SinkProcess) -> None:
    """Wait until the group has committed something new."""

    async def position() -> int:
        return sum(p.position for p in (await broker.progress(ARTICLES.name, GROUP)).values())

    start = await position()

    async def has_moved() -> bool:
        assert sink.is_running(), "the sink ended"
        with contextlib.suppress(KeyError):
            return await position() > start
        return False

    await until(has_moved)
