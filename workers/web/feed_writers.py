"""Feed writers: articles as Atom (RFC 4287), RSS 2.0 (rssboard.org) and JSON Feed 1.1. Pure."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from urllib.parse import quote

from streams.records import Article
from workers.urls.web_url import web_url

TOMBSTONES = "http://purl.org/atompub/tombstones/1.0"
ATOM, CONTENT, DC = (
    "http://www.w3.org/2005/Atom",
    "http://purl.org/rss/1.0/modules/content/",
    "http://purl.org/dc/elements/1.1/",
)
# Characters that XML 1.0 §2.2 forbids, escaped or not.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# RFC 3986 §2: brackets belong to the host only, and a percent sign begins an octet.
_NOT_HOST = re.compile(r"[^!$%&'()*+,\-./0-9:;=@A-Z_a-z~\[\]]|%(?![0-9A-Fa-f]{2})")
_NOT_PATH = re.compile(r"[^!$%&'()*+,\-./0-9:;=?@A-Z_a-z~]|%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"\A[A-Za-z]{1,10}://[^/?#]*")
NO_TITLE = "(no title)"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def updated(article: Article) -> datetime:
    """Return the time of an article's last change; EPOCH when it has no time at all."""
    return article.updated or article.published or article.fetched_at or EPOCH


def article_urn(article: Article) -> str:
    """Return the article's id as a URN. All revisions have the same."""
    return f"urn:copydesk:{article.id}"


def atom(title: str, url: str, every_article: Sequence[Article]) -> bytes:
    """Return articles (newest first) as an Atom feed with the URL *url*.

    Withdrawn ones become tombstones (RFC 6721).
    """
    articles, withdrawn = _by_withdrawal(every_article)
    feed = ET.Element("feed", {"xmlns": ATOM, "xmlns:at": TOMBSTONES})
    _atom(feed, "title", title)
    _atom(feed, "id", url)
    _atom(feed, "updated", max(map(updated, articles), default=EPOCH).isoformat())
    ET.SubElement(feed, "link", rel="self", href=url, type="application/atom+xml")
    for article in articles:
        entry = ET.SubElement(feed, "entry")
        _atom(entry, "title", article.title or NO_TITLE)
        _atom(entry, "id", article_urn(article))
        _atom(entry, "updated", updated(article).isoformat())
        if article.published:
            _atom(entry, "published", article.published.isoformat())
        if link := _link(article):
            ET.SubElement(entry, "link", rel="alternate", href=link)
        for name in article.byline or (article.publisher or "unknown",):
            _atom(ET.SubElement(entry, "author"), "name", name)
        for tag in article.tags:
            ET.SubElement(entry, "category", term=_xml(tag))
        _atom(entry, "content", article.html).set("type", "html")
    for article in withdrawn:
        when = article.fetched_at or updated(article)
        removed = ET.SubElement(feed, "at:deleted-entry", ref=article_urn(article), when=when.isoformat())
        ET.SubElement(removed, "at:comment").text = _xml(article.withdrawn)
    return _document(feed)


def _by_withdrawal(articles: Sequence[Article]) -> tuple[list[Article], list[Article]]:
    """Return the articles that still stand, and the withdrawn ones."""
    return [a for a in articles if not a.withdrawn], [a for a in articles if a.withdrawn]


def _atom(parent: ET.Element, name: str, text: str) -> ET.Element:
    element = ET.SubElement(parent, name)
    element.text = _xml(text)
    return element


def rss(title: str, url: str, every_article: Sequence[Article]) -> bytes:
    """Return articles (newest first) as an RSS feed with the URL *url*, without withdrawn ones."""
    articles, _ = _by_withdrawal(every_article)
    root = ET.Element("rss", {"version": "2.0", "xmlns:atom": ATOM, "xmlns:content": CONTENT, "xmlns:dc": DC})
    channel = ET.SubElement(root, "channel")
    about = {"title": _html(title), "link": url, "description": _html(f"{title}, cleaned by copydesk")}
    for name, text in about.items():
        ET.SubElement(channel, name).text = _xml(text)
    ET.SubElement(channel, "atom:link", rel="self", href=url, type="application/rss+xml")
    for article in articles:
        item = ET.SubElement(channel, "item")
        texts = {
            "title": _html(article.title or NO_TITLE),
            "link": _link(article),
            "description": _html(article.dek or " ".join(article.paragraphs[:1])),
        }
        for name, text in texts.items():
            if text:
                ET.SubElement(item, name).text = _xml(text)
        ET.SubElement(item, "guid", isPermaLink="false").text = article_urn(article)
        ET.SubElement(item, "pubDate").text = format_datetime(article.published or updated(article))
        for name in article.byline:
            ET.SubElement(item, "dc:creator").text = _xml(_html(name) if "<" in name else name)
        for tag in article.tags:
            ET.SubElement(item, "category").text = _xml(_html(tag))
        ET.SubElement(item, "content:encoded").text = _xml(article.html)
    return _document(root)


def json_feed(title: str, url: str, every_article: Sequence[Article]) -> bytes:
    """Return articles (newest first) as a JSON Feed with the URL *url*, without withdrawn ones."""
    articles, _ = _by_withdrawal(every_article)
    items = []
    for article in articles:
        dates = {"date_published": article.published, "date_modified": article.updated}
        item = {
            "id": article_urn(article), "url": _link(article), "title": article.title or NO_TITLE,
            "summary": article.dek,
            "content_html": article.html, "language": article.language, "tags": article.tags,
            "image": next(filter(None, (uri(image.url) for image in article.images)), ""),
            "authors": [{"name": name} for name in article.byline],
            **{name: date.isoformat() for name, date in dates.items() if date},
        }  # fmt: skip
        items.append({name: value for name, value in item.items() if value} | {"content_html": article.html})
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": title, "feed_url": url, "items": items}
    return json.dumps(feed, ensure_ascii=False).encode("utf-8", "replace")


def _link(article: Article) -> str:
    """Return the canonical URL, or the one of the feed without one."""
    return uri(article.canonical_url) or uri(article.url)


def uri(link: str) -> str:
    """Return *link* with invalid characters percent-encoded (RFC 3986 §2); "" for a link that is not http(s)."""
    link = web_url(link)
    host = _HOST.match(link)
    path, mark, fragment = link[host.end() if host else 0 :].partition("#")
    start = _encode(_NOT_HOST, host[0]) if host else ""
    return start + _encode(_NOT_PATH, path) + mark + _encode(_NOT_PATH, fragment)


def _encode(invalid: re.Pattern[str], text: str) -> str:
    return invalid.sub(lambda match: quote(match[0].encode("utf-8", "replace"), safe=""), text)


def _html(text: str) -> str:
    """Return plain *text* as HTML: RSS readers parse these elements as HTML (RSS Best Practices Profile)."""
    return escape(text, quote=False)


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)


def _document(root: ET.Element) -> bytes:
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


FeedWriter = Callable[[str, str, Sequence[Article]], bytes]
FORMATS: Mapping[str, tuple[str, FeedWriter]] = {
    "atom": ("application/atom+xml", atom),
    "rss": ("application/rss+xml", rss),
    "json": ("application/feed+json", json_feed),
}
