"""Discovery: from the address of a page to the feeds that it has."""

from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import urljoin

import lxml.etree
import lxml.html

from streams.errors import CopydeskError
from workers.http.client import HttpClient
from workers.poller.formats.feedparser_xml import ParsedFeed
from workers.poller.parser_pool import ParseRequest, ParserPool
from workers.text.encoding import decode
from workers.urls.web_url import web_url

# Media types by which a page names its feeds (HTML Standard §4.6.6, RSS Advisory Board, jsonfeed.org).
FEED_TYPES = {"application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/feed+json",
              "application/json", "text/xml", "application/xml"}  # fmt: skip
# Where the systems that most sites run on have theirs; asked only when the page names none.
COMMON_PATHS = (
    "feed",
    "rss",
    "feed.xml",
    "rss.xml",
    "atom.xml",
    "index.xml",
    "feed.json",
    "feeds/posts/default",
    "rss/index.xml",
)
MAX_LINKS = 10


async def discover(fetcher: HttpClient, parsers: ParserPool, url: str) -> list[tuple[str, ParsedFeed]]:
    """Return (URL, feed) of each feed that the page at *url* has; of *url* itself when it is a feed.

    Raises CopydeskError when *url* can't be fetched.
    """
    answer = await fetcher.get(url)
    itself = await parse_or_none(parsers, answer.body, answer.url, answer.headers.get("content-type", ""))
    if itself:
        return [(answer.permanent_url or url, itself)]
    named = await fetch_feeds(fetcher, parsers, feed_links(decode(answer.body), answer.url))
    return named or await fetch_feeds(fetcher, parsers, [urljoin(answer.url, f"/{path}") for path in COMMON_PATHS])


def feed_links(page: str, url: str) -> list[str]:
    """Return what a page names as its feeds, absolute, in its order: `<link rel=alternate type=…>`. Pure."""
    if not page.strip():
        return []
    try:
        tree = lxml.html.document_fromstring(page.encode(), parser=lxml.html.HTMLParser(encoding="utf-8"))
    except lxml.etree.LxmlError:
        return []
    found, base = [], url
    for element in tree.iter("base", "link"):
        href = (element.get("href") or "").strip()
        if element.tag == "base":
            base = web_url(href, url) or url
        elif "alternate" in (element.get("rel") or "").lower().split() and href:
            kind = (element.get("type") or "").partition(";")[0].strip().lower()
            found += [web_url(href, base)] if kind in FEED_TYPES else []
    return list(dict.fromkeys(filter(None, found)))[:MAX_LINKS]


async def fetch_feeds(fetcher: HttpClient, parsers: ParserPool, urls: Iterable[str]) -> list[tuple[str, ParsedFeed]]:
    """Return those of *urls* that are feeds, once each: one path often leads to another."""
    found: dict[str, tuple[str, ParsedFeed]] = {}
    for url in urls:
        try:
            answer = await fetcher.get(url)
        except CopydeskError:
            continue
        feed = await parse_or_none(parsers, answer.body, answer.url, answer.headers.get("content-type", ""))
        if feed:
            found.setdefault(answer.url, (url, feed))
    return list(found.values())


async def parse_or_none(parsers: ParserPool, body: bytes, url: str, content_type: str) -> ParsedFeed | None:
    try:
        return await parsers.parse(ParseRequest(body, url, content_type, datetime.now(UTC), "discover"))
    except CopydeskError:
        return None
