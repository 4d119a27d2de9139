"""Kafka only: clusters of three nodes. Some are part of `make exhaustive` only."""

import asyncio
import signal
from collections.abc import Iterator

import pytest
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams.brokers.base import OutgoingMessage
from streams.brokers.kafka.broker import KafkaBroker
from streams.config.settings import Settings, kafka_bootstrap_servers
from streams.errors import UnavailableError
from tests.conftest import Clusters, until
from tests.support.kafka import BEFORE, CURRENT, Cluster, Node
from tests.support.kafka_topics import check_topics, described_topics, over
from tests.support.stage import Stage, all_exactly_once, end, lag_is, stage, start_worker


@pytest.fixture(params=[CURRENT, pytest.param(BEFORE, marks=pytest.mark.exhaustive)])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


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


async def test_create_topics_on_three_nodes_sets_replicas(settings: Settings, three: Cluster) -> None:
    await check_topics(over(settings, three, replication_factor=3), replicas=3, in_sync="2")


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


@pytest.mark.exhaustive  # 24 s of CPU time; killed nodes are the harder fault
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
        partitions = [p for topic in await described_topics(admin, [s.source.name, s.target.name]) for p in topic]
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
        [partitions] = await described_topics(admin, [s.target.name])
        return all(p["leader"] != node.number for p in partitions)
    except KafkaError:
        return False
    finally:
        await admin.close()


async def test_committed_offset_from_former_coordinator(settings: Settings, three: Cluster) -> None:
    """A node that is not the coordinator of a group answers with an error, and no partition (KIP-88)."""
    async with stage(over(settings, three)) as s:
        assert isinstance(s.broker, KafkaBroker)
        consumer, tp = await s.broker.client.admin_consumer("former"), KafkaPartition(s.source.name, 0)
        consumer.assign([tp])
        await consumer.commit({tp: 3})
        for node in three.nodes:
            consumer._coordinator.coordinator_id = node.number
            assert await consumer.committed(tp) == 3
