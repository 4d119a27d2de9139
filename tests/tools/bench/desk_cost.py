"""CPU of the desk and of its server per item, and a digest of all results.

python -m tests.tools.bench.desk_cost ITEMS OUT [MODE [BATCH]]

ITEMS: a file of `desk_items`, one item a line. OUT: folder for the articles, the state and the figures. MODE:

direct   batches of exactly BATCH items, without Faust: equal items give equal results in two versions of copydesk
cleaned  the same, without the memory of known items
agent    the Faust agent, cleaning in its process
pool     the Faust agent with one cleaning process, whose CPU is stated apart; `pool2` with two
"""

import asyncio
import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from streams.brokers import open_broker
from streams.brokers.base import Broker, ConsumedMessage, OutgoingMessage
from streams.config.settings import Settings
from streams.topics import ARTICLES, BUILTIN_TOPICS, DESK_GROUP, ITEMS
from tests.tools.bench.common import run, server
from tests.tools.bench.up import TICKS, family
from workers.clean.line_types import is_notice
from workers.counters import read_counters
from workers.desk.cleaning import PooledCleaning
from workers.desk.cleaning_pool import CleaningPool
from workers.desk.desk import Desk, create_desk
from workers.desk.slow_items import SlowItems
from workers.logging_setup import configure_logging
from workers.urls.domains import registrable_domain

WARM_UP = 500  # items
MEMORIES = ("seen", "stories", "site-history", "sentences", "recent-texts", "counters")


async def server_cpu_s(broker: Broker) -> float:
    info = await broker.state.info("cpu")
    return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])


def children_cpu_s() -> float:
    """Return the CPU time of the running children, without the server's."""
    total = 0.0
    for pid in family(os.getpid())[1:]:
        with contextlib.suppress(OSError):
            if b"valkey" not in Path(f"/proc/{pid}/cmdline").read_bytes():
                total += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13])) / TICKS
    return total


async def handle_directly(
    settings: Settings, broker: Broker, messages: Sequence[OutgoingMessage], batch: int, *, clean_all: bool
) -> None:
    desk = Desk(settings, broker)
    if clean_all:
        desk.known_items.max_items = 0
    consumed = [ConsumedMessage(m.topic, 0, n, 1e9, m.key or b"", m.value, ()) for n, m in enumerate(messages)]
    for start in range(0, len(consumed), batch):
        step = consumed[start : start + batch]
        while step:
            result = await desk.handle(step)
            await broker.publish(result.messages, result.state_writes)
            step = step[len(step) if result.handled is None else result.handled :]


class CpuTimes(NamedTuple):
    """CPU time in seconds of this process, of the server, and of the cleaning processes."""

    desk: float
    valkey: float
    cleaning: float


async def cpu_times(broker: Broker) -> CpuTimes:
    return CpuTimes(time.process_time(), await server_cpu_s(broker), children_cpu_s())


async def send(broker: Broker, messages: Sequence[OutgoingMessage]) -> None:
    for start in range(0, len(messages), 200):
        await broker.publish(messages[start : start + 200])


async def handled(broker: Broker) -> None:
    """Wait until the agent has handled all items."""
    while await broker.lag(ITEMS.name, DESK_GROUP):
        await asyncio.sleep(0.25)


async def measure_agent(
    settings: Settings, broker: Broker, messages: Sequence[OutgoingMessage], pooled: PooledCleaning | None
) -> tuple[int, CpuTimes, CpuTimes]:
    """Return the number of items, and the CPU times before and after them. The first items are a warm-up."""
    count = min(WARM_UP, len(messages) // 4)
    await send(broker, messages[:count])
    app = create_desk(settings, broker, url=settings.broker_url, pooled=pooled)
    await app.start()
    await handled(broker)
    app.flow_control.suspend()
    publisher = open_broker(settings)  # its commands cost CPU time of this process, too
    await send(publisher, messages[count:])
    await publisher.close()
    before = await cpu_times(broker)
    app.flow_control.resume()
    await handled(broker)
    after = await cpu_times(broker)
    await app.stop()
    return len(messages) - count, before, after


async def measure_directly(
    settings: Settings, broker: Broker, messages: Sequence[OutgoingMessage], batch: int, *, clean_all: bool
) -> tuple[int, CpuTimes, CpuTimes]:
    registrable_domain("a.example")  # reads the list of suffixes, once in a process
    is_notice("a")
    before = await cpu_times(broker)
    await handle_directly(settings, broker, messages, batch, clean_all=clean_all)
    return len(messages), before, await cpu_times(broker)


async def work(settings: Settings, items: Path, out: Path, mode: str, batch: int) -> dict[str, Any]:
    broker = open_broker(settings)
    await broker.create_topics(BUILTIN_TOPICS)
    rows = items.read_bytes().splitlines()
    keys = [msgspec.json.decode(row)["identity_key"].encode("utf-8", "replace") for row in rows]
    messages = [OutgoingMessage(ITEMS.name, key, row) for key, row in zip(keys, rows, strict=True)]
    async with contextlib.AsyncExitStack() as stack:
        pooled = None
        if mode.startswith("pool"):
            count = int(mode.removeprefix("pool") or "1")
            pool = await stack.enter_async_context(CleaningPool(count, settings.item_timeout_s))
            pooled = PooledCleaning(pool, SlowItems(broker, time.time))
        if mode in ("direct", "cleaned"):
            count, before, after = await measure_directly(
                settings, broker, messages, batch, clean_all=mode == "cleaned"
            )
        else:
            count, before, after = await measure_agent(settings, broker, messages, pooled)
    spent = [1e6 * (end - start) / count for start, end in zip(before, after, strict=True)]
    figures: dict[str, Any] = {"items": count, "together_us": round(spent[0] + spent[1], 1)}
    figures |= {f"{name}_us": round(value, 1) for name, value in zip(CpuTimes._fields, spent, strict=True)}
    if mode in ("direct", "cleaned"):
        figures |= await results(broker, out)
    figures["counters"] = (await read_counters(broker.state))["desk"]
    await broker.close()
    return figures


async def results(broker: Broker, out: Path) -> dict[str, Any]:
    """Write the articles and the state to *out*; return their digests."""
    state: Any = broker.state
    streams = [f"copydesk:stream:{ARTICLES.name}:{n}" for n in range(await broker.partitions(ARTICLES.name))]  # type: ignore[attr-defined]
    articles = [fields[fields.index(b"v") + 1] for name in streams for fields in await _entries(state, name)]
    lines: dict[str, list[bytes]] = {name: [] for name in MEMORIES}
    async for key in state.scan_iter("copydesk:*", count=5_000):
        name = key.split(b":")[1].decode()
        if name in lines:
            lines[name] += await _lines(state, key)
    out.mkdir(parents=True, exist_ok=True)
    for name, rows in {**lines, "articles": articles}.items():
        (out / f"{name}.txt").write_bytes(b"\n".join(sorted(rows)))
    digests = {name: hashlib.sha256(b"\n".join(sorted(rows))).hexdigest()[:12] for name, rows in lines.items()}
    return {"articles": len(articles), "articles_digest": hashlib.sha256(b"\n".join(articles)).hexdigest()[:12],
            "state": digests}  # fmt: skip


async def _entries(state: Any, name: str) -> list[list[bytes]]:
    reply = await state.execute_command("XRANGE", name, "-", "+")
    return [[part for pair in fields.items() for part in pair] for _, fields in reply]


async def _lines(state: Any, key: bytes) -> list[bytes]:
    if await state.type(key) == b"string":
        return [b"%s = %s" % (key, await state.get(key))]
    return [b"%s %s = %s" % (key, f.hex().encode(), v.hex().encode()) for f, v in (await state.hgetall(key)).items()]


def main(items: str, out: str, mode: str = "agent", batch: str = "100") -> None:
    """Print the figures as JSON, and write them to *out*."""
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    configure_logging("INFO", str(folder / "desk.log"))
    with server(partitions=1, desk_batch_size=int(batch)) as settings:
        figures = run(lambda: work(settings, Path(items), folder, mode, int(batch)))
    (folder / f"{mode}.json").write_text(json.dumps(figures, indent=1))
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
