"""The entries of feedparser's result as `Entry`."""

import re
from collections.abc import Mapping
from itertools import chain, islice
from typing import Any, NamedTuple

from feedparser.urls import make_safe_absolute_uri

from streams.records import Content
from workers.poller.formats.entry_links import entry_link
from workers.poller.formats.to_item import (
    MAX_ENCLOSURES,
    EnclosureLink,
    Entry,
    FeedDocument,
    UrlReference,
    make_content,
)
from workers.text.media_types import is_audio_or_video, is_image

# Dates in order of preference. `dc:date` is the only date of many RSS 1.0 feeds.
PUBLISHED_KEYS = (
    "published", "dcterms_issued", "dc_date", "plain_date", "dcterms_date", "prism_publicationdate", "created",
)  # fmt: skip
FULL_TEXT_KEYS = ("yandex_full-text",)  # Source: Yandex News, format of feeds
UPDATED_KEYS = ("updated", "dc_date")
MAX_WIDTH_DIGITS = 6
AVATAR = re.compile(r"//[^/]*\bgravatar\.com/|/avatars?/", re.IGNORECASE)  # in media:content of WordPress.com


class Defaults(NamedTuple):
    """Values of the document that apply to its entries. `base` is the base of URLs without an xml:base."""

    url: str
    base: str
    is_atom: bool
    authors: tuple[str, ...]


def to_defaults(document: FeedDocument, result: Mapping[str, Any]) -> Defaults:
    channel, is_atom = result["feed"], str(result.get("version") or "").startswith("atom")
    base = make_safe_absolute_uri("", document.url) or ""
    # RFC 4287 §4.2.1 for Atom, itunes:author for RSS. `managingEditor` and `webMaster` of RSS are no authors.
    authors = _names(channel) if is_atom else (channel.get("channel_author") or "",)
    return Defaults(document.url, base, is_atom, authors)


def title_type(element: Mapping[str, Any], *, is_atom: bool) -> str:
    """Return the media type that Atom declares for a title, RFC 4287 §3.1.1; "" for RSS, which declares none."""
    if not is_atom:
        return ""
    media_type = (element.get("title_detail") or {}).get("type") or "text/plain"
    return "text/plain" if media_type == "text/plain" else "text/html"


def to_entry(raw: Any, defaults: Defaults) -> Entry:
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
        title_type=title_type(entry, is_atom=defaults.is_atom),
        content=content,
        summary=summary,
        authors=_authors(entry, defaults),
        categories=tuple(tag.get("label") or tag.get("term") or "" for tag in entry.get("tags") or ()),
        language=entry.get("language") or (entry.get("title_detail") or {}).get("language") or "",
        enclosures=_enclosures(entry, defaults),
        images=_images(entry, defaults),
        published=tuple(str(entry[key]) for key in PUBLISHED_KEYS if entry.get(key)),
        updated=tuple(str(entry[key]) for key in UPDATED_KEYS if entry.get(key)),
    )


def _base(element: Mapping[str, Any], defaults: Defaults) -> str:
    """Return the xml:base of an element; "" without one."""
    base = element.get("base") or ""
    return "" if base == defaults.base else base


def _content(detail: Mapping[str, Any], defaults: Defaults) -> Content | None:
    language, media_type = detail.get("language") or "", detail.get("type") or "text/html"
    return make_content(detail.get("value") or "", media_type, language, _base(detail, defaults))


def _authors(entry: Mapping[str, Any], defaults: Defaults) -> tuple[str, ...]:
    """Return the authors of an entry, else those of its source, else those of the feed."""
    return _names(entry) or _names(entry.get("source") or {}) or defaults.authors


def _names(parent: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the authors that aren't empty elements; "" for one with an address only."""
    authors = (a for a in parent.get("authors") or () if isinstance(a, Mapping))
    return tuple(a.get("name") or "" for a in authors if any(a.values()))


def _enclosures(entry: Mapping[str, Any], defaults: Defaults) -> tuple[EnclosureLink, ...]:
    """Return the enclosures of an entry, then its audio and video of Media RSS, default objects first."""
    media = (m for m in entry.get("media_content") or () if _is_enclosure(m))
    by_default = sorted(media, key=lambda m: str(m.get("isdefault")).lower() != "true")
    enclosures = ((e, "href", "length") for e in entry.get("enclosures") or ())
    objects = ((m, "url", "filesize") for m in by_default)
    return tuple(
        EnclosureLink(str(e.get(url) or ""), str(e.get("type") or ""), str(e.get(length) or ""), _base(e, defaults))
        for e, url, length in islice(chain(enclosures, objects), MAX_ENCLOSURES)
    )


def _is_enclosure(media: Mapping[str, Any]) -> bool:
    return is_audio_or_video(media.get("url"), media.get("type"), media.get("medium"))


def _images(entry: Mapping[str, Any], defaults: Defaults) -> tuple[UrlReference, ...]:
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
