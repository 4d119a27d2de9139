"""Sitemaps (sitemaps.org/protocol) in XML and plain text, and index files that list sitemaps.

Extensions: news and images (developers.google.com/search/docs/crawling-indexing/sitemaps), video, and alternate
languages (`xhtml:link` with `hreflang`). Prefixes need no declaration, because many sitemaps lack it.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from xml.parsers import expat

from msgspec.structs import replace

from streams.errors import UnreadableError
from workers.poller.formats.ill_formed import with_known_references
from workers.poller.formats.link_list import MAX_LINKS, link_digest, select_links
from workers.poller.formats.to_item import (
    Channel,
    Entry,
    FeedDocument,
    ParsedFeed,
    SitemapLink,
    UrlReference,
    absolute_url,
)
from workers.text.dates import parse_date

MEDIA_TYPES: tuple[str, ...] = ()  # no page links to its sitemap by media type
PATHS: tuple[str, ...] = ()  # robots.txt names them
WARM_UP: tuple[bytes, ...] = (
    b"<urlset><url><loc>https://a.example/1?a&b</loc><lastmod>5 Mars 2026</lastmod></url>",
    b"https://a.example/1\n",
)
MAX_DEPTH = 30  # elements; 4 are usual
MAX_PARTS = 50  # images and alternates of one page
MAX_INDEX_ENTRIES = 1_000  # of one index
SNIFFED_BYTES = 20_000
ROOTS = ("urlset", "sitemapindex")
ROWS = frozenset(("url", "sitemap"))
SECTIONS = frozenset(("news", "image", "video"))
CONTAINERS = ROWS | SECTIONS | {"link"}
# (section, element) → key of the row. Elements without a section are those of sitemaps.org.
KEYS: Mapping[tuple[str, str], str] = {
    ("", "loc"): "loc", ("", "lastmod"): "lastmod",
    ("news", "name"): "name", ("news", "language"): "language", ("news", "title"): "title",
    ("news", "publication_date"): "published", ("news", "keywords"): "keywords",
    ("image", "loc"): "images",
    ("video", "title"): "video_title", ("video", "thumbnail_loc"): "images",
    ("video", "publication_date"): "video_published",
}  # fmt: skip
_ROOT = re.compile(
    rb"\A\s*+(?:<\?[^>]*+>\s*+|<!--(?:(?!-->).)*+-->\s*+|<!DOCTYPE[^>\[]*+(?:\[[^\]]*+\])?[^>]*+>\s*+)*+"
    rb"<(?:[\w-]{1,30}:)?(?:urlset|sitemapindex)[\s>/]",
    re.IGNORECASE | re.DOTALL,
)
_TEXT_START = re.compile(rb"\A\s*+https?://[^\s<>\"]{1,8000}+[ \t]*+[\r\n]", re.IGNORECASE)
_TEXT_LINE = re.compile(rb"[\r\n][ \t]*+https?://[^\s<>\"]", re.IGNORECASE)
_TEXT_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_KEYWORD = re.compile(r"[,;、，]")
_DATE_IN_PATH = re.compile(r"(?<!\d)((?:19|20)\d\d)(?:[-_/]?(0[1-9]|1[0-2])(?:[-_/]?(0[1-9]|[12]\d|3[01]))?)?(?!\d)")

Row = dict[str, Any]


def matches(body: bytes, content_type: str) -> bool:
    """Return whether *body* is a sitemap: by its root element, or by two lines with a URL each."""
    head = body[:SNIFFED_BYTES]
    if _ROOT.match(head):
        return True
    start = _TEXT_START.match(head)
    return start is not None and _TEXT_LINE.search(head, start.end() - 1) is not None


def parse(document: FeedDocument) -> ParsedFeed:
    """Return the unknown pages of *document* as items, or the sitemaps of an index.

    A truncated document gives the pages before the end, with a warning.

    Raises:
        UnreadableError: `bad_feed`, if there is no readable page; `too_deep`.
    """
    root, rows, warning = _read(document.body)
    rows = rows if root else list(_text_rows(document.body))
    if not rows and (warning or not root):
        raise UnreadableError(f"a sitemap without a readable URL: {warning}", code="bad_feed")
    omitted = len(rows) - MAX_LINKS
    if root == "sitemapindex":
        return _index(document, rows, warning)
    if omitted > 0:
        rows.sort(key=_time_s, reverse=True)
        warning = f"{omitted} URLs beyond the first {MAX_LINKS} were left out {warning}".strip()
    channel = Channel(title=_first(rows, "name"), language=_first(rows, "language"))
    links = {link_digest(row["loc"], row.get("title", "")): row for row in rows[:MAX_LINKS] if row.get("loc")}
    failed = [(repr(row), "unreadable entry: <url> without <loc>") for row in rows[:MAX_LINKS] if not row.get("loc")]
    return select_links(document, channel, links, to_entry, url=_url, time_s=_time_s, warning=warning, failed=failed)


def _url(row: Row) -> str:
    return str(row["loc"])


def _first(rows: list[Row], key: str) -> str:
    return next((row[key] for row in rows if row.get(key)), "")


def to_entry(row: Row) -> Entry:
    """Return the entry of a page. Its language is that of the news, else of the alternate that is the page itself."""
    loc = row["loc"]
    own = (language for language, href in row.get("alternates", ()) if href == loc and language != "x-default")
    return Entry(
        link=_checked(loc),
        guid="",
        title=row.get("title") or row.get("video_title", ""),
        categories=tuple(map(str.strip, _KEYWORD.split(row.get("keywords", "")))),
        language=row.get("language") or next(own, ""),
        images=tuple(UrlReference(url) for url in row.get("images", ())),
        published=tuple(filter(None, (row.get("published", ""), row.get("video_published", "")))),
        updated=tuple(filter(None, (row.get("lastmod", ""),))),
    )


def _checked(loc: str) -> str:
    if not absolute_url(loc, "https://relative.invalid/"):
        raise ValueError(f"not a web URL: {loc[:200]!r}")
    return loc


def _time_s(row: Row) -> float:
    """Return the Unix time of the publication of a page, else of its last change; 0 if unknown."""
    value = row.get("published") or row.get("lastmod") or row.get("video_published") or ""
    return _unix_s(value) if value else 0.0


def _unix_s(value: str) -> float:
    try:
        time = datetime.fromisoformat(value)  # a tenth of the time of `parse_date`
    except ValueError:
        parsed = parse_date(value)
        if parsed is None:
            return 0.0
        time = parsed
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


# -- index ----------------------------------------------------------------------------------------------------


def _index(document: FeedDocument, rows: list[Row], warning: str) -> ParsedFeed:
    links = [_sitemap_link(row, document.url) for row in rows[:MAX_INDEX_ENTRIES]]
    unique = {link.url: link for link in links if link.url}
    feed = ParsedFeed("", "", (), warning, sitemaps=tuple(unique.values()))
    return replace(feed, warning=warning)


def _sitemap_link(row: Row, base: str) -> SitemapLink:
    """Return the link of a row. Its time is that of the last change, else the date in its URL."""
    url = absolute_url(row.get("loc", ""), base)
    date = _DATE_IN_PATH.search(url)
    in_path = "-".join((date[1], date[2] or "12", date[3] or "28")) if date else ""
    return SitemapLink(url, _unix_s(row.get("lastmod") or in_path))


# -- reading --------------------------------------------------------------------------------------------------


def _text_rows(body: bytes) -> Iterator[Row]:
    """Yield the lines that are URLs (sitemaps.org/protocol, "Text file")."""
    for line in body.decode("utf-8", "replace").splitlines():
        url = line.strip()
        if _TEXT_URL.fullmatch(url):
            yield {"loc": url}


def _read(body: bytes) -> tuple[str, list[Row], str]:
    """Return the root element, the rows, and the defect of an XML document; ("", [], "") for plain text."""
    if not _ROOT.match(body[:SNIFFED_BYTES]):
        return "", [], ""
    reader, error = _Reader.of(body)
    if error and (repaired := with_known_references(body)) != body:
        reader, error = _Reader.of(repaired)
    return reader.root, reader.rows, error


class _Reader:
    """The rows of one XML document. A leaf element of KEYS ends with the text since its start.

    Each name of an element is looked up once for each section. The two handlers take most of the time.
    """

    def __init__(self) -> None:
        self.root, self.rows, self.row = "", list[Row](), Row()
        self._depth = 0
        self._chunks: list[str] = []
        self._containers: dict[str, str] = {}  # name as written → url, sitemap, link or a section; "" for leaves
        self._keys: dict[str, dict[str, str]] = {section: {} for section in ("", *SECTIONS)}  # section → name → key
        self._own_keys = self._keys[""]

    @classmethod
    def of(cls, body: bytes) -> tuple["_Reader", str]:
        """Return the reader after *body*, and the error at which it ended."""
        reader, parser = cls(), expat.ParserCreate("utf-8")
        parser.buffer_text, parser.buffer_size = True, 65_536
        parser.StartElementHandler, parser.EndElementHandler = reader._start, reader._end
        parser.CharacterDataHandler = reader._chunks.append
        parser.EntityDeclHandler = _refuse_entity
        try:
            parser.Parse(body, True)
        except expat.ExpatError as exc:
            return reader, str(exc)
        return reader, ""

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._chunks.clear()
        container = self._containers.get(name)
        if container is None:
            container = self._classify(name)
        if container:
            self._start_container(container, attributes)
        elif self._depth > MAX_DEPTH:
            raise UnreadableError(f"elements nested more than {MAX_DEPTH} deep", code="too_deep")

    def _classify(self, name: str) -> str:
        """Learn a name: its container, and the key of a leaf in each section; a prefix stands for its section."""
        prefix, _, local = name.rpartition(":")
        local = local.lower()
        if not self.root:
            self.root = local
        for section, keys in self._keys.items():
            keys[name] = KEYS.get((prefix if prefix in SECTIONS else section, local), "")
        self._containers[name] = local if local in CONTAINERS else ""
        return self._containers[name]

    def _start_container(self, container: str, attributes: dict[str, str]) -> None:
        if container in ROWS:
            self.row = {}
        elif container in SECTIONS:
            self._own_keys = self._keys[container]
        elif attributes.get("rel") == "alternate":
            language, href = attributes.get("hreflang", ""), attributes.get("href", "")
            alternates = self.row.setdefault("alternates", [])
            if language and href and len(alternates) < MAX_PARTS:
                alternates.append((language, href))

    def _end(self, name: str) -> None:
        self._depth -= 1
        key = self._own_keys[name]
        if key:
            row, text = self.row, "".join(self._chunks).strip()
            if key != "images":
                row.setdefault(key, text)
            elif len(images := row.setdefault("images", [])) < MAX_PARTS and text:
                images.append(text)
        elif container := self._containers[name]:
            if container in ROWS:
                self.rows.append(self.row)
                self.row = {}
            elif container in SECTIONS:
                self._own_keys = self._keys[""]


def _refuse_entity(*declaration: object) -> None:
    raise UnreadableError("a sitemap that declares entities", code="bad_feed")
