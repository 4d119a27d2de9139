"""WebSub with a hub on loopback: discovery, the challenge, signed pushes, renewal, and polls when the hub fails."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from streams.brokers import open_broker
from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.topics import DESK_GROUP
from tests.conftest import until
from tests.support.feed_server import FeedServer, rss
from tests.support.pipeline import BODY, MORE, everything, newsdesk, settled
from workers.poller.registry import WEBSUB, FeedRegistry
from workers.poller.websub import LEASE_S, RETRY_S, HubSubscription, WebSub, parse_link_header, verify_signature
from workers.web.server import WebServer

ONE = ("https://a.example/1", "One", BODY)
TWO = ("https://a.example/2", "Two", BODY + MORE)


class Hub:
    """A hub that takes subscriptions, verifies them, and pushes."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
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
        asked = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append(asked)
        if self.status == 202:
            self.verified.append(await self.verify(asked))
        return web.Response(status=self.status)

    async def verify(self, asked: dict[str, str]) -> tuple[int, str]:
        query = {"hub.mode": self.mode, "hub.topic": asked["hub.topic"], "hub.challenge": "c<h>1",
                 "hub.lease_seconds": str(self.lease)}  # fmt: skip
        async with self._http.get(asked["hub.callback"], params=query) as answer:
            return answer.status, await answer.text()

    async def push(self, body: bytes, secret: str | None = None, method: str = "sha256", callback: str = "") -> int:
        key = (secret if secret is not None else self.asked[-1]["hub.secret"]).encode()
        signature = f"{method}={hmac.new(key, body, getattr(hashlib, method)).hexdigest()}"
        headers = {"X-Hub-Signature": signature, "Content-Type": "application/rss+xml"}
        async with self._http.post(callback or self.asked[-1]["hub.callback"], data=body, headers=headers) as answer:
            return answer.status


@asynccontextmanager
async def callback(settings: Settings) -> AsyncGenerator[Settings, None]:
    """The server that hubs call back, and settings that name it."""
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
        kept = await websub.get(feed)
        return kept is not None and kept.is_active(time.time())

    await until(is_active)
    kept = await websub.get(feed)
    assert kept is not None
    return kept


def test_what_a_hub_pushes_comes_out_without_a_poll(settings: Settings) -> None:
    async def go() -> None:
        async with FeedServer() as server, Hub() as hub, callback(settings) as at, newsdesk(at, server) as broker:
            feed = server.url + "f"
            server.answers["f"] = lambda r: web.Response(
                body=with_hub(hub, ONE), headers={"Retry-After": "9"} if server.requests["f"] > 2 else {}
            )
            await FeedRegistry(broker.state).add([(feed, "")])
            await settled(broker, {"new": 1})
            kept = await active(broker, feed)
            assert hub.verified == [(200, "c<h>1")]
            assert (hub.asked[0]["hub.mode"], hub.asked[0]["hub.topic"]) == ("subscribe", "https://a.example/topic")
            assert kept.expires_s == pytest.approx(time.time() + 864_000, abs=60)
            server.answers["f"] = lambda r: web.Response(status=503)  # it can't be had by polling
            assert await hub.push(rss([TWO]), secret="a stranger's") == 202
            assert await hub.push(rss([TWO]), method="sha512") == 202
            await settled(broker, {"new": 2})
            assert await hub.push(rss([TWO])) == 202
            assert await hub.push(b"x" * (1024 * 1024 + 1)) == 202, "too long: the feed is polled"
            server.answers["f"] = with_hub(hub, TWO, ONE)
            polls = server.statuses[200]
            await FeedRegistry(broker.state).poll_now([feed])
            await until(lambda: server.statuses[200] > polls)
            counters = await settled(broker, {"new": 2})
            assert counters["desk"]["in"] == 2, "what was pushed is known when it is polled"
            assert sorted(a.title for a in await everything(settings, "articles")) == ["One", "Two"]
            assert len(hub.asked) == 1, "asked once, not at every poll"
            assert await hub.push(rss([ONE]), callback=at.websub_callback_url + "websub/of-nobody") == 410
            await FeedRegistry(broker.state).remove([feed])
            assert await hub.push(rss([ONE])) == 410

    asyncio.run(go())


@pytest.mark.parametrize("how", ["refuses", "denies", "is gone"])
def test_without_its_hub_a_feed_is_polled(how: str, settings: Settings) -> None:
    async def go() -> None:
        async with FeedServer() as server, Hub() as hub, callback(settings) as at, newsdesk(at, server) as broker:
            hub.status, hub.mode = 500 if how == "refuses" else 202, "denied"
            link = f'<{hub.url if how != "is gone" else "http://127.0.0.1:1/"}>; rel="hub", </topic>; rel=self'
            server.answers["f"] = lambda r: web.Response(body=rss([ONE]), headers={"Link": link})
            await FeedRegistry(broker.state).add([(server.url + "f", "")])
            await settled(broker, {"new": 1})
            server.answers["f"] = lambda r: web.Response(body=rss([TWO, ONE]), headers={"Link": link})
            await settled(broker, {"new": 2})
            assert [a["hub.topic"] for a in hub.asked] == ([] if how == "is gone" else [server.url + "topic"])
            kept = await WebSub(broker.state, "").get(server.url + "f")
            assert kept is not None
            assert kept.denied is (how == "denies")
            assert not kept.is_active(time.time())

    asyncio.run(go())


def test_nobody_but_a_hub_that_was_asked_gets_a_challenge_answered(settings: Settings) -> None:
    async def go() -> None:
        broker = open_broker(settings)
        websub = WebSub(broker.state, "http://me.example")
        kept = HubSubscription(
            "https://a.example/f", "https://hub.example/", "https://a.example/t", "token", "s", time.time()
        )
        await broker.state.hset(WEBSUB, kept.feed, msgspec.json.encode(kept))
        await broker.state.hset(WEBSUB + ":tokens", kept.token, kept.feed)
        assert not await websub.verify("other", "subscribe", kept.topic, "60")
        assert not await websub.verify("token", "subscribe", "https://a.example/other", "60")
        assert not await websub.verify("token", "unsubscribe", kept.topic, "60")
        assert await websub.verify("token", "subscribe", kept.topic, "60")
        late = msgspec.structs.replace(kept, requested_s=time.time() - RETRY_S - 1)
        await broker.state.hset(WEBSUB, kept.feed, msgspec.json.encode(late))
        assert not await websub.verify("token", "subscribe", kept.topic, "60")
        await broker.close()

    asyncio.run(go())


@pytest.mark.parametrize(
    ("asked_s", "active_s", "until_s", "denied", "due"),
    [
        (0, 0, 0, False, True),  # never asked
        (9_000, 0, 0, False, False),  # asked a moment ago
        (6_000, 0, 0, False, True),  # an hour ago, and not verified since
        (0, 1_000, 1_000 + LEASE_S, False, False),  # active
        (0, 1_000, 11_500, False, True),  # active, and its lease is four fifths over
        (9_500, 1_000, 11_500, False, False),  # asked to renew already
        (6_000, 0, 0, True, False),  # denied: tomorrow
        (20_000, 20_000, 90_000, False, True),  # the clock was put back
    ],
)
def test_when_a_hub_is_asked(asked_s: float, active_s: float, until_s: float, denied: bool, due: bool) -> None:
    kept = HubSubscription("f", "h", "t", "k", "s", asked_s, active_s, until_s, denied)
    assert kept.is_due(10_000) is due


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512"])
def test_signatures(method: str) -> None:
    right = hmac.new(b"secret", b"body", getattr(hashlib, method)).hexdigest()
    assert verify_signature("secret", f"{method}={right}", b"body")
    assert verify_signature("secret", f"{method.upper()}={right.upper()}", b"body")
    for wrong in (f"{method}={right[:-1]}0x", f"md5={right}", right, "", f"{method}=", "sha256=é"):
        assert not verify_signature("secret", wrong, b"body")


def test_links_of_a_header() -> None:
    value = (
        '<https://h.example/>; rel="hub", </f>; rel=self; type="a,b", <x>; title="rel", <https://g.example>; rel="hub"'
    )
    assert parse_link_header(value, "https://a.example/") == {
        "hub": "https://h.example/",
        "self": "https://a.example/f",
    }
    assert parse_link_header("<" * 10_000, "https://a.example/") == {}
