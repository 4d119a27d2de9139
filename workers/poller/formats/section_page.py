"""Section pages: HTML pages of a site that list its articles, for sources with `type = "page"`.

The rules of `workers.poller.article_links` choose the links. All links of a poll are stored, with their decision. Links
that appear later show the URL patterns of articles.
"""

import re

from msgspec.structs import replace

from streams.errors import UnreadableError
from workers.poller.article_links import PageLink, article_links, page_links, update_turnover
from workers.poller.formats.link_list import decode_links, link_digest, select_links
from workers.poller.formats.to_item import Channel, Entry, FeedDocument, ParsedFeed
from workers.text.titles import title_text

TYPE = "page"
WARM_UP: tuple[bytes, ...] = (
    b"<html><body><nav><a href=/a>A</a></nav><h2><a href=/2026/01/05/a-b-c>A b c</a></h2></body></html>",
)
SNIFFED_BYTES = 200_000
_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|div|main|article|ul|p|a)[\s>]", re.IGNORECASE)
_TITLE = re.compile(rb"<title[^>]{0,200}>([^<]{1,1000})</title", re.IGNORECASE)
_SITE_NAME = re.compile(rb"<meta\s[^>]{0,300}og:site_name[^>]{0,300}>", re.IGNORECASE)
_CONTENT = re.compile(rb"\scontent\s{0,5}=\s{0,5}[\"']([^\"']{1,300})", re.IGNORECASE)


def parse(document: FeedDocument) -> ParsedFeed:
    """Return the unknown articles that the page *document* links, as items without title and text.

    Raises:
        UnreadableError: `not_a_page`, if the document is not HTML.
    """
    head = document.body[:SNIFFED_BYTES]
    if not _HTML.search(head) or head.lstrip().startswith((b"{", b"<?xml", b"<rss")):
        raise UnreadableError("not an HTML page; remove the type `page` for a feed", code="not_a_page")
    links = page_links(document.body.decode("utf-8", "replace"), document.url)
    known = decode_links(document.known_items)
    rejected = {link.key for link in links if _rejected(link) in known}
    unseen = [link for link in links if known and not (link.key in rejected or _accepted(link) in known)]
    turnover = update_turnover(document.turnover, unseen)
    articles = article_links(links, turnover, rejected)
    keys = {link.key for link in articles}
    feed = select_links(
        replace(document, is_first_poll=False),
        Channel(title=_site_name(head)),
        {_accepted(link): link for link in articles},
        _to_entry,
        url=lambda link: link.url,
        warning="" if articles else f"no link to an article among {len(links)} links",
        also_known=[_rejected(link) for link in links if link.key not in keys],
    )
    title = _TITLE.search(head)
    name = title_text(title[1].decode("utf-8", "replace")) if title else ""
    return replace(feed, title=feed.title or name, type=TYPE, turnover=turnover)


def _to_entry(link: PageLink) -> Entry:
    return Entry(link=link.url, guid="", title="")


def _accepted(link: PageLink) -> bytes:
    return link_digest(link.key)


def _rejected(link: PageLink) -> bytes:
    return link_digest("rejected", link.key)


def _site_name(head: bytes) -> str:
    meta = _SITE_NAME.search(head)
    content = _CONTENT.search(meta[0]) if meta else None
    return content[1].decode("utf-8", "replace") if content else ""
