"""Consumer groups on Kafka: members that join, work slowly, and are killed."""

import asyncio
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from streams.config.settings import Settings
from streams.subscribe import Subscription
from streams.topics import ARTICLES
from tests.conftest import emptied_kafka, until
from tests.faults.groups import check_dead_member, check_joining_member
from tests.support.subscribers import article, wire


@pytest.fixture
async def on_kafka(settings: Settings, kafka_url: str) -> Settings:
    url = await emptied_kafka(kafka_url)
    return replace(settings, broker_url=url, state_url=settings.broker_url)


async def test_slow_and_joining_members_repeat_nothing(on_kafka: Settings, tmp_path: Path) -> None:
    await check_joining_member(on_kafka, tmp_path, 0.05)


@pytest.mark.faults
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSTOP])
async def test_dead_member_repeats_its_batch_at_most(on_kafka: Settings, tmp_path: Path, signum: int) -> None:
    await check_dead_member(on_kafka, tmp_path, signum, 2, 0.02)


async def test_member_without_partitions_finds_its_topic(on_kafka: Settings) -> None:
    """A group whose leader does not know the topic gets no partitions, as on a node that lags behind."""
    async with wire(on_kafka) as broker, Subscription(group="early", auto_commit=True, settings=on_kafka) as member:
        records = aiter(member)
        await broker.publish([article("a")])
        assert (await anext(records)).id == "a"
        received = asyncio.ensure_future(anext(records))
        await emptied_kafka(on_kafka.broker_url)
        await until(lambda: not member._reader._open.assignment())  # type: ignore[attr-defined]
        await broker.create_topics([ARTICLES])
        await broker.publish([article("b")])
        assert (await asyncio.wait_for(received, 120)).id == "b"
        await records.aclose()
