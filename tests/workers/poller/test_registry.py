"""The registry of feeds, on a real Valkey: whose turn it is, and what moves it."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from streams.brokers import open_broker
from streams.brokers.base import Broker
from streams.config.settings import Settings
from tests.conftest import DEADLINE_S, until
from workers.poller import registry as registry
from workers.poller.registry import FeedRegistry, FeedState, feed_id, poll_commands, release_host_commands

A1, A2 = sorted(("https://a.example/1", "https://a.example/2"), key=feed_id)  # as Redis orders what is due at once
B1 = "https://b.example:8443/1"


def with_feeds(
    settings: Settings, work: Callable[[FeedRegistry, Broker], Awaitable[None]], claim_s: float = 10.0
) -> None:
    async def go() -> None:
        broker = open_broker(settings)
        feeds = FeedRegistry(broker.state, claim_s)
        await feeds.add([(url, "") for url in (A1, A2, B1)])
        await work(feeds, broker)
        await broker.close()

    asyncio.run(go())


async def done(broker: Broker, url: str, wait_s: float = 100.0, status: int = 200, rest_s: float = 0.0) -> None:
    """What a poll of *url* a moment ago leaves behind."""
    now_s, loaded = time.time() - 0.1, await FeedRegistry(broker.state).load(url)
    assert loaded is not None
    state = FeedState(url, due_s=now_s + wait_s, polls=loaded.state.polls + 1)
    commands = [*poll_commands(state, None), *release_host_commands(url, status, 0.0, 0.0, now_s, now_s + rest_s)]
    assert await broker.publish([], commands, [loaded.guard(state)])


def test_a_host_is_asked_by_one_at_a_time_and_its_feeds_take_turns(settings: Settings) -> None:
    async def work(feeds: FeedRegistry, broker: Broker) -> None:
        assert set(await feeds.claim(10)) == {A1, B1}
        assert await feeds.claim(10) == []
        await done(broker, A1, wait_s=-1)
        await broker.state.zadd(registry.HOST_FEEDS + "a.example", {feed_id(A2): time.time() - 5})
        assert await feeds.claim(10) == [A2], "who waited longer comes first, though the other is due too"
        await done(broker, A2)
        assert await feeds.claim(10) == [A1]

    with_feeds(settings, work)


def test_the_feeds_of_a_poller_that_died_are_polled_by_others(settings: Settings) -> None:
    async def work(feeds: FeedRegistry, broker: Broker) -> None:
        other = FeedRegistry(broker.state, 3.0)
        assert len(await feeds.claim(1)) == 1
        assert len(await other.claim(10)) == 1
        await feeds.renew([A1, B1])

        async def again() -> bool:
            return bool(await other.claim(10))

        await until(again)

    with_feeds(settings, work, claim_s=3.0)


def test_many_requests_make_a_host_s_polls_rarer_and_rest_them_all(settings: Settings) -> None:
    async def work(feeds: FeedRegistry, broker: Broker) -> None:
        await feeds.claim(10)
        await done(broker, A1, wait_s=-1, status=429, rest_s=60)
        assert await feeds.claim(10) == []
        loaded = await feeds.load(A2)
        assert loaded is not None
        assert loaded.host_delay_s == 1.0
        turn_s = await broker.state.zscore(registry.DUE_HOSTS, "a.example")
        assert turn_s == pytest.approx(time.time() + 60, abs=30)

    with_feeds(settings, work)


def test_a_gap_between_polls_of_a_host_is_kept(settings: Settings) -> None:
    now_s = 1000.0
    turn = {
        command[1]: command[2]
        for command in release_host_commands(A1, 200, 4.0, 1.0, now_s, 0.0)
        if command[0] == "ZADD"
    }
    assert float(turn[registry.DUE_HOSTS]) == pytest.approx(now_s + 3.8)
    assert ("HSET", registry.HOST_DELAYS, "a.example", "3.800") in release_host_commands(A1, 304, 4.0, 1.0, now_s, 0.0)
    assert ("HDEL", registry.HOST_DELAYS, "a.example") in release_host_commands(A1, 200, 1.02, 1.0, now_s, 0.0)
    assert ("HSET", registry.HOST_DELAYS, "a.example", "8.000") in release_host_commands(A1, 429, 4.0, 1.0, now_s, 0.0)


@pytest.mark.parametrize("power", range(3, 31, 3))
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_clock_that_jumps_brings_neither_a_storm_nor_a_drought(power: int, sign: int, settings: Settings) -> None:
    async def work(feeds: FeedRegistry, broker: Broker) -> None:
        for url in await feeds.claim(10):
            await done(broker, url, wait_s=900)
        for url in await feeds.claim(10):
            await done(broker, url, wait_s=900)
        assert await feeds.claim(10) == []
        leap_s = sign * 2.0**power
        await put_clock(broker, leap_s)
        assert await feeds.claim(10) == []
        [(_, due_s), *_] = await broker.state.zrange(registry.HOST_FEEDS + "a.example", 0, -1, withscores=True)
        wait_s = due_s - time.time()
        tolerated_s = registry.CLOCK_JUMP_S if sign > 0 else registry.CLOCK_WENT_BACK_S
        assert abs(wait_s - 900) < tolerated_s + 10

    with_feeds(settings, work)


async def put_clock(broker: Broker, leap_s: float) -> None:
    """Put the clock forth, as the registry sees it: all that was remembered lies further back than it did."""
    await broker.state.hincrbyfloat(registry.CLOCK, registry.LATEST, -leap_s)
    for key in (registry.DUE_HOSTS, *await broker.state.keys(registry.HOST_FEEDS + "*")):
        for name in await broker.state.zrange(key, 0, -1):
            await broker.state.zincrby(key, -leap_s, name)


@pytest.mark.parametrize("leap_s", [-86_400.0, 86_400.0])
def test_a_poll_during_which_the_clock_leaps_is_not_remembered_with_times_from_before(
    leap_s: float, settings: Settings
) -> None:
    async def work(feeds: FeedRegistry, broker: Broker) -> None:
        await feeds.claim(10)
        clock = feeds.clock
        await put_clock(broker, leap_s)
        await feeds.claim(10)
        assert not await broker.publish(
            [], release_host_commands(A1, 200, 0.0, 0.0, clock.now_s(), 0.0), [clock.guard()]
        )
        assert await broker.publish(
            [], release_host_commands(A1, 200, 0.0, 0.0, feeds.clock.now_s() - 0.1, 0.0), [feeds.clock.guard()]
        )
        assert await feeds.claim(10) == [A1]

    with_feeds(settings, work)


def test_the_time_that_a_poller_was_away_is_no_jump(settings: Settings) -> None:
    async def work(feeds: FeedRegistry, broker: Broker) -> None:
        await feeds.claim(10)
        later_s = time.time() - 7200
        await broker.state.hset(registry.CLOCK, registry.LATEST, later_s)
        await broker.state.zadd(
            registry.HOST_FEEDS + "a.example", {feed_id(A1): later_s + 90, feed_id(A2): later_s + 60}
        )
        await broker.state.zadd(registry.DUE_HOSTS, {"a.example": later_s + 60})
        assert A2 in await FeedRegistry(broker.state).claim(10)

    with_feeds(settings, work)


def test_a_paused_feed_waits_and_a_hurried_one_does_not(settings: Settings) -> None:
    async def work(feeds: FeedRegistry, broker: Broker) -> None:
        assert await feeds.set_paused([A1, A2, "https://nobody.example/"], True) == [A1, A2]
        assert await feeds.claim(10) == [B1]
        await done(broker, B1)
        assert await feeds.poll_now([A1]) == []
        assert await feeds.set_paused([A1], False) == [A1]
        assert await feeds.claim(10) == [A1]
        assert await feeds.poll_now([B1]) == [B1]
        assert await feeds.claim(10) == [B1]
        assert await feeds.poll_now([B1]) == [B1]
        assert await feeds.claim(10) == [], "not twice at once"

    with_feeds(settings, work)


def test_a_removed_feed_is_gone(settings: Settings) -> None:
    async def work(feeds: FeedRegistry, broker: Broker) -> None:
        assert await feeds.remove([A1]) == [A1]
        assert await feeds.remove([A1]) == []
        assert set(await feeds.claim(10)) == {A2, B1}
        assert await feeds.load(A1) is None

    with_feeds(settings, work)


def test_a_feed_whose_adding_was_cut_off_is_polled_once_it_is_added_again(settings: Settings) -> None:
    async def work(feeds: FeedRegistry, broker: Broker) -> None:
        await broker.state.delete(registry.HOST_FEEDS + "b.example:8443", registry.DUE_HOSTS)
        assert await feeds.claim(10) == []
        assert await feeds.add([(B1, "")]) == []
        assert await feeds.claim(10) == [B1]

    with_feeds(settings, work)


def test_feeds_due_within_the_millisecond_are_claimed_or_wait(settings: Settings) -> None:
    async def work(feeds: FeedRegistry, broker: Broker) -> None:
        claimed: list[str] = []
        for n in range(300):  # scores as another program, with finer times, may write them
            soon_s = time.time() + n % 7 * 0.0004
            await broker.state.zadd(
                registry.HOST_FEEDS + "a.example", {feed_id(A1): soon_s, feed_id(A2): soon_s + 0.0003}
            )
            await broker.state.zadd(registry.DUE_HOSTS, {"a.example": soon_s - 0.001})
            claimed += await asyncio.wait_for(feeds.claim(10), DEADLINE_S)
        assert {A1, B1} <= set(claimed)

    with_feeds(settings, work)
