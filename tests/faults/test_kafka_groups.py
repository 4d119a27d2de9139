"""Consumer groups on Kafka: members that join, work slowly, and are killed."""

import signal
from dataclasses import replace
from pathlib import Path

import pytest

from streams.config.settings import Settings
from tests.conftest import emptied_kafka
from tests.faults.groups import check_dead_member, check_joining_member


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
