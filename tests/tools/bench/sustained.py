"""New items at a steady pace, handled by desks of their own processes: pace, CPU time of each process, and delays.

python -m tests.tools.bench.sustained [PACE] [SECONDS] [DESKS]     800 items a second, 120 and 1; not part of `make bench`

Items have 60 words of plain text, as the captures of `desk_items` have in the mean. Valkey is embedded, with fsync always.
The delay is the time from publishing an item to its article, by the broker's clock on the same machine.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from streams.brokers.base import Broker, OutgoingMessage
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.codec import decode, encode
from streams.config.settings import Settings
from streams.records import Article, Content, Item
from streams.topics import ARTICLES, DESK_GROUP, ITEMS
from tests.support.server_commands import server_commands
from tests.support.stories import story
from tests.tools.bench.common import run, server
from tests.tools.bench.failover import start
from tests.tools.bench.up import TICKS, family
from workers.services import connect

TICK_S, PAGE, SENTENCES, FEEDS, WARM_UP = 0.05, 5_000, 3, 200, 500
SHARES = (0.5, 0.9, 0.99, 1.0)


def made_item(number: int) -> Item:
    title, text = story(number, SENTENCES)
    link = f"https://mill{number % FEEDS}.example/{number}"
    return Item(
        feed=f"https://mill{number % FEEDS}.example/f", identity_key=f"mill{number % FEEDS}.example/{number}", link=link,
        canonical_url=link, title=title, content=(Content(text),), fetched_at=datetime.now(UTC), fingerprint=f"{number:x}",
    )  # fmt: skip


def family_cpu_s(roots: Sequence[int]) -> float:
    """Return the CPU time of *roots*, their descendants, and descendants that ended: pools replace old processes."""
    pids = [pid for root in roots for pid in family(root)]
    stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(sum(map(int, fields[11:15])) for fields in stats) / TICKS


async def publish(broker: Broker, pace: int, seconds: int, first: int = 0) -> float:
    """Publish *pace* items a second, numbered from *first*; return the seconds that it took."""
    began_s, sent = time.monotonic(), 0
    while sent < pace * seconds:
        due = min(pace * seconds, int(pace * (time.monotonic() - began_s)))
        items = [made_item(first + number) for number in range(sent, due)]
        if items:
            await broker.publish([OutgoingMessage(ITEMS.name, i.identity_key.encode(), encode(i)) for i in items])
        sent = due
        await asyncio.sleep(TICK_S)
    return time.monotonic() - began_s


async def delays(broker: RedisStreamsBroker, began_s: float) -> list[float]:
    """Return the delay in seconds of each article whose item was published after *began_s*, sorted."""
    state, out = server_commands(broker.state), []
    for partition in range(await broker.partitions(ARTICLES.name)):
        after = "-"
        while page := await state.xrange(broker.stream(ARTICLES.name, partition), after, "+", PAGE):
            after = f"({page[-1][0].decode()}"
            for _, fields in page:
                fetched_at = decode(fields[b"v"], Article).fetched_at
                if fetched_at is not None and fetched_at.timestamp() > began_s:
                    out.append(float(fields[b"t"]) - fetched_at.timestamp())
    return sorted(out)


async def work(settings: Settings, pace: int, seconds: int, count: int, folder: Path) -> dict[str, Any]:
    broker = await connect(settings, settings.broker_url)
    assert isinstance(broker, RedisStreamsBroker)
    flags = ("--broker-url", settings.broker_url, "--data-dir", str(folder))
    desks = [start(folder, "desk", "--name", f"desk-{n}", *flags) for n in range(1, count + 1)]
    try:
        await publish(broker, WARM_UP, 1)  # imports and models
        while await broker.lag(ITEMS.name, DESK_GROUP):
            await asyncio.sleep(0.2)
        server_pid = int((await broker.state.info("server"))["process_id"])
        roots = {"desks": [desk.pid for desk in desks], "valkey": [server_pid]}
        before, began_s = {name: family_cpu_s(own) for name, own in roots.items()}, time.time()
        elapsed_s = await publish(broker, pace, seconds, WARM_UP)
        lag, ended_s = await broker.lag(ITEMS.name, DESK_GROUP), time.monotonic()
        while await broker.lag(ITEMS.name, DESK_GROUP):
            await asyncio.sleep(0.2)
        drained_s, total = time.monotonic() - ended_s, pace * seconds
        spent = {f"{name}_us": round(1e6 * (family_cpu_s(own) - before[name]) / total) for name, own in roots.items()}
        rows = await delays(broker, began_s)
    finally:
        for desk in desks:
            desk.kill()
            desk.wait()
        await broker.close()
    quantiles = {f"{q:g}": round(rows[min(len(rows) - 1, int(len(rows) * q))], 3) for q in SHARES}
    return {
        "published_per_s": round(total / elapsed_s), "handled_per_s": round(total / (elapsed_s + drained_s)), "lag": lag,
        "articles": len(rows), "delay_s": quantiles, **spent, "load": os.getloadavg()[0],
    }  # fmt: skip


def main(pace: str = "800", seconds: str = "120", desks: str = "1") -> None:
    with server(valkey_memory_mb=4096) as settings, tempfile.TemporaryDirectory(prefix="copydesk-bench-") as folder:
        print(json.dumps(run(lambda: work(settings, int(pace), int(seconds), int(desks), Path(folder)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
