"""Versions of one article: the order of polls at the broker decides, and a change that is taken back counts."""

import asyncio
import time

from aiohttp import web

from streams.config.settings import Settings
from tests.conftest import DEADLINE_S
from tests.support.feed_server import FeedServer, rss
from tests.support.pipeline import BODY, everything, newsdesk, settled
from workers.poller.registry import CLOCK, FeedRegistry

LINK = "https://a.example/bridge"


async def titles(settings: Settings, link: str) -> list[tuple[str, int]]:
    return [(a.title, a.revision) for a in await everything(settings, "articles") if a.canonical_url == link]


async def test_later_poll_wins_after_clock_set_back(settings: Settings) -> None:
    """The first feed was polled while the clock was an hour ahead. The second feed has the later version."""

    async with FeedServer() as server, newsdesk(settings, server) as broker:
        await broker.state.hset(CLOCK, "order", int((time.time() + 3600) * 1e6))
        server.answers["one"] = rss([(LINK, "The bridge is open", BODY)])
        await FeedRegistry(broker.state).add([(server.url + "one", "")])
        await settled(broker, {"new": 1})
        server.answers["two"] = rss([(LINK, "The bridge is closed again", f"A crack was found. {BODY}")])
        await FeedRegistry(broker.state).add([(server.url + "two", "")])
        await settled(broker, {"revised": 1})
        assert await titles(settings, LINK) == [("The bridge is open", 1), ("The bridge is closed again", 2)]


async def test_older_version_of_slow_poll_is_stale(settings: Settings) -> None:
    """A poll begins before another feed of the site is polled, and its response arrives afterwards."""
    requested, release = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        requested.set()
        await release.wait()
        return web.Response(body=rss([(LINK, "The bridge is open", BODY)]))

    app = web.Application()
    app.router.add_get("/slow", slow)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        await FeedRegistry(broker.state).add([(f"http://127.0.0.1:{runner.addresses[0][1]}/slow", "")])
        await asyncio.wait_for(requested.wait(), DEADLINE_S)
        server.answers["quick"] = rss([(LINK, "The bridge is closed again", f"A crack was found. {BODY}")])
        await FeedRegistry(broker.state).add([(server.url + "quick", "")])
        await settled(broker, {"new": 1})
        release.set()
        await settled(broker, {"filtered": 1})
        assert await titles(settings, LINK) == [("The bridge is closed again", 1)]
    await runner.cleanup()


async def test_change_taken_back_ends_at_first_version(settings: Settings) -> None:
    first, second = (LINK, "Mayor resigns", BODY), (LINK, "Mayor does not resign", f"He stays in office. {BODY}")

    async with FeedServer() as server, newsdesk(settings, server) as broker:
        server.answers["f"] = rss([first])
        await FeedRegistry(broker.state).add([(server.url + "f", "")])
        await settled(broker, {"new": 1})
        server.answers["f"] = rss([second])
        await settled(broker, {"revised": 1})
        server.answers["f"] = rss([first])
        await settled(broker, {"revised": 2})
        assert [title for title, _ in await titles(settings, LINK)] == [first[1], second[1], first[1]]


async def test_gallery_of_short_texts_is_published_each_day(settings: Settings) -> None:
    def photos(*numbers: int) -> bytes:
        text = "Our photo of the day, chosen by the desk."
        return rss([(f"https://a.example/photo/{n}", "Photo of the day", text) for n in numbers])

    async with FeedServer() as server, newsdesk(settings, server) as broker:
        server.answers["f"] = photos(1, 2, 3, 4)
        await FeedRegistry(broker.state).add([(server.url + "f", "")])
        await settled(broker, {"new": 4})
        server.answers["f"] = photos(5, 6, 7, 8)
        await settled(broker, {"new": 8})
