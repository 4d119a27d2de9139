"""A member of a group on Kafka: lost memberships, rebalances, and offsets that retention has passed."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from streams.brokers.base import OutgoingMessage
from streams.brokers.kafka.reader import KafkaReader
from streams.config.settings import Settings, kafka_bootstrap_servers
from streams.start import Start
from tests.conftest import until
from tests.support.kafka import Cluster
from tests.support.kafka_topics import over
from tests.support.stage import Stage, stage


async def test_rejoin_during_read_loses_nothing(settings: Settings, one: Cluster) -> None:
    async with stage(replace(over(settings, one), partitions=1)) as s:
        reader = await s.broker.open_reader(s.source, s.group, Start.EARLIEST)
        assert isinstance(reader, KafkaReader)
        received: list[bytes] = []

        async def read() -> None:
            await reader.confirm_leases()
            received.extend(m.value for m in await reader.read(0.5))

        async def has_read(count: int) -> bool:
            await read()
            return len(received) >= count

        await s.broker.publish([OutgoingMessage(s.source.name, b"k", b"0")])
        await until(lambda: has_read(1), what="the first message")
        await reader.commit({(s.source.name, 0): 0})
        reading = asyncio.create_task(reader.read(30.0))
        reader._open._coordinator.reset_generation()  # as aiokafka does when the group does not know the member
        reader._open._coordinator.request_rejoin()
        await until(lambda: reader.lost and reader.is_member() and reader._open.assignment(), what="the rejoin")
        await s.broker.publish([OutgoingMessage(s.source.name, b"k", b"%d" % n) for n in (1, 2, 3)])
        received.extend(m.value for m in await reading)
        await until(lambda: has_read(4), what="the messages after the rejoin", deadline_s=20)
        assert received == [b"0", b"1", b"2", b"3"]
        await reader.close()


@asynccontextmanager
async def member(s: Stage, start: Start = Start.EARLIEST) -> AsyncGenerator[KafkaReader, None]:
    reader = await s.broker.open_reader(s.source, s.group, start)
    assert isinstance(reader, KafkaReader)
    try:
        yield reader
    finally:
        await reader.close()


async def values(reader: KafkaReader, count: int) -> list[bytes]:
    """Return the values of the next *count* messages."""
    received: list[bytes] = []

    async def has_read() -> bool:
        await reader.confirm_leases()
        received.extend(m.value for m in await reader.read(0.2))
        return len(received) >= count

    await until(has_read, what=lambda: f"{count} messages: {received}")
    return received


async def fill(s: Stage, start: int, count: int) -> None:
    await s.broker.publish([OutgoingMessage(s.source.name, b"k", b"%d" % n) for n in range(start, start + count)])


async def test_group_passed_by_retention_resumes_at_oldest_message(settings: Settings, one: Cluster) -> None:
    async with stage(replace(over(settings, one), partitions=1)) as s:
        await fill(s, 0, 4)
        async with member(s) as reader:
            await values(reader, 4)
            await reader.commit({(s.source.name, 0): 1})
        await fill(s, 4, 4)
        admin = AIOKafkaAdminClient(bootstrap_servers=",".join(kafka_bootstrap_servers(one.url)))
        await admin.start()
        await admin.delete_records({KafkaPartition(s.source.name, 0): RecordsToDelete(before_offset=5)})
        await admin.close()
        async with member(s, Start.LATEST) as reader:
            assert await values(reader, 3) == [b"5", b"6", b"7"]


async def test_close_ends_wait_of_rebalance(settings: Settings, one: Cluster) -> None:
    async with stage(replace(over(settings, one), partitions=2)) as s:
        await fill(s, 0, 1)
        async with member(s) as reader:
            await values(reader, 1)
            joining = asyncio.create_task(s.broker.open_reader(s.source, s.group, Start.EARLIEST))
            await until(lambda: reader.revoked, what="the rebalance")
            await reader.close()
            assert not reader.lost  # at the end of HANDOVER_S, the partitions would count as lost
            await (await joining).close()


async def test_confirmed_leases_count_as_activity(settings: Settings, one: Cluster) -> None:
    async with stage(replace(over(settings, one), partitions=1)) as s:
        await fill(s, 0, 1)
        async with member(s) as reader:
            await values(reader, 1)
            subscription = reader._open._subscription
            await until(lambda: subscription.fetcher_idle_time > 0.5, what="an idle fetcher")
            before_s = subscription.fetcher_idle_time
            reader.confirmed_s = float("-inf")
            await reader.confirm_leases()
            assert subscription.fetcher_idle_time < before_s


async def test_commit_of_lost_partition_never_goes_back(settings: Settings, one: Cluster) -> None:
    async with stage(replace(over(settings, one), partitions=1)) as s:
        await fill(s, 0, 8)
        tp = (s.source.name, 0)
        async with member(s) as reader:
            await values(reader, 8)
            await reader.commit({tp: 6})
            reader.lost.add(tp)
            await reader.commit({tp: 2})
            assert await reader._open.committed(KafkaPartition(*tp)) == 7
            await reader.commit({tp: 7})
            assert await reader._open.committed(KafkaPartition(*tp)) == 8
