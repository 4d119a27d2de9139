"""Feed formats: one module per format; see `FeedFormat`.

To add a format, write such a module and add it to FORMATS. Discovery, the Accept header and the parser processes use
its constants. The first format that matches parses the document, so the
last one matches every document. `to_item` converts the entries of all formats to Items.

Parsing runs in separate processes, see parser_pool.py: it may be slow, need much memory, or crash.
"""

import re
from datetime import datetime
from typing import Protocol

from msgspec.structs import replace

from streams.errors import UnreadableError
from workers.http.decompress import BoundedDecompressor
from workers.poller.formats import feedparser_xml, json_feed, section_page, sitemap
from workers.poller.formats.ill_formed import with_joined_surrogates
from workers.poller.formats.to_item import FeedDocument, ParsedFeed
from workers.poller.formats.tombstones import declares_tombstones, guid_keys, read_tombstones, with_tombstones
from workers.text.encoding import decode_document

__all__ = [
    "ACCEPT",
    "FORMATS",
    "FeedDocument",
    "FeedFormat",
    "ParsedFeed",
    "looks_like_feed",
    "normalise_document",
    "parse_document",
    "parse_feed",
]

# The first element of a feed: RSS, Atom and RDF, with any namespace prefix. Or the version of a JSON Feed.
_FEED_ROOT = re.compile(
    r"\A[\s\ufeff]*+(?:<\?[^>]*+>\s*+|<!--(?:(?!-->).)*+-->\s*+|<!DOCTYPE[^>\[]*+(?:\[[^\]]*+\])?[^>]*+>\s*+)*+"
    r"<(?:[\w-]{1,30}:)?(?:rss|feed|rdf|channel)[\s>]",
    re.IGNORECASE | re.DOTALL,
)
_JSON_FEED = re.compile(r"\A[\s\ufeff]*+\{.*?\"version\"\s*+:\s*+\"https?:\\?/\\?/(?:www\.)?jsonfeed\.org", re.DOTALL)
SNIFFED_CHARS = 20_000
GZIP_MAGIC = b"\x1f\x8b\x08"
MAX_GUNZIPPED_BYTES = 32 * 1024 * 1024  # a seventh of the memory of a parser process, which copies the text


class FeedFormat(Protocol):
    """A module that parses one format.

    MEDIA_TYPES   media types of links to such feeds; requests accept them
    PATHS         usual paths of such feeds on a site, for discovery
    WARM_UP       documents that trigger every late import; a parser process opens no file afterwards
    """

    MEDIA_TYPES: tuple[str, ...]
    PATHS: tuple[str, ...]
    WARM_UP: tuple[bytes, ...]

    def matches(self, body: bytes, content_type: str) -> bool:
        """Return whether this format should parse *body*."""

    def parse(self, document: FeedDocument) -> ParsedFeed:
        """Return the feed in *document*. Raises UnreadableError."""


_DECLARATION = re.compile(rb"\A<\?xml\s[^>]{0,1000}>")
_WHITE_SPACE = b" \t\r\n"
_SPACES = bytes.maketrans(b"\x0b\x0c", b"  ")
_FORBIDDEN = bytes({*range(0x20)} - {*_WHITE_SPACE, 0x0B, 0x0C})  # C0 controls, XML 1.0 §2.2


FORMATS: tuple[FeedFormat, ...] = (
    json_feed,
    sitemap,
    feedparser_xml,
)
ACCEPT = ", ".join([*(t for f in FORMATS for t in f.MEDIA_TYPES), "application/xml;q=0.9", "*/*;q=0.8"])


def looks_like_feed(text: str) -> bool:
    """Return whether *text* begins like a feed document."""
    head = text[:SNIFFED_CHARS]
    return bool(_FEED_ROOT.match(head) or _JSON_FEED.match(head))


def parse_feed(
    body: bytes, url: str, *, content_type: str = "", fetched_at: datetime, poll_id: str = "", use_expat: bool = True
) -> ParsedFeed:
    """Return the feed in *body*, fetched from *url*.

    A truncated document gives the items before the end, with a warning. *use_expat* False turns the accelerator of
    the XML format off; the result is the same.

    Raises:
        UnreadableError: the document isn't a feed; the message describes it.
    """
    return parse_document(FeedDocument(body, url, content_type, fetched_at, poll_id, use_expat))


def parse_document(document: FeedDocument) -> ParsedFeed:
    """Return the feed in *document*; see `parse_feed`."""
    body = normalise_document(gunzip(document.body), document.content_type)
    if not body:
        raise UnreadableError("the document is empty", code="not_a_feed")
    document = replace(document, body=body)
    if document.type == section_page.TYPE:
        return section_page.parse(document)
    feed = next(f for f in FORMATS if f.matches(body, document.content_type)).parse(document)
    if not declares_tombstones(body):
        return feed
    tombstones = read_tombstones(body)
    items = with_tombstones(feed.items, tombstones, document.url, document.fetched_at, document.poll_id)
    return replace(feed, items=items, guid_keys=guid_keys(items))


def gunzip(body: bytes) -> bytes:
    """Return a gzip file (RFC 1952) decompressed, and any other *body* unchanged. Sitemaps are often such files.

    Raises:
        UnreadableError: `bad_coding` for corrupt data, `too_large` beyond MAX_GUNZIPPED_BYTES or the ratio limit.
    """
    if not body.startswith(GZIP_MAGIC):
        return body
    decompressor = BoundedDecompressor("gzip", len(body), MAX_GUNZIPPED_BYTES)
    data = b"".join(decompressor.feed(body))
    decompressor.close()
    return data


def normalise_document(body: bytes, content_type: str = "") -> bytes:
    """Return *body* in UTF-8, without control characters, surrounding white space and XML declaration.

    The declaration names an encoding that no longer applies, and may be in the wrong place. References to surrogates
    are joined in pairs.
    """
    text = decode_document(body, content_type)
    data = text.encode("utf-8", "replace").translate(_SPACES, _FORBIDDEN).strip(_WHITE_SPACE)
    return with_joined_surrogates(_DECLARATION.sub(b"", data, count=1).lstrip(_WHITE_SPACE))
