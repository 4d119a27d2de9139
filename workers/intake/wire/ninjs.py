"""ninjs 1 to 3 (iptc.org/standards/ninjs), alone, in a list, or in the reply of an agency's API."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from streams.errors import UnreadableError
from workers.intake.wire.article import WireArticle, clean_dateline, unique

KEYS = (b'"versioncreated"', b'"versionCreated"', b'"body_html"', b'"body_xhtml"', b'"pubstatus"', b'"pubStatus"')
BODIES = ("body_html", "body_xhtml", "body_text")
MAX_DEPTH = 6


def matches(head: bytes) -> bool:
    """Return whether *head* begins JSON with a property of ninjs."""
    return head[:1] in (b"{", b"[") and any(key in head for key in KEYS)


def read(data: bytes) -> Sequence[WireArticle]:
    """Return the article of each item. Raises UnreadableError."""
    try:
        value = json.loads(data, strict=False)
    except (ValueError, RecursionError) as exc:
        raise UnreadableError(f"broken JSON: {exc}") from exc
    return [_article(item) for item in _items(value, 0)]


def _items(value: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    """Yield the items of *value*: ninjs objects, not those that they include as associations."""
    if isinstance(value, list):
        for element in value:
            yield from _items(element, depth)
    elif isinstance(value, dict) and depth < MAX_DEPTH:
        if ("uri" in value or "guid" in value or "headline" in value) and _is_item(value):
            yield value
        else:
            for name in ("data", "item", "items", "content"):
                yield from _items(value.get(name), depth + 1)


def _is_item(value: Mapping[str, Any]) -> bool:
    return any(name in value for name in ("headline", "headlines", "versioncreated", "versionCreated", *BODIES))


def _article(item: Mapping[str, Any]) -> WireArticle:
    html, text = _first(item, "body_html", "body_xhtml"), _first(item, "body_text")
    body = item.get("bodies")  # ninjs 3
    html = html or _by_type(body, "html")
    return WireArticle(
        id=_first(_object(item, "altids"), "itemid") or _first(item, "guid", "uri", "id"),
        version=_first(item, "version"),
        headline=_first(item, "headline") or _by_role(item.get("headlines")) or _first(item, "title"),
        slug=_first(item, "slugline"),
        byline=_first(item, "byline") or ", ".join(_names(item.get("authors"))) or ", ".join(_names(item.get("by"))),
        dateline=clean_dateline(
            _first(item, "located", "dateline") or _first(_object(item, "datelinelocation"), "city")
        ),
        html=html,
        text="" if html else text or _by_type(body, "plain"),
        summary=_first(item, "description_text", "abstract", "description_summary")
        or _by_role(item.get("descriptions")),
        published=_first(item, "firstcreated", "firstCreated", "firstpublished", "versioncreated", "versionCreated"),
        updated=_first(item, "versioncreated", "versionCreated"),
        embargoed_until=_first(item, "embargoed"),
        urgency=_first(item, "urgency"),
        subjects=unique([*_names(item.get("subject") or item.get("subjects")), *_names(item.get("service"))]),
        language=_first(item, "language"),
        provider=_first(item, "provider", "source", "copyrightholder"),
        status=_first(item, "pubstatus", "pubStatus") or "usable",
        note=_first(item, "ednote", "edNote"),
        url=_first(item, "canonical", "url"),
        media_type=_first(item, "type") or "text",
    )  # fmt: skip


def _object(item: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = item.get(name)
    return value if isinstance(value, dict) else {}


def _first(item: Mapping[str, Any], *names: str) -> str:
    """Return the first of the properties that is a text or a number, or has a name."""
    for name in names:
        value = item.get(name)
        value = value.get("name") if isinstance(value, dict) else value
        if isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip():
            return str(value)
    return ""


def _names(values: Any) -> list[str]:
    """Return the texts of a list of texts or of objects with a name."""
    values = values if isinstance(values, list) else []
    objects = [{"name": value} if isinstance(value, str) else value for value in values]
    return [_first(value, "name", "literal") for value in objects if isinstance(value, dict)]


def _by_role(values: Any) -> str:
    """Return the value of a list of {role, value}: the main one, else the first."""
    values = [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
    values.sort(key=lambda value: value.get("role") not in ("main", "summary", None))
    return next((_first(value, "value") for value in values), "")


def _by_type(values: Any, name: str) -> str:
    """Return the body of a list of {contenttype, value} with *name* in its media type."""
    bodies = [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
    matching = (body for body in bodies if name in _first(body, "contenttype", "contentType"))
    return next((_first(body, "value") for body in matching), "")
