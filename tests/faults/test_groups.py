"""Consumer groups and sinks whose members work for longer than a lease, join, are frozen, and are killed."""

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.topics import ARTICLES
from tests.conftest import until
from tests.faults.groups import (
    Event,
    Member,
    are_in_order,
    check_dead_member,
    check_joining_member,
    ended,
    had_all,
    nothing_left,
    published,
    repeated,
)
from tests.support.fork_server import Command, start_module
from tests.support.subscribers import article, wire

LEASE_S = 2.0  # the records that a member has buffered take longer to process


@pytest.fixture
def grouped(settings: Settings) -> Settings:
    return replace(settings, lease_timeout_s=LEASE_S, item_timeout_s=LEASE_S / 3)


async def test_slow_and_joining_members_repeat_nothing(grouped: Settings, tmp_path: Path) -> None:
    await check_joining_member(grouped, tmp_path, 0.03)


async def test_member_busy_past_lease_keeps_it(grouped: Settings, tmp_path: Path) -> None:
    """One record takes longer than a lease and blocks the event loop throughout."""
    async with wire(replace(grouped, partitions=1)) as broker:
        await broker.publish([article("a", revision) for revision in (1, 2)])
        busy = Member(grouped, tmp_path, "busy", 1.5 * LEASE_S, "blocking")
        other = Member(grouped, tmp_path, "other", 1.5 * LEASE_S, "blocking")
        with ended(busy, other):
            await until(had_all([busy, other], {("a", 1), ("a", 2)}))
            await nothing_left(broker)
            assert repeated([busy, other]) == set()


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSTOP])
async def test_dead_member_repeats_its_batch_at_most(grouped: Settings, tmp_path: Path, signum: int) -> None:
    await check_dead_member(grouped, tmp_path, signum, 3, 0.01)


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


def deliverer(settings: Settings, folder: Path, url: str) -> Command:
    """Start a `copydesk sink` process."""
    table = (
        f'[[sinks]]\ntype = "webhook"\nname = "w"\nurl = "{url}"\nsecret = "0123456789abcdef"\nstart_from = "start"\n'
    )
    (folder / "copydesk.toml").write_text(table)
    flags = ["--broker-url", settings.broker_url, "--allowed-private-hosts", "127.0.0.1:*"]
    limits = ["--lease-timeout-s", str(settings.lease_timeout_s), "--item-timeout-s", str(settings.item_timeout_s)]
    return start_module("workers.cli", "sink", "w", *flags, *limits, cwd=folder)


async def test_sink_processes_deliver_once_in_order(grouped: Settings, tmp_path: Path) -> None:
    received: list[Event] = []
    async with wire(grouped) as broker, endpoint(received, 0.03) as url:
        events = await published(broker)
        processes: list[Any] = [deliverer(grouped, tmp_path, url) for _ in range(2)]
        try:
            await until(lambda: events <= set(received))
            await until(lambda: _sink_lag_is_zero(broker))
        finally:
            for process in processes:
                process.kill()
                process.wait()
        assert len(received) == len(events)
        assert are_in_order(received)


async def _sink_lag_is_zero(broker: Broker) -> bool:
    return await broker.lag(ARTICLES.name, "sink.w") == 0
