"""Feed server on loopback with configurable responses."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from aiohttp import web

Answer = Callable[[web.Request], web.StreamResponse | bytes]


class FeedServer:
    """Serves `answers[path]`: bytes with an ETag, or the result of a function of the request."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.answers: dict[str, Answer | bytes] = {}
        self.requests: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.url = ""

    async def __aenter__(self) -> "FeedServer":
        app = web.Application()
        app.router.add_get("/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        self.requests[path] += 1
        answer = self.answers.get(path)
        if answer is None:
            raise web.HTTPNotFound
        made = answer(request) if callable(answer) else answer
        response = with_etag(request, made) if isinstance(made, bytes) else made
        self.statuses[response.status] += 1
        return response


def with_etag(request: web.Request, body: bytes) -> web.Response:
    etag = f'"{hashlib.sha256(body).hexdigest()[:12]}"'
    if request.headers.get("If-None-Match") == etag:
        return web.Response(status=304)
    return web.Response(body=body, content_type="application/rss+xml", headers={"ETag": etag})


def rss(items: Sequence[tuple[str, str, str]], title: str = "The Test Courier") -> bytes:
    """Return an RSS document of (link, title, HTML body)."""
    body = "".join(
        f"<item><title>{escape(t)}</title><link>{escape(link)}</link><guid>{escape(link)}</guid>"
        f"<description>{escape(html)}</description></item>"
        for link, t, html in items
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>{title}</title><link>https://courier.example/</link>{body}</channel></rss>'.encode()
