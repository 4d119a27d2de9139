"""RSS, Atom and RDF. feedparser is the reference for the meaning of an XML feed.

The expat reader (expat_xml.py) is an optional accelerator: it returns feedparser's result for usual feeds in a tenth
of the time, and None for all others. `FeedDocument.use_expat` is its switch.
"""

import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urljoin

import feedparser
import feedparser.api
import msgspec
from feedparser.urls import make_safe_absolute_uri

from streams.errors import UnreadableError
from streams.records import Content
from workers.poller.formats.entry_links import entry_link, is_permalink
from workers.poller.formats.expat_namespaces import MAX_DEPTH, PLAIN, PREFIXES_BY_URI
from workers.poller.formats.expat_xml import parse_fast
from workers.poller.formats.feedparser_context import keep_author_text
from workers.poller.formats.feedparser_speed import FastLooseMixin, FastTextMixin, speed_up
from workers.poller.formats.ill_formed import ill_formed_error, with_known_references
from workers.poller.formats.to_item import (
    MAX_CATEGORIES,
    MAX_ENCLOSURES,
    MAX_ITEMS,
    Channel,
    EnclosureLink,
    Entry,
    FeedDocument,
    ParsedFeed,
    UrlReference,
    encodable,
    is_image,
    make_content,
    to_feed,
)
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
# feedparser's remarks on HTTP headers; the document itself may be correct.
IGNORED_BOZO = (feedparser.NonXMLContentType, feedparser.CharacterEncodingOverride)
# Dates in order of preference. `dc:date` is the only date of many RSS 1.0 feeds.
PUBLISHED_KEYS = (
    "published", "dcterms_issued", "dc_date", "dcterms_date", "prism_publicationdate", "created",
)  # fmt: skip
FULL_TEXT_KEYS = ("yandex_full-text",)  # Source: Yandex News, format of feeds
UPDATED_KEYS = ("updated", "dc_date")
URL_ATTRIBUTES = frozenset("href src poster cite data longdesc background".split())
_ITEM_OPENS = re.compile(rb"<(?:\w{1,20}:)?(?:item|entry)[\s>]")
_ROOT_CLOSES = re.compile(rb"</(?:\w{1,20}:)?(?:channel|rss|feed|rdf)\s{0,20}>", re.IGNORECASE)
_ITEM_CLOSES = re.compile(rb"</(?:\w{1,20}:)?(?:item|entry)\s{0,20}>")
MAX_WIDTH_DIGITS = 6
# A larger document is checked before it is read: the accelerator would read up to the error in vain. A check takes a
# twentieth of the time.
CHECKED_FIRST_BYTES = 1_000_000
AVATAR = re.compile(r"//[^/]*\bgravatar\.com/|/avatars?/", re.IGNORECASE)  # in media:content of WordPress.com
_CHARACTER = re.compile(rb"&#(?:[xX]0{0,20}([0-9a-fA-F]{1,200000})|0{0,20}([0-9]{1,200000}));?")

speed_up()
warnings.filterwarnings("ignore", category=DeprecationWarning, module="feedparser")


class BoundedMixin:
    """Limits that both parsers of feedparser lack, and rules that differ from feedparser.

    Texts of authors, guids and dates are kept as written, with their elements. Media keep the base of their URLs.
    """

    _sync_author_detail = keep_author_text
    can_be_relative_uri = feedparser.mixin._FeedParserMixin.can_be_relative_uri - {"id"}
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
            super()._start_enclosure(attrs | {"base": self.baseuri})  # type: ignore[misc, attr-defined]

    def _start_media_content(self, attrs: Any) -> None:
        super()._start_media_content(attrs | {"base": self.baseuri})  # type: ignore[misc, attr-defined]

    def _start_media_thumbnail(self, attrs: Any) -> None:
        super()._start_media_thumbnail(attrs | {"base": self.baseuri})  # type: ignore[misc, attr-defined]

    def _end_dc_title(self) -> None:
        """Let the title of the format replace an earlier dc:title."""
        title_depth = self.title_depth  # type: ignore[has-type]
        super()._end_dc_title()  # type: ignore[misc]
        self.title_depth = title_depth

    def _start_channel(self, attrs: Any) -> None:
        """Let the channel have a title behind those of its items, as in RSS 1.0."""
        self.title_depth = -1
        super()._start_channel(attrs)  # type: ignore[misc]

    def _start_image(self, attrs: Any) -> None:
        super()._start_image(attrs)  # type: ignore[misc]
        if self.inentry:  # type: ignore[attr-defined]
            self.elementstack[-1][1] = 1  # type: ignore[attr-defined]  # its text is a URL
            self._save("image", feedparser.FeedParserDict(href=attrs.get("href") or attrs.get("url")))  # type: ignore[attr-defined]

    def _end_image(self) -> None:
        """Keep the URL of an item's image: its text, or that of its <url>."""
        context = self._get_context()  # type: ignore[attr-defined]
        image = context.get("image")
        super()._end_image()  # type: ignore[misc]
        if self.inentry:  # type: ignore[attr-defined]
            url = context.get("image") or context.get("href") or ""
            context["image"] = feedparser.FeedParserDict(href=url) if url else image

    def _start_guid(self, attrs: Any) -> None:
        super()._start_guid(attrs)  # type: ignore[misc]
        self.guidislink = is_permalink(attrs)

    def _end_guid(self) -> None:
        self.pop("id")  # type: ignore[attr-defined]
        self._save("permalink", self.guidislink, overwrite=True)  # type: ignore[attr-defined]

    _start_id, _end_id = _start_guid, _end_guid

    def _start_itunes_author(self, attrs: Any) -> None:
        if self.inentry or self.insource:  # type: ignore[attr-defined]
            super()._start_itunes_author(attrs)  # type: ignore[misc]
        else:
            self.push("channel_author", 1)  # type: ignore[attr-defined]

    def _end_itunes_author(self) -> None:
        if self.inentry or self.insource:  # type: ignore[attr-defined]
            super()._end_itunes_author()  # type: ignore[misc]
        else:
            self.pop("channel_author")  # type: ignore[attr-defined]

    def strattrs(self, attrs: Any) -> str:
        """Resolve URLs inside XHTML whose elements have an xml:base of their own."""
        if self.baseuri != self.contentparams.get("base"):  # type: ignore[attr-defined]
            attrs = [(name, urljoin(self.baseuri, value) if name in URL_ATTRIBUTES else value) for name, value in attrs]  # type: ignore[attr-defined]
        return str(super().strattrs(attrs))  # type: ignore[misc]

    def _start_media_description(self, attrs: Any) -> None:
        """Keep the description of an image apart from that of the entry (feedparser issue 53)."""
        self.push("media_description", 1)  # type: ignore[attr-defined]

    def _end_media_description(self) -> None:
        self.pop("media_description")  # type: ignore[attr-defined]


def _add_plain(key: str) -> None:
    def start(self: Any, attrs: Any) -> None:
        self.push(key, 1)

    def end(self: Any) -> None:
        self.pop(key)

    setattr(BoundedMixin, f"_start_{key}", start)
    setattr(BoundedMixin, f"_end_{key}", end)


for _key in PLAIN:
    _add_plain(_key)

_STRICT = type("StrictFeedParser", (BoundedMixin, FastTextMixin, feedparser.api.StrictFeedParser), {})
_LOOSE = type("LooseFeedParser", (BoundedMixin, FastLooseMixin, feedparser.api.LooseFeedParser), {})


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
    result, is_fast = _read(body, document)
    if not whole:
        result["entries"] = []
    version, channel = result.get("version"), result["feed"]
    is_broken = bool(result.get("bozo"))
    if not result["entries"] and (not version or is_broken):
        raise UnreadableError(describe_document(body, result), code="bad_feed" if version else "not_a_feed")
    links = {str(link.get("rel")): str(link.get("href") or "") for link in reversed(channel.get("links") or ())}
    defaults = _to_defaults(document, result)
    feed = to_feed(
        document,
        Channel(
            title=channel.get("title", ""),
            title_type=_title_type(channel, is_atom=defaults.is_atom),
            link=channel.get("link") or "",
            language=channel.get("language") or "",
            hub=links.get("hub", ""),
            self_link=links.get("self", ""),
            hints=feed_hints(channel, body),
        ),
        result["entries"],
        partial(_to_entry, defaults=defaults),
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


class _Defaults(NamedTuple):
    """Values of the document that apply to its entries. `base` is the base of URLs without an xml:base."""

    url: str
    base: str
    is_atom: bool
    authors: tuple[str, ...]


def _to_defaults(document: FeedDocument, result: Mapping[str, Any]) -> _Defaults:
    channel, is_atom = result["feed"], str(result.get("version") or "").startswith("atom")
    base = make_safe_absolute_uri("", document.url) or ""
    # RFC 4287 §4.2.1 for Atom, itunes:author for RSS. `managingEditor` and `webMaster` of RSS are no authors.
    authors = _names(channel) if is_atom else (channel.get("channel_author") or "",)
    return _Defaults(document.url, base, is_atom, authors)


def _title_type(element: Mapping[str, Any], *, is_atom: bool) -> str:
    """Return the media type that Atom declares for a title, RFC 4287 §3.1.1; "" for RSS, which declares none."""
    if not is_atom:
        return ""
    media_type = (element.get("title_detail") or {}).get("type") or "text/plain"
    return "text/plain" if media_type == "text/plain" else "text/html"


def _to_entry(raw: Any, defaults: _Defaults) -> Entry:
    # A plain dict is faster to read, and doesn't return `published` for a missing `updated`.
    entry: Mapping[str, Any] = {**raw, "enclosures": raw.get("enclosures")}
    details = (*(entry.get("content") or ()), *({"value": entry[key]} for key in FULL_TEXT_KEYS if entry.get(key)))
    content = tuple(filter(None, (_content(detail, defaults) for detail in details)))
    summary = _content(entry.get("summary_detail") or {"value": entry.get("summary") or ""}, defaults)
    if not content and summary is None:
        summary = _content({"value": entry.get("media_description") or ""}, defaults)
    return Entry(
        link=entry_link(entry, defaults.url),
        guid=entry.get("id") or "",
        title=entry.get("title") or entry.get("itunes_title") or "",
        title_type=_title_type(entry, is_atom=defaults.is_atom),
        content=content,
        summary=summary,
        authors=_authors(entry, defaults),
        categories=tuple(tag.get("label") or tag.get("term") or "" for tag in entry.get("tags") or ()),
        language=entry.get("language") or (entry.get("title_detail") or {}).get("language") or "",
        enclosures=tuple(
            EnclosureLink(
                str(e.get("href") or ""), str(e.get("type") or ""), str(e.get("length") or ""), _base(e, defaults)
            )
            for e in (entry.get("enclosures") or ())[:MAX_ENCLOSURES]
        ),
        images=_images(entry, defaults),
        published=tuple(str(entry[key]) for key in PUBLISHED_KEYS if entry.get(key)),
        updated=tuple(str(entry[key]) for key in UPDATED_KEYS if entry.get(key)),
    )


def _base(element: Mapping[str, Any], defaults: _Defaults) -> str:
    """Return the xml:base of an element; "" without one."""
    base = element.get("base") or ""
    return "" if base == defaults.base else base


def _content(detail: Mapping[str, Any], defaults: _Defaults) -> Content | None:
    language, media_type = detail.get("language") or "", detail.get("type") or "text/html"
    return make_content(detail.get("value") or "", media_type, language, _base(detail, defaults))


def _authors(entry: Mapping[str, Any], defaults: _Defaults) -> tuple[str, ...]:
    """Return the authors of an entry, else those of its source, else those of the feed."""
    return _names(entry) or _names(entry.get("source") or {}) or defaults.authors


def _names(parent: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the authors that aren't empty elements; "" for one with an address only."""
    authors = (a for a in parent.get("authors") or () if isinstance(a, Mapping))
    return tuple(a.get("name") or "" for a in authors if any(a.values()))


def _images(entry: Mapping[str, Any], defaults: _Defaults) -> tuple[UrlReference, ...]:
    """Return the URLs of the images of an entry: images before thumbnails, wide ones first."""
    media = entry.get("media_content") or ()
    images = sorted((m for m in media if is_image(m.get("url") or "", m.get("type"), m.get("medium"))), key=_narrow)
    if isinstance(image := entry.get("image"), Mapping):
        images.append(image)
    images += sorted(entry.get("media_thumbnail") or (), key=_narrow)
    images.sort(key=_is_avatar)
    references = (UrlReference(image.get("url") or image.get("href") or "", _base(image, defaults)) for image in images)
    return tuple(reference for reference in references if reference.url)


def _is_avatar(image: Mapping[str, Any]) -> bool:
    """Return whether an image shows an author or user."""
    return AVATAR.search(str(image.get("url") or image.get("href") or "")) is not None


def _narrow(media: Mapping[str, Any]) -> int:
    """Return a sort key by the attribute `width`, the widest first."""
    width = str(media.get("width") or "").strip().removesuffix("px")
    return -int(width) if width.isdecimal() and len(width) < MAX_WIDTH_DIGITS else 0
