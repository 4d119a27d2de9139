"""Feed server with a ledger of its revisions. A feed advances only after its reader sent the current ETag.

The poller stores the ETag in the step that publishes the items, so the ETag acknowledges all of them. Therefore each
revision in the ledger must be published exactly once.
"""

import asyncio
import hashlib
import random
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from aiohttp import web

from tests.support.feed_server import rss

SITE = "https://truth.example"
NOUNS = (
    "harbour",
    "ferry",
    "council",
    "bakery",
    "lighthouse",
    "orchard",
    "library",
    "tramway",
    "brewery",
    "observatory",
)
VERBS = (
    "reopened",
    "expanded",
    "closed",
    "repainted",
    "sold",
    "flooded",
    "inspected",
    "measured",
    "renamed",
    "insured",
)
PLACES = ("Skelby Down", "Port Maren", "Dunscar", "Tarn Head", "Orrin", "Vessmark", "Low Hallow", "Carrick End")
WINDOW = 60  # items per document
MAX_REVISIONS = 4
MAX_WAITING = 1_000  # events that the webhook lacks; beyond it the feeds pause, since a busy machine never catches up


@lru_cache(4_096)  # a document repeats most stories of the one before
def story(feed: int, number: int, revision: int) -> tuple[str, tuple[str, ...]]:
    """Return title and paragraphs of an invented story; the same for the same number."""
    rnd = random.Random(f"{feed}/{number}/{revision}")
    first = random.Random(f"{feed}/{number}")
    noun, place = first.choice(NOUNS), first.choice(PLACES)
    title = f"The {noun} of {place} is {first.choice(VERBS)} for the {number + 2}th time"
    paragraphs = [
        f"The {noun} near {place} was {rnd.choice(VERBS)} on Monday by {rnd.randint(3, 900)} people, who had waited "
        f"since {rnd.randint(1890, 2020)} for somebody to decide about it."
        for _ in range(rnd.randint(2, 3))
    ]
    paragraphs.append(
        f"Officials spoke of {rnd.randint(2, 99)} boats in version {revision} of story {number} of {feed}."
    )
    return title, tuple(paragraphs)


def digest(title: str, paragraphs: Any) -> str:
    """Return a digest of a revision's words."""
    return hashlib.sha256("\n".join([title, *paragraphs]).encode()).hexdigest()[:16]


def url_of(feed: int, number: int) -> str:
    return f"{SITE}/{feed}/{number}"


@dataclass
class Feed:
    """One feed: the revisions of its stories, and the document with the newest ones."""

    number: int
    seed: int
    news: int
    window: int = WINDOW
    count: int = 0
    revisions: dict[int, int] = field(default_factory=dict)
    body: bytes = b""
    offered_s: float = 0.0

    def advance(self) -> list[int]:
        """Publish new stories, and revise some stories of the current document; return the numbers of all these."""
        rnd = random.Random(f"{self.seed}/{self.number}/{self.count}")
        shown = range(max(0, self.count + self.news - self.window), self.count)  # includes the new stories
        revised = [n for n in shown if rnd.random() < 0.04]
        for n in revised:
            self.revisions[n] = min(self.revisions[n] + 1, MAX_REVISIONS)
        new = range(self.count, self.count + self.news)
        self.revisions |= dict.fromkeys(new, 0)
        self.count += self.news
        self.body = self._document()
        return [*revised, *new]

    def _document(self) -> bytes:
        rows = []
        for n in range(self.count - 1, max(-1, self.count - self.window - 1), -1):
            title, paragraphs = story(self.number, n, self.revisions[n])
            others = [story(self.number, o, 0)[0] for o in (n + 1, n + 2, n + 3)]
            clutter = "".join(f'<li><a href="{SITE}/x/{n}">{o}</a></li>' for o in others) if n % 5 == 0 else ""
            html = "".join(f"<p>{p}</p>" for p in paragraphs)
            rows.append(
                (url_of(self.number, n), title, html + (f"<h3>Explore</h3><ul>{clutter}</ul>" if clutter else ""))
            )
        return rss(rows)


class TruthServer:
    """Feeds `/0` … `/N`. Each feed publishes at most once per *pause_s*.

    `ledger` maps a story's URL to the digests of its revisions, in the order of publication.
    """

    def __init__(self, seed: int, feeds: int, news: int, chaos: float = 0.0, pause_s: float = 0.0) -> None:
        self.feeds = [Feed(n, seed, news) for n in range(feeds)]
        self.chaos, self.pause_s, self.frozen = chaos, pause_s, False
        self.ledger: dict[str, list[str]] = {}
        self.taken: list[int] = [0] * feeds  # requests per feed that sent the current document's ETag, since `freeze`
        self.unconfirmed_hooks = self.offered = 0
        self.hooks: list[tuple[str, int]] = []  # events of a webhook as (article id, revision)
        self._random = random.Random(seed)
        self.url = ""

    async def __aenter__(self) -> "TruthServer":
        for feed in self.feeds:
            self._offer(feed)
        app = web.Application()
        app.router.add_get("/{feed:\\d+}", self._serve)
        app.router.add_post("/hook", self._take_hook)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._runner.cleanup()

    @property
    def urls(self) -> list[str]:
        return [f"{self.url}/{feed.number}" for feed in self.feeds]

    def _offer(self, feed: Feed) -> None:
        changed = feed.advance()
        feed.offered_s = time.monotonic()
        for n in changed:
            digests = self.ledger.setdefault(url_of(feed.number, n), [])
            for r in range(len(digests), feed.revisions[n] + 1):
                digests.append(digest(*story(feed.number, n, r)))
                self.offered += 1

    def freeze(self) -> None:
        """Stop publishing; answer every request well."""
        self.frozen, self.chaos = True, 0.0
        self.taken = [0] * len(self.feeds)

    def all_taken(self) -> bool:
        """Return whether each feed's last document was acknowledged twice."""
        return self.frozen and min(self.taken) >= 2

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        feed = self.feeds[int(request.match_info["feed"])]
        etag = f'"{hashlib.sha256(feed.body).hexdigest()[:16]}"'
        is_current = request.headers.get("If-None-Match") == etag
        if self._random.random() < self.chaos:
            return await self._misbehave(request, feed)
        if is_current and self.frozen:
            self.taken[feed.number] += 1
            return web.Response(status=304, headers={"ETag": etag})
        is_waiting = self.offered - len(self.hooks) > MAX_WAITING
        if is_current and (is_waiting or time.monotonic() - feed.offered_s < self.pause_s):
            return web.Response(status=304, headers={"ETag": etag})
        if is_current:
            self._offer(feed)
            etag = f'"{hashlib.sha256(feed.body).hexdigest()[:16]}"'
        return web.Response(body=feed.body, headers={"ETag": etag}, content_type="application/rss+xml")

    async def _take_hook(self, request: web.Request) -> web.Response:
        """Record an event, then confirm it, fail, or hang up: the sender cannot know whether it arrived."""
        article = (await request.json())["data"]
        self.hooks.append((article["id"], article["revision"]))
        if self._random.random() < self.chaos / 5:
            self.unconfirmed_hooks += 1
            if self._random.random() < 0.5:
                return web.Response(status=503)
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=204)

    async def _misbehave(self, request: web.Request, feed: Feed) -> web.StreamResponse:
        kind = self._random.choice(("error", "cut", "rubbish", "slow", "empty"))
        if kind == "error":
            return web.Response(status=self._random.choice((500, 502, 404)))
        if kind in ("rubbish", "empty"):
            return web.Response(body=b"<html>oops" if kind == "rubbish" else b"", headers={"ETag": '"wrong"'})
        response = web.StreamResponse(headers={"ETag": '"wrong"', "Content-Length": str(len(feed.body))})
        await response.prepare(request)
        await response.write(feed.body[: self._random.randrange(1, len(feed.body))])
        if kind == "slow":
            await asyncio.sleep(0.5)
        assert request.transport is not None
        request.transport.abort()
        return response
