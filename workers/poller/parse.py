"""Parsing: the bytes of a feed document to Items. feedparser is the reference for what a feed means."""

import calendar
import html
import io
import re
import time
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import feedparser

from streams.errors import UnreadableError
from streams.records import Content, Enclosure, Item
from workers.clean.text import plain
from workers.dedupe.fingerprint import markup_fingerprint
from workers.dedupe.identity import canonical_url, is_identity, item_key

MAX_ITEMS = 5_000
MAX_TITLE_CHARS = 1_000
MAX_CONTENT_CHARS = 1_048_576
MAX_NAME_CHARS = 300
MAX_URL_CHARS = 4_096
MAX_CATEGORIES = 50
# Remarks of feedparser's on headers; the document itself may be perfect.
HARMLESS = (feedparser.NonXMLContentType, feedparser.CharacterEncodingOverride)
_TAG = re.compile(r"<[^>]{0,5000}>")

warnings.filterwarnings("ignore", category=DeprecationWarning, module="feedparser")


@dataclass(frozen=True)
class Feed:
    """A feed document: its items, and what was wrong with it. `dead` holds (entry, reason) of unreadable items."""

    title: str
    language: str
    items: tuple[Item, ...]
    warning: str = ""
    dead: tuple[tuple[str, str], ...] = field(default=())


def parse_feed(body: bytes, url: str, *, content_type: str = "", fetched_at: datetime, poll_id: str = "") -> Feed:
    """Return the feed in *body*, fetched from *url*.

    A document that breaks off gives what is readable before the break, with a warning. Raises UnreadableError for
    what is no feed at all, saying what it seems to be.
    """
    if not body.strip():
        raise UnreadableError("the document is empty")
    parsed = _parsed(body, url, content_type)
    entries = parsed["entries"]
    broken = parsed.get("bozo") and not isinstance(parsed.get("bozo_exception"), HARMLESS)
    if not entries and (not parsed.get("version") or broken):
        raise UnreadableError(_what_it_is(body, parsed))
    channel = parsed["feed"]
    context: dict[str, Any] = {
        "url": url,
        "publisher": _text(channel.get("title", ""))[:MAX_NAME_CHARS],
        "language": (channel.get("language") or "")[:35],
        "fetched_at": fetched_at,
        "poll_id": poll_id,
        "site": canonical_url(channel.get("link") or ""),
    }
    shared = {link for link, n in Counter(canonical_url(e.get("link") or "") for e in entries).items() if n > 1}
    items, dead = [], []
    for entry in entries[:MAX_ITEMS]:
        try:
            items.append(_item(entry, context, shared))
        except (ValueError, TypeError, AttributeError, KeyError, OverflowError) as exc:
            dead.append((repr(entry)[:100_000], f"entry can't be read: {exc!r}"))
    warning = f"{parsed.get('bozo_exception')}" if broken else ""
    return Feed(context["publisher"], context["language"], tuple(items), warning[:500], tuple(dead))


def _parsed(body: bytes, url: str, content_type: str) -> Any:
    headers = {"content-location": url} | ({"content-type": content_type} if content_type else {})
    try:
        # A stream, never str or bytes: feedparser would open those as a file or fetch them.
        return feedparser.parse(
            io.BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
        )
    except Exception as exc:
        raise UnreadableError(f"feedparser gave up: {exc!r}") from exc


def _what_it_is(body: bytes, parsed: Any) -> str:
    head = body[:2000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html")) or b"<html" in head:
        return "an HTML page, not a feed"
    if head.startswith((b"{", b"[")):
        return "JSON, but no feed"
    if parsed.get("version"):
        return f"a broken {parsed['version']} document without a readable item: {parsed.get('bozo_exception')}"
    return f"not a feed: {parsed.get('bozo_exception') or 'no feed element in it'}"


def _item(entry: Mapping[str, Any], context: Mapping[str, Any], shared: set[str]) -> Item:
    link = (entry.get("link") or "")[:MAX_URL_CHARS]
    url = canonical_url(link)
    guid = (entry.get("id") or "")[:MAX_URL_CHARS]
    title = _text(entry.get("title") or "")[:MAX_TITLE_CHARS]
    contents = tuple(_contents(entry))
    summary = _content(entry.get("summary_detail") or {"value": entry.get("summary") or ""})
    texts = (title, *(c.value for c in contents), summary.value if summary else "")
    identity = "" if url == context["site"] or not is_identity(url) else url  # the front page isn't a story
    return Item(
        feed=context["url"],
        key=item_key(context["url"], guid, identity, shared_link=url in shared, fallback="\n".join(texts)),
        guid=guid,
        link=link,
        canonical_url=url,
        title=title,
        authors=tuple(_authors(entry)),
        published=_time(entry, "published_parsed"),
        updated=_time(entry, "updated_parsed"),
        categories=tuple(_categories(entry)),
        language=(entry.get("language") or context["language"])[:35],
        publisher=context["publisher"],
        content=contents,
        summary=summary,
        enclosures=tuple(_enclosures(entry)),
        image=_image(entry),
        fetched_at=context["fetched_at"],
        fingerprint=markup_fingerprint(texts).hex(),
        poll_id=context["poll_id"],
    )


def _text(value: str) -> str:
    """Return a title or name as plain text: feeds declare text and send HTML, and the other way round."""
    if "<" in value:
        value = _TAG.sub("", value)
    return plain(html.unescape(value))


def _contents(entry: Mapping[str, Any]) -> list[Content]:
    found = (_content(c) for c in entry.get("content") or ())
    return [c for c in found if c is not None]


def _content(detail: Mapping[str, Any]) -> Content | None:
    value = (detail.get("value") or "")[:MAX_CONTENT_CHARS]
    if not value.strip():
        return None
    return Content(value, detail.get("type") or "text/html", (detail.get("language") or "")[:35])


def _authors(entry: Mapping[str, Any]) -> list[str]:
    names = [a.get("name") or "" for a in entry.get("authors") or () if isinstance(a, Mapping)]
    names = names or [entry.get("author") or ""]
    clean = (_text(n)[:MAX_NAME_CHARS] for n in names)
    return list(dict.fromkeys(n for n in clean if n and "@" not in n))


def _categories(entry: Mapping[str, Any]) -> list[str]:
    terms = (_text(t.get("label") or t.get("term") or "")[:MAX_NAME_CHARS] for t in entry.get("tags") or ())
    return list(dict.fromkeys(t for t in terms if t))[:MAX_CATEGORIES]


def _enclosures(entry: Mapping[str, Any]) -> list[Enclosure]:
    out = []
    for e in (entry.get("enclosures") or ())[:20]:
        length = str(e.get("length") or "")
        url = (e.get("href") or "")[:MAX_URL_CHARS]
        if url:
            out.append(
                Enclosure(url, e.get("type") or "", int(length) if length.isdecimal() and len(length) < 16 else 0)
            )
    return out


def _image(entry: Mapping[str, Any]) -> str:
    for key in ("media_content", "media_thumbnail"):
        for media in entry.get(key) or ():
            url = media.get("url") or ""
            if url and (key == "media_thumbnail" or "image" in (media.get("type") or media.get("medium") or "image")):
                return str(url[:MAX_URL_CHARS])
    return ""


def _time(entry: Any, name: str) -> datetime | None:
    # FeedParserDict answers `updated` with `published` where it is missing; the plain dict doesn't.
    value: time.struct_time | None = dict.get(entry, name)
    try:
        return datetime.fromtimestamp(calendar.timegm(value), UTC) if value else None
    except (ValueError, OverflowError, OSError, TypeError):
        return None
