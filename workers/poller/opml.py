"""OPML: import and export of feed lists."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path

import listparser

from streams.errors import UnreadableError
from workers.poller.registry import FeedState

MAX_BYTES = 20 * 1024 * 1024


def read_opml(path: Path) -> list[tuple[str, str]]:
    """Return (URL, folder) of each feed in an OPML file.

    Raises:
        UnreadableError: the file can't be read or contains no feed; the message names the file.
    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise UnreadableError(f"{path}: {exc.strerror}") from exc
    if len(data) > MAX_BYTES:
        raise UnreadableError(f"{path}: file is longer than {MAX_BYTES:,} bytes")
    if b"<!ENTITY" in data:
        raise UnreadableError(f"{path}: entities are not allowed")
    parsed = listparser.parse(data)
    feeds = [(f.url, "/".join(f.categories[0]) if f.get("categories") else "") for f in parsed.feeds if f.url]
    if not feeds:
        detail = parsed.get("bozo_exception") if parsed.get("bozo") else "it contains no feed"
        raise UnreadableError(f"{path}: not a readable OPML file: {detail}")
    return feeds


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
        ET.SubElement(parent, "outline", type="rss", text=feed.title or feed.url, xmlUrl=feed.moved_to or feed.url)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
