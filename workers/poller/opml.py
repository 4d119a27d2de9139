"""OPML: import and export of feed lists."""

import io
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import listparser
import lxml.etree

from streams.errors import UnreadableError
from workers.poller.registry import FeedState
from workers.text.attributes import limit_attributes
from workers.text.encoding import decode_document
from workers.text.normalise import plain_text
from workers.urls.web_url import without_feed_scheme

MAX_BYTES = 20 * 1024 * 1024
MAX_TITLE_CHARS = 300
FEED_TYPES = frozenset(("rss", "rss1", "rss2", "atom", "pie", "feed", "json"))  # of outlines
MAX_CATEGORIES = 20  # of a feed; listparser compares each with all others
MAX_DEPTH = 100  # listparser copies the path of each outline


class Outline(NamedTuple):
    """A feed of an OPML file. `title` is the user's name for it."""

    url: str
    folder: str = ""
    title: str = ""


class BoundsMixin:
    """Bounds the work of listparser for each outline: outlines below MAX_DEPTH count as absent."""

    def start_opml_outline(self, attrs: dict[str, str]) -> None:
        if "category" in attrs:
            attrs["category"] = ",".join(attrs["category"].split(",", MAX_CATEGORIES)[:MAX_CATEGORIES])
        _, repeated = self.found_urls.get(attrs.get("xmlurl", "").strip(), ("", {}))  # type: ignore[attr-defined]
        is_full = len(repeated.get("categories", ())) >= MAX_CATEGORIES
        if is_full or len(self.hierarchy) >= MAX_DEPTH:  # type: ignore[attr-defined]
            self.hierarchy.append("")  # type: ignore[attr-defined]
        else:
            super().start_opml_outline(attrs)  # type: ignore[misc]


class CommentMixin:
    """Outlines with `isComment`, and all outlines in them, count as absent (OPML 2.0, "Common attributes")."""

    def __init__(self) -> None:
        super().__init__()
        self._comments: list[bool] = []

    def start_opml_outline(self, attrs: dict[str, str]) -> None:
        is_comment = attrs.get("iscomment", "").strip().lower() == "true" or any(self._comments[-1:])
        self._comments.append(is_comment)
        if is_comment:
            self.hierarchy.append("")  # type: ignore[attr-defined]
        else:
            super().start_opml_outline(_with_feed_url(attrs))  # type: ignore[misc]

    def end_opml_outline(self) -> None:
        if self._comments:
            self._comments.pop()
        if self.hierarchy:  # type: ignore[attr-defined]
            super().end_opml_outline()  # type: ignore[misc]


def _with_feed_url(attrs: dict[str, str]) -> dict[str, str]:
    """Return the attributes of an outline with the URL of its feed, which some programs write as `url`."""
    is_feed = attrs.get("type", "").strip().lower() in FEED_TYPES
    url = attrs.get("xmlurl") or (attrs.get("url", "") if is_feed else "")
    return {**attrs, "xmlurl": without_feed_scheme(url)} if url else attrs


_HANDLER: Any = type("OpmlHandler", (CommentMixin, BoundsMixin, listparser.Handler), {})


def read_opml(path: Path) -> list[tuple[str, str]]:
    """Return (URL, folder) of each feed in an OPML file. Raises as `read_outlines` does."""
    return [(outline.url, outline.folder) for outline in read_outlines(path)]


def read_outlines(path: Path) -> list[Outline]:
    """Return the feeds of an OPML file. A title that is the URL itself is left out.

    Raises:
        UnreadableError: the file can't be read or contains no feed; the message names the file.
    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise UnreadableError(f"file not readable: {path} ({exc.strerror})") from exc
    return parse_outlines(data, str(path))


def parse_outlines(data: bytes, name: str) -> list[Outline]:
    """Return the feeds of the OPML document *data*; see `read_outlines`.

    Raises:
        UnreadableError: it contains no feed; the message has *name*.
    """
    if len(data) > MAX_BYTES:
        raise UnreadableError(f"OPML file too large: {name} (more than {MAX_BYTES:,} bytes); split it")
    text = decode_document(data)
    if "<!ENTITY" in text:
        raise UnreadableError(f"OPML file refused: {name} (it declares entities); remove its <!ENTITY> lines")
    parsed = _parse(text)
    feeds = [
        Outline(f.url, "/".join(filter(None, f.categories[0])) if f.get("categories") else "", _title(f))
        for f in parsed.feeds
        if f.url
    ]
    if not feeds:
        detail = parsed.get("bozo_exception") if parsed.get("bozo") else "it contains no feed"
        raise UnreadableError(f"not a readable OPML file: {name} ({detail})")
    return feeds


def _parse(text: str) -> Any:
    """Return listparser's result for a document, which its own function decodes by the label in the document."""
    handler = _HANDLER()
    handler.harvest.update({"bozo": False, "bozo_exception": None, "feeds": [], "lists": [], "opportunities": []})
    handler.harvest.update({"meta": listparser.common.SuperDict(), "version": ""})
    if text.strip():
        parser = lxml.etree.HTMLParser(target=handler, recover=True, encoding="utf-8")
        lxml.etree.parse(io.BytesIO(limit_attributes(text).encode("utf-8", "replace")), parser)
    return listparser.common.SuperDict(handler.harvest)


def _title(feed: Any) -> str:
    title = plain_text(feed.get("title") or "")[:MAX_TITLE_CHARS]
    return "" if title == feed.url else title


def write_opml(feeds: Iterable[FeedState]) -> str:
    """Return *feeds* as OPML 2.0 (opml.org/spec2.opml), grouped by folder."""
    root = ET.Element("opml", version="2.0")
    ET.SubElement(ET.SubElement(root, "head"), "title").text = "copydesk feeds"
    body = ET.SubElement(root, "body")
    folders: dict[str, ET.Element] = {}
    for feed in feeds:
        parent = body
        if feed.folder:
            parent = folders.get(feed.folder) or folders.setdefault(
                feed.folder, ET.SubElement(body, "outline", text=feed.folder)
            )
        ET.SubElement(
            parent, "outline", type="rss", text=feed.shown_title or feed.url, xmlUrl=feed.moved_to or feed.url
        )
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
