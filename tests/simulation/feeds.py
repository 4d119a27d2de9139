"""Simulated feeds: the ledger of the fault suite, without sockets, and feeds whose stories change at any time."""

import asyncio
import hashlib
from typing import Any

from streams.errors import UnavailableError
from tests.faults.ledger_server import Feed, TruthServer, digest, story
from tests.simulation.world import World
from tests.support.feed_server import rss
from workers.http.client import Response

WINDOW = 8
LIVE_FEEDS, LIVE_STORIES = 2, 3
LIVE_EVERY_S = (0.7, 4.0)  # less and more than the time between two polls
DELAYS_S = (0.01, 0.5)  # mean time until a response arrives
LIVE = 1_000  # number of the feed whose stories the live feeds show
HOST = "https://feeds.example:800{}/{}"  # three hosts of one site, whose feeds may revise the same articles


class SimulatedFeeds(TruthServer):
    """Feeds `/0` … `/N` with a ledger, and live feeds that all show the newest revision of the same stories.

    A live feed does not wait for its readers, so that revisions can be skipped but never published in wrong order.
    """

    def __init__(
        self, world: World, seed: int, feeds: int, news: int, pause_s: float, live_every_s: float, delay_s: float
    ) -> None:
        super().__init__(seed, feeds, news, pause_s=pause_s)
        self.feeds = [Feed(n, seed, news, WINDOW) for n in range(feeds)]
        self.world = world
        self.live: dict[str, list[str]] = {}
        self._live_since_s, self._live_every_s = world.now_s, live_every_s
        self._delay_s = delay_s
        self._live_stopped_s = float("inf")
        for feed in self.feeds:
            self._offer(feed)

    @property
    def urls(self) -> list[str]:
        names = [*(f"live-{n}" for n in range(LIVE_FEEDS)), *map(str, range(len(self.feeds)))]
        return [HOST.format(n % 3, name) for n, name in enumerate(names)]

    def freeze(self) -> None:
        super().freeze()
        self._live_stopped_s = self.world.now_s

    async def get(self, url: str, headers: Any = None, credentials: Any = None) -> Response:
        """Return the response to a request, as `HttpClient.get` does. It takes a while to arrive."""
        response = self._respond(url, headers)
        await asyncio.sleep(self.world.random.expovariate(1 / self._delay_s))
        return response

    def _respond(self, url: str, headers: Any) -> Response:
        name = url.rpartition("/")[2]
        rnd = self.world.random
        if rnd.random() < self.chaos:
            if rnd.random() < 0.5:
                raise UnavailableError("simulated: connection refused", code="connection")
            return Response(200, url, b"<html>oops", {"etag": '"wrong"'}, 1)
        return self._live(url) if name.startswith("live-") else self._acknowledged(url, int(name), headers or {})

    def _acknowledged(self, url: str, number: int, headers: Any) -> Response:
        feed = self.feeds[number]
        etag = f'"{hashlib.sha256(feed.body).hexdigest()[:16]}"'
        is_current = headers.get("If-None-Match") == etag
        if is_current and self.frozen:
            self.taken[number] += 1
        if is_current and (self.frozen or self.world.now_s - feed.offered_s < self.pause_s):
            return Response(304, url, b"", {"etag": etag}, 1)
        if is_current:
            self._offer(feed)
            etag = f'"{hashlib.sha256(feed.body).hexdigest()[:16]}"'
        return Response(200, url, feed.body, {"etag": etag, "content-type": "application/rss+xml"}, 1)

    def _live(self, url: str) -> Response:
        passed_s = min(self.world.now_s, self._live_stopped_s) - self._live_since_s
        revision = int(passed_s / self._live_every_s)
        rows = []
        for number in range(LIVE_STORIES):
            title, paragraphs = story(LIVE, number, revision)
            digests = self.live.setdefault(link := f"https://truth.example/live/{number}", [])
            while len(digests) <= revision:
                digests.append(digest(*story(LIVE, number, len(digests))))
            rows.append((link, title, "".join(f"<p>{text}</p>" for text in paragraphs)))
        return Response(200, url, rss(rows), {"content-type": "application/rss+xml"}, 1)

    async def __aenter__(self) -> "SimulatedFeeds":
        return self

    async def __aexit__(self, *error: Any) -> None:
        """Do nothing: there is no socket."""
