"""The poller over days, which its state is told have passed: moves, removals, servers that lie, outages."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from aiohttp import web

from streams.config.settings import Settings
from streams.topics import DESK_GROUP
from tests.support.feed_server import FeedServer, rss
from tests.support.pipeline import BODY
from workers.poller import schedule
from workers.poller.poller import Poller
from workers.poller.registry import FEEDS, FeedState, feed_id
from workers.services import connect

FEED = rss([("https://a.example/1", "One", BODY)])


class Desk:
    """A poller that polls one feed when it is told to."""

    def __init__(self, poller: Poller, server: FeedServer) -> None:
        self.poller, self.server, self.url = poller, server, server.url + "f"

    async def poll(self) -> FeedState:
        await self.poller.feeds.poll_now([self.url])
        assert await self.poller.feeds.claim(1) == [self.url]
        await self.poller.poll(self.url, self.poller.feeds.clock)
        return await self.state()

    async def state(self) -> FeedState:
        [state] = await self.poller.feeds.all()
        return state

    async def later(self, seconds: float, **also: Any) -> None:
        """Let the feed's past lie so much further back."""
        state = await self.state()
        times = {n: getattr(state, n) - seconds for n in ("polled_s", "fetched_s", "due_s", "redirect_since_s")}
        state = msgspec.structs.replace(state, **times, **also)
        await self.poller.broker.state.hset(FEEDS, feed_id(self.url), msgspec.json.encode(state))


def with_desk(settings: Settings, work: Callable[[Desk], Awaitable[None]]) -> None:
    async def go() -> None:
        async with FeedServer() as server:
            at = replace(settings, poll_interval_s=900.0)
            broker = await connect(at, at.broker_url)
            poller = Poller(at, broker, DESK_GROUP)
            server.answers["f"] = FEED
            await poller.feeds.add([(server.url + "f", "")])
            async with poller.fetcher, poller.parsers:
                await work(Desk(poller, server))
            await broker.close()

    asyncio.run(go())


@pytest.mark.parametrize(("status", "believed"), [(301, True), (308, True), (302, False), (307, False)])
def test_a_move_is_believed_when_it_was_seen_three_times_over_a_day(
    status: int, believed: bool, settings: Settings
) -> None:
    async def work(desk: Desk) -> None:
        desk.server.answers |= {"new": FEED, "f": lambda r: web.Response(status=status, headers={"Location": "/new"})}
        for _ in range(4):
            assert (await desk.poll()).moved_to == "", "not within a day"
        await desk.later(schedule.MOVED_S)
        state = await desk.poll()
        assert state.moved_to == (desk.server.url + "new" if believed else "")
        assert state.url == desk.url
        asked = desk.server.requests["f"]
        await desk.poll()
        assert desk.server.requests["f"] == asked + (not believed)
        desk.server.answers.pop("new")  # where it moved to it isn't any more
        desk.server.answers["f"] = FEED
        for _ in range(schedule.MOVED_AFTER):
            await desk.poll()
        assert (await desk.poll()).error == ""

    with_desk(settings, work)


def test_a_feed_that_is_gone_is_asked_weekly_and_comes_back(settings: Settings) -> None:
    async def work(desk: Desk) -> None:
        desk.server.answers["f"] = lambda r: web.Response(status=410)
        states = [await desk.poll() for _ in range(4)]
        waits_s = [s.due_s - s.polled_s for s in states]
        assert waits_s[0] < schedule.DAY_S
        assert waits_s[3] == pytest.approx(schedule.GONE_INTERVAL_S, rel=0.2)
        assert (states[3].error_kind, states[3].error) == ("gone", "HTTP 410")
        desk.server.answers["f"] = FEED
        state = await desk.poll()
        assert (state.failures, state.items_total) == (0, 1)

    with_desk(settings, work)


def test_once_a_day_a_server_is_not_asked_whether_it_changed(settings: Settings) -> None:
    async def work(desk: Desk) -> None:
        asked = []

        def lies(request: web.Request) -> web.Response:
            asked.append("If-None-Match" in request.headers)
            if asked[-1]:
                return web.Response(status=304)
            return web.Response(body=FEED, headers={"ETag": '"1"'})

        desk.server.answers["f"] = lies
        for _ in range(3):
            await desk.poll()
        await desk.later(schedule.TRUST_304_S)
        await desk.poll()
        await desk.poll()
        assert asked == [False, True, True, False, True]

    with_desk(settings, work)


@pytest.mark.parametrize("retry", ["3600", "date"])
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_kept_to(retry: str, status: int, settings: Settings) -> None:
    async def work(desk: Desk) -> None:
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 3600))
        value = date if retry == "date" else retry
        desk.server.answers["f"] = lambda r: web.Response(status=status, headers={"Retry-After": value})
        state = await desk.poll()
        assert state.due_s - time.time() > 3590
        assert await desk.poller.feeds.claim(10) == []

    with_desk(settings, work)


@pytest.mark.parametrize("interval_s", [60.0, 900.0, 14_400.0])
@pytest.mark.parametrize("status", [0, 429, 500, 503])
def test_after_two_weeks_of_outage_every_feed_is_asked_within_a_day(interval_s: float, status: int) -> None:
    """The clock of this test is a number."""
    spread = random.Random(7)
    for _ in range(200):
        now_s, failures, polls = spread.uniform(0, interval_s), 0, 0
        while now_s < 14 * schedule.DAY_S:
            failures, polls = failures + 1, polls + 1
            now_s += schedule.jittered_s(schedule.backoff_s(interval_s, failures, status), spread)
        assert now_s - 14 * schedule.DAY_S <= schedule.DAY_S * 1.2
        assert polls <= 14 + 12, "nor was anybody flooded"
