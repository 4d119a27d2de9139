"""The expat reader: dispatches the elements of one document by feedparser's keys, and collects their texts.

It knows no element itself; the subclass in expat_xml.py does.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from xml.parsers import expat

import feedparser.mixin
from feedparser.urls import _urljoin, make_safe_absolute_uri

from workers.poller.formats.expat_namespaces import (
    IN_AUTHOR,
    IN_IMAGE,
    MAX_DEPTH,
    FastPathUnsupportedError,
    NamespaceMap,
)
from workers.urls.web_url import USUAL_URL, with_host

Mixin = feedparser.mixin._FeedParserMixin
Dict = feedparser.mixin.FeedParserDict
_CP1252 = feedparser.mixin._cp1252
_HIGH = re.compile(r"[\x80-\x9f]")  # the keys of _CP1252

set_raw = dict.__setitem__  # FeedParserDict.__setitem__ looks up aliases first


class ExpatReader:
    """The state of one document. Attributes that feedparser has too have its names.

    `starts` maps keys to functions of (reader, key, attributes), `ends` to functions of (reader, key).
    """

    starts: Mapping[str, Callable[[Any, str, dict[str, str]], None]]
    ends: Mapping[str, Callable[[Any, str], None]]

    def __init__(self, location: str) -> None:
        self.names = NamespaceMap()
        self.feed, self.entries = Dict(), list[Any]()
        self.baseuri = make_safe_absolute_uri("", location) or make_safe_absolute_uri(location) or ""
        self.depth, self.title_depth, self.image_depth = 0, -1, 0
        self.infeed = self.inentry = self.has_content = self.guidislink = False
        self.lang: str | None = None
        self.langs: list[str | None] = []
        self.open: list[str] = []  # keys of the open elements
        self.open_text = ""  # the element whose text is collected; it may not contain others
        self.chunks: list[str] = []
        self.params: dict[str, Any] = {}
        self.as_content = False  # a second description or summary is content
        self.depths: dict[str, int] = {}
        self.name = ""  # of the last element, as expat gives it
        self.foreign_depth = 0  # of the open foreign container
        self.is_foreign_in_entry = False

    def start_other(self, key: str, attrs: dict[str, str]) -> None:
        """Start an element that isn't in `starts`."""

    def read(self, data: bytes) -> None:
        """Read a document.

        Raises:
            FastPathUnsupportedError: feedparser has to read the document.
            ExpatError: the document is ill-formed.
        """
        parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        parser.buffer_text, parser.buffer_size = True, 65_536
        parser.namespace_prefixes = True
        parser.StartNamespaceDeclHandler = self.names.declare_prefix
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._text
        parser.Parse(data, True)

    # -- handlers of expat --------------------------------------------------------------------------------------

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        key = self.names.element_key(name)
        self.depth += 1
        if self.depth > MAX_DEPTH or (self.image_depth and key not in IN_IMAGE):
            raise FastPathUnsupportedError
        if self.foreign_depth and self._is_skipped(is_item=key == "item"):
            self.open.append("")
            self.langs.append(self.lang)
            return
        if self.open_text and not (
            self.open_text == "author" and key in IN_AUTHOR and not "".join(self.chunks).strip()
        ):
            raise FastPathUnsupportedError
        self.open.append(key)
        self.langs.append(self.lang)
        self.name, attrs = name, self._attributes(attributes) if attributes else {}
        start = self.starts.get(key)
        if start is not None:
            start(self, key, attrs)
        else:
            self.start_other(key, attrs)

    def _attributes(self, raw: dict[str, str]) -> dict[str, str]:
        attrs = self.names.attributes(raw)
        if self.depth > 1 and ("xml:base" in attrs or "base" in attrs):
            raise FastPathUnsupportedError
        lang = attrs.get("xml:lang", attrs.get("lang"))
        if lang is not None:
            self.lang = lang or None
        return attrs

    def _text(self, text: str) -> None:
        if self.open_text:
            self.chunks.append(text)

    def _end(self, name: str) -> None:
        key = self.open.pop()
        end = self.ends.get(key)
        if end is not None:
            end(self, key)
        elif key and key == self.open_text:
            self.set_text(key, self.end_text(key))
        if self.depth == self.foreign_depth:
            self.foreign_depth = 0
        self.lang = self.langs.pop()
        self.depth -= 1

    # -- foreign markup -----------------------------------------------------------------------------------------

    def begin_foreign(self) -> None:
        """Ignore the content of the element that starts, if it is foreign; see `feedparser_foreign`."""
        if not self.foreign_depth and (self.infeed or self.inentry) and self.names.is_foreign(self.name):
            self.foreign_depth, self.is_foreign_in_entry = self.depth, self.inentry

    def _is_skipped(self, *, is_item: bool) -> bool:
        return self.is_foreign_in_entry or not (self.inentry or is_item)

    # -- text -------------------------------------------------------------------------------------------------

    @property
    def context(self) -> Any:
        """The current dict: the last entry, or the feed."""
        return self.entries[-1] if self.inentry else self.feed

    def begin_text(self, key: str) -> None:
        """Start to collect the text of an element."""
        self.open_text, self.chunks = key, []

    def end_text(self, element: str) -> str:
        """Return the text of the ending element, like feedparser's `pop`."""
        text = "".join(self.chunks).strip()
        self.open_text, self.chunks = "", []
        if text and element == "link":
            text = self.resolve(text)
        plain = self.params.get("type") == "text/plain" and not self.names.version.startswith("atom")
        if plain and Mixin.looks_like_html(text):
            self.params["type"] = "text/html"
        if not text.isascii():
            with suppress(UnicodeError):  # UTF-8 that was decoded as Latin-1
                text = text.encode("iso-8859-1").decode("utf-8")
            if _HIGH.search(text):
                text = text.translate(_CP1252)
        return text

    def resolve(self, uri: str) -> str:
        """Return *uri*, resolved against the base, like feedparser's `_urljoin`; most are absolute."""
        return uri if USUAL_URL.fullmatch(uri) else str(_urljoin(self.baseuri or "", with_host(uri)))

    def set_text(self, element: str, text: str) -> None:
        """Store a text like feedparser's `pop`."""
        if self.inentry:
            stored_depth = self.depths.get(element)
            if stored_depth is None or self.depth <= stored_depth:
                self.depths[element] = self.depth
                set_raw(self.entries[-1], element, text)
        elif self.infeed:
            set_raw(self.feed, element, text)

    def begin_content(self, key: str, attrs: dict[str, str], default: str) -> None:
        """Start to collect a text that may be HTML. Its media type is the attribute `type` or *default*."""
        media_type = Mixin.map_content_type(attrs.get("type", default))
        if not media_type.startswith("text/") or attrs.get("mode"):
            raise FastPathUnsupportedError
        if self.lang:
            self.lang = self.lang.replace("_", "-")
        self.params = {"type": media_type, "language": self.lang, "base": self.baseuri}
        self.begin_text(key)
