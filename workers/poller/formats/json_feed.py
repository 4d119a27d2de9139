"""JSON Feed 1.0 and 1.1 (jsonfeed.org/version/1.1)."""

import json
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from streams.errors import UnreadableError
from workers.poller.formats.to_item import (
    Channel,
    EnclosureLink,
    Entry,
    FeedDocument,
    ParsedFeed,
    UrlReference,
    clean_url,
    make_content,
    to_feed,
)

MEDIA_TYPES: tuple[str, ...] = ("application/feed+json",)
PATHS: tuple[str, ...] = ("feed.json",)
WARM_UP: tuple[bytes, ...] = (b'{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "title": "a"}]}',)
VERSION = re.compile(r"(?:https?://)?(?:www\.)?jsonfeed\.org/version/1", re.IGNORECASE)

HUB_TYPES = ("websub", "pubsubhubbub", "")
MAX_NUMBER_CHARS = 30


def matches(body: bytes, content_type: str) -> bool:
    """Return whether *body* starts like JSON. The first character is enough: no other format starts with it."""
    return body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def parse(document: FeedDocument) -> ParsedFeed:
    """Return the feed in *document*.

    Raises:
        UnreadableError: `bad_feed` for broken JSON, `not_a_feed` for JSON without the version of a JSON Feed.
    """
    feed = _decode(document.body)
    channel = Channel(
        title=_text(feed, "title"),
        link=_text(feed, "home_page_url"),
        language=_text(feed, "language"),
        hub=_hub(feed),
        self_link=_text(feed, "feed_url"),
    )
    raw_entries = [item for item in feed["items"] if isinstance(item, dict)]
    return to_feed(document, channel, raw_entries, partial(to_entry, feed_authors=_authors(feed)))


def _decode(body: bytes) -> dict[str, Any]:
    try:
        feed = json.loads(body, strict=False, parse_int=str, parse_float=str)  # accepts lone surrogates
    except ValueError as exc:
        raise UnreadableError(f"broken JSON: {exc}", code="bad_feed") from exc
    except RecursionError as exc:
        raise UnreadableError("JSON that is nested too deeply", code="bad_feed") from exc
    if not isinstance(feed, dict) or not VERSION.match(str(feed.get("version") or "").strip()):
        raise UnreadableError("JSON, but no feed: `version` is not that of a JSON Feed", code="not_a_feed")
    if not isinstance(feed.get("items"), list):
        raise UnreadableError("a JSON Feed without a list of items", code="bad_feed")
    return feed


def to_entry(item: Mapping[str, Any], feed_authors: tuple[str, ...] = ()) -> Entry:
    """Return an item as an entry. Its numbers are texts: see `_decode`."""
    html, text = _text(item, "content_html"), _text(item, "content_text")
    guid = _text(item, "id")
    content = make_content(html, "text/html") if html else make_content(text, "text/plain")
    return Entry(
        link=_text(item, "url") or clean_url(guid) or _text(item, "external_url"),
        guid=guid,
        title=_text(item, "title"),
        content=(content,) if content else (),
        summary=make_content(_text(item, "summary"), "text/plain"),
        authors=_authors(item) or feed_authors,
        categories=_tags(item),
        language=_text(item, "language"),
        enclosures=tuple(
            EnclosureLink(_text(a, "url"), _text(a, "mime_type"), _size_bytes(a)) for a in _dicts(item, "attachments")
        ),
        images=tuple(UrlReference(_text(item, name)) for name in ("image", "banner_image")),
        published=_date(item, "date_published"),
        updated=_date(item, "date_modified"),
    )


def _hub(feed: Mapping[str, Any]) -> str:
    """Return the hub for WebSub. `type` describes the protocol (JSON Feed 1.1, "hubs"); other servers refuse WebSub."""
    hubs = [(_text(hub, "type").strip().lower(), _text(hub, "url")) for hub in _dicts(feed, "hubs")]
    known = sorted((hub for hub in hubs if hub[0] in HUB_TYPES and hub[1]), key=lambda hub: not hub[0])
    return known[0][1] if known else ""


def _tags(item: Mapping[str, Any]) -> tuple[str, ...]:
    tags = item.get("tags")
    return tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (_text(item, "tags"),)


def _size_bytes(attachment: Mapping[str, Any]) -> str:
    """Return the size as an integer; "" if it isn't a number."""
    try:
        return str(round(float(_text(attachment, "size_in_bytes")[:MAX_NUMBER_CHARS])))
    except (ValueError, OverflowError):  # infinity
        return ""


def _authors(parent: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of `authors` (1.1) or `author` (1.0)."""
    authors = parent.get("authors") or parent.get("author")
    names = (_author(author) for author in (authors if isinstance(authors, list) else [authors]))
    return tuple(filter(None, names))


def _author(author: Any) -> str:
    """Return the name of an author: an object, or a text in feeds that ignore the specification."""
    if isinstance(author, str):
        return author
    return _text(author, "name") if isinstance(author, dict) else ""


def _date(item: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return a date as a candidate. Some feeds write seconds since 1970 as a number."""
    value = item.get(key)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return (f"{value:.0f}" if is_number else _text(item, key),)


def _text(parent: Mapping[str, Any], key: str) -> str:
    """Return a text. A number counts as its text (JSON Feed 1.1, "items": `id`); `_decode` doesn't convert it."""
    value = parent.get(key)
    return value if isinstance(value, str) else ""


def _dicts(parent: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    value = parent.get(key)
    value = [value] if isinstance(value, dict) else value
    return [element for element in value if isinstance(element, dict)] if isinstance(value, list) else []
