"""CPU per 2 KB event: an agent with atomic publish, against a plain redis.asyncio loop with the same operations."""

from collections.abc import Sequence
from typing import Any

from streams.brokers import open_broker
from streams.brokers.base import ConsumedMessage, OutgoingMessage
from streams.config.settings import Settings
from streams.faust import agents
from streams.faust.agents import BatchResult
from streams.topics import ARTICLES, BUILTIN_TOPICS, ITEMS
from tests.tools.bench import plain_runtime
from tests.tools.bench.common import Stopwatch, run, server, until

COUNT, BATCH, VALUE = 30_000, 100, b"x" * 2000


async def fill(settings: Settings, count: int = COUNT) -> Any:
    broker = open_broker(settings)
    await broker.create_topics(BUILTIN_TOPICS)
    for n in range(0, count, 500):
        await broker.publish([OutgoingMessage(ITEMS.name, b"k%d" % m, VALUE) for m in range(n, n + 500)])
    return broker


async def agent(settings: Settings, count: int = COUNT, runtime: Any = agents) -> dict[str, float]:
    """An agent of *runtime*, Faust's by default: batches of 100, outputs and commit in one step."""
    broker = await fill(settings, count)
    app = runtime.create_app(settings, "bench")
    done, watch = 0, None

    async def copy(batch: Sequence[ConsumedMessage]) -> BatchResult:
        nonlocal done, watch
        watch = watch or Stopwatch()
        done += len(batch)
        return BatchResult([OutgoingMessage(ARTICLES.name, i.key, i.value) for i in batch])

    runtime.add_agent(app, broker, ITEMS, copy, BATCH)
    await app.start()
    await until(lambda: done >= count)
    assert watch is not None
    cost = watch.per_item(count)
    await app.stop()
    await broker.close()
    return cost


async def floor(settings: Settings) -> dict[str, float]:
    """XREAD 100, pipeline 100 XADDs and the commit: no framework, no fencing, not atomic."""
    broker = await fill(settings)
    log = broker
    positions = {(ITEMS.name, n): 0 for n in range(settings.partitions)}
    done, watch = 0, Stopwatch()
    while done < COUNT:
        ids = [f"0-{p}" for p in positions.values()]
        streams = [log.stream(*tp) for tp in positions]
        reply = await log.state.execute_command("XREAD", "COUNT", BATCH, "STREAMS", *streams, *ids)
        for tp, (_, entries) in zip(list(positions), reply, strict=False):
            async with log.state.pipeline(transaction=False) as pipe:
                for _, flat in entries:
                    fields = dict(zip(flat[::2], flat[1::2], strict=True))
                    target = log.stream(ARTICLES.name, log.partition_of(ARTICLES.name, fields[b"k"]))
                    pipe.execute_command("XADD", target, "*", b"v", fields[b"v"], b"k", fields[b"k"])
                pipe.hset("floor", f"{tp[0]}/{tp[1]}", positions[tp] + len(entries))
                await pipe.execute()
            positions[tp] += len(entries)
            done += len(entries)
        positions = {tp: p for tp, p in positions.items() if p < (await log.bounds([tp]))[tp].end}
    cost = watch.per_item(COUNT)
    await broker.close()
    return cost


def measure() -> dict[str, Any]:
    """Return the costs and their ratio."""
    out: dict[str, Any] = {}
    works: list[tuple[str, Any, int]] = [
        ("floor", floor, 4), ("agent", agent, 4), ("agent_1_partition", agent, 1),
        ("without_faust", lambda settings: agent(settings, runtime=plain_runtime), 4),
    ]  # fmt: skip
    for name, work, partitions in works:
        with server(partitions=partitions) as settings:
            out[name] = run(lambda work=work, settings=settings: work(settings))  # type: ignore[misc]
    out["ratio_to_floor"] = round(out["agent"]["cpu_us"] / out["floor"]["cpu_us"], 2)
    return out
