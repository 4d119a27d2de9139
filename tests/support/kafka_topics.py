"""Topics of copydesk on a Kafka cluster, as its administration shows them."""

from dataclasses import replace
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from streams.brokers import open_broker
from streams.brokers.base import Broker
from streams.config.settings import Settings, kafka_bootstrap_servers
from streams.errors import UnavailableError
from streams.topics import ARTICLES, ITEMS, Topic
from tests.conftest import emptied_kafka, until
from tests.support.kafka import Cluster


def over(settings: Settings, cluster: Cluster, **changes: Any) -> Settings:
    return replace(settings, broker_url=cluster.url, state_url=settings.broker_url, **changes)


async def check_topics(settings: Settings, *, replicas: int, in_sync: str) -> None:
    """Create the topics anew, twice; assert that they have partitions, retention, compaction and replicas."""
    await emptied_kafka(settings.broker_url)
    broker = open_broker(settings)
    await until(lambda: _declared(broker, [ITEMS, ARTICLES]), what="as many nodes as replicas")
    assert await _declared(broker, [ITEMS, ARTICLES])  # idempotent
    await broker.close()
    admin = AIOKafkaAdminClient(bootstrap_servers=",".join(kafka_bootstrap_servers(settings.broker_url)))
    await admin.start()
    expected = {
        ITEMS.name: {"retention.ms": "604800000", "cleanup.policy": "delete"},
        ARTICLES.name: {"retention.ms": "2592000000", "cleanup.policy": "compact,delete"},
    }
    described = await until(lambda: described_topics(admin, list(expected)), what="topics on every node")
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


async def described_topics(admin: AIOKafkaAdminClient, topics: list[str]) -> Any:
    partitions = [topic["partitions"] for topic in await admin.describe_topics(topics)]
    return all(partitions) and partitions


async def is_replicated(cluster: Cluster) -> bool:
    """Return whether each partition of each topic has a leader and all its replicas in sync."""
    admin = AIOKafkaAdminClient(bootstrap_servers=",".join(kafka_bootstrap_servers(cluster.url)))
    try:
        await admin.start()
        partitions = [p for topic in await admin.describe_topics() for p in topic["partitions"]]
        return all(p["leader"] >= 0 and len(p["isr"]) == len(p["replicas"]) for p in partitions)
    except (KafkaError, TypeError):
        return False
    finally:
        await admin.close()


async def _configured(admin: AIOKafkaAdminClient, topic: str) -> dict[str, str]:
    [answer] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    return {entry[0]: entry[1] for entry in answer.resources[0][4]}
