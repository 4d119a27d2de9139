"""Kafka only: topic configuration, the commit guard, interrupted transactions, a three-node cluster."""

import asyncio
import signal
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import faust
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError
from faust.types import TP

from streams.brokers import open_broker
from streams.brokers.base import Broker, OffsetRange, OutgoingMessage
from streams.brokers.kafka.broker import KafkaBroker
from streams.brokers.kafka.transactions import Transactions
from streams.config.settings import Settings, kafka_bootstrap_servers
from streams.errors import UnavailableError
from streams.start import Start
from streams.topics import ARTICLES, ITEMS, Topic
from tests.conftest import Clusters, until
from tests.support.kafka import Cluster, Node
from tests.support.stage import Stage, all_exactly_once, drained, end, lag_is, stage, start_worker


@pytest.fixture(scope="module")
def large_clusters(clusters: Clusters) -> Iterator[Clusters]:
    """Clusters of three nodes, stopped after this module: idle nodes take CPU time."""
    started = Clusters()
    yield started
    started.stop()


@pytest.fixture
def three(large_clusters: Clusters, version: str) -> Cluster:
    """A cluster of three running nodes."""
    cluster = large_clusters.get(version, nodes=3)
    for node in cluster.nodes:
        assert node.process is not None
        if node.process.poll() is not None:
            cluster.run(node)
        cluster.wait_for(node)
    return cluster


def over(settings: Settings, cluster: Cluster, **changes: Any) -> Settings:
    return replace(settings, broker_url=cluster.url, state_url=settings.broker_url, **changes)


# -- topics ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("nodes", "replicas", "in_sync"), [(1, 1, "1"), (3, 3, "2")])
async def test_create_topics_sets_partitions_retention_compaction_replicas(
    settings: Settings, one: Cluster, large_clusters: Clusters, version: str, nodes: int, replicas: int, in_sync: str
) -> None:
    cluster = one if nodes == 1 else large_clusters.get(version, nodes)
    broker = open_broker(over(settings, cluster, replication_factor=replicas if nodes > 1 else 0))
    await until(lambda: _declared(broker, [ITEMS, ARTICLES]), what="as many nodes as replicas")
    assert await _declared(broker, [ITEMS, ARTICLES])  # idempotent
    await broker.close()
    admin = AIOKafkaAdminClient(bootstrap_servers=",".join(kafka_bootstrap_servers(cluster.url)))
    await admin.start()
    expected = {
        ITEMS.name: {"retention.ms": "604800000", "cleanup.policy": "delete"},
        ARTICLES.name: {"retention.ms": "2592000000", "cleanup.policy": "compact,delete"},
    }
    described = await until(lambda: _described(admin, list(expected)), what="topics on every node")
    for partitions in described:
        assert len(partitions) == settings.partitions
        assert all(len(p["replicas"]) == replicas for p in partitions)
    for name, config in expected.items():
        actual = await until(lambda: _configured(admin, name))  # noqa: B023 - awaited within the loop
        config |= {"min.insync.replicas": in_sync, "max.message.bytes": "16777216"}
        assert {k: actual[k] for k in config} == config
    await admin.close()


async def _declared(broker: Broker, topics: list[Topic]) -> bool:
    try:
        await broker.create_topics(topics)
    except UnavailableError:
        return False
    return True


async def _described(admin: AIOKafkaAdminClient, topics: list[str]) -> Any:
    partitions = [topic["partitions"] for topic in await admin.describe_topics(topics)]
    return all(partitions) and partitions


async def _configured(admin: AIOKafkaAdminClient, topic: str) -> dict[str, str]:
    [answer] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    return {entry[0]: entry[1] for entry in answer.resources[0][4]}


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


# -- three nodes ----------------------------------------------------------------------------------------------


async def test_nodes_killed_or_frozen_process_exactly_once(settings: Settings, three: Cluster) -> None:
    """The test kills or freezes each node in turn, including controller and coordinators, while two workers copy."""
    async with stage(over(settings, three)) as s:
        values = await s.fill(600, keys=40)
        workers = [start_worker(s, 0.05), start_worker(s, 0.05)]
        try:
            for n, node in enumerate(three.nodes):
                if n % 2:
                    three.signal(node, signal.SIGSTOP)
                    await until(lambda: _leads_nothing(s, three, node), what=f"{node} without partitions")  # noqa: B023
                    three.signal(node, signal.SIGCONT)
                else:
                    three.kill(node)
                    three.run(node)
                await asyncio.to_thread(three.wait_for, node)
            await until(lambda: lag_is(s, 0))
        finally:
            end(*workers)
        await all_exactly_once(s, values)


async def test_rolling_restart_processes_exactly_once(settings: Settings, three: Cluster) -> None:
    """Each node ends in an orderly way and starts again, while two workers copy and a producer publishes."""

    async with stage(over(settings, three)) as s:
        values = await s.fill(100, keys=40)
        workers = [start_worker(s, 0.05), start_worker(s, 0.05)]
        try:
            for round_, node in enumerate(three.nodes):
                assert node.process is not None
                three.signal(node, signal.SIGTERM)
                await asyncio.to_thread(node.process.wait)
                values += await _filled(s, 1_000 * (round_ + 1))
                three.run(node)
                await asyncio.to_thread(three.wait_for, node)
                await until(lambda: _is_replicated(s, three), what="all replicas in sync")
            await until(lambda: lag_is(s, 0))
            assert [worker.poll() for worker in workers] == [None, None]
        finally:
            end(*workers)
        await all_exactly_once(s, values)


async def _filled(s: Stage, first: int) -> list[bytes]:
    """Publish 50 values while a node is down; return them."""
    values = [b"%06d" % n for n in range(first, first + 50)]
    messages = [OutgoingMessage(s.source.name, b"k%d" % (n % 40), v) for n, v in enumerate(values)]
    await until(lambda: _is_published(s, messages), what="messages published")
    return values


async def _is_published(s: Stage, messages: list[OutgoingMessage]) -> bool:
    try:
        return await s.broker.publish(messages)
    except UnavailableError:
        return False


async def _is_replicated(s: Stage, cluster: Cluster) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=",".join(kafka_bootstrap_servers(cluster.url)))
    try:
        await admin.start()
        partitions = [p for topic in await _described(admin, [s.source.name, s.target.name]) for p in topic]
        return all(len(p["isr"]) == len(cluster.nodes) for p in partitions)
    except (KafkaError, TypeError):
        return False
    finally:
        await admin.close()


async def _leads_nothing(s: Stage, cluster: Cluster, node: Node) -> bool:
    others = ",".join(f"127.0.0.1:{n.port}" for n in cluster.nodes if n is not node)
    admin = AIOKafkaAdminClient(bootstrap_servers=others, request_timeout_ms=3000)
    await admin.start()
    try:
        [partitions] = await _described(admin, [s.target.name])
        return all(p["leader"] != node.number for p in partitions)
    except KafkaError:
        return False
    finally:
        await admin.close()
