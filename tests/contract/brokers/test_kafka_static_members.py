"""Static members of a group on Kafka (KIP-345): a member with a name keeps its partitions over a restart."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.new_partitions import NewPartitions

from streams.brokers.base import ConsumedMessage
from streams.config.settings import Settings, kafka_bootstrap_servers
from streams.faust.agents import BatchResult, add_agent, create_app
from tests.conftest import until
from tests.support.kafka import Cluster
from tests.support.kafka_topics import over
from tests.support.stage import Stage, stage

A, B = "desk-1@one.example", "desk-1@two.example"
LONG_S = 85.0  # session timeout that no test waits for; the client permits 90


async def handle(batch: Sequence[ConsumedMessage]) -> BatchResult:
    return BatchResult()


@asynccontextmanager
async def member(s: Stage, name: str) -> AsyncGenerator[Any, None]:
    app = create_app(s.settings, s.group, name=name)
    add_agent(app, s.broker, s.source, handle, 10)
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


def sever(app: Any) -> None:
    """Let *app* stop without a request to leave the group, as a killed process does."""

    async def send_nothing() -> None: ...

    app.consumer._thread._consumer._coordinator._maybe_leave_group = send_nothing


@asynccontextmanager
async def administration(settings: Settings) -> AsyncGenerator[AIOKafkaAdminClient, None]:
    admin = AIOKafkaAdminClient(bootstrap_servers=",".join(kafka_bootstrap_servers(settings.broker_url)))
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def member_count(s: Stage) -> int:
    async with administration(s.settings) as admin:
        [answer] = await admin.describe_consumer_groups([s.group])
    [(_, _, _, _, _, members, *_)] = answer.groups
    return len(members)


def have_all(count: int, *apps: Any) -> bool:
    return sum(len(app.consumer.assignment()) for app in apps) == count and all(a.consumer.assignment() for a in apps)


@pytest.fixture
def on_kafka(settings: Settings, one: Cluster) -> Settings:
    return replace(over(settings, one), partitions=4, lease_timeout_s=LONG_S)


async def test_restarted_member_keeps_partitions_without_rebalance(on_kafka: Settings) -> None:
    async with stage(on_kafka) as s, member(s, B) as other, AsyncExitStack() as first:
        before = await first.enter_async_context(member(s, A))
        await until(lambda: have_all(4, before, other), what="partitions for both members")
        partitions, generation = before.consumer.assignment(), other.consumer_generation_id
        sever(before)
        await first.aclose()
        async with member(s, A) as after:
            await until(lambda: after.consumer.assignment() == partitions, what="the former partitions")
            assert await member_count(s) == 2
            assert other.consumer_generation_id == generation


@pytest.mark.parametrize("name", [A, ""])
async def test_stopped_member_leaves_before_session_timeout(on_kafka: Settings, name: str) -> None:
    async with stage(on_kafka) as s, member(s, B) as other:
        async with member(s, name) as stopped:
            await until(lambda: have_all(4, stopped, other), what="partitions for both members")
        assert await member_count(s) == 1
        await until(lambda: have_all(4, other), what="partitions of the stopped member")


async def test_killed_member_leaves_after_session_timeout(on_kafka: Settings) -> None:
    async with stage(replace(on_kafka, lease_timeout_s=6.0)) as s, member(s, B) as other:
        async with member(s, A) as killed:
            await until(lambda: have_all(4, killed, other), what="partitions for both members")
            sever(killed)
        await until(lambda: have_all(4, other), what="partitions of the killed member")
        assert await member_count(s) == 1


async def test_restarted_leader_finds_new_partitions(on_kafka: Settings) -> None:
    """Kafka does not tell a restarted leader that it leads; without a leader, no member assigns new partitions."""
    async with stage(on_kafka) as s:
        async with member(s, A) as leader:
            await until(lambda: have_all(4, leader), what="partitions")
            sever(leader)
        async with member(s, A) as leader:
            await until(lambda: have_all(4, leader), what="the same partitions")
            async with administration(on_kafka) as admin:
                await admin.create_partitions({s.source.name: NewPartitions(total_count=6)})
            await until(lambda: have_all(6, leader), what="new partitions")
