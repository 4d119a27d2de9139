"""RSS, Atom and RDF. feedparser is the reference for the meaning of an XML feed.

The expat reader (expat_xml.py) is an optional accelerator: it returns feedparser's result for usual feeds in a tenth
of the time, and None for all others. `FeedDocument.use_expat` is its switch.
"""

import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import feedparser
import feedparser.api
import msgspec

from streams.errors import UnreadableError
from streams.records import Content
from workers.poller.formats.expat_namespaces import MAX_DEPTH, PREFIXES_BY_URI
from workers.poller.formats.expat_xml import parse_fast
from workers.poller.formats.feedparser_speed import speed_up
from workers.poller.formats.to_item import (
    MAX_CATEGORIES,
    MAX_ENCLOSURES,
    MAX_ITEMS,
    Channel,
    EnclosureLink,
    Entry,
    FeedDocument,
    ParsedFeed,
    encodable,
    is_image,
    make_content,
    to_feed,
)
from workers.poller.schedule import feed_hints

_ITEM_OPENS = re.compile(rb"<(?:\w{1,20}:)?(?:item|entry)[\s>]")
_ROOT_CLOSES = re.compile(rb"</(?:\w{1,20}:)?(?:channel|rss|feed|rdf)\s{0,20}>", re.IGNORECASE)
_ITEM_CLOSES = re.compile(rb"</(?:\w{1,20}:)?(?:item|entry)\s{0,20}>")
MAX_WIDTH_DIGITS = 6
AVATAR = re.compile(r"//[^/]*\bgravatar\.com/|/avatars?/", re.IGNORECASE)  # in media:content of WordPress.com
_CHARACTER = re.compile(rb"&#(?:[xX]0{0,20}([0-9a-fA-F]{1,200000})|0{0,20}([0-9]{1,200000}));?")

speed_up()
warnings.filterwarnings("ignore", category=DeprecationWarning, module="feedparser")


class BoundedMixin:
    """Limits that both parsers of feedparser lack, and two rules that differ from feedparser."""

    _matchnamespaces = PREFIXES_BY_URI

    def unknown_starttag(self, tag: str, attrs: Any) -> None:
        if self.depth > MAX_DEPTH:  # type: ignore[attr-defined]
            raise UnreadableError(f"elements nested more than {MAX_DEPTH} deep", code="too_deep")
        super().unknown_starttag(tag, attrs)  # type: ignore[misc]

    def _add_tag(self, term: Any, scheme: Any, label: Any) -> None:
        if len(self._get_context().get("tags") or ()) < MAX_CATEGORIES:  # type: ignore[attr-defined]
            super()._add_tag(term, scheme, label)  # type: ignore[misc]

    def _start_enclosure(self, attrs: Any) -> None:
        if len(self._get_context().get("links") or ()) < MAX_ENCLOSURES:  # type: ignore[attr-defined]
            super()._start_enclosure(attrs)  # type: ignore[misc]

    def _start_media_description(self, attrs: Any) -> None:
        """Keep the description of an image apart from that of the entry (feedparser issue 53)."""
        self.push("media_description", 1)  # type: ignore[attr-defined]

    def _end_media_description(self) -> None:
        self.pop("media_description")  # type: ignore[attr-defined]


_STRICT = type("StrictFeedParser", (BoundedMixin, feedparser.api.StrictFeedParser), {})
_LOOSE = type("LooseFeedParser", (BoundedMixin, feedparser.api.LooseFeedParser), {})


@contextmanager
def bounded_parsers() -> Iterator[None]:
    """Replace feedparser's parsers by bounded ones during the block. feedparser.parse has no argument for them."""
    parsers = feedparser.api.StrictFeedParser, feedparser.api.LooseFeedParser
    feedparser.api.StrictFeedParser, feedparser.api.LooseFeedParser = _STRICT, _LOOSE
    try:
        yield
    finally:
        feedparser.api.StrictFeedParser, feedparser.api.LooseFeedParser = parsers


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
    result = _read(body, document)
    if not whole:
        result["entries"] = []
    version, channel = result.get("version"), result["feed"]
    is_broken = bool(result.get("bozo"))
    if not result["entries"] and (not version or is_broken):
        raise UnreadableError(describe_document(body, result), code="bad_feed" if version else "not_a_feed")
    links = {str(link.get("rel")): str(link.get("href") or "") for link in reversed(channel.get("links") or ())}
    feed = to_feed(
        document,
        Channel(
            title=channel.get("title", ""),
            link=channel.get("link") or "",
            language=channel.get("language") or "",
            hub=links.get("hub", ""),
            self_link=links.get("self", ""),
            hints=feed_hints(channel, body),
        ),
        result["entries"],
        _to_entry,
        omitted=omitted,
        warning=str(result.get("bozo_exception")) if is_broken else "",
    )
    if feed.unreadable and document.use_expat:  # dead letters need all data of feedparser
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


def _read(body: bytes, document: FeedDocument) -> Any:
    """Return feedparser's result, from the accelerator where possible."""
    headers = {"content-location": document.url, "content-type": "application/xml; charset=utf-8"}
    if document.use_expat and (result := parse_fast(body, headers)) is not None:
        return result
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


def run_feedparser(body: bytes, headers: Mapping[str, str]) -> Any:
    """Return feedparser's result for *body*. Raises UnreadableError or ValueError."""
    try:
        with bounded_parsers():
            # Pass a stream: feedparser would open a str or bytes argument as a file or fetch it.
            return feedparser.parse(
                io.BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
            )
    except (UnreadableError, ValueError):
        raise
    except MemoryError as exc:
        raise UnreadableError("parsing needs too much memory", code="too_large") from exc
    except Exception as exc:
        raise UnreadableError(f"feedparser failed: {exc!r}", code="bad_feed") from exc


def describe_document(body: bytes, result: Any) -> str:
    """Return the reason why a document is no readable feed."""
    head = body[:2000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html")) or b"<html" in head:
        return "an HTML page, not a feed"
    detail = encodable(f"{result.get('bozo_exception') or 'no feed element'}")
    if result.get("version"):
        return f"a broken {result['version']} document without a readable item: {detail}"
    return f"not a feed: {detail}"


# -- entries --------------------------------------------------------------------------------------------------


def _to_entry(raw: Any) -> Entry:
    # A plain dict is faster to read, and doesn't return `published` for a missing `updated`.
    entry: Mapping[str, Any] = {**raw, "enclosures": raw.get("enclosures")}
    content = tuple(filter(None, map(_content, entry.get("content") or ())))
    summary = _content(entry.get("summary_detail") or {"value": entry.get("summary") or ""})
    if not content and summary is None:
        summary = _content({"value": entry.get("media_description") or ""})
    return Entry(
        link=entry.get("link") or "",
        guid=entry.get("id") or "",
        title=entry.get("title") or "",
        content=content,
        summary=summary,
        authors=_authors(entry),
        categories=tuple(tag.get("label") or tag.get("term") or "" for tag in entry.get("tags") or ()),
        language=entry.get("language") or "",
        enclosures=tuple(
            EnclosureLink(str(e.get("href") or ""), str(e.get("type") or ""), str(e.get("length") or ""))
            for e in (entry.get("enclosures") or ())[:MAX_ENCLOSURES]
        ),
        images=_images(entry),
        published=str(entry.get("published") or ""),
        updated=str(entry.get("updated") or ""),
    )


def _content(detail: Mapping[str, Any]) -> Content | None:
    return make_content(detail.get("value") or "", detail.get("type") or "text/html", detail.get("language") or "")


def _authors(entry: Mapping[str, Any]) -> tuple[str, ...]:
    names = tuple(a.get("name") or "" for a in entry.get("authors") or () if isinstance(a, Mapping))
    return names or (entry.get("author") or "",)


def _images(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the URLs of the images of an entry: images before thumbnails, wide ones first."""
    media = entry.get("media_content") or ()
    images = sorted((m for m in media if is_image(m.get("url") or "", m.get("type"), m.get("medium"))), key=_narrow)
    if isinstance(image := entry.get("image"), Mapping):
        images.append(image)
    images += sorted(entry.get("media_thumbnail") or (), key=_narrow)
    return tuple(url for image in images if (url := image.get("url") or image.get("href")))


def _narrow(media: Mapping[str, Any]) -> int:
    """Return a sort key by the attribute `width`, the widest first, pictures of authors last."""
    if AVATAR.search(str(media.get("url") or "")):
        return 1
    width = str(media.get("width") or "").strip().removesuffix("px")
    return -int(width) if width.isdecimal() and len(width) < MAX_WIDTH_DIGITS else 0
