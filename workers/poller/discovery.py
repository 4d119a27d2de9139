"""Feed discovery: find the feeds of a page."""

from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import urljoin

import lxml.etree
import lxml.html

from streams.errors import CopydeskError
from workers.http.client import HttpClient
from workers.poller.feed_update import FeedUpdate
from workers.poller.formats import FORMATS
from workers.poller.parser_pool import ParseRequest, ParserPool
from workers.text.encoding import decode
from workers.urls.web_url import web_url

# Media types of feed links (HTML Standard §4.6.6, RSS Advisory Board, jsonfeed.org).
FEED_TYPES = {t for f in FORMATS for t in f.MEDIA_TYPES} | {"application/json", "text/xml", "application/xml"}
COMMON_PATHS = tuple(path for f in reversed(FORMATS) for path in f.PATHS)  # tried only if the page links no feed
MAX_LINKS = 10


async def discover(fetcher: HttpClient, parsers: ParserPool, url: str) -> list[tuple[str, FeedUpdate]]:
    """Return (URL, feed) of each feed of the page at *url*, or of *url* itself if it is a feed.

    Raises:
        CopydeskError: *url* can't be fetched.
    """
    response = await fetcher.get(url)
    feed = await parse_or_none(parsers, response.body, response.url, response.headers.get("content-type", ""))
    if feed:
        return [(response.permanent_url or url, feed)]
    linked = await fetch_feeds(fetcher, parsers, feed_links(decode(response.body), response.url))
    return linked or await fetch_feeds(fetcher, parsers, [urljoin(response.url, f"/{path}") for path in COMMON_PATHS])


def feed_links(page: str, url: str) -> list[str]:
    """Return the absolute URLs of the feed links of a page, `<link rel=alternate type=…>`, in page order. Pure."""
    if not page.strip():
        return []
    try:
        tree = lxml.html.document_fromstring(page.encode(), parser=lxml.html.HTMLParser(encoding="utf-8"))
    except lxml.etree.LxmlError:
        return []
    links, base = [], url
    for element in tree.iter("base", "link"):
        href = (element.get("href") or "").strip()
        if element.tag == "base":
            base = web_url(href, url) or url
        elif "alternate" in (element.get("rel") or "").lower().split() and href:
            media_type = (element.get("type") or "").partition(";")[0].strip().lower()
            links += [web_url(href, base)] if media_type in FEED_TYPES else []
    return list(dict.fromkeys(filter(None, links)))[:MAX_LINKS]


async def fetch_feeds(fetcher: HttpClient, parsers: ParserPool, urls: Iterable[str]) -> list[tuple[str, FeedUpdate]]:
    """Return (URL, feed) of those *urls* that are feeds, without duplicates: one path often redirects to another."""
    feeds: dict[str, tuple[str, FeedUpdate]] = {}
    for url in urls:
        try:
            response = await fetcher.get(url)
        except CopydeskError:
            continue
        feed = await parse_or_none(parsers, response.body, response.url, response.headers.get("content-type", ""))
        if feed:
            feeds.setdefault(response.url, (url, feed))
    return list(feeds.values())


async def parse_or_none(parsers: ParserPool, body: bytes, url: str, content_type: str) -> FeedUpdate | None:
    """Return the feed in *body*; None if it isn't a readable feed."""
    try:
        return await parsers.parse(ParseRequest(body, url, content_type, datetime.now(UTC), "discover"))
    except CopydeskError:
        return None
