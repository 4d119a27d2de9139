"""A WebSub hub on loopback."""

import hashlib
import hmac
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from io import BytesIO
from typing import Any

import aiohttp
from aiohttp import web

from streams.brokers import open_broker
from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.topics import DESK_GROUP
from tests.conftest import until
from tests.support.feed_server import rss
from workers.poller.websub import HubSubscription, WebSub
from workers.web.server import WebServer


class Hub:
    """A hub that accepts subscriptions, verifies them, and pushes."""

    def __init__(self) -> None:
        self.requests: list[dict[str, str]] = []
        self.status, self.mode, self.lease = 202, "subscribe", 864_000
        self.verified: list[tuple[int, str]] = []

    async def __aenter__(self) -> "Hub":
        app = web.Application()
        app.router.add_post("/", self._take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"
        self._http = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *exc: Any) -> None:
        await self._http.close()
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.requests.append(form)
        if self.status == 202:
            self.verified.append(await self.verify(form))
        return web.Response(status=self.status)

    async def verify(self, form: dict[str, str]) -> tuple[int, str]:
        query = {"hub.mode": self.mode, "hub.topic": form["hub.topic"], "hub.challenge": "c<h>1",
                 "hub.lease_seconds": str(self.lease)}  # fmt: skip
        async with self._http.get(form["hub.callback"], params=query) as answer:
            return answer.status, await answer.text()

    async def push(self, body: bytes, secret: str | None = None, method: str = "sha256", callback: str = "") -> int:
        key = (secret if secret is not None else self.requests[-1]["hub.secret"]).encode()
        signature = f"{method}={hmac.new(key, body, getattr(hashlib, method)).hexdigest()}"
        headers = {"X-Hub-Signature": signature, "Content-Type": "application/rss+xml"}
        async with self._http.post(
            callback or self.requests[-1]["hub.callback"], data=BytesIO(body), headers=headers
        ) as answer:
            return answer.status


@asynccontextmanager
async def callback(settings: Settings) -> AsyncGenerator[Settings, None]:
    """Run the server with the callback; yield settings with its URL."""
    broker = open_broker(settings)
    server = WebServer(replace(settings, web_port=0, websub_callback_url="http://to.be.known"), broker, DESK_GROUP)
    await server.start()
    try:
        yield replace(settings, websub_callback_url=server.url)
    finally:
        await server.stop()
        await broker.close()


def with_hub(hub: Hub, *items: tuple[str, str, str]) -> bytes:
    links = f'<atom:link xmlns:atom="http://www.w3.org/2005/Atom" rel="hub" href="{hub.url}"/><atom:link xmlns:atom="http://www.w3.org/2005/Atom" rel="self" href="https://a.example/topic"/>'
    return rss(items).replace(b"</channel>", links.encode() + b"</channel>")


async def active(broker: Broker, feed: str) -> HubSubscription:
    websub = WebSub(broker.state, "http://unused")

    async def is_active() -> bool:
        subscription = await websub.get(feed)
        return subscription is not None and subscription.is_active(time.time())

    await until(is_active)
    subscription = await websub.get(feed)
    assert subscription is not None
    return subscription
