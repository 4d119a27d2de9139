"""The configurations in examples/kafka-connect on a real worker of Kafka Connect.

The connector for Elasticsearch is not in Maven Central: its configuration runs with the file connector in its place.
"""

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from streams.brokers.base import OutgoingMessage
from streams.codec import decode, encode
from streams.config.settings import Settings, kafka_bootstrap_servers
from streams.records import Article
from streams.topics import ARTICLES
from tests.conftest import ROOT, emptied_kafka, until
from tests.support.kafka import NoKafka
from tests.support.kafka_connect import connect_jars, running_worker
from tests.support.site import article, publish
from workers.services import connect

CONFIGURATIONS = ROOT / "examples" / "kafka-connect"


@pytest.fixture
def kafka(settings: Settings, kafka_url: str) -> Settings:
    """Settings over an empty Kafka; skip without the jars of Kafka Connect, and fail in CI."""
    try:
        connect_jars()
    except NoKafka as exc:
        assert not os.environ.get("CI"), f"no Kafka Connect: {exc}"
        pytest.skip(f"no Kafka Connect: {exc}")
    url = asyncio.run(emptied_kafka(kafka_url))
    return replace(settings, broker_url=url, state_url=settings.broker_url)


async def abort_transaction(settings: Settings, news: Article) -> None:
    """Send *news* in a transaction that is aborted, as a desk that is fenced does."""
    servers = ",".join(kafka_bootstrap_servers(settings.broker_url))
    async with AIOKafkaProducer(bootstrap_servers=servers, transactional_id=uuid4().hex) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(ARTICLES.name, encode(news), news.id.encode())
        await producer.abort_transaction()


def articles_in(path: Path) -> list[tuple[str, int]]:
    """Return id and revision of each line."""
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [(news.id, news.revision) for news in (decode(line, Article) for line in lines)]


def with_file_connector(configuration: str) -> str:
    """Return *configuration* for the file connector, without the options of another connector."""
    parsed = json.loads(configuration)
    config = {
        key: value
        for key, value in parsed["config"].items()
        if key not in ("key.ignore", "schema.ignore", "connection.url")
    }
    config |= {
        "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
        "file": "maps.txt",
        "tasks.max": "1",
    }
    return json.dumps(parsed | {"config": config})


async def test_dead_letter_queue_takes_unreadable_messages(kafka: Settings, tmp_path: Path) -> None:
    configuration = with_file_connector((CONFIGURATIONS / "elasticsearch.json").read_text("utf-8"))
    queue = json.loads(configuration)["config"]["errors.deadletterqueue.topic.name"]
    broker = await connect(kafka, kafka.broker_url)
    await publish(broker, *(article(n) for n in range(5)))
    await broker.publish([OutgoingMessage(ARTICLES.name, b"torn", b"{")])
    await publish(broker, *(article(n) for n in range(5, 10)))
    async with running_worker(kafka.broker_url, tmp_path, f"connect-{uuid4().hex[:8]}") as worker:
        await worker.register(configuration)
        await until(lambda: all(f"title=Story {n} " in (tmp_path / "maps.txt").read_text("utf-8") for n in range(10)))

        async def has_letter() -> bool:
            return await broker.has_topic(queue) and await broker.message_count(queue) == 1

        await until(has_letter)
        await worker.wait_for(json.loads(configuration)["name"])
    await broker.close()


async def test_file_connector_writes_committed_articles(kafka: Settings, tmp_path: Path) -> None:
    configuration = (CONFIGURATIONS / "file.json").read_text("utf-8")
    path, group = tmp_path / json.loads(configuration)["config"]["file"], f"connect-{uuid4().hex[:8]}"
    broker = await connect(kafka, kafka.broker_url)
    await publish(broker, *(article(n) for n in range(20)))
    await abort_transaction(kafka, article(99))
    async with running_worker(kafka.broker_url, tmp_path, group) as worker:
        await worker.register(configuration)
        await publish(broker, *(article(n, 2) for n in range(5)))
        await until(lambda: len(set(articles_in(path))) == 25)
    await publish(broker, *(article(n) for n in range(20, 30)))  # while the worker is down
    async with running_worker(kafka.broker_url, tmp_path, group) as worker:
        await worker.wait_for(json.loads(configuration)["name"])  # the worker has kept the connector
        await until(lambda: len(set(articles_in(path))) == 35)
    await broker.close()
    expected = {(article(n).id, 1) for n in range(30)} | {(article(n).id, 2) for n in range(5)}
    assert set(articles_in(path)) == expected
