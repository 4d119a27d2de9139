"""Kafka only: topic configuration, the commit guard, interrupted transactions."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import faust
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from faust.types import TP

from streams.brokers.base import OffsetRange, OutgoingMessage
from streams.brokers.kafka.broker import KafkaBroker
from streams.brokers.kafka.transactions import Transactions
from streams.config.settings import Settings, kafka_bootstrap_servers
from streams.start import Start
from tests.conftest import until
from tests.support.kafka import Cluster
from tests.support.kafka_topics import check_topics, over
from tests.support.stage import Stage, drained, stage

# -- topics ---------------------------------------------------------------------------------------------------


async def test_create_topics_sets_partitions_retention_compaction_replicas(settings: Settings, one: Cluster) -> None:
    await check_topics(over(settings, one), replicas=1, in_sync="1")


# -- the commit guard -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("driver", "committed"), [("kafka", 3), ("guarded+kafka", 1)])
async def test_commit_guard_keeps_offset_of_unfinished_message(
    settings: Settings, one: Cluster, driver: str, committed: int
) -> None:
    """Without the guard, Faust commits 3 and loses the unfinished message 1 (faust-streaming#606)."""
    async with stage(replace(over(settings, one), partitions=1)) as s:
        await s.broker.publish([OutgoingMessage(s.source.name, b"", b"%d" % n) for n in range(4)])
        seen = []
        app = faust.App(
            s.group, broker=one.url.replace("kafka", driver), store="memory://", web_enabled=False,
            topic_disable_leader=True, topic_allow_declare=False, consumer_auto_offset_reset="earliest",
            stream_wait_empty=False, broker_commit_interval=0.2,
        )  # fmt: skip
        topic = app.topic(s.source.name, value_type=bytes, value_serializer="raw")
        first_is_committed = asyncio.Event()

        async def work(stream: Any) -> None:
            async for event in stream.events():
                seen.append(event.value)
                if event.value != b"0":
                    await first_is_committed.wait()
                if event.value in (b"1", b"3"):
                    await asyncio.Event().wait()  # never finishes, as if the process died

        app.agent(topic, concurrency=2)(work)
        await app.start()
        try:
            tp = TP(s.source.name, 0)
            await until(lambda: _committed(s, one, tp, at_least=1))
            first_is_committed.set()
            await until(lambda: b"3" in seen)  # so message 2 is acknowledged
            await app.consumer.commit()
            assert await _committed(s, one, tp) == committed
        finally:
            crash = asyncio.ensure_future(app.stop())
            await asyncio.wait({crash}, timeout=5)
            crash.cancel()


async def _committed(s: Stage, cluster: Cluster, tp: TP, at_least: int = 0) -> int:
    reader = AIOKafkaConsumer(bootstrap_servers=",".join(kafka_bootstrap_servers(cluster.url)), group_id=s.group)
    await reader.start()
    try:
        offset = await reader.committed(KafkaPartition(*tp))
        return offset if offset and offset >= at_least else 0
    finally:
        await reader.stop()


# -- transactions ---------------------------------------------------------------------------------------------


class Died(BaseException):
    """Simulates SIGKILL between two statements."""


class Steps(Transactions):
    """Transactions that die before the method *dies_before*."""

    def __init__(self, kafka: KafkaBroker, group: str, dies_before: str = "") -> None:
        super().__init__(kafka.client, kafka.state_store, group)
        for name in ("_commit_transaction", "_apply_intent") if dies_before else ():
            if name == dies_before:
                setattr(self, name, self._die)

    async def _die(self, *args: Any) -> None:
        raise Died


@asynccontextmanager
async def steps(settings: Settings) -> AsyncGenerator[tuple[Stage, Callable[..., Steps]], None]:
    async with stage(settings) as s:
        assert isinstance(s.broker, KafkaBroker)
        kafka, created = s.broker, []
        await until(lambda: _has_coordinator(kafka, s), what="group coordinator of a new cluster")

        def start(dies_before: str = "") -> Steps:
            created.append(Steps(kafka, s.group, dies_before))
            return created[-1]

        yield s, start
        for transactions in created:
            await transactions.close()


async def _has_coordinator(kafka: KafkaBroker, s: Stage) -> bool:
    try:
        await kafka.client.committed_offset(s.group, (s.source.name, 0))
    except KafkaError:
        return False
    return True


STATE_WRITES = [("HINCRBY", "test:done", "n", 1)]


@pytest.mark.parametrize(
    ("dies_before", "published", "position"),
    [("_commit_transaction", 0, 0), ("_apply_intent", 1, 1)],
    ids=["publish", "state_writes"],
)
async def test_transactions_takeover_applies_or_drops_intent(
    settings: Settings, one: Cluster, dies_before: str, published: int, position: int
) -> None:
    async with steps(over(settings, one)) as (s, start):
        await s.broker.publish([OutgoingMessage(s.source.name, b"k", b"%d" % n) for n in range(2)])
        [tp] = {(d.topic, d.partition) for d in await drained(await s.broker.open_reader(s.source, "", Start.EARLIEST))}
        dead, successor = start(dies_before), start()
        offsets = OffsetRange(*tp, 0, 1)
        assert await dead.owns(offsets)
        with pytest.raises(Died):
            await dead.publish_and_commit(offsets, [OutgoingMessage(s.target.name, b"k", b"out")], STATE_WRITES)
        assert await successor.owns(offsets) == (position == 0)
        assert await successor.owns(OffsetRange(*tp, 1, 2)) == (position == 1)
        assert len(await s.published()) == published
        assert int(await s.broker.state.hget("test:done", "n") or 0) == published


async def test_transactions_fenced_predecessor_is_refused(settings: Settings, one: Cluster) -> None:
    async with steps(over(settings, one)) as (s, start):
        old, new = start(), start()
        offsets = OffsetRange(s.source.name, 0, 0, 1)
        out = [OutgoingMessage(s.target.name, b"k", b"out")]
        assert await old.owns(offsets)
        assert await new.owns(offsets)
        assert not await old.publish_and_commit(offsets, [OutgoingMessage(s.target.name, b"k", b"late")], STATE_WRITES)
        assert await new.publish_and_commit(offsets, out, STATE_WRITES)
        assert [d.value for d in await s.published()] == [b"out"]
        assert await s.broker.state.hget("test:done", "n") == b"1"
        assert not await old.owns(offsets)  # takes over again; the range is already committed


async def test_transactions_partition_returned_is_taken_over_again(settings: Settings, one: Cluster) -> None:
    async with steps(replace(over(settings, one), partitions=1)) as (s, start):
        await s.broker.publish([OutgoingMessage(s.source.name, b"k", b"%d" % n) for n in range(3)])
        mine, other = start(), start()
        for n, owner in enumerate((mine, other, mine)):
            offsets = OffsetRange(s.source.name, 0, n, n + 1)
            assert await owner.owns(offsets), n
            assert await owner.publish_and_commit(
                offsets, [OutgoingMessage(s.target.name, b"k", b"%d" % n)], STATE_WRITES
            )
        assert [d.value for d in await s.published()] == [b"0", b"1", b"2"]


async def test_kafka_offset_gap_vs_skipped(settings: Settings, one: Cluster) -> None:
    """Deleted offsets are a valid gap before the next range; skipped messages mean that the range is not ours."""
    async with steps(replace(over(settings, one), partitions=1)) as (s, start):
        await s.broker.publish([OutgoingMessage(s.source.name, b"k", b"%d" % n) for n in range(10)])
        assert not await start().owns(OffsetRange(s.source.name, 0, 4, 5))
        admin = AIOKafkaAdminClient(bootstrap_servers=",".join(kafka_bootstrap_servers(one.url)))
        await admin.start()
        from aiokafka.admin import RecordsToDelete

        await admin.delete_records({KafkaPartition(s.source.name, 0): RecordsToDelete(before_offset=4)})
        await admin.close()
        assert await start().owns(OffsetRange(s.source.name, 0, 4, 5))
