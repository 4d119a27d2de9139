"""The feed registry on a real Valkey: claims, delays, clock jumps, pausing and removal."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from streams.brokers import open_broker
from streams.brokers.base import Broker
from streams.brokers.redis_streams.clock import JUMP_BACK_S, JUMP_FORWARD_S
from streams.config.settings import Settings
from streams.config.tables import FeedOptions
from streams.errors import SettingsError
from streams.records import Item
from tests.conftest import DEADLINE_S, until
from tests.support.poller_desk import claim_urls
from tests.support.server_commands import server_commands
from workers.poller import registry
from workers.poller.feed_urls import unregistered_feeds, validate_feed_url
from workers.poller.poll import feed_options, with_user_values
from workers.poller.poll_commands import poll_commands, release_host_commands
from workers.poller.registry import (
    FeedRegistry,
    FeedState,
    feed_id,
)

A1, A2 = sorted(
    ("https://a.example/1", "https://a.example/2"), key=feed_id
)  # in the order in which Redis claims feeds with the same due time
B1 = "https://b.example:8443/1"


@asynccontextmanager
async def open_feeds(settings: Settings, claim_s: float = 10.0) -> AsyncGenerator[tuple[FeedRegistry, Broker], None]:
    broker = open_broker(settings)
    feeds = FeedRegistry(broker.state, claim_s)
    await feeds.add([(url, "") for url in (A1, A2, B1)])
    try:
        yield feeds, broker
    finally:
        await broker.close()


async def finish_poll(
    broker: Broker, url: str, wait_s: float = 100.0, status: int = 200, retry_after_s: float = 0.0
) -> None:
    """Store the result of a poll of *url*."""
    now_s, loaded = time.time() - 0.1, await FeedRegistry(broker.state).load(url)
    assert loaded is not None
    state = FeedState(url, due_s=now_s + wait_s, polls=loaded.state.polls + 1)
    commands = [
        *poll_commands(state, None),
        *release_host_commands(url, status, 0.0, 0.0, now_s, now_s + retry_after_s),
    ]
    assert await broker.publish([], commands, [loaded.condition(state)])


async def test_claim_one_feed_per_host(settings: Settings) -> None:
    async with open_feeds(settings) as (feeds, broker):
        assert set(await claim_urls(feeds, 10)) == {A1, B1}
        assert await claim_urls(feeds, 10) == []
        await finish_poll(broker, A1, wait_s=-1)
        await server_commands(broker.state).zadd(registry.HOST_FEEDS + "a.example", {feed_id(A2): time.time() - 5})
        assert await claim_urls(feeds, 10) == [A2], "the feed that was due first"
        await finish_poll(broker, A2)
        assert await claim_urls(feeds, 10) == [A1]


async def test_expired_claims_go_to_other_pollers(settings: Settings) -> None:
    async with open_feeds(settings, claim_s=3.0) as (feeds, broker):
        other = FeedRegistry(broker.state, 3.0)
        assert len(await claim_urls(feeds, 1)) == 1
        assert len(await claim_urls(other, 10)) == 1
        await feeds.renew([A1, B1])

        async def has_claimed() -> bool:
            return bool(await claim_urls(other, 10))

        await until(has_claimed)


async def test_429_backs_off_the_whole_host(settings: Settings) -> None:
    async with open_feeds(settings) as (feeds, broker):
        await claim_urls(feeds, 10)
        await finish_poll(broker, A1, wait_s=-1, status=429, retry_after_s=60)
        assert await claim_urls(feeds, 10) == []
        loaded = await feeds.load(A2)
        assert loaded is not None
        assert loaded.host_delay_s == 1.0
        due_s = await server_commands(broker.state).zscore(registry.DUE_HOSTS, "a.example")
        assert due_s == pytest.approx(time.time() + 60, abs=30)


def test_release_host_commands_adapt_the_delay(settings: Settings) -> None:
    now_s = 1000.0
    due = {
        command[1]: command[2]
        for command in release_host_commands(A1, 200, 4.0, 1.0, now_s, 0.0)
        if command[0] == "ZADD"
    }
    assert float(due[registry.DUE_HOSTS]) == pytest.approx(now_s + 3.8)
    assert ("HSET", registry.HOST_DELAYS, "a.example", "3.800") in release_host_commands(A1, 304, 4.0, 1.0, now_s, 0.0)
    assert ("HDEL", registry.HOST_DELAYS, "a.example") in release_host_commands(A1, 200, 1.02, 1.0, now_s, 0.0)
    assert ("HSET", registry.HOST_DELAYS, "a.example", "8.000") in release_host_commands(A1, 429, 4.0, 1.0, now_s, 0.0)


@pytest.mark.parametrize("power", range(3, 31, 3))
@pytest.mark.parametrize("sign", [-1, 1])
async def test_clock_jump_shifts_due_times(power: int, sign: int, settings: Settings) -> None:
    async with open_feeds(settings) as (feeds, broker):
        for url in await claim_urls(feeds, 10):
            await finish_poll(broker, url, wait_s=900)
        for url in await claim_urls(feeds, 10):
            await finish_poll(broker, url, wait_s=900)
        assert await claim_urls(feeds, 10) == []
        jump_s = sign * 2.0**power
        await shift_clock(broker, jump_s)
        assert await claim_urls(feeds, 10) == []
        [(_, due_s), *_] = await server_commands(broker.state).zrange(
            registry.HOST_FEEDS + "a.example", 0, -1, withscores=True
        )
        wait_s = due_s - time.time()
        tolerated_s = JUMP_FORWARD_S if sign > 0 else JUMP_BACK_S
        assert abs(wait_s - 900) < tolerated_s + 10


async def shift_clock(broker: Broker, jump_s: float) -> None:
    """Move the clock forward from the view of the registry: every stored time moves back."""
    await server_commands(broker.state).hincrbyfloat(registry.CLOCK, registry.LATEST, -jump_s)
    for key in (registry.DUE_HOSTS, *await server_commands(broker.state).keys(registry.HOST_FEEDS + "*")):
        for name in await server_commands(broker.state).zrange(key, 0, -1):
            await server_commands(broker.state).zincrby(key, -jump_s, name)


@pytest.mark.parametrize("jump_s", [-86_400.0, 86_400.0])
async def test_clock_jump_during_poll_discards_it(jump_s: float, settings: Settings) -> None:
    async with open_feeds(settings) as (feeds, broker):
        await claim_urls(feeds, 10)
        clock = feeds.clock
        await shift_clock(broker, jump_s)
        await claim_urls(feeds, 10)
        assert not await broker.publish(
            [], release_host_commands(A1, 200, 0.0, 0.0, clock.now_s(), 0.0), [clock.condition()]
        )
        assert await broker.publish(
            [], release_host_commands(A1, 200, 0.0, 0.0, feeds.clock.now_s() - 0.1, 0.0), [feeds.clock.condition()]
        )
        assert await claim_urls(feeds, 10) == [A1]


async def test_idle_poller_is_not_a_clock_jump(settings: Settings) -> None:
    async with open_feeds(settings) as (feeds, broker):
        await claim_urls(feeds, 10)
        past_s = time.time() - 7200
        await broker.state.hset(registry.CLOCK, registry.LATEST, past_s)
        await server_commands(broker.state).zadd(
            registry.HOST_FEEDS + "a.example", {feed_id(A1): past_s + 90, feed_id(A2): past_s + 60}
        )
        await server_commands(broker.state).zadd(registry.DUE_HOSTS, {"a.example": past_s + 60})
        assert A2 in await claim_urls(FeedRegistry(broker.state), 10)


async def test_set_paused_and_poll_now(settings: Settings) -> None:
    async with open_feeds(settings) as (feeds, broker):
        assert await feeds.set_paused([A1, A2, "https://unknown.example/"], True) == [A1, A2]
        assert await claim_urls(feeds, 10) == [B1]
        await finish_poll(broker, B1)
        assert await feeds.poll_now([A1]) == []
        assert await feeds.set_paused([A1], False) == [A1]
        assert await claim_urls(feeds, 10) == [A1]
        assert await feeds.poll_now([B1]) == [B1]
        assert await claim_urls(feeds, 10) == [B1]
        assert await feeds.poll_now([B1]) == [B1]
        assert await claim_urls(feeds, 10) == [], "claimed already"


async def test_removed_feed_is_not_claimed(settings: Settings) -> None:
    async with open_feeds(settings) as (feeds, _):
        assert await feeds.remove([A1]) == [A1]
        assert await feeds.remove([A1]) == []
        assert set(await claim_urls(feeds, 10)) == {A2, B1}
        assert await feeds.load(A1) is None


async def test_adding_again_repairs_interrupted_add(settings: Settings) -> None:
    async with open_feeds(settings) as (feeds, broker):
        await broker.state.delete(registry.HOST_FEEDS + "b.example:8443", registry.DUE_HOSTS)
        assert await claim_urls(feeds, 10) == []
        assert await feeds.add([(B1, "")]) == []
        assert await claim_urls(feeds, 10) == [B1]


async def test_claim_ends_for_due_times_within_millisecond(settings: Settings) -> None:
    async with open_feeds(settings) as (feeds, broker):
        claimed: list[str] = []
        for n in range(300):  # scores with a finer resolution than ours
            soon_s = time.time() + n % 7 * 0.0004
            await server_commands(broker.state).zadd(
                registry.HOST_FEEDS + "a.example", {feed_id(A1): soon_s, feed_id(A2): soon_s + 0.0003}
            )
            await server_commands(broker.state).zadd(registry.DUE_HOSTS, {"a.example": soon_s - 0.001})
            claimed += await asyncio.wait_for(claim_urls(feeds, 10), DEADLINE_S)
        assert {A1, B1} <= set(claimed)


@pytest.mark.parametrize(
    "url", ["", "a.example/feed", "ftp://a.example/f", "file:///etc/passwd", "https://", "javascript:x"]
)
def test_feed_url_validation(url: str) -> None:
    with pytest.raises(SettingsError, match="not an http or https URL"):
        validate_feed_url(url)


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://EXAMPLE.org:443/x", "https://example.org/x"),
        (" HTTP://Example.org.:80", "http://example.org/"),
        ("https://example.org:80/x?A=%7e#top", "https://example.org:80/x?A=%7e"),
        ("http://[2001:DB8::1]:8080/f", "http://[2001:db8::1]:8080/f"),
    ],
)
def test_validate_feed_url_normalises(url: str, normal: str) -> None:
    assert validate_feed_url(url) == normal


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://feeds.news.mill.co.uk/a", "mill.co.uk"),
        ("https://mill.co.uk:8443/b", "mill.co.uk:8443"),
        ("https://mill.blogspot.com/", "mill.blogspot.com"),
        ("https://blogspot.com/", "blogspot.com"),
        ("http://127.0.0.1:8000/", "127.0.0.1:8000"),
        ("http://[::1]/f", "[::1]"),
        ("http://localhost/f", "localhost"),
    ],
)
def test_host_key_is_registrable_domain(url: str, key: str) -> None:
    assert registry.host_key(url) == key


async def test_edit_sets_fields_once_registered(settings: Settings) -> None:
    async with open_feeds(settings) as (feeds, _):
        changes = {"name": "Mill", "folder": "x", "interval_s": 60.0, "full_text": True}
        assert await feeds.edit([A1, "https://none.example/"], **changes) == [A1]
        loaded = await feeds.load(A1)
        assert loaded is not None
        assert (loaded.state.shown_title, loaded.state.folder) == ("Mill", "x")
        options = feed_options(settings, loaded.state)
        assert (options.poll_interval_s, options.full_text) == (60.0, True)


async def test_add_keeps_opml_title(settings: Settings) -> None:
    async with open_feeds(settings) as (feeds, _):
        await feeds.add([("https://C.example/f", "x", "Mill")])
        assert [feed.shown_title for feed in await feeds.all() if feed.url == "https://c.example/f"] == ["Mill"]


def test_unregistered_feeds_without_wildcard() -> None:
    tables = [FeedOptions(A1), FeedOptions(B1), FeedOptions("https://a.example/*")]
    assert unregistered_feeds(tables, {A1}) == [B1]


def test_user_values_reach_items() -> None:
    item = Item(feed=A1, identity_key="1", fetched_at=datetime(2026, 1, 1, tzinfo=UTC), fingerprint="", publisher="Old")
    assert with_user_values(item, FeedState(A1)).publisher == "Old"
    edited = with_user_values(item, FeedState(A1, "x", name="Mill"))
    assert (edited.publisher, edited.folder) == ("Mill", "x")
