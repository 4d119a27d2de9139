"""RSS, Atom and RDF. feedparser is the reference for the meaning of an XML feed.

The expat reader (expat_xml.py) is an optional accelerator. For usual feeds it returns feedparser's result in a tenth
of the time; for all others it returns None. `FeedDocument.use_expat` is its switch.
"""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from streams.errors import UnreadableError
from workers.poller.formats.expat_xml import parse_fast
from workers.poller.formats.feedparser_bounds import run_feedparser
from workers.poller.formats.feedparser_entries import title_type, to_defaults, to_entry
from workers.poller.formats.ill_formed import ill_formed_error, with_known_references
from workers.poller.formats.to_item import MAX_ITEMS, Channel, FeedDocument, ParsedFeed, encodable, to_feed
from workers.poller.schedule import feed_hints

MEDIA_TYPES: tuple[str, ...] = ("application/atom+xml", "application/rss+xml", "application/rdf+xml")
# Default feed paths of common publishing systems.
PATHS: tuple[str, ...] = (
    "feed", "rss", "feed.xml", "rss.xml", "atom.xml", "index.xml", "feeds/posts/default", "rss/index.xml",
)  # fmt: skip
WARM_UP: tuple[bytes, ...] = (
    b'<?xml version="1.0"?><rss version="2.0"><channel><title>a</title><item><title>b</title>'
    b"<pubDate>Mon, 05 Jan 2026 10:00:00 GMT</pubDate></item></channel></rss>",
    b"<rss><channel><item><title>a & b</title><pubDate>5 Mars 2026</pubDate>",
    b"no feed",
)
_ITEM_OPENS = re.compile(rb"<(?:\w{1,20}:)?(?:item|entry)[\s>]")
_ROOT_CLOSES = re.compile(rb"</(?:\w{1,20}:)?(?:channel|rss|feed|rdf)\s{0,20}>", re.IGNORECASE)
_ITEM_CLOSES = re.compile(rb"</(?:\w{1,20}:)?(?:item|entry)\s{0,20}>")
# A larger document is checked before it is read: the accelerator would read up to the error without a result.
# A check takes a twentieth of the time.
CHECKED_FIRST_BYTES = 1_000_000
_CHARACTER = re.compile(rb"&#(?:[xX]0{0,20}([0-9a-fA-F]{1,200000})|0{0,20}([0-9]{1,200000}));?")


def matches(body: bytes, content_type: str) -> bool:
    """Return True: feedparser also reads documents with defects, and describes documents that aren't feeds."""
    return True


def parse(document: FeedDocument) -> ParsedFeed:
    """Return the feed in *document*.

    Raises:
        UnreadableError: `not_a_feed` or `bad_feed`, if there is no readable entry.
    """
    whole = without_partial_item(document.body)
    body, omitted = truncate_items(whole or document.body)
    result, is_fast = _read(body, document)
    if not whole:
        result["entries"] = []
    version, channel = result.get("version"), result["feed"]
    is_broken = bool(result.get("bozo"))
    if not result["entries"] and (not version or is_broken):
        raise UnreadableError(describe_document(body, result), code="bad_feed" if version else "not_a_feed")
    links = {str(link.get("rel")): str(link.get("href") or "") for link in reversed(channel.get("links") or ())}
    defaults = to_defaults(document, result)
    feed = to_feed(
        document,
        Channel(
            title=channel.get("title", ""),
            title_type=title_type(channel, is_atom=defaults.is_atom),
            link=channel.get("link") or "",
            language=channel.get("language") or "",
            hub=links.get("hub", ""),
            self_link=links.get("self", ""),
            hints=feed_hints(channel, body),
        ),
        result["entries"],
        partial(to_entry, defaults=defaults),
        omitted=omitted,
        warning=str(result.get("bozo_exception")) if is_broken else "",
    )
    if feed.unreadable and is_fast:  # dead letters need all data of feedparser
        return parse(msgspec.structs.replace(document, use_expat=False))
    return feed


def truncate_items(body: bytes) -> tuple[bytes, int]:
    """Return *body* without the items beyond MAX_ITEMS, and the number of omitted items."""
    starts = [match.start() for match in _ITEM_OPENS.finditer(body)]
    if len(starts) <= MAX_ITEMS:
        return body, 0
    last = max((match.end() for match in _ITEM_CLOSES.finditer(body)), default=len(body))
    return body[: starts[MAX_ITEMS]] + body[last:], len(starts) - MAX_ITEMS


def without_partial_item(body: bytes) -> bytes:
    """Return *body* without its last item if the document ends within it: half a text is not published.

    Returns an empty body if the document ends within its first item.
    """
    last = max((match.end() for match in _ITEM_CLOSES.finditer(body)), default=0)
    if _ROOT_CLOSES.search(body, last):
        return body
    opens = _ITEM_OPENS.search(body, last)
    if opens is None:
        return body
    return body[: opens.start()] if last else b""


def _read(body: bytes, document: FeedDocument) -> tuple[Any, bool]:
    """Return feedparser's result, and whether the accelerator made it. References unknown to XML are replaced."""
    headers = {"content-location": document.url, "content-type": "application/xml; charset=utf-8"}
    error = ill_formed_error(body) if len(body) > CHECKED_FIRST_BYTES or not document.use_expat else ""
    if not error and document.use_expat and (result := parse_fast(body, headers)) is not None:
        return result, True
    error = error or ill_formed_error(body)
    if not error:
        return _read_slowly(body, headers), False
    body = with_known_references(body)
    is_repaired = document.use_expat and not ill_formed_error(body)
    fast = parse_fast(body, headers) if is_repaired else None
    result = fast or _read_slowly(body, headers)
    warning = {"bozo": True, "bozo_exception": result.get("bozo_exception") or error}
    return {**result, **warning}, fast is not None


def _read_slowly(body: bytes, headers: Mapping[str, str]) -> Any:
    try:
        return run_feedparser(body, headers)
    except ValueError:  # feedparser fails on references to invalid characters; replace those
        try:
            return run_feedparser(_CHARACTER.sub(valid_reference, body), headers)
        except ValueError as exc:
            raise UnreadableError(f"feedparser failed: {exc!r}", code="bad_feed") from exc


def valid_reference(reference: re.Match[bytes]) -> bytes:
    """Return a character reference, or one to U+FFFD instead of an invalid character."""
    digits = reference[1] or reference[2]
    code = int(digits[:9], 16 if reference[1] else 10)
    return reference[0] if code < 0xD800 or 0xDFFF < code < 0x110000 else b"&#xFFFD;"


def describe_document(body: bytes, result: Any) -> str:
    """Return the reason why a document is no readable feed."""
    head = body[:2000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html")) or b"<html" in head:
        return "an HTML page, not a feed"
    detail = encodable(f"{result.get('bozo_exception') or 'no feed element'}")
    if result.get("version"):
        return f"a broken {result['version']} document without a readable item: {detail}"
    return f"not a feed: {detail}"
