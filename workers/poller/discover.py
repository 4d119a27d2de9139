"""Discovery: from the address of a page to the feeds that it has."""

from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import urljoin

import lxml.etree
import lxml.html

from streams.errors import CopydeskError
from workers.clean.encoding import decoded
from workers.clean.weburl import web_url
from workers.fetch.fetch import Fetcher
from workers.poller.parse import Feed
from workers.poller.parsers import Document, Parsers

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


async def discover(fetcher: Fetcher, parsers: Parsers, url: str) -> list[tuple[str, Feed]]:
    """Return (URL, feed) of each feed that the page at *url* has; of *url* itself when it is a feed.

    Raises CopydeskError when *url* can't be fetched.
    """
    answer = await fetcher.get(url)
    itself = await _feed_in(parsers, answer.body, answer.url, answer.headers.get("content-type", ""))
    if itself:
        return [(answer.moved_to or url, itself)]
    named = await _feeds_at(fetcher, parsers, feed_links(decoded(answer.body), answer.url))
    return named or await _feeds_at(fetcher, parsers, [urljoin(answer.url, f"/{path}") for path in COMMON_PATHS])


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


async def _feeds_at(fetcher: Fetcher, parsers: Parsers, urls: Iterable[str]) -> list[tuple[str, Feed]]:
    """Return those of *urls* that are feeds, once each: one path often leads to another."""
    found: dict[str, tuple[str, Feed]] = {}
    for url in urls:
        try:
            answer = await fetcher.get(url)
        except CopydeskError:
            continue
        feed = await _feed_in(parsers, answer.body, answer.url, answer.headers.get("content-type", ""))
        if feed:
            found.setdefault(answer.url, (url, feed))
    return list(found.values())


async def _feed_in(parsers: Parsers, body: bytes, url: str, content_type: str) -> Feed | None:
    try:
        return await parsers.parse(Document(body, url, content_type, datetime.now(UTC), "discover"))
    except CopydeskError:
        return None
