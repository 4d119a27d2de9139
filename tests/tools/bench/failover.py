"""How long until it goes on: after kill -9 of everything with a backlog, and after kill -9 of one desk of two."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from streams.brokers.base import Broker, OutgoingMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.subscribe import subscribe
from streams.topics import DESK_GROUP, ITEMS
from streams.valkey.server import EmbeddedValkey
from tests.tools.bench.desk import made_items
from workers.services import connect

ROOT = Path(__file__).parents[2]
BACKLOG = 100_000


def start(folder: Path, *words: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "workers.cli", *words], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


async def fill(broker: Broker, count: int) -> None:
    items = made_items(count)
    for n in range(0, count, 500):
        chunk = items[n : n + 500]
        await broker.publish([OutgoingMessage(ITEMS.name, i.identity_key.encode(), encode(i)) for i in chunk])


async def first_after(settings: Settings, partitions: set[int] | None = None) -> float:
    """Return when the next article comes, of an item in one of *partitions*."""
    async for article in subscribe("articles", start="end", settings=settings):
        if partitions is None or article.source.partition in partitions:
            return time.monotonic()
    raise AssertionError


async def restart_with_backlog(folder: Path) -> float:
    """Return seconds from `copydesk up` to its first article, over 100,000 items that wait and a log that was killed."""
    valkey = EmbeddedValkey(Settings(data_dir=folder / "copydesk-data", valkey_memory_mb=4096))
    valkey.start()
    settings = Settings(broker_url=valkey.url)
    broker = await connect(settings, valkey.url)
    await fill(broker, BACKLOG)
    await broker.close()
    assert valkey.process is not None
    valkey.process.kill()
    valkey.process.wait()
    valkey.stop()
    started_s = time.monotonic()
    up = start(folder, "up", "--demo", "off", "--web-port", "0", "--valkey-memory-mb", "4096")
    try:
        while True:
            try:
                return await first_after(settings) - started_s
            except Exception:  # noqa: BLE001 - not up yet
                await asyncio.sleep(0.02)
    finally:
        up.kill()
        up.wait()


async def take_over(folder: Path) -> float:
    """Return seconds from kill -9 of one desk to the next article of its partitions; nobody starts it again."""
    valkey = EmbeddedValkey(Settings(data_dir=folder / "data"))
    valkey.start()
    settings = Settings(broker_url=valkey.url, desk_batch_size=10)
    broker = await connect(settings, valkey.url)
    flags = ("--broker-url", valkey.url, "--desk-batch-size", "10")
    desks = [start(folder, "desk", "--name", name, *flags) for name in ("desk-1", "desk-2")]
    try:
        owned: set[int] = set()
        while not owned or len(owned) == settings.partitions:
            leases = await broker.state.hgetall(f"copydesk:leases:{DESK_GROUP}")
            owned = {int(p.rpartition(b"/")[2]) for p, lease in leases.items() if lease.startswith(b"desk-1")}
            await asyncio.sleep(0.1)
        await fill(broker, 20_000)
        await first_after(settings, owned)
        desks[0].kill()
        killed_s = time.monotonic()
        await asyncio.sleep(0.3)  # what it had published just before arrives
        return await first_after(settings, owned) - killed_s
    finally:
        for desk in desks:
            desk.kill()
            desk.wait()
        await broker.close()
        valkey.stop()


def measure() -> dict[str, Any]:
    """Return both, in seconds."""
    out = {}
    for work in (restart_with_backlog, take_over):
        with tempfile.TemporaryDirectory(prefix="copydesk-bench-") as folder:
            out[f"{work.__name__}_s"] = round(asyncio.run(work(Path(folder))), 2)
    return out
