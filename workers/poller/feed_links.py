"""Links of a page to feeds, and of a robots.txt to sitemaps. Pure.

A parser process runs `page_links` and `sitemap_links`, see page_jobs.py.
"""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import lxml.etree
import lxml.html

from workers.poller.formats import FORMATS
from workers.text.attributes import limit_attributes
from workers.urls.web_url import web_url, without_feed_scheme

# Media types of feed links (HTML Standard §4.6.6, RSS Advisory Board, jsonfeed.org).
FEED_TYPES = {t for f in FORMATS for t in f.MEDIA_TYPES} | {"application/json", "text/xml", "application/xml"}
GENERAL_TYPES = {"application/json", "text/xml", "application/xml"}  # also of other documents
MAX_LINKS = 10
MAX_PAGE_LINKS = 500  # of which MAX_LINKS are chosen
MAX_TEXT_CHARS = 300
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
    return comments_last(page_links(page, url))


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


def page_links(page: str, url: str) -> list[FeedLink]:
    """Return the links of a page to feeds, else the anchors in its text that lead to feeds."""
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
            links.append(FeedLink(web_url(href, base), (element.get("title") or "")[:MAX_TEXT_CHARS]))
        elif href and element.tag == "a" and _is_feed_anchor(element, href):
            anchors.append(FeedLink(web_url(href, base), _text(element)[:MAX_TEXT_CHARS]))
    return (links or anchors)[:MAX_PAGE_LINKS]


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
