"""Feed discovery: feed links of a page, and default paths."""

import asyncio

import pytest

from streams.config.settings import Settings
from tests.support.feed_server import FeedServer, rss
from workers.http.client import HttpClient
from workers.poller.discovery import discover, feed_links
from workers.poller.parser_pool import ParserPool

GOOD = rss([("https://a.example/1", "One", "<p>Text</p>")])


@pytest.mark.parametrize(
    ("page", "links"),
    [
        ("", []),
        ('<link rel="alternate" type="application/rss+xml" href="/f">', ["https://a.example/f"]),
        ('<LINK REL="Alternate home" TYPE="application/atom+xml; charset=utf-8" HREF="f">', ["https://a.example/x/f"]),
        (
            '<base href="https://b.example/"><link rel=alternate type=application/feed+json href=f>',
            ["https://b.example/f"],
        ),
        ('<link rel="alternate" hreflang="de" href="/de"><link rel="stylesheet" type="text/xml" href="/s">', []),
    ],
)
def test_feed_links_of_page(page: str, links: list[str]) -> None:
    assert feed_links(page, "https://a.example/x/y") == links


def test_discover_feeds_of_page(settings: Settings) -> None:
    async def go() -> None:
        async with FeedServer() as server, HttpClient(settings) as fetcher, ParserPool(1) as parsers:
            server.answers["named"] = b"<html><link rel=alternate type=application/rss+xml href=/news.xml></html>"
            server.answers["silent"] = b"<html><p>Hello</p></html>"
            server.answers["news.xml"] = server.answers["rss.xml"] = GOOD

            async def discovered(path: str) -> list[tuple[str, int]]:
                feeds = await discover(fetcher, parsers, server.url + path)
                return [(url.removeprefix(server.url), feed.document_items) for url, feed in feeds]

            assert await discovered("named") == [("news.xml", 1)]
            assert await discovered("silent") == [("rss.xml", 1)]
            assert await discovered("news.xml") == [("news.xml", 1)]

    asyncio.run(go())
