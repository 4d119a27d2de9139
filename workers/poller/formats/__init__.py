"""Feed formats: one module per format; see `FeedFormat`.

To add a format, write such a module and add it to FORMATS. Discovery, the Accept header and the parser processes use
its constants. The first format that matches parses the document, so the
last one matches every document. `to_item` converts the entries of all formats to Items.

Parsing runs in separate processes, see parser_pool.py: it may be slow, need much memory, or crash.
"""

from datetime import datetime
from typing import Protocol

from streams.errors import UnreadableError
from workers.poller.formats import feedparser_xml, json_feed
from workers.poller.formats.to_item import FeedDocument, ParsedFeed

__all__ = ["ACCEPT", "FORMATS", "FeedDocument", "FeedFormat", "ParsedFeed", "parse_feed"]


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


FORMATS: tuple[FeedFormat, ...] = (
    json_feed,
    feedparser_xml,
)
ACCEPT = ", ".join([*(t for f in FORMATS for t in f.MEDIA_TYPES), "application/xml;q=0.9", "*/*;q=0.8"])


def parse_feed(
    body: bytes, url: str, *, content_type: str = "", fetched_at: datetime, poll_id: str = "", use_expat: bool = True
) -> ParsedFeed:
    """Return the feed in *body*, fetched from *url*.

    A truncated document gives the items before the end, with a warning. *use_expat* False turns the accelerator of
    the XML format off; the result is the same.

    Raises:
        UnreadableError: the document isn't a feed; the message describes it.
    """
    if not body.strip(b"\xef\xbb\xbf \t\r\n"):
        raise UnreadableError("the document is empty", code="not_a_feed")
    feed_format = next(f for f in FORMATS if f.matches(body, content_type))
    return feed_format.parse(FeedDocument(body, url, content_type, fetched_at, poll_id, use_expat))
