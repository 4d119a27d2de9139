"""Faust's livelock detector on Kafka: it needs figures that copydesk does not collect, so it must stay silent."""

import logging
from collections.abc import Sequence
from dataclasses import replace

import pytest

from streams.brokers.base import ConsumedMessage
from streams.config.settings import Settings
from streams.faust.agents import BatchResult, add_agent, create_app
from tests.conftest import until
from tests.support.kafka import Cluster
from tests.support.kafka_topics import over
from tests.support.stage import stage


async def test_agent_of_empty_topic_logs_no_stall(
    settings: Settings, one: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the override, a desk on Kafka reported each empty partition every 2.5 s."""

    async def handle(batch: Sequence[ConsumedMessage]) -> BatchResult:
        return BatchResult()

    on_kafka = replace(over(settings, one), partitions=1)
    async with stage(on_kafka) as s:
        app = create_app(on_kafka, s.group)
        add_agent(app, s.broker, s.source, handle, 10)
        await app.start()
        try:
            await until(lambda: app.consumer.assignment(), what="the partition")
            app.consumer._thread.time_started -= 3_600.0  # as if the process had started an hour ago
            await app.consumer.verify_all_partitions_active()
        finally:
            await app.stop()
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert not [record for record in errors if record.name.startswith("faust")]  # aiokafka logs the group's first join
