"""Changes of the registry that a crash interrupts, and the order of polls at the broker."""

import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.brokers import open_broker
from streams.brokers.base import Broker
from streams.config.settings import Settings
from tests.conftest import until
from tests.support.fork_server import Command, start_module
from tests.support.poller_desk import claim_urls
from workers.poller import poll as transitions
from workers.poller.registry import (
    CLOCK,
    DUE_HOSTS,
    FEEDS,
    HOST_FEEDS,
    ClaimedFeed,
    FeedRegistry,
    FeedState,
    feed_id,
    host_key,
)

FEED = "https://a.example/feed"
IMPORTED, HOSTS, KILLS = 6_000, 60, 3


async def test_import_killed_leaves_no_unscheduled_feed(settings: Settings, tmp_path: Path) -> None:
    outlines = "".join(f'<outline type="rss" xmlUrl="https://h{n % HOSTS}.example/{n}"/>' for n in range(IMPORTED))
    (tmp_path / "feeds.opml").write_text(f'<opml version="2.0"><body>{outlines}</body></opml>')

    broker = open_broker(settings)
    await broker.create_topics([])
    for _ in range(KILLS):
        before = await broker.state.execute_command("HLEN", FEEDS)
        command = ("feeds", "import", "feeds.opml", "--broker-url", settings.broker_url)
        importing = start_module("workers.cli", *command, cwd=tmp_path)
        await until(lambda: _registered_more(broker, before, importing))  # noqa: B023 - awaited within the loop
        importing.send_signal(signal.SIGKILL)
        importing.wait()
        scheduled, due = 0, 0
        for host in range(HOSTS):
            scheduled += await broker.state.execute_command("ZCARD", f"{HOST_FEEDS}h{host}.example")
            due += await broker.state.execute_command("ZSCORE", DUE_HOSTS, f"h{host}.example") is not None
        assert await broker.state.execute_command("HLEN", FEEDS) == scheduled
        assert due == HOSTS
    await broker.close()


async def _registered_more(broker: Broker, before: int, importing: Command) -> bool:
    return await broker.state.execute_command("HLEN", FEEDS) > before or importing.poll() is not None


@pytest.mark.parametrize("lost", ["feed", "host"])
async def test_reconcile_schedules_registered_feeds(settings: Settings, lost: str) -> None:
    broker = open_broker(settings)
    feeds = FeedRegistry(broker.state)
    await feeds.add([(FEED, ""), ("https://b.example/feed", "")])
    await feeds.set_paused(["https://b.example/feed"], True)
    if lost == "feed":
        await broker.state.execute_command("ZREM", HOST_FEEDS + host_key(FEED), feed_id(FEED))
    await broker.state.execute_command("ZREM", DUE_HOSTS, host_key(FEED))
    assert await claim_urls(feeds, 10) == []
    assert await feeds.reconcile() == 1
    assert await claim_urls(feeds, 10) == [FEED]
    assert await feeds.reconcile() == 0
    await broker.close()


async def test_poll_order_rises_after_clock_set_back(settings: Settings) -> None:
    """The last poll of any feed was an hour ahead of the present time of the broker."""

    broker = open_broker(settings)
    feeds = FeedRegistry(broker.state)
    await feeds.add([(FEED, ""), ("https://b.example/feed", "")])
    ahead = int((time.time() + 3600) * 1e6)
    await broker.state.execute_command("HSET", CLOCK, "order", ahead)
    started = []
    for url in (FEED, "https://b.example/feed", FEED):
        loaded = await feeds.load(url)
        assert loaded is not None
        started.append(transitions.begin_poll(loaded).started_at)
    assert started == sorted(set(started))
    assert started[0] > datetime.fromtimestamp(ahead / 1e6, UTC)
    await broker.close()


def test_poll_of_one_feed_is_later_than_the_one_before() -> None:
    state = FeedState(FEED, polled_s=2_000.0)
    loaded = ClaimedFeed(state, b"", 0.0, b"", 1_000.0)
    assert transitions.begin_poll(loaded).started_at.timestamp() > 2_000
