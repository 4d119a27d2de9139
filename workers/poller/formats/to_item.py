"""Conversion of the entries of a feed document to Items; the same for all formats. Pure.

A format module reads a document into a Channel and entries. It knows nothing of identity, fingerprints and limits.
This module knows nothing of XML and JSON.

Dates are parsed by `workers.text.dates`. All URLs pass `workers.urls.web_url`.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from streams.errors import UnreadableError
from streams.records import Content, Enclosure, Item
from workers.dedupe.fingerprint import raw_fingerprint
from workers.dedupe.identity import identifies_article, item_key, titled_key
from workers.poller.schedule import PollHints
from workers.text.dates import parse_date
from workers.text.encoding import without_double_encoding
from workers.text.media_types import is_image, media_type_of
from workers.text.names import author_names
from workers.text.normalise import match_key, without_joiners
from workers.text.titles import title_text
from workers.urls.canonical import CanonicalUrl, canonicalise
from workers.urls.web_url import web_url, with_host

MAX_ITEMS = 5_000
MAX_ENTRY_CHARS = 10_000  # of an unreadable entry in its dead letter
MAX_TITLE_CHARS = 1_000
MAX_CONTENT_CHARS = 1_048_576
MAX_NAME_CHARS = 300
MAX_GUID_CHARS = 2_048
MAX_LANGUAGE_CHARS = 35
MAX_CATEGORIES = 50
MAX_ENCLOSURES = 20
FIRST_YEAR = 1990  # earlier dates precede the web
MAX_FUTURE = timedelta(days=2)  # a later date is an error of the feed
_IMAGE_FILE = re.compile(r"\.(?:jpe?g|png|gif|webp|avif)(?:[?#]|\Z)", re.IGNORECASE)
_DATETIME = re.compile(r"""\sdatetime\s{0,5}=\s{0,5}["']([^"']{1,100})""", re.IGNORECASE)  # of an HTML element


class FeedDocument(msgspec.Struct, frozen=True):
    """A fetched document. *use_expat* False turns the accelerator of the XML format off.

    Formats of page lists use the known items, and give at most *max_links* unknown ones. *type* is that of the source.
    *turnover*: pattern of URLs → links that appeared after the first poll of a section page.
    """

    body: bytes
    url: str
    content_type: str
    fetched_at: datetime
    poll_id: str = ""
    use_expat: bool = True
    known_items: bytes = b""
    is_first_poll: bool = False
    max_links: int = MAX_ITEMS
    type: str = ""
    turnover: Mapping[str, int] = {}


class UrlReference(NamedTuple):
    """A URL as written in the document, and the xml:base that applies to it."""

    url: str
    base: str = ""


class EnclosureLink(NamedTuple):
    """An enclosure as written in the document, and the xml:base that applies to it."""

    url: str
    media_type: str
    length: str
    base: str = ""


class Entry(NamedTuple):
    """One entry as written in the document. `images` and both times are candidates, the best first.

    `title_type` is the declared media type of the title, or "".
    """

    link: str
    guid: str
    title: str
    title_type: str = ""
    content: tuple[Content, ...] = ()
    summary: Content | None = None
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    language: str = ""
    enclosures: tuple[EnclosureLink, ...] = ()
    images: tuple[UrlReference, ...] = ()
    published: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()


class Channel(NamedTuple):
    """The feed's own data as written in the document. `hub` and `self_link` are for WebSub."""

    title: str = ""
    title_type: str = ""
    link: str = ""
    language: str = ""
    hub: str = ""
    self_link: str = ""
    hints: PollHints = PollHints()


class LinkState(msgspec.Struct, frozen=True):
    """The links of a page list: the known ones after it, and numbers. `total` includes unreadable entries."""

    known_items: bytes
    unchanged: int
    waiting: int
    total: int


class SitemapLink(NamedTuple):
    """A sitemap that an index lists, and the Unix time of its last change; 0 if unknown."""

    url: str
    time_s: float = 0.0


class ParsedFeed(msgspec.Struct, frozen=True):
    """A parsed feed document. `unreadable` holds (entry, reason) of unreadable entries.

    `hub` and `topic` are the WebSub links rel=hub and rel=self, or "". `links` is set for a page list: then `items`
    are unknown links only. `sitemaps` are those of an index.
    """

    title: str
    language: str
    items: tuple[Item, ...]
    warning: str = ""
    unreadable: tuple[tuple[str, str], ...] = ()
    hints: PollHints = PollHints()
    hub: str = ""
    topic: str = ""
    links: LinkState | None = None
    type: str = ""
    turnover: Mapping[str, int] = {}
    sitemaps: tuple[SitemapLink, ...] = ()
    guid_keys: Mapping[str, str] = {}  # of a feed with tombstones: identity key by guid

    @property
    def identity(self) -> str:
        """Describe how most items are identified: by their links or by their guids."""
        by_link = sum(not item.identity_key.startswith(f"{item.feed}#") for item in self.items)
        if by_link * 2 >= len(self.items):
            return "links" if by_link == len(self.items) else f"links; {len(self.items) - by_link} items by guid"
        return "guids: its links are shared by several items, lead to the front page, or are missing"


class _Context(NamedTuple):
    """Values that all items of a document share."""

    document: FeedDocument
    publisher: str
    language: str
    site_key: str
    shared_keys: frozenset[str]


def to_feed(
    document: FeedDocument,
    channel: Channel,
    raw_entries: Sequence[Any],
    to_entry: Callable[[Any], Entry],
    *,
    omitted: int = 0,
    warning: str = "",
) -> ParsedFeed:
    """Return the feed of *channel* and *raw_entries*, which *to_entry* converts one by one.

    *omitted* counts the items that the format left out, *warning* describes a defect of the document. An entry that
    can't be converted is added to `unreadable`.
    """
    publisher = title_text(readable(channel.title), channel.title_type)[:MAX_NAME_CHARS]
    language = channel.language[:MAX_LANGUAGE_CHARS]
    entries, links, unreadable = _convert(raw_entries[:MAX_ITEMS], to_entry, document.url)
    shared = frozenset(key for key, n in Counter(link.key for link in links).items() if n > 1)
    site = canonicalise(absolute_url(channel.link, document.url))
    context = _Context(document, publisher, language, site.key, shared)
    items = []
    for (raw, entry), link in zip(entries, links, strict=True):
        try:
            items.append(_to_item(entry, context, link))
        except (ValueError, TypeError, AttributeError, KeyError, OverflowError, UnreadableError) as exc:
            unreadable.append(_unreadable(raw, exc))
    items = _separate(items)
    omitted += len(raw_entries[MAX_ITEMS:])
    if omitted:
        warning = f"{omitted} items beyond the first {MAX_ITEMS} were left out {warning}".strip()
    return ParsedFeed(
        publisher, language, tuple(items), encodable(warning)[:500], tuple(unreadable), channel.hints,
        absolute_url(channel.hub, document.url), absolute_url(channel.self_link, document.url),
    )  # fmt: skip


def _separate(items: list[Item]) -> list[Item]:
    """Return *items* with keys that no two items with different titles share.

    Several polls on one page share a link, and some feeds repeat one guid. There the title identifies an item.
    """
    labels: dict[str, set[str]] = {}
    counts = Counter(item.identity_key for item in items)
    for item in items:
        if counts[item.identity_key] > 1:
            labels.setdefault(item.identity_key, set()).add(item_label(item))
    shared = {key for key, titles in labels.items() if len(titles) > 1}
    return [
        replace(item, identity_key=titled_key(item.identity_key, item_label(item)))
        if item.identity_key in shared
        else item
        for item in items
    ]


def item_label(item: Item) -> str:
    """Return the title of an item in the form for comparison, else the beginning of its text."""
    texts = (item.title, *(content.value for content in (*item.content, item.summary) if content))
    return next(filter(None, (match_key(text[:MAX_TITLE_CHARS]) for text in texts)), "")


def _convert(
    raw_entries: Sequence[Any], to_entry: Callable[[Any], Entry], document_url: str
) -> tuple[list[tuple[Any, Entry]], list[CanonicalUrl], list[tuple[str, str]]]:
    """Return ((raw entry, entry), canonical link) of each readable entry, and the unreadable ones."""
    entries, links, unreadable = [], [], []
    for raw in raw_entries:
        try:
            entry = to_entry(raw)
            entry = entry._replace(link=absolute_url(entry.link, document_url))
            links.append(canonicalise(entry.link))
            entries.append((raw, entry))
        except (ValueError, TypeError, AttributeError, KeyError, OverflowError) as exc:
            unreadable.append(_unreadable(raw, exc))
    return entries, links, unreadable


def _unreadable(raw: Any, exc: Exception) -> tuple[str, str]:
    return repr(raw)[:MAX_ENTRY_CHARS], f"unreadable entry: {exc}"


def _to_item(entry: Entry, context: _Context, canonical: CanonicalUrl) -> Item:
    document, (url, key, _) = context.document, canonical
    guid = _clean_guid(entry.guid)
    title = _truncate_title(title_text(readable(entry.title), entry.title_type))
    base = entry.link or document.url
    published, stated_published = _plausible_time(entry.published, document.fetched_at)
    updated, stated_updated = _plausible_time(entry.updated, document.fetched_at)
    texts = (without_joiners(title), *(c.value for c in entry.content), entry.summary.value if entry.summary else "")
    if not (any(texts) or url or entry.enclosures):
        raise UnreadableError("it has no title, text or link")
    is_front_page = key == context.site_key or not identifies_article(key)
    return Item(
        feed=document.url,
        identity_key=item_key(
            document.url, guid, "" if is_front_page else key, shared_link=key in context.shared_keys,
            fallback="\n".join(texts),
        ),
        guid=guid,
        link=entry.link,
        canonical_url=url,
        title=title,
        authors=_clean_authors(entry.authors),
        published=published,
        updated=updated,
        stated_published=stated_published,
        stated_updated=stated_updated,
        categories=_clean_categories(entry.categories),
        language=encodable(entry.language or context.language)[:MAX_LANGUAGE_CHARS],
        publisher=context.publisher,
        content=entry.content,
        summary=entry.summary,
        enclosures=_clean_enclosures(entry.enclosures, base),
        image_url=next(filter(None, (absolute_url(i.url, i.base, base) for i in _image_candidates(entry))), ""),
        fetched_at=document.fetched_at,
        fingerprint=raw_fingerprint(texts).hex(),
        poll_id=document.poll_id,
    )  # fmt: skip


# -- values ---------------------------------------------------------------------------------------------------


def make_content(value: str, media_type: str, language: str = "", base: str = "") -> Content | None:
    """Return a text of an entry, truncated to MAX_CONTENT_CHARS; None if it is blank. *base* is its xml:base."""
    value = readable(value[:MAX_CONTENT_CHARS])
    return Content(value, media_type, language[:MAX_LANGUAGE_CHARS], clean_url(base)) if value.strip() else None


def encodable(value: str) -> str:
    """Return *value* with lone surrogates replaced, which UTF-8 can't encode."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def readable(value: str) -> str:
    """Return *value* without lone surrogates, and decoded once more if it was encoded twice."""
    return without_double_encoding(encodable(value))


def clean_url(value: Any) -> str:
    """Return the URL of an entry or channel; "" unless it is a well-formed http or https URL."""
    return web_url(encodable(str(value or "")))


def absolute_url(reference: str, *bases: str) -> str:
    """Return *reference* as an absolute http or https URL, resolved against the first of *bases* that isn't empty.

    RFC 3986 §5.1: the xml:base of the element, the entry's link, the URL of the document. "" for any other URL.
    """
    reference, base = with_host(encodable(str(reference or "")).strip()), next(filter(None, bases), "")
    if reference.startswith("//") and not base.startswith("http"):  # a pushed item
        reference = f"https:{reference}"
    return web_url(reference, base) if reference else ""


def _clean_guid(value: str) -> str:
    value = encodable(value).strip()
    if len(value) <= MAX_GUID_CHARS:
        return value
    return f"{value[:100]}…{hashlib.blake2b(value.encode(), digest_size=16).hexdigest()}"


def _truncate_title(title: str) -> str:
    return title if len(title) <= MAX_TITLE_CHARS else title[: MAX_TITLE_CHARS - 1] + "…"


def _clean_authors(names: Sequence[str]) -> tuple[str, ...]:
    cleaned = (name[:MAX_NAME_CHARS] for text in names for name in author_names(readable(text)))
    return tuple(dict.fromkeys(filter(None, cleaned)))


def _clean_categories(terms: Sequence[str]) -> tuple[str, ...]:
    cleaned = (title_text(readable(term))[:MAX_NAME_CHARS] for term in terms)
    return tuple(dict.fromkeys(filter(None, cleaned)))[:MAX_CATEGORIES]


def _clean_enclosures(links: Sequence[EnclosureLink], base: str) -> tuple[Enclosure, ...]:
    enclosures: dict[str, Enclosure] = {}  # by URL
    for link in links[:MAX_ENCLOSURES]:
        length = link.length[:20]
        if (url := absolute_url(link.url, link.base, base)) and url not in enclosures:
            size_bytes = int(length) if length.isdecimal() and len(length) < 16 else 0
            enclosures[url] = Enclosure(url, _media_type(link.media_type, url)[:MAX_NAME_CHARS], size_bytes)
    return tuple(enclosures.values())


def _media_type(stated: str, url: str) -> str:
    """Return the stated media type; without one, that of the ending of *url*."""
    stated = encodable(stated).strip()
    return stated if "/" in stated else media_type_of(url) or stated


def _image_candidates(entry: Entry) -> list[UrlReference]:
    """Return the URLs of images, the best first. An image may be an enclosure or an attachment."""
    enclosed = (UrlReference(e.url, e.base) for e in entry.enclosures if _encloses_image(e))
    return [*entry.images, *enclosed]


def _encloses_image(enclosure: EnclosureLink) -> bool:
    """Return whether an enclosure is an image. Without a media type, the ending of its URL decides."""
    if "/" in enclosure.media_type:
        return is_image(enclosure.url, enclosure.media_type)
    return _IMAGE_FILE.search(enclosure.url) is not None


def _plausible_time(values: Sequence[str], now: datetime) -> tuple[datetime | None, datetime | None]:
    """Return the first plausible time in *values*, at most *now*, and the stated time if that differs.

    Times before FIRST_YEAR or more than MAX_FUTURE after *now* are errors of the feed. A time between *now* and
    MAX_FUTURE has lost its zone, or announces the item.
    """
    stated = [time for time in map(_time, values) if time and time.year >= FIRST_YEAR]
    time = next((time for time in stated if time <= now + MAX_FUTURE), None)
    if time is None:
        return None, stated[0] if stated else None
    return (now, time) if time > now else (time, None)


def _time(value: str) -> datetime | None:
    """Return a date as written in the feed. Some feeds write it as HTML, with its machine-readable form."""
    if "<" not in value:
        return parse_date(value)
    attribute = _DATETIME.search(value)
    return parse_date(attribute[1] if attribute else title_text(value))
