"""Members of a consumer group in processes of their own, and the checks that every broker must pass."""

import asyncio
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.topics import ARTICLES
from tests.conftest import until
from tests.faults.member import GROUP
from tests.support.fork_server import start_module
from tests.support.subscribers import article, wire

KEYS, REVISIONS = 20, 8
COMMITTED_EVERY = 100  # upper bound of uncommitted records of a killed member

Event = tuple[str, int]


class Member:
    """A member process; `got` holds its articles in order."""

    def __init__(self, settings: Settings, folder: Path, name: str, work_s: float, how: str = "awaiting") -> None:
        arguments = [settings.broker_url, settings.state_url, str(settings.lease_timeout_s), str(work_s), how]
        self._out = folder / f"{name}.out"
        with self._out.open("wb") as out:
            self.process = start_module("tests.faults.member", *arguments, stdout=out)

    @property
    def got(self) -> list[Event]:
        lines = self._out.read_text().split("\n")[:-1]
        return [(id_, int(revision)) for id_, revision in map(str.split, lines)]

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def ended(*members: Member) -> Iterator[None]:
    try:
        yield
    finally:
        for member in members:
            member.end()


async def published(broker: Broker) -> set[Event]:
    """Publish all revisions of each article in order; return them."""
    return {event for n in range(1, REVISIONS + 1) for event in await revised(broker, n)}


async def revised(broker: Broker, revision: int) -> set[Event]:
    """Publish one revision of every article; return them."""
    await broker.publish([article(f"a{n}", revision) for n in range(KEYS)])
    return {(f"a{n}", revision) for n in range(KEYS)}


async def revised_until(broker: Broker, condition: Callable[[], Any]) -> set[Event]:
    """Publish further revisions until *condition* holds; return them."""
    events: set[Event] = set()
    for revision in range(REVISIONS + 1, 1000):
        if condition():
            return events
        events |= await revised(broker, revision)
        await asyncio.sleep(0.5)  # continuous stream
    pytest.fail(f"not within 1000 revisions: {condition}")


def are_in_order(events: Sequence[Event]) -> bool:
    newest: dict[str, int] = {}
    for id_, revision in events:
        if revision <= newest.get(id_, 0):
            return False
        newest[id_] = revision
    return True


def repeated(members: Sequence[Member]) -> set[Event]:
    counts = Counter(event for member in members for event in member.got)
    return {event for event, count in counts.items() if count > 1}


def had_all(members: Sequence[Member], events: set[Event]) -> Callable[[], bool]:
    return lambda: events <= {event for member in members for event in member.got}


async def nothing_left(broker: Broker) -> None:
    """Wait until the group has committed every record, so that no member receives another."""

    async def is_done() -> bool:
        return await broker.lag(ARTICLES.name, GROUP) == 0

    await until(is_done, deadline_s=60)


async def check_joining_member(settings: Settings, folder: Path, work_s: float) -> None:
    """A slow member, which takes *work_s* per record, and a quick one that joins it: no record is repeated."""
    async with wire(settings) as broker:
        events = await published(broker)
        slow = Member(settings, folder, "slow", work_s)
        with ended(slow):
            await until(lambda: len(slow.got) > KEYS)
            quick = Member(settings, folder, "quick", 0.005)
            with ended(quick):
                events |= await revised_until(broker, lambda: quick.got)
                await until(had_all([slow, quick], events), deadline_s=60)
                await nothing_left(broker)
                assert repeated([slow, quick]) == set()
                assert are_in_order(slow.got)
                assert are_in_order(quick.got)


async def check_dead_member(settings: Settings, folder: Path, signum: int, count: int, work_s: float) -> None:
    """After a kill or a freeze, another member takes over; a frozen member must drop its buffered records."""
    async with wire(settings) as broker:
        events = await published(broker)
        members = [Member(settings, folder, f"m{n}", work_s) for n in range(count)]
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
