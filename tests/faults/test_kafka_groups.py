"""Consumer groups on Kafka: members that join, work slowly, and are killed."""

import asyncio
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from streams.config.settings import Settings
from tests.conftest import emptied_kafka, until
from tests.contract.brokers.test_subscribe import wire
from tests.faults.test_groups import (
    COMMITTED_EVERY,
    KEYS,
    Member,
    are_in_order,
    ended,
    had_all,
    nothing_left,
    published,
    repeated,
    revised,
    revised_until,
)


@pytest.fixture
def on_kafka(settings: Settings, kafka_url: str) -> Settings:
    url = asyncio.run(emptied_kafka(kafka_url))
    return replace(settings, broker_url=url, state_url=settings.broker_url)


def test_slow_and_joining_members_repeat_nothing(on_kafka: Settings, tmp_path: Path) -> None:
    async def go() -> None:
        async with wire(on_kafka) as broker:
            events = await published(broker)
            slow = Member(on_kafka, tmp_path, "slow", 0.05)
            with ended(slow):
                await until(lambda: len(slow.got) > KEYS)
                quick = Member(on_kafka, tmp_path, "quick", 0.005)
                with ended(quick):
                    events |= await revised_until(broker, lambda: quick.got)
                    await until(had_all([slow, quick], events), deadline_s=60)
                    await nothing_left(broker)
                    assert repeated([slow, quick]) == set()
                    assert are_in_order(slow.got)
                    assert are_in_order(quick.got)

    asyncio.run(go())


@pytest.mark.faults
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSTOP])
def test_dead_member_repeats_its_batch_at_most(on_kafka: Settings, tmp_path: Path, signum: int) -> None:
    """After a kill or a freeze, another member takes over; a frozen member must drop its buffered records."""

    async def go() -> None:
        async with wire(on_kafka) as broker:
            events = await published(broker)
            members = [Member(on_kafka, tmp_path, f"m{n}", 0.02) for n in range(2)]
            with ended(*members):
                events |= await revised_until(broker, lambda: all(member.got for member in members))
                members[0].process.send_signal(signum)
                await until(had_all(members, events), deadline_s=60)
                await nothing_left(broker)
                members[0].process.send_signal(signal.SIGCONT)
                last = 1 + max(revision for _, revision in events)
                await until(had_all(members, await revised(broker, last)))
                await nothing_left(broker)
                assert repeated(members) <= set(members[0].got)
                assert len(repeated(members)) <= COMMITTED_EVERY
                assert all(are_in_order(member.got) for member in members)

    asyncio.run(go())
