"""Consumer groups and sinks whose members work for longer than a lease, join, are frozen, and are killed."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.topics import ARTICLES
from tests.conftest import ROOT, until
from tests.contract.brokers.test_subscribe import article, wire
from tests.faults.fleet import die_with_harness
from tests.faults.member import GROUP

KEYS, REVISIONS = 20, 8
LEASE_S = 2.0  # the records that a member has buffered take longer to process
COMMITTED_EVERY = 100  # upper bound of uncommitted records of a killed member

Event = tuple[str, int]


class Member:
    """A member process; `got` holds its articles in order."""

    def __init__(self, settings: Settings, folder: Path, name: str, work_s: float, how: str = "awaiting") -> None:
        arguments = [settings.broker_url, settings.state_url, str(settings.lease_timeout_s), str(work_s), how]
        self._out = folder / f"{name}.out"
        with self._out.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.member", *arguments],
                cwd=ROOT, stdout=out, preexec_fn=die_with_harness,
            )  # fmt: skip

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


@pytest.fixture
def grouped(settings: Settings) -> Settings:
    return replace(settings, lease_timeout_s=LEASE_S, item_timeout_s=LEASE_S / 3)


def test_slow_and_joining_members_repeat_nothing(grouped: Settings, tmp_path: Path) -> None:
    async def go() -> None:
        async with wire(grouped) as broker:
            events = await published(broker)
            slow = Member(grouped, tmp_path, "slow", 0.03)
            with ended(slow):
                await until(lambda: len(slow.got) > KEYS)
                quick = Member(grouped, tmp_path, "quick", 0.005)
                with ended(quick):
                    events |= await revised_until(broker, lambda: quick.got)
                    await until(had_all([slow, quick], events), deadline_s=60)
                    await nothing_left(broker)
                    assert repeated([slow, quick]) == set()
                    assert are_in_order(slow.got)
                    assert are_in_order(quick.got)

    asyncio.run(go())


def test_member_busy_past_lease_keeps_it(grouped: Settings, tmp_path: Path) -> None:
    """One record takes longer than a lease and blocks the event loop throughout."""

    async def go() -> None:
        async with wire(replace(grouped, partitions=1)) as broker:
            await broker.publish([article("a", revision) for revision in (1, 2)])
            busy = Member(grouped, tmp_path, "busy", 1.5 * LEASE_S, "blocking")
            other = Member(grouped, tmp_path, "other", 1.5 * LEASE_S, "blocking")
            with ended(busy, other):
                await until(had_all([busy, other], {("a", 1), ("a", 2)}))
                await nothing_left(broker)
                assert repeated([busy, other]) == set()

    asyncio.run(go())


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSTOP])
def test_dead_member_repeats_its_batch_at_most(grouped: Settings, tmp_path: Path, signum: int) -> None:
    """After a kill or a freeze, another member takes over; a frozen member must drop its buffered records."""

    async def go() -> None:
        async with wire(grouped) as broker:
            events = await published(broker)
            members = [Member(grouped, tmp_path, f"m{n}", 0.01) for n in range(3)]
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


# -- sinks ----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def endpoint(got: list[Event], work_s: float) -> AsyncGenerator[str, None]:
    """Serve a slow endpoint; yield its URL."""

    async def take(request: web.Request) -> web.Response:
        body = await request.json()
        await asyncio.sleep(work_s)
        got.append((body["data"]["id"], body["data"]["revision"]))
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


def deliverer(settings: Settings, folder: Path, url: str) -> "subprocess.Popen[bytes]":
    """Start a `copydesk sink` process."""
    table = (
        f'[[sinks]]\ntype = "webhook"\nname = "w"\nurl = "{url}"\nsecret = "0123456789abcdef"\nstart_from = "start"\n'
    )
    (folder / "copydesk.toml").write_text(table)
    flags = ["--broker-url", settings.broker_url, "--allowed-private-hosts", "127.0.0.1:*"]
    limits = ["--lease-timeout-s", str(settings.lease_timeout_s), "--item-timeout-s", str(settings.item_timeout_s)]
    return subprocess.Popen(
        [sys.executable, "-m", "workers.cli", "sink", "w", *flags, *limits],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL, preexec_fn=die_with_harness,
    )  # fmt: skip


def test_sink_processes_deliver_once_in_order(grouped: Settings, tmp_path: Path) -> None:
    async def go() -> None:
        received: list[Event] = []
        async with wire(grouped) as broker, endpoint(received, 0.03) as url:
            events = await published(broker)
            processes: list[Any] = [deliverer(grouped, tmp_path, url) for _ in range(2)]
            try:
                await until(lambda: events <= set(received), deadline_s=60)
                await until(lambda: _sink_lag_is_zero(broker))
            finally:
                for process in processes:
                    process.kill()
                    process.wait()
            assert len(received) == len(events)
            assert are_in_order(received)

    asyncio.run(go())


async def _sink_lag_is_zero(broker: Broker) -> bool:
    return await broker.lag(ARTICLES.name, "sink.w") == 0
