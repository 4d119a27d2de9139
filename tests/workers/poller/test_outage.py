"""Network outages: detection, backoff, recovery, and polling of all feeds at once."""

import asyncio
import random
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from streams.config.settings import Settings
from tests.conftest import copydesk
from tests.support.feed_server import FeedServer, rss
from tests.support.poller_desk import claim_urls
from tests.support.ports import free_port
from workers.poller.outage import MIN_HOSTS, RETRY_S, WINDOW_S, OutageDetector
from workers.poller.poller import Poller
from workers.poller.registry import FeedRegistry, FeedState
from workers.services import connect


def recorded(detector: OutageDetector, hosts: dict[str, bool], now_s: float = 0.0) -> list[str]:
    """Record a poll of each host; return the feeds that the last one made due."""
    failed: list[str] = []
    for host, is_reachable in hosts.items():
        failed = detector.record(f"http://{host}/f", host, now_s, is_reachable=is_reachable)
    return failed


def test_outage_begins_when_most_hosts_fail() -> None:
    detector = OutageDetector()
    recorded(detector, dict.fromkeys("abcdefgh", True))
    assert not detector.is_outage
    recorded(detector, dict.fromkeys("abcdef", False))
    assert not detector.is_outage
    recorded(detector, {"g": False})
    assert detector.is_outage


def test_few_failing_hosts_are_no_outage() -> None:
    detector = OutageDetector()
    for _ in range(50):
        recorded(detector, dict.fromkeys("ab", False))
    assert not detector.is_outage
    assert MIN_HOSTS == 3


def test_outcomes_outside_the_window_are_forgotten() -> None:
    detector = OutageDetector()
    recorded(detector, dict.fromkeys("abcd", False))
    assert detector.is_outage
    recorded(detector, {"a": False}, WINDOW_S + 1)
    assert not detector.is_outage


def test_recovery_returns_failed_feeds() -> None:
    detector = OutageDetector()
    recorded(detector, dict.fromkeys("abcdef", False))
    assert recorded(detector, {"a": True}, WINDOW_S / 2) == []
    assert sorted(recorded(detector, {"b": True}, WINDOW_S / 2)) == [f"http://{host}/f" for host in "cdef"]
    assert recorded(detector, {"c": True}, WINDOW_S / 2) == []


async def test_feeds_recover_within_minutes_of_outage(settings: Settings) -> None:
    configured = replace(settings, poll_interval_s=900.0, allowed_private_hosts="127.0.0.1:*", host_delay_s=0)
    broker = await connect(configured, configured.broker_url)
    poller = Poller(configured, broker, "desk")
    poller._random = random.Random(7)
    ports = [free_port() for _ in range(6)]
    await poller.feeds.add([(f"http://127.0.0.1:{port}/f", "") for port in ports])

    async def polled() -> dict[str, FeedState]:
        await poller.feeds.poll_all_now()
        for claimed in await poller.feeds.claim(10):
            await poller.poll(claimed, poller.feeds.clock)
        return {feed.url: feed for feed in await poller.feeds.all()}

    async with poller.http, poller.parsers, AsyncExitStack() as servers:
        for _ in range(12):  # twelve doublings of the interval, without the detection
            states = await polled()
        late = [feed for feed in states.values() if feed.due_s - feed.polled_s > RETRY_S * 1.1]
        assert not late
        assert all(feed.failures in (1, 2, 3) and feed.error for feed in states.values())
        for port in ports[:2]:
            server = await servers.enter_async_context(FeedServer(port))
            server.answers["f"] = rss([])
        for port in ports[:2]:  # the retries of two feeds
            await poller.feeds.poll_now([f"http://127.0.0.1:{port}/f"])
        for claimed in await poller.feeds.claim(10):
            await poller.poll(claimed, poller.feeds.clock)
        assert sorted(await claim_urls(poller.feeds, 10)) == sorted(f"http://127.0.0.1:{port}/f" for port in ports[2:])
    await broker.close()


async def test_poll_now_all_makes_active_feeds_due(settings: Settings, tmp_path: Path) -> None:
    broker = await connect(settings, settings.broker_url)
    feeds = FeedRegistry(broker.state)
    urls = [f"https://{name}.example/f" for name in "abc"]
    await feeds.add([(url, "") for url in urls])
    await feeds.set_paused(urls[:1], True)
    flags = ("--broker-url", settings.broker_url)
    done = await asyncio.to_thread(copydesk, "feeds", "poll-now", "--all", *flags, cwd=tmp_path)
    assert done.stdout == "due now: 2 feeds\n"
    await asyncio.to_thread(copydesk, "feeds", "poll-now", *flags, cwd=tmp_path, check=2)
    await broker.close()
