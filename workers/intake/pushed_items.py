"""Pushed items: JSON objects to Items. Pure.

A pushed item has the fields of an item of JSON Feed 1.1 (jsonfeed.org/version/1.1), and:

    page_text    visible text of a whole web page, with its clutter
    page_html    HTML of a whole web page
    publisher    name of the publisher
    archive      true for an old article, which must not delay new ones

`source` names the producer. It replaces the feed URL: routes match it. An item without a usable link is identified by
its id within the source.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from streams.errors import UnreadableError
from streams.records import FullTextPage, Item
from streams.topics import MAX_ITEM_CHARS
from workers.poller.formats import json_feed
from workers.poller.formats.to_item import Channel, FeedDocument, to_feed
from workers.text.markup import strip_invisible_elements

SOURCE_SCHEME = "source:"
SOURCE_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,98}[A-Za-z0-9])?")
PAGE_FIELDS = ("page_text", "page_html")
BODY_FIELDS = ("content_html", "content_text", *PAGE_FIELDS)


def source_url(name: str) -> str:
    """Return the feed URL of the items of source *name*. Raises UnreadableError for an invalid name."""
    if not SOURCE_NAME.fullmatch(name):
        raise UnreadableError(f"invalid source: {name[:100]!r}; use 1 to 100 letters, digits and . _ / -")
    return f"{SOURCE_SCHEME}{name}"


def decode_rows(body: bytes, *, one_per_line: bool) -> list[Mapping[str, Any]]:
    """Return the JSON objects of *body*: one object or a list of objects, or with *one_per_line* one in each line.

    Raises:
        UnreadableError: an object is unreadable; the message names its line.
    """
    if one_per_line:
        lines = [(number, line) for number, line in enumerate(body.splitlines(), 1) if line.strip()]
        return [_object(decode_json(line, f"line {number}"), f"line {number}") for number, line in lines]
    value = decode_json(body, "request body")
    rows = value if isinstance(value, list) else [value]
    return [_object(row, f"item {number}") for number, row in enumerate(rows, 1)]


def decode_json(data: bytes, place: str) -> Any:
    """Return the JSON value of *data*; its numbers are texts. Raises UnreadableError with *place*."""
    try:
        return json.loads(data, strict=False, parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as exc:
        raise UnreadableError(f"not JSON: {place} ({exc})") from exc


def _object(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UnreadableError(f"not a JSON object: {place}")
    return value


def to_item(row: Mapping[str, Any], source: str, fetched_at: datetime) -> Item:
    """Return the item of *row*. *source*: result of `source_url`.

    Raises:
        UnreadableError: two bodies, no title, text or link, or a text above MAX_ITEM_CHARS.
    """
    bodies = [name for name in BODY_FIELDS if row.get(name)]
    wrong = next((name for name in (*BODY_FIELDS, "title", "url") if not isinstance(row.get(name, ""), str)), "")
    if wrong:
        raise UnreadableError(f"not a text: {wrong}")
    if len(bodies) > 1:
        raise UnreadableError(f"several bodies: {', '.join(bodies)}; use one of {', '.join(BODY_FIELDS)}")
    if bodies and len(row[bodies[0]]) > MAX_ITEM_CHARS:
        raise UnreadableError(
            f"text too long: {bodies[0]} ({len(row[bodies[0]]):,} characters, maximum {MAX_ITEM_CHARS:,})"
        )
    page_html = strip_invisible_elements(row["page_html"]) if "page_html" in bodies else ""
    body = {"page_text": ("content_text", row.get("page_text")), "page_html": ("content_html", page_html)}
    fields = dict(row) | dict(body[name] for name in bodies if name in PAGE_FIELDS)
    publisher = row.get("publisher")
    channel = Channel(title=publisher if isinstance(publisher, str) else "")
    document = FeedDocument(b"", source, "", fetched_at)
    feed = to_feed(document, channel, [fields], json_feed.to_entry)
    for _, reason in feed.unreadable:
        raise UnreadableError(reason.removeprefix("unreadable entry: "))
    return _as_page(feed.items[0], bodies, page_html)


def is_archived(row: Mapping[str, Any]) -> bool:
    """Return whether the item of *row* goes through the archive lane. Raises UnreadableError."""
    value = row.get("archive", False)
    if not isinstance(value, bool):
        raise UnreadableError(f"invalid archive: {value!r} (neither true nor false)")
    return value


def as_archived(item: Item, changed_at: datetime | None = None) -> Item:
    """Return *item* with the time of its version as time of arrival.

    An older version of an article that arrives later is then no revision. The time is that of the last change or of
    publication, else *changed_at*, else that of arrival; never after the arrival.
    """
    version_at = item.updated or item.published or changed_at or item.fetched_at
    return replace(item, fetched_at=min(version_at, item.fetched_at))


def _as_page(item: Item, bodies: Sequence[str], page_html: str) -> Item:
    """Return *item* with its body as page or text dump, if it was pushed as such."""
    if "page_text" in bodies:
        return replace(item, content=(), text_dump=item.content[0].value if item.content else "")
    if "page_html" in bodies:
        return replace(item, content=(), page=FullTextPage(item.link, page_html))
    return item
