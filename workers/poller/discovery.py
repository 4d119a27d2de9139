"""Feed discovery: find the feeds of a page."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import lxml.etree
import lxml.html

from streams.errors import CopydeskError
from workers.http.client import HttpClient, Response
from workers.poller.feed_update import FeedUpdate
from workers.poller.formats import FORMATS, section_page
from workers.poller.full_text import MAX_ROBOTS_BYTES
from workers.poller.parser_pool import ParseRequest, ParserPool
from workers.text.attributes import limit_attributes
from workers.text.encoding import decode
from workers.urls.web_url import web_url, without_feed_scheme

# Media types of feed links (HTML Standard §4.6.6, RSS Advisory Board, jsonfeed.org).
FEED_TYPES = {t for f in FORMATS for t in f.MEDIA_TYPES} | {"application/json", "text/xml", "application/xml"}
GENERAL_TYPES = {"application/json", "text/xml", "application/xml"}  # also of other documents
COMMON_PATHS = tuple(path for f in reversed(FORMATS) for path in f.PATHS)  # tried only if the page links no feed
MAX_LINKS = 10
MIN_STORIES = 5
FEED_TYPE = re.compile(r"\b(?:rss|atom|rdf|feed)\b")  # unregistered media types, as in text/rss+xml
# Links in the text of a page that lead to a feed: by the words of their path, or by their own text.
FEED_PATH = re.compile(
    r"(?:^|[/._-])(?:rss2?|atom|feeds?|rdf)(?:$|[/._-])|\.(?:rss|atom|rdf)$|(?:^|/)index\.xml$", re.IGNORECASE
)
FEED_QUERY = re.compile(r"(?:^|&)(?:feed|format|type|output|alt)=(?:rss2?|atom|rdf|feed)", re.IGNORECASE)
FEED_TEXT = re.compile(
    r"\A\W*+(?:atom|xml|feed|json feed|web feed|newsfeed|atom feed)\W*+|(?=.{1,60}\Z)(?:.*[^\w])?rss(?:[^\w].*)?",
    re.IGNORECASE,
)
# Class names of icons for feeds. Sources: Font Awesome, Bootstrap Icons, Dashicons, Genericons.
FEED_CLASS = re.compile(r"(?:^|[\s_-])rss(?:$|[\s_-])")
# Feeds of comments, by URL or title. Source: titles of WordPress, Blogger, Drupal and Discourse in their translations.
COMMENTS = re.compile(
    r"comment|kommentar|comentari|comentári|commenti|reacti(?:e|on)|repl(?:y|ies)|yorum|komentar|komentář|hozzászól"
    r"|комментар|коментар|σχόλια|コメント|评论|評論|留言|댓글|تعليق|تعلیق|نظر|תגובות|ความคิดเห็น",
    re.IGNORECASE,
)
_LINK_HEADER = re.compile(
    r"""<([^<>]{1,8000})>((?:\s*;\s*[\w*-]{1,40}(?:\s*=\s*(?:"[^"]{0,1000}"|[^\s";,]{0,1000}))?)*)"""
)
_PARAMETER = re.compile(r"""([\w*-]{1,40})\s*=\s*(?:"([^"]*)"|([^\s";,]*))""")
MAX_HEADER_CHARS = 10_000
_SITEMAP_LINE = re.compile(r"\A\s*+site-?map\s*+:\s*+([^#]+)", re.IGNORECASE)


async def discover(fetcher: HttpClient, parsers: ParserPool, url: str) -> list[tuple[str, FeedUpdate]]:
    """Return (URL, feed) of each feed and sitemap of the page at *url*, or of *url* itself if it is one.

    Raises:
        CopydeskError: *url* can't be fetched.
    """
    response = await fetcher.get(url)
    feed = await parse_or_none(parsers, response.body, response.url, response.headers.get("content-type", ""))
    if feed:
        return [(response.permanent_url or url, feed)]
    links = [
        *header_links(response.headers.get("link", ""), response.url),
        *_page_links(decode(response.body), response.url),
    ]
    linked = await fetch_feeds(fetcher, parsers, comments_last(links))
    if not linked:
        paths = [urljoin(response.url, f"/{path}") for path in COMMON_PATHS]
        linked = await fetch_feeds(fetcher, parsers, paths)
    robots = await _robots_txt(fetcher, response.url)
    sources = [*linked, *await fetch_feeds(fetcher, parsers, sitemap_links(robots, response.url))]
    return sources or await _section_page(parsers, response)


async def _section_page(parsers: ParserPool, response: Response) -> list[tuple[str, FeedUpdate]]:
    """Return the page itself if it links at least MIN_STORIES stories."""
    content_type = response.headers.get("content-type", "")
    page = await parse_or_none(parsers, response.body, response.url, content_type, section_page.TYPE)
    return [(response.url, page)] if page and page.document_items >= MIN_STORIES else []


async def _robots_txt(fetcher: HttpClient, url: str) -> str:
    """Return the robots.txt of the site of *url*; "" if it can't be fetched."""
    try:
        return decode((await fetcher.get(urljoin(url, "/robots.txt"), max_bytes=MAX_ROBOTS_BYTES)).body)
    except CopydeskError:
        return ""


def sitemap_links(robots: str, url: str) -> list[str]:
    """Return the URLs in the `Sitemap:` lines of a robots.txt (sitemaps.org/protocol), those of news first. Pure."""
    lines = (_SITEMAP_LINE.match(line) for line in robots.splitlines())
    links = [web_url(line[1].strip(), url) for line in lines if line]
    return sorted(dict.fromkeys(filter(None, links)), key=lambda link: "news" not in link.lower())[:MAX_LINKS]


class FeedLink(NamedTuple):
    """A link to a feed, with its title or text."""

    url: str
    title: str = ""


def feed_links(page: str, url: str) -> list[str]:
    """Return the absolute URLs of the feed links of a page, feeds of comments last. Pure.

    The links are `<link rel=alternate type=…>`, with `rel=feed` or without `rel` too; else those in the text.
    """
    return comments_last(_page_links(page, url))


def comments_last(links: Iterable[FeedLink]) -> list[str]:
    """Return the URLs of *links* without duplicates, feeds of comments last."""
    unique: dict[str, FeedLink] = {}
    for link in links:
        if link.url:
            unique.setdefault(link.url, link)
    return [link.url for link in sorted(unique.values(), key=_is_of_comments)][:MAX_LINKS]


def _is_of_comments(link: FeedLink) -> bool:
    return COMMENTS.search(urlsplit(link.url).path) is not None or COMMENTS.search(link.title) is not None


def header_links(value: str, url: str) -> list[FeedLink]:
    """Return the feed links of a Link header (RFC 8288). Pure."""
    links = []
    for target, text in _LINK_HEADER.findall(value[:MAX_HEADER_CHARS]):
        parameters = {name.lower(): quoted or token for name, quoted, token in _PARAMETER.findall(text)}
        if _names_feed(parameters.get("rel", ""), parameters.get("type", ""), is_header=True):
            links.append(FeedLink(web_url(target, url), parameters.get("title", "")))
    return links


def _names_feed(rel: str, media_type: str, *, is_header: bool = False) -> bool:
    rels = set(rel.lower().split())
    media_type, _, parameters = media_type.lower().partition(";")
    if "type=entry" in parameters:  # one entry of a feed, RFC 5023 §12.1
        return False
    media_type = media_type.strip()
    is_feed_type = media_type in FEED_TYPES or FEED_TYPE.search(media_type) is not None
    if "feed" in rels and (is_feed_type or not media_type):
        return True
    may_be_feed = "alternate" in rels or (not rels and not is_header and media_type not in GENERAL_TYPES)
    return may_be_feed and is_feed_type and "stylesheet" not in rels


def _page_links(page: str, url: str) -> list[FeedLink]:
    if not page.strip():
        return []
    try:
        parser = lxml.html.HTMLParser(encoding="utf-8")
        tree = lxml.html.document_fromstring(limit_attributes(page).encode(), parser=parser)
    except lxml.etree.LxmlError:
        return []
    links, anchors, base = [], [], url
    for element in tree.iter("base", "link", "a"):
        href = without_feed_scheme(element.get("href") or "")
        if element.tag == "base":
            base = web_url(href, url) or url
        elif href and element.tag == "link" and _is_feed_link(element, href):
            links.append(FeedLink(web_url(href, base), element.get("title") or ""))
        elif href and element.tag == "a" and _is_feed_anchor(element, href):
            anchors.append(FeedLink(web_url(href, base), _text(element)))
    return links or anchors


def _is_feed_link(element: Any, href: str) -> bool:
    rel, media_type = element.get("rel") or "", element.get("type") or ""
    return _names_feed(rel, media_type) or (not rel and not media_type and FEED_PATH.search(href) is not None)


def _text(element: Any) -> str:
    return "".join(element.itertext())


def _is_feed_anchor(element: Any, href: str) -> bool:
    if _names_feed(element.get("rel") or "", element.get("type") or ""):
        return True
    try:
        parts = urlsplit(href)
    except ValueError:
        return False
    if FEED_PATH.search(parts.path.rstrip("/")) or FEED_QUERY.search(parts.query):
        return True
    alternatives = (image.get("alt") or "" for image in element.iter("img"))
    texts = (_text(element), element.get("title") or "", element.get("aria-label") or "", *alternatives)
    if any(FEED_TEXT.fullmatch(" ".join(text.split())) for text in texts):
        return True
    return any(FEED_CLASS.search(child.get("class") or "") for child in element.iter("a", "i", "span", "svg"))


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
