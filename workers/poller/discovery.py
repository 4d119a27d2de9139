"""Feed discovery: find the feeds of a page."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from urllib.parse import urljoin

from streams.errors import CopydeskError
from workers.http.client import HttpClient, Response
from workers.poller.feed_links import FeedLink, comments_last, header_links
from workers.poller.feed_update import FeedUpdate
from workers.poller.formats import FORMATS, section_page
from workers.poller.full_text import complete_lines, fetch_robots
from workers.poller.page_jobs import LinksJob, PageLinks
from workers.poller.parser_pool import ParseRequest, ParserPool

COMMON_PATHS = tuple(path for f in reversed(FORMATS) for path in f.PATHS)  # tried only if the page links no feed
MIN_ARTICLES = 5


async def discover(http: HttpClient, parsers: ParserPool, url: str) -> list[tuple[str, FeedUpdate]]:
    """Return (URL, feed) of each feed and sitemap of the page at *url*. A feed at *url* is the only result.

    Raises:
        CopydeskError: *url* can't be fetched.
    """
    response = await http.get(url)
    feed = await parse_or_none(parsers, response.body, response.url, response.headers.get("content-type", ""))
    if feed:
        return [(response.permanent_url or url, feed)]
    links = [
        *header_links(response.headers.get("link", ""), response.url),
        *await _links(parsers, LinksJob(response.body, response.url)),
    ]
    linked = await fetch_feeds(http, parsers, comments_last(links))
    if not linked:
        paths = [urljoin(response.url, f"/{path}") for path in COMMON_PATHS]
        linked = await fetch_feeds(http, parsers, paths)
    robots = LinksJob(await _robots_txt(http, response.url), response.url, is_robots=True)
    sitemaps = [link.url for link in await _links(parsers, robots)]
    sources = [*linked, *await fetch_feeds(http, parsers, sitemaps)]
    return sources or await _section_page(parsers, response)


async def _section_page(parsers: ParserPool, response: Response) -> list[tuple[str, FeedUpdate]]:
    """Return the page itself if it links at least MIN_ARTICLES articles."""
    content_type = response.headers.get("content-type", "")
    page = await parse_or_none(parsers, response.body, response.url, content_type, section_page.TYPE)
    return [(response.url, page)] if page and page.document_items >= MIN_ARTICLES else []


async def _links(parsers: ParserPool, job: LinksJob) -> Sequence[FeedLink]:
    """Return the links in a document; none if it is empty or unreadable."""
    if not job.body.strip():
        return ()
    try:
        return (await parsers.run(job, PageLinks, source=job.url)).links
    except CopydeskError:
        return ()


async def _robots_txt(http: HttpClient, url: str) -> bytes:
    """Return the robots.txt of the site of *url*; empty if it can't be fetched."""
    try:
        return complete_lines((await fetch_robots(http, urljoin(url, "/").rstrip("/"))).body)
    except CopydeskError:
        return b""


async def fetch_feeds(http: HttpClient, parsers: ParserPool, urls: Iterable[str]) -> list[tuple[str, FeedUpdate]]:
    """Return (URL, feed) of those *urls* that are feeds, without duplicates: one path often redirects to another."""
    feeds: dict[str, tuple[str, FeedUpdate]] = {}
    for url in urls:
        try:
            response = await http.get(url)
        except CopydeskError:
            continue
        feed = await parse_or_none(parsers, response.body, response.url, response.headers.get("content-type", ""))
        if feed:
            feeds.setdefault(response.url, (url, feed))
    return list(feeds.values())


async def parse_or_none(
    parsers: ParserPool, body: bytes, url: str, content_type: str, type: str = ""
) -> FeedUpdate | None:
    """Return the feed in *body*; None if it isn't a readable feed."""
    try:
        return await parsers.parse(ParseRequest(body, url, content_type, datetime.now(UTC), "discover", type=type))
    except CopydeskError:
        return None


def source_kind(feed: FeedUpdate) -> str:
    """Return the kind of a discovered source: `feed`, `sitemap`, `sitemap index` or `page`."""
    if feed.sitemaps:
        return "sitemap index"
    return feed.type or ("sitemap" if feed.is_link_list else "feed")


def source_items(feed: FeedUpdate) -> int:
    """Return the number of items of a discovered source; of sitemaps in an index."""
    return len(feed.sitemaps) or feed.document_items + feed.deferred
