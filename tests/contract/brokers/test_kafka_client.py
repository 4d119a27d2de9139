"""Clients of a Kafka cluster."""

import asyncio
import gc
from dataclasses import replace

from streams.brokers import open_broker
from streams.brokers.kafka.client import KafkaClient
from streams.config.settings import Settings


async def test_admin_consumer_is_shared_by_concurrent_callers(settings: Settings, kafka_url: str) -> None:
    client = KafkaClient(kafka_url, settings)
    consumers = await asyncio.gather(*(client.admin_consumer() for _ in range(4)))
    assert len(set(consumers)) == 1
    await client.close()


async def test_concurrent_first_publications_leave_no_producer(settings: Settings, kafka_url: str) -> None:
    broker = open_broker(replace(settings, broker_url=kafka_url, state_url=settings.broker_url))
    await asyncio.gather(*(broker.publish([]) for _ in range(4)))
    await broker.close()
    gc.collect()  # an unclosed producer warns, and a warning is an error
