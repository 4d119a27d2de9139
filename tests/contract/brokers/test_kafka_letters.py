"""The number of pending dead letters on Kafka, whose offsets count transaction markers and outlive the letters."""

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from streams.brokers.base import Broker
from streams.config.settings import Settings, kafka_bootstrap_servers
from streams.topics import DEAD_LETTERS
from workers import dead_letters
from workers.services import connect

pytestmark = pytest.mark.parametrize("any_broker", ["kafka"], indirect=True)


async def publish(settings: Settings, count: int) -> None:
    """Publish letters as a desk does, each in a transaction."""
    servers = ",".join(kafka_bootstrap_servers(settings.broker_url))
    async with AIOKafkaProducer(bootstrap_servers=servers, transactional_id="desk") as producer:
        for n in range(count):
            letter = dead_letters.build(None, b"", b"x", (), "bug", f"error {n}", feed="f")
            async with producer.transaction():
                await producer.send(DEAD_LETTERS.name, letter.value, letter.key, partition=0)


async def discard_all(broker: Broker) -> None:
    await dead_letters.resolve_all(broker, dead_letters.chosen(broker), dead_letters.discard)


async def test_markers_of_kafka_transactions_are_not_counted(any_broker: Settings) -> None:
    broker = await connect(any_broker, any_broker.broker_url)
    await publish(any_broker, 3)
    assert await dead_letters.count_pending(broker) == 3
    [first, *_] = await dead_letters.select(broker, [])
    await dead_letters.discard(broker, first)
    assert await dead_letters.count_pending(broker) == 2
    await discard_all(broker)
    assert await dead_letters.count_pending(broker) == 0
    await publish(any_broker, 1)
    assert await dead_letters.count_pending(broker) == 1
    await broker.close()


async def test_letters_after_their_kafka_retention_are_forgotten(any_broker: Settings) -> None:
    broker = await connect(any_broker, any_broker.broker_url)
    await publish(any_broker, 5)
    await discard_all(broker)
    admin = AIOKafkaAdminClient(bootstrap_servers=",".join(kafka_bootstrap_servers(any_broker.broker_url)))
    await admin.start()
    await admin.delete_records({KafkaPartition(DEAD_LETTERS.name, 0): RecordsToDelete(before_offset=10)})
    await admin.close()
    await publish(any_broker, 2)
    assert await dead_letters.count_pending(broker) == 2
    assert await broker.state.hkeys(dead_letters.RESOLVED_KEY) == []
    await broker.close()


async def test_many_letters_are_counted_by_kafka_offsets(any_broker: Settings) -> None:
    """Reading them at each status would take gigabytes."""
    broker = await connect(any_broker, any_broker.broker_url)
    await publish(any_broker, 3)
    assert await dead_letters.count_pending(broker, max_read=5) == 6
    assert await dead_letters.count_pending(broker, max_read=6) == 3
    await broker.close()
