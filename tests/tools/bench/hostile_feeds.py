"""The feeds of `bench.hostile`: good ones, and hostile ones that each repeat one attack with new items."""

import asyncio
import contextlib
import itertools
import json
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from html import escape
from typing import Any

from aiohttp import web

from tests.support.feed_server import rss, with_etag
from workers.demo.clutter import body
from workers.demo.stories import story

GOOD, A_HOST, HOSTILE_SHARE = int(os.environ.get("GOOD_FEEDS", "1000")), 4, 0.05
PORT = 18_766
CHANGES = 4  # intervals between two changes of a good feed
TEXT = "The harbour authority said on Tuesday that seventy six swans had been counted in the bay."
Answer = tuple[bytes, str, Mapping[str, str]]  # body, media type, headers


def good_urls() -> list[str]:
    return [f"http://127.1.{n // A_HOST // 250}.{n // A_HOST % 250 + 1}:{PORT}/good/{n}" for n in range(GOOD)]


def hostile_urls() -> list[str]:
    ways = itertools.cycle(WAYS)
    count = round(HOSTILE_SHARE * GOOD / (1 - HOSTILE_SHARE))
    return [f"http://127.2.0.{n + 1}:{PORT}/{next(ways)}/{n}" for n in range(count)]


# -- attacks --------------------------------------------------------------------------------------------------


def _rss(items: list[tuple[str, str, str]]) -> Answer:
    return rss(items), "application/rss+xml", {}


def _links() -> Iterator[str]:
    """Yield links that no poll has seen."""
    return (f"https://hostile.example/{random.randrange(10**12)}" for _ in itertools.count())


def _bodies(text: str, count: int) -> Answer:
    return _rss([(link, f"Story {link[-6:]}", text) for link in itertools.islice(_links(), count)])


def _json(items: list[dict[str, Any]]) -> Answer:
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "Hostile", "items": items}
    return json.dumps(feed).encode(), "application/feed+json", {}


def _list(count: int) -> str:
    return f"<ul>{''.join(f'<li><a href=http://x/{n}>Headline {n} of a story</a></li>' for n in range(count))}</ul>"


def _pages(host: str) -> Answer:
    return _rss([(f"http://{host}/page/{random.randrange(10**9)}", "Page", f"<p>{TEXT}</p>") for _ in range(20)])


def _stolen() -> Answer:
    """Offer the links of good feeds with another text."""
    turn = int(time.time() // 240)
    return _rss(
        [(f"http://good.example/{n}/{turn - 1}", "Trusted Bank Times", "<p>Send money.</p>") for n in range(50)]
    )


def _control() -> Answer:
    forged = "\n2026-11-26 00:00:00,000 CRITICAL FORGED \x1b]0;PWNED\x07"
    return _json([{"id": f"{n}{random.random()}{forged}", "title": f"T{n}", "content_text": TEXT} for n in range(20)])


def _script_links() -> Answer:
    schemes = ("javascript:alert(1)", "data:text/html,x", "vbscript:x", "java\nscript:alert(1)")
    return _json([
        {"id": str(random.random()), "url": url, "image": url, "title": "T", "content_html": f"<a href='{url}'>{TEXT}</a>"}
        for url in schemes
    ])  # fmt: skip


def _malformed_links() -> Answer:
    document, kind, _ = _rss([("http://[::1", "T", TEXT), ("http://1.2.3.4Ff20127.0.0.1/", "U", TEXT)])
    return document, kind, {"Link": '<http://[::1>; rel="hub"'}


def _unreadable() -> Answer:
    return _json([{"summary": "", "tags": [str(random.random()) * 40]} for _ in range(5_000)])


def _large() -> Answer:
    return _json([
        {"id": str(random.random()), "title": "Large", "content_text": random.randbytes(300_000).hex()} for _ in range(11)
    ])  # fmt: skip


CAPITALS = f"<p>{'A' * 250} swans were counted.</p><p>{TEXT}</p>"
DNA = f"<p>{'GATTACA' * 400}</p><p>{'ACGT ' * 400}</p>"
ATTRIBUTES = f"<p {' '.join(f'a{n}=1' for n in range(28_000))}>x</p><p>{TEXT}</p>"
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>"
ANSWERS: dict[str, Callable[[str], Answer]] = {
    "capitals": lambda host: _bodies(CAPITALS, 60),
    "dna": lambda host: _bodies(DNA, 60),
    "lists": lambda host: _bodies(_list(9_000), 9),
    "attributes": lambda host: _bodies(ATTRIBUTES, 9),
    "nested": lambda host: _bodies("<div>" * 30_000 + TEXT, 9),
    "pages": _pages,
    "stolen": lambda host: _stolen(),
    "control": lambda host: _control(),
    "scripts": lambda host: _script_links(),
    "malformed": lambda host: _malformed_links(),
    "unreadable": lambda host: _unreadable(),
    "large": lambda host: _large(),
    "markup": lambda host: _rss([(next(_links()), escape(MARKUP), escape(MARKUP) + MARKUP)]),
    "garbage": lambda host: (os.urandom(20_000), "application/rss+xml", {}),
    "bomb": lambda host: (b"<rss><channel>" * 30_000, "application/rss+xml", {}),
    "categories": lambda host: (
        b"<rss><channel><item>" + b"<category>a</category>" * 60_000, "application/rss+xml", {},
    ),
}  # fmt: skip
WAYS = (*ANSWERS, "hangs", "drips", "endless", "redirects", "500")


# -- server ---------------------------------------------------------------------------------------------------


async def _good(request: web.Request) -> web.StreamResponse:
    number = int(request.match_info["n"])
    period_s = CHANGES * float(os.environ["INTERVAL_S"])
    turn = int(time.time() / period_s + number / GOOD)
    return with_etag(request, rss([_story(number, turn - n) for n in range(2)], title=f"Courier {number}"))


def _story(number: int, turn: int) -> tuple[str, str, str]:
    told = story(number * 7_919 + turn)
    return f"http://good.example/{number}/{turn}", f"{told.title} ({number}/{turn})", body(told, EXPLORE)


EXPLORE = [story(n) for n in range(1, 12)]


async def _hostile(request: web.Request) -> web.StreamResponse:
    way = request.match_info["way"]
    if way == "hangs":
        await asyncio.sleep(60)
    if way in ("drips", "endless"):
        return await _endless(request, b"<rss>" * (1 if way == "drips" else 20_000), 1.0 if way == "drips" else 0.05)
    if way == "redirects":
        raise web.HTTPFound(f"/redirects/{random.randrange(10**9)}")
    if way not in ANSWERS:
        return web.Response(status=500)
    document, kind, headers = ANSWERS[way](request.host)
    return web.Response(body=document, headers={"Content-Type": kind, **headers})


async def _endless(request: web.Request, part: bytes, pause_s: float) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):  # the poller closes such connections
        while True:
            await response.write(part)
            await asyncio.sleep(pause_s)
    return response


async def _page(request: web.Request) -> web.StreamResponse:
    return web.Response(body=b"<html><body>" + b"<!--" * (1 << 18), content_type="text/html")


async def _robots(request: web.Request) -> web.StreamResponse:
    rules = "\n".join(f"Disallow: /*a*{n}*b" for n in range(25_000))
    return web.Response(text=f"User-agent: *\n{rules}\n")


def serve() -> None:
    """Serve all feeds."""
    app = web.Application()
    app.router.add_get("/good/{n}", _good)
    app.router.add_get("/page/{n}", _page)
    app.router.add_get("/robots.txt", _robots)
    app.router.add_get("/{way}/{n}", _hostile)
    web.run_app(app, host="0.0.0.0", port=PORT, print=None, access_log=None)
