"""Feed discovery: feed links of a page, and default paths."""

import pytest
from aiohttp import web

from streams.config.settings import Settings
from tests.support.feed_server import FeedServer, rss
from workers.http.client import HttpClient
from workers.poller.discovery import discover
from workers.poller.feed_links import feed_links, header_links
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


async def test_discover_feeds_of_page(settings: Settings) -> None:
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


RSS = 'type="application/rss+xml"'
PAGES = {
    "comments last": (
        f'<link rel=alternate {RSS} href="/comments/feed/"><link rel=alternate {RSS} href="/a" title="Mill » Kommentar-Feed">'
        f'<link rel=alternate {RSS} href="/feed/">',
        ["feed/", "comments/feed/", "a"],
    ),
    "no rel": (f'<link {RSS} href="/f"><link type="text/xml" href="/sitemap">', ["f"]),
    "rel=feed": ('<link rel="feed" href="/f">', ["f"]),
    "unregistered type": ('<link rel="alternate" type="text/rss+xml" href="/f">', ["f"]),
    "anchor by text": ('<a href="/about">About</a><a href="/x?id=1"> RSS </a>', ["x?id=1"]),
    "anchor by path": ('<a href="/blog/atom.xml">Follow</a><a href="/feedback">Feedback</a>', ["blog/atom.xml"]),
    "anchor by query": ('<a href="/?feed=rss2">Posts</a>', ["?feed=rss2"]),
    "anchor by image": ('<a href="/x"><img src="/i.png" alt="RSS feed"></a>', ["x"]),
    "anchor only without links": (f'<link rel=alternate {RSS} href="/f"><a href="/rss">RSS</a>', ["f"]),
    "entry document": ('<link rel=alternate type="application/atom+xml;type=entry" href="/e">', []),
    "neither rel nor type": ('<link href="/rss.xml"><link href="/style.css">', ["rss.xml"]),
    "no feed": ('<a href="/news/atomic-energy">Atomic energy</a><a href="mailto:rss@a.example">RSS</a>', []),
}


@pytest.mark.parametrize(("page", "paths"), PAGES.values(), ids=PAGES)
def test_feed_links_order_and_kinds(page: str, paths: list[str]) -> None:
    assert feed_links(page, "https://a.example/x/y") == [f"https://a.example/{path}" for path in paths]


def test_header_links_feeds_only() -> None:
    value = (
        '</s.css>; rel=preload; as=style, </f?a=1,2>; rel="alternate"; type="application/rss+xml"; title="A, \\"B\\"", '
        "</g>;rel=alternate;type=application/atom+xml, </h>; type=application/rss+xml"
    )
    links = header_links(value, "https://a.example/")
    assert [link.url for link in links] == ["https://a.example/f?a=1,2", "https://a.example/g"]


def test_header_links_hostile_value_is_linear() -> None:
    assert header_links('<a>; x="' * 50_000, "https://a.example/") == []


async def test_discover_follows_link_header(settings: Settings) -> None:
    async with FeedServer() as server, HttpClient(settings) as fetcher, ParserPool(1) as parsers:
        headers = {"Link": '</news.xml>; rel="alternate"; type="application/rss+xml"'}
        server.answers["page"] = lambda request: web.Response(text="<p>Hello</p>", headers=headers)
        server.answers["news.xml"] = GOOD
        feeds = await discover(fetcher, parsers, server.url + "page")
        assert [url for url, _ in feeds] == [server.url + "news.xml"]
