"""JSON Feed 1.0 and 1.1 (jsonfeed.org/version/1.1), told in feedparser's words: the rest is the same for all."""

import json
from collections.abc import Mapping
from typing import Any

from streams.errors import UnreadableError

VERSIONS = ("https://jsonfeed.org/version/1", "http://jsonfeed.org/version/1", "jsonfeed.org/version/1")


def looks_like_json(body: bytes) -> bool:
    """Return whether *body* can be JSON at all; no other kind of feed begins with a brace or bracket."""
    return body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def read_json_feed(body: bytes) -> dict[str, Any]:
    """Return {version, feed, entries} as feedparser would. Raises UnreadableError for what is no JSON Feed."""
    try:
        document = json.loads(body.decode("utf-8-sig"))  # takes halves of surrogate pairs, which msgspec doesn't
    except ValueError as exc:
        raise UnreadableError(f"broken JSON: {exc}", code="bad_feed") from exc
    except RecursionError as exc:
        raise UnreadableError("JSON that is nested too deeply", code="bad_feed") from exc
    if not isinstance(document, dict) or not str(document.get("version") or "").startswith(VERSIONS):
        raise UnreadableError("JSON, but no feed: it doesn't say that it is a JSON Feed", code="not_a_feed")
    if not isinstance(document.get("items"), list):
        raise UnreadableError("a JSON Feed without a list of items", code="bad_feed")
    channel = {
        "title": _text(document, "title"),
        "link": _text(document, "home_page_url"),
        "language": _text(document, "language"),
        "links": [{"rel": "hub", "href": _text(hub, "url")} for hub in _dicts(document, "hubs")]
        + [{"rel": "self", "href": _text(document, "feed_url")}],
    }
    shared = _authors(document)
    entries = [_entry(item, shared) for item in document["items"] if isinstance(item, dict)]
    return {"version": "json", "feed": channel, "entries": entries}


def _entry(item: Mapping[str, Any], shared: list[dict[str, str]]) -> dict[str, Any]:
    html, text, summary = _text(item, "content_html"), _text(item, "content_text"), _text(item, "summary")
    tags = item.get("tags")
    return {
        "id": _id(item),
        "link": _text(item, "url") or _text(item, "external_url"),
        "title": _text(item, "title"),
        "authors": _authors(item) or shared,
        "language": _text(item, "language"),
        "tags": [{"term": tag} for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else [],
        "content": [{"value": html, "type": "text/html"}] if html else [{"value": text, "type": "text/plain"}],
        "summary_detail": {"value": summary, "type": "text/plain"},
        "enclosures": [
            {"href": _text(a, "url"), "type": _text(a, "mime_type"), "length": a.get("size_in_bytes")}
            for a in _dicts(item, "attachments")
        ],
        "media_thumbnail": [{"url": _text(item, "image") or _text(item, "banner_image")}],
        "published": _text(item, "date_published"),
        "updated": _text(item, "date_modified"),
    }


def _id(item: Mapping[str, Any]) -> str:
    value = item.get("id")  # 1.0 let it be a number
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _authors(thing: Mapping[str, Any]) -> list[dict[str, str]]:
    single = thing.get("author")
    found = _dicts(thing, "authors") or ([single] if isinstance(single, dict) else [])
    return [{"name": _text(author, "name")} for author in found]


def _text(thing: Mapping[str, Any], key: str) -> str:
    value = thing.get(key)
    return value if isinstance(value, str) else ""


def _dicts(thing: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    value = thing.get(key)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
