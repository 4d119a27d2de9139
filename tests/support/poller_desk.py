"""A poller that polls one feed on demand."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import msgspec

from streams.config.settings import Settings
from streams.topics import DESK_GROUP
from tests.support.feed_server import FeedServer, rss
from tests.support.pipeline import BODY
from workers.poller.poller import Poller
from workers.poller.registry import FEEDS, FeedRegistry, FeedState, feed_id
from workers.services import connect

FEED = rss([("https://a.example/1", "One", BODY)])


async def claim_urls(feeds: FeedRegistry, limit: int) -> list[str]:
    """Claim up to *limit* feeds; return their URLs."""
    return [claimed.state.url for claimed in await feeds.claim(limit)]


class Desk:
    """A poller that polls one feed on demand."""

    def __init__(self, poller: Poller, server: FeedServer) -> None:
        self.poller, self.server, self.url = poller, server, server.url + "f"

    async def poll(self) -> FeedState:
        await self.poller.feeds.poll_now([self.url])
        [claimed] = await self.poller.feeds.claim(1)
        assert claimed.state.url == self.url
        await self.poller.poll(claimed, self.poller.feeds.clock)
        return await self.state()

    async def state(self) -> FeedState:
        [state] = await self.poller.feeds.all()
        return state

    async def advance(self, seconds: float) -> None:
        """Move the times in the feed's state back, as if *seconds* had passed."""
        state = await self.state()
        times = {n: getattr(state, n) - seconds for n in ("polled_s", "fetched_s", "due_s", "redirect_since_s")}
        state = msgspec.structs.replace(state, **times)
        await self.poller.broker.state.hset(FEEDS, feed_id(self.url), msgspec.json.encode(state))


@asynccontextmanager
async def open_desk(settings: Settings, **changes: Any) -> AsyncGenerator[Desk, None]:
    """Yield a poller of one feed, with *changes* of its settings."""
    async with FeedServer() as server:
        slow = replace(settings, poll_interval_s=900.0, **changes)
        broker = await connect(slow, slow.broker_url)
        poller = Poller(slow, broker, DESK_GROUP)
        server.answers["f"] = FEED
        await poller.feeds.add([(server.url + "f", "")])
        try:
            async with poller.http, poller.parsers:
                yield Desk(poller, server)
        finally:
            await broker.close()
