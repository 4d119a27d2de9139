"""The poller over simulated days: redirects, removed feeds, incorrect 304 responses, outages."""

import random
import time

import pytest
from aiohttp import web

from streams.config.settings import Settings
from tests.support.poller_desk import FEED, claim_urls, open_desk
from workers.poller import schedule


@pytest.mark.parametrize(("status", "is_permanent"), [(301, True), (308, True), (302, False), (307, False)])
async def test_permanent_redirect_accepted_after_a_day(status: int, is_permanent: bool, settings: Settings) -> None:
    async with open_desk(settings) as desk:
        desk.server.answers |= {"new": FEED, "f": lambda r: web.Response(status=status, headers={"Location": "/new"})}
        for _ in range(4):
            assert (await desk.poll()).moved_to == "", "not within a day"
        await desk.advance(schedule.MOVED_S)
        state = await desk.poll()
        assert state.moved_to == (desk.server.url + "new" if is_permanent else "")
        assert state.url == desk.url
        requests = desk.server.requests["f"]
        await desk.poll()
        assert desk.server.requests["f"] == requests + (not is_permanent)
        desk.server.answers.pop("new")  # the redirect target disappears
        desk.server.answers["f"] = FEED
        for _ in range(schedule.MOVED_AFTER):
            await desk.poll()
        assert (await desk.poll()).error == ""


async def test_gone_feed_is_polled_weekly_and_recovers(settings: Settings) -> None:
    async with open_desk(settings) as desk:
        desk.server.answers["f"] = lambda r: web.Response(status=410)
        states = [await desk.poll() for _ in range(4)]
        waits_s = [s.due_s - s.polled_s for s in states]
        assert waits_s[0] < schedule.DAY_S
        assert waits_s[3] == pytest.approx(schedule.GONE_INTERVAL_S, rel=0.2)
        assert (states[3].error_kind, states[3].error) == ("gone", "HTTP 410")
        desk.server.answers["f"] = FEED
        state = await desk.poll()
        assert (state.failures, state.items_published) == (0, 1)


async def test_daily_unconditional_get(settings: Settings) -> None:
    async with open_desk(settings) as desk:
        conditional = []

        def respond(request: web.Request) -> web.Response:
            conditional.append("If-None-Match" in request.headers)
            if conditional[-1]:
                return web.Response(status=304)
            return web.Response(body=FEED, headers={"ETag": '"1"'})

        desk.server.answers["f"] = respond
        for _ in range(3):
            await desk.poll()
        await desk.advance(schedule.TRUST_304_S)
        await desk.poll()
        await desk.poll()
        assert conditional == [False, True, True, False, True]


@pytest.mark.parametrize("retry", ["3600", "date"])
@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_delays_next_poll(retry: str, status: int, settings: Settings) -> None:
    async with open_desk(settings) as desk:
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 3600))
        value = date if retry == "date" else retry
        desk.server.answers["f"] = lambda r: web.Response(status=status, headers={"Retry-After": value})
        state = await desk.poll()
        assert state.due_s - time.time() > 3590
        assert await claim_urls(desk.poller.feeds, 10) == []


@pytest.mark.parametrize("interval_s", [60.0, 900.0, 14_400.0])
@pytest.mark.parametrize("status", [0, 429, 500, 503])
def test_feed_is_polled_daily_during_outage(interval_s: float, status: int) -> None:
    """The test simulates the clock."""
    rng = random.Random(7)
    for _ in range(200):
        now_s, failures, polls = rng.uniform(0, interval_s), 0, 0
        while now_s < 14 * schedule.DAY_S:
            failures, polls = failures + 1, polls + 1
            now_s += schedule.jittered_s(schedule.backoff_s(interval_s, failures, status), rng)
        assert now_s - 14 * schedule.DAY_S <= schedule.DAY_S * 1.2
        assert polls <= 14 + 12
