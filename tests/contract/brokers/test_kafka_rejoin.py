"""A subscriber on Kafka that loses its membership and joins again during one read."""

import asyncio
from dataclasses import replace

from streams.brokers.base import OutgoingMessage
from streams.brokers.kafka.reader import KafkaReader
from streams.config.settings import Settings
from streams.start import Start
from tests.conftest import until
from tests.support.kafka import Cluster
from tests.support.kafka_topics import over
from tests.support.stage import stage


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
