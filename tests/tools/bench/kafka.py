"""CPU per 2 KB event on a real Kafka: an exactly-once agent against plain aiokafka loops with the same settings."""

import asyncio
from dataclasses import replace
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition

from streams.brokers.kafka.broker import KafkaBroker
from streams.brokers.kafka.client import CONSUMER_OPTIONS
from streams.config.settings import Settings
from streams.topics import ARTICLES, ITEMS
from tests.support.kafka import CURRENT, cluster
from tests.tools.bench import plain_runtime
from tests.tools.bench.common import Stopwatch, run, server
from tests.tools.bench.transport import BATCH, agent, fill

COUNT = 10_000


async def plain(settings: Settings, *, transactional: bool) -> dict[str, float]:
    """getmany, send, wait, commit: at least once. Or one transaction per batch, without fencing of the predecessor."""
    broker: KafkaBroker = await fill(settings, COUNT)
    reader = AIOKafkaConsumer(
        ITEMS.name, **broker.client.connection, **CONSUMER_OPTIONS, group_id="plain", auto_offset_reset="earliest"
    )
    producer = broker.client.create_producer(**({"transactional_id": "plain"} if transactional else {}))
    await reader.start()
    await producer.start()
    done, watch = 0, None
    while done < COUNT:
        records = await reader.getmany(timeout_ms=500, max_records=BATCH)
        watch = watch or Stopwatch()
        if not records:
            continue
        if transactional:
            await producer.begin_transaction()
        sent = [await producer.send(ARTICLES.name, r.value, r.key) for rows in records.values() for r in rows]
        offsets = {KafkaPartition(*tp): rows[-1].offset + 1 for tp, rows in records.items()}
        await asyncio.gather(*sent)
        if transactional:
            await producer.send_offsets_to_transaction(offsets, "plain")
            await producer.commit_transaction()
        else:
            await reader.commit(offsets)
        done += len(sent)
    assert watch is not None
    cost = watch.per_item(COUNT)
    await reader.stop()
    await producer.stop()
    await broker.close()
    return cost


def measure() -> dict[str, Any]:
    """Return the costs and their ratios, each on a fresh cluster of one node."""
    out: dict[str, Any] = {"version": CURRENT}
    works = {
        "plain": lambda at: plain(at, transactional=False),
        "plain_transactions": lambda at: plain(at, transactional=True),
        "agent": lambda at: agent(at, COUNT),
        "without_faust": lambda at: agent(at, COUNT, plain_runtime),
    }
    for name, work in works.items():
        with server(partitions=4) as settings, cluster(CURRENT) as kafka:
            at = replace(settings, broker_url=kafka.url, state_url=settings.broker_url)
            out[name] = run(lambda work=work, at=at: work(at))  # type: ignore[misc]
    out["ratio_to_plain"] = round(out["agent"]["cpu_us"] / out["plain"]["cpu_us"], 2)
    out["ratio_to_plain_transactions"] = round(out["agent"]["cpu_us"] / out["plain_transactions"]["cpu_us"], 2)
    return out
