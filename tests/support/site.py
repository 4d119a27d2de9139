"""A running web server with an HTTP client, and its articles."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import aiohttp

from streams.brokers.base import Broker, OutgoingMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.records import Article
from streams.topics import ARTICLES, DESK_GROUP
from tests.conftest import DEADLINE_S
from workers.services import connect
from workers.web.server import WebServer

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def article(n: int, revision: int = 1, **more: Any) -> Article:
    return Article(
        id=f"{n:020x}", revision=revision, url=f"https://courier.example/{n}", canonical_url=f"https://courier.example/{n}",
        title=f"Story {n} & more", byline=("Ida Marrow",), published=NOW, tags=("World",), publisher="The Courier",
        paragraphs=(f"The harbour board met {n} times.",), html=f"<p>The harbour board met {n} times.</p>", **more,
    )  # fmt: skip


async def publish(broker: Broker, *articles: Article) -> None:
    await broker.publish([OutgoingMessage(ARTICLES.name, a.id.encode(), encode(a)) for a in articles])


class Site:
    """A running web server and an HTTP client."""

    def __init__(self, broker: Broker, server: WebServer, http: aiohttp.ClientSession) -> None:
        self.broker, self.server, self.url, self.http = broker, server, server.url, http

    @asynccontextmanager
    async def events(
        self, last: str = "", start: str = ""
    ) -> AsyncGenerator[Callable[[], Awaitable[tuple[str, Any]]], None]:
        """Yield a function that returns the id and the record of the next event."""
        headers, query = {"Last-Event-ID": last} if last else {}, {"from": start} if start else {}
        async with self.http.get(self.url + "topics/articles", headers=headers, params=query) as response:
            assert response.status == 200
            assert response.content_type == "text/event-stream"
            assert response.headers["X-Accel-Buffering"] == "no"
            assert await response.content.readline() == b"retry: 1000\n"

            async def next_event() -> tuple[str, Any]:
                name = b""
                while True:
                    line = await asyncio.wait_for(response.content.readline(), DEADLINE_S)
                    assert line, "connection closed"
                    if line.startswith(b"id: "):
                        name = line[4:].strip()
                    elif line.startswith(b"data: "):
                        return name.decode(), json.loads(line[6:])

            yield next_event


@asynccontextmanager
async def open_site(settings: Settings) -> AsyncGenerator[Site, None]:
    broker = await connect(settings, settings.broker_url)
    server = WebServer(replace(settings, web_port=0), broker, DESK_GROUP)
    await server.start()
    try:
        async with aiohttp.ClientSession() as http:
            yield Site(broker, server, http)
    finally:
        await server.stop()
        await broker.close()
