"""Requests stay within their scope: proxies, credentials of moved feeds, redirects of POST."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from aiohttp import web

from streams.config.settings import Settings
from streams.config.tables import FeedOptions
from streams.errors import CopydeskError
from streams.records import Item
from tests.support.feed_server import FeedServer, rss
from workers.http.address_filter import is_public
from workers.http.client import Credentials, HttpClient
from workers.poller.full_text import FullTextFetcher
from workers.poller.parser_pool import ParserPool
from workers.poller.poller import Poller
from workers.poller.registry import FeedState
from workers.services import connect

FEED = "http://feed.example/f"  # resolved by the proxy only
PRIVATE = (
    "http://169.254.169.254/",
    "http://10.0.0.1/x",
    "http://localhost:1/",
    "http://127.0.0.1:1/",
    "http://0x7f.1/",
)


@asynccontextmanager
async def open_proxy(allowed: str = "") -> AsyncGenerator[tuple[HttpClient, FeedServer, Credentials], None]:
    """Yield a client, a server that acts as a forward proxy, and credentials with that proxy."""
    async with FeedServer() as proxy, HttpClient(replace(Settings(), allowed_private_hosts=allowed)) as client:
        yield client, proxy, Credentials({"X-Key": "k"}, proxy=proxy.url.rstrip("/"))


@pytest.mark.parametrize("url", PRIVATE)
async def test_proxied_request_to_private_address_is_blocked(url: str) -> None:
    async with open_proxy() as (client, proxy, credentials):
        with pytest.raises(CopydeskError) as error:
            await client.get(url, credentials=credentials)
        assert error.value.code in ("blocked_address", "bad_url")
        assert not proxy.requests


@pytest.mark.parametrize("url", PRIVATE)
async def test_proxied_redirect_to_private_address_is_blocked(url: str) -> None:
    async with open_proxy() as (client, proxy, credentials):
        proxy.answers["f"] = lambda r: web.Response(status=302, headers={"Location": url})
        with pytest.raises(CopydeskError) as error:
            await client.get(FEED, credentials=credentials)
        assert error.value.code in ("blocked_address", "bad_http")
        assert list(proxy.requests) == ["f"]


async def test_proxy_serves_origin_of_its_feed_only() -> None:
    async with open_proxy() as (client, proxy, credentials), ParserPool(1) as parsers:
        proxy.answers |= {"f": b"own", "robots.txt": lambda r: web.Response(status=404)}
        proxy.answers["page"] = lambda r: web.Response(text="<p>page</p>", content_type="text/html")
        assert (await client.get(FEED, credentials=credentials)).body == b"own"
        pages = FullTextFetcher(client, parsers, 0)
        links = ["http://feed.example/page", *PRIVATE, "http://other.invalid/page"]
        items = [
            Item(feed=FEED, identity_key=link, link=link, fetched_at=datetime.now(UTC), fingerprint="")
            for link in links
        ]
        ready, _ = await pages.fetch_pages(items, credentials, FEED)
        assert [item.link for item in ready if item.page] == links[:1]
        assert set(proxy.requests) == {"f", "page", "robots.txt"}
        assert proxy.requests["robots.txt"] == 1


async def test_allowed_private_host_is_reachable_through_proxy() -> None:
    async with open_proxy("10.0.0.1:80") as (client, proxy, credentials):
        proxy.answers["f"] = b"intranet"
        assert (await client.get("http://10.0.0.1/f", credentials=credentials)).body == b"intranet"


@pytest.mark.parametrize("is_moved", [False, True])
async def test_moved_feed_receives_no_credentials(is_moved: bool, settings: Settings) -> None:
    async with FeedServer() as home, FeedServer() as elsewhere:
        seen: list[str] = []

        def answer(request: web.Request) -> bytes:
            seen.append(request.headers.get("Authorization", "") + request.headers.get("X-Key", ""))
            return rss([])

        home.answers["f"] = elsewhere.answers["f"] = answer
        options = FeedOptions(home.url + "*", headers={"X-Key": "k"}, username="u", password="p")
        configured = replace(settings, feeds=(options,), allowed_private_hosts="127.0.0.1:*")
        broker = await connect(configured, configured.broker_url)
        poller = Poller(configured, broker, "desk")
        state = FeedState(home.url + "f", moved_to=elsewhere.url + "f" if is_moved else "")
        async with poller.http:
            await poller._fetch(state, options, datetime.now(UTC))
        await broker.close()
        assert bool(seen[0]) is not is_moved


def test_platform_address_of_azure_is_blocked() -> None:
    assert not is_public("168.63.129.16")
    assert not is_public("::ffff:168.63.129.16")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_post_without_redirects_returns_status(status: int) -> None:
    runner = web.AppRunner(app := web.Application())
    targets: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        targets.append(request.path)
        return web.Response(status=status, headers={"Location": "/other"}, text="moved\x1b[31m")

    app.router.add_post("/{path}", answer)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    async with HttpClient(replace(Settings(), allowed_private_hosts="127.0.0.1:*")) as client:
        response = await client.post(url, b"{}", follow_redirects=False)
    await runner.cleanup()
    assert (response.status, response.body, targets) == (status, b"moved\x1b[31m", ["/hook"])
