"""A Kafka broker that stops under a subscriber without a group."""

import asyncio
from dataclasses import replace

import pytest

from streams.config.settings import Settings
from tests.conftest import Clusters, until
from tests.support.kafka import CURRENT
from tests.support.subscribers import Subscriber, article, wire


async def test_subscriber_without_group_reports_kafka_outage(
    settings: Settings, clusters: Clusters, caplog: pytest.LogCaptureFixture
) -> None:
    """aiokafka returns no records during an outage, and raises no error."""
    cluster = clusters.get(CURRENT)
    [node] = cluster.nodes
    on_kafka = replace(settings, broker_url=cluster.url, state_url=settings.broker_url)
    async with wire(on_kafka) as broker:
        subscriber = Subscriber(on_kafka)
        await broker.publish([article("outage0", 1)])
        await until(lambda: ("outage0", 1) in subscriber.got)
        cluster.kill(node)
        try:
            await until(lambda: "read failed: topic=copydesk.articles (broker unavailable: " in caplog.text)
        finally:
            cluster.run(node)
            await asyncio.to_thread(cluster.wait_for, node)
        await broker.publish([article("outage1", 1)])
        await until(lambda: ("outage1", 1) in subscriber.got)
        await subscriber.stop()
