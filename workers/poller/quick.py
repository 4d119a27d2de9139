"""The quick way through usual feeds: what feedparser would say of them, from expat, in a tenth of the time.

Follows feedparser 6.0.14 element by element, as far as `parse` reads its answer, and calls its functions for what they
do alone (encodings, dates, authors, links). What it doesn't follow to the letter is unusual, and left to feedparser:
elements in elements that hold text, XHTML, doctypes, xml:base below the root, textInput, ill-formed documents.
tests/workers/test_quick.py compares both.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from xml.parsers import expat

import feedparser.api
import feedparser.mixin
from feedparser.datetimes import _parse_date
from feedparser.encodings import convert_to_utf8
from feedparser.urls import _urljoin, make_safe_absolute_uri

Mixin = feedparser.mixin._FeedParserMixin
Dict = feedparser.mixin.FeedParserDict
_CP1252 = feedparser.mixin._cp1252
_HIGH = re.compile(r"[\x80-\x9f]")  # what _CP1252 maps
_REFERENCE = re.compile("&([A-Za-z0-9_]+);")
_XLINK = "http://www.w3.org/1999/xlink"

MAX_DEPTH = 256
MAX_CATEGORIES = 50
MAX_ENCLOSURES = 20

# Element → what it is to feedparser, whose handlers share code in the same way.
SAME = {
    "issued": "published", "pubdate": "published", "dcterms_issued": "published",
    "modified": "updated", "lastbuilddate": "updated", "dc_date": "updated", "dcterms_modified": "updated",
    "guid": "id", "entry": "item", "dc_title": "title", "dc_description": "description", "itunes_summary": "summary",
    "dc_language": "language", "managingeditor": "author", "dc_creator": "author", "dc_author": "author",
    "itunes_author": "author", "keywords": "category", "dc_subject": "category",
    "tagline": "subtitle", "itunes_subtitle": "subtitle", "itunes_name": "name", "itunes_email": "email",
    "homepage": "url", "uri": "url",
}  # fmt: skip
# Elements that feedparser has handlers for which touch nothing that we read.
UNREAD = frozenset(
    """generator cloud webmaster dc_publisher copyright rights dc_rights created dcterms_created expirationdate
    media_credit media_rating media_restriction media_license media_player itunes_explicit itunes_block itunes_image
    cc_license creativecommons_license admin_generatoragent admin_errorreportsto subtitle feedburner_browserfriendly
    dcterms_valid georss_point georss_line georss_polygon georss_box""".split()
)
WITH_PARTS = {
    "contributor",
    "dc_contributor",
    "itunes_owner",
    "psc_chapters",
    "psc_chapter",
}  # such, with elements in them
IN_IMAGE = {"title", "link", "url", "width", "height", "description"}
IN_AUTHOR = {"name", "email", "url"}
# What parse reads of entries and of the channel: elements without a handler may not write there.
READ = frozenset(
    """link links id title content summary summary_detail enclosures tags authors author author_detail published
    published_parsed updated updated_parsed language media_content media_thumbnail media_description""".split()
)
HINTS = {"ttl", "sy_updateperiod", "sy_updatefrequency"}
HELD = {"id", "published", "updated", "language", "media_description"} | HINTS  # texts without more ado
_KNOWN = {uri.lower(): prefix for uri, prefix in Mixin.namespaces.items()}
_STANDARD = set(_KNOWN.values()) - {""}
_VERSIONS = {"http://purl.org/rss/1.0/": "rss10", "http://www.w3.org/2005/atom": "atom10"}
_RSS = {"0.91": "rss091u", "0.92": "rss092", "0.93": "rss093", "0.94": "rss094"}
_ATOM = {"0.1": "atom01", "0.2": "atom02", "0.3": "atom03"}
_set = dict.__setitem__  # FeedParserDict's own looks up other names first


class _Context:
    """Stands for a parser where feedparser's functions ask it only where to write."""

    _sync_author_detail = Mixin._sync_author_detail

    def __init__(self, context: Any) -> None:
        self._get_context = lambda: context


def _has_handler(key: str) -> bool:
    parser = feedparser.api.StrictFeedParser
    return hasattr(parser, f"_start_{key}") or hasattr(parser, f"_end_{key}")


class UnusualError(Exception):
    """A document, or a part of one, that feedparser should read."""


def quick(body: bytes, headers: Mapping[str, str]) -> dict[str, Any] | None:
    """Return what feedparser makes of *body*, as far as `parse` reads it; None where it should be asked itself."""
    found: dict[str, Any] = {}
    data = convert_to_utf8(dict(headers), body, found)
    if not found["encoding"] or b"<!DOCTYPE" in data or b"<!doctype" in data or b"<!ENTITY" in data:
        return None
    try:
        quickly = _Quick(headers.get("content-location", ""))
        quickly.read(data)
    except (UnusualError, expat.ExpatError):
        return None
    told = {"feed": quickly.feed, "entries": quickly.entries, "version": quickly.version}
    return told | {name: found[name] for name in ("bozo", "bozo_exception") if name in found}


class _Quick:
    """The state of one document, named as in feedparser where it is the same."""

    def __init__(self, location: str) -> None:
        self.feed, self.entries, self.version = Dict(), list[Any](), ""
        self.baseuri = make_safe_absolute_uri("", location) or make_safe_absolute_uri(location) or ""
        self.depth, self.title_depth, self.image_depth = 0, -1, 0
        self.infeed = self.inentry = self.has_content = self.guidislink = False
        self.lang: str | None = None
        self.langs: list[str | None] = []
        self.open: list[str] = []  # elements by key
        self.held = ""  # the element whose text is being gathered: no other may begin in it
        self.pieces: list[str] = []
        self.params: dict[str, Any] = {}
        self.as_content = False  # a second description or summary counts as content
        self.depths: dict[str, int] = {}
        self.keys: dict[str, str] = {}  # of the names as expat has them
        self.prefixes: dict[str, str] = {}  # of namespaces that feedparser doesn't know
        self.mapped: set[str | None] = set()  # prefixes of those that it does

    def read(self, data: bytes) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text, parser.buffer_size = True, 65_536
        parser.namespace_prefixes = True
        parser.StartNamespaceDeclHandler = self._namespace
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._text
        parser.Parse(data, True)

    # -- what expat says --------------------------------------------------------------------------------------

    def _namespace(self, prefix: str | None, uri: str) -> None:
        if not uri:
            return
        lower = uri.lower()
        if uri == _XLINK or "backend.userland.com/rss" in lower:
            raise UnusualError
        if not self.version:
            if (prefix, lower) == (None, "http://my.netscape.com/rdf/simple/0.9/"):
                self.version = "rss090"
            else:
                self.version = _VERSIONS.get(lower, "")
        standard = _KNOWN.get(lower)
        if prefix and prefix != standard and prefix.lower() in _STANDARD:
            raise UnusualError  # another's prefix: feedparser mixes them up
        if standard is not None:
            self.mapped.add(prefix)
            if prefix in self.prefixes.values():
                raise UnusualError
            return
        others = [other for known, other in self.prefixes.items() if known != uri]
        if self.prefixes.setdefault(uri, prefix or "") != (prefix or "") or prefix in self.mapped or prefix in others:
            raise UnusualError

    def _key(self, name: str) -> str:
        """Return an element's key: `prefix_local`, the prefix being feedparser's where it knows the namespace."""
        parts = name.split(" ")
        local = parts[-1 if len(parts) < 3 else 1].lower()
        if len(parts) == 1:
            return local
        prefix = _KNOWN.get(parts[0].lower())
        if prefix is None:
            prefix = self.prefixes[parts[0]].lower()
        return f"{prefix}_{local}" if prefix else local

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        key = self.keys.get(name)
        if key is None:
            key = self._key(name)
            key = self.keys[name] = SAME.get(key, key)
        self.depth += 1
        if self.depth > MAX_DEPTH or (self.image_depth and key not in IN_IMAGE):
            raise UnusualError
        if self.held and not (self.held == "author" and key in IN_AUTHOR and not "".join(self.pieces).strip()):
            raise UnusualError
        self.open.append(key)
        self.langs.append(self.lang)
        attrs = self._attributes(attributes) if attributes else {}
        start = _STARTS.get(key)
        if start is not None:
            start(self, key, attrs)
        else:
            self._start_other(key, attrs)

    def _attributes(self, given: dict[str, str]) -> dict[str, str]:
        attrs: dict[str, str] = {}
        for name, value in given.items():
            parts = name.split(" ")
            local = parts[min(1, len(parts) - 1)].lower()
            if len(parts) > 1:
                prefix = _KNOWN.get(parts[0].lower(), "")
                if len(parts) == 3:
                    attrs[f"{parts[2]}:{local}".lower()] = value
                local = f"{prefix}:{local}" if prefix else local
            attrs[local] = value.lower() if local in ("rel", "type") else value
        if self.depth > 1 and ("xml:base" in attrs or "base" in attrs):
            raise UnusualError
        lang = attrs.get("xml:lang", attrs.get("lang"))
        if lang is not None:
            self.lang = lang or None
        return attrs

    def _text(self, text: str) -> None:
        if self.held:
            self.pieces.append(text)

    def _end(self, name: str) -> None:
        key = self.open.pop()
        end = _ENDS.get(key)
        if end is not None:
            end(self, key)
        elif key == self.held:
            self._store(key, self._take(key))
        self.lang = self.langs.pop()
        self.depth -= 1

    # -- text -------------------------------------------------------------------------------------------------

    @property
    def context(self) -> Any:
        return self.entries[-1] if self.inentry else self.feed

    def _hold(self, key: str) -> None:
        self.held, self.pieces = key, []

    def _take(self, element: str) -> str:
        """Return the text of what ends, as `pop` does."""
        text = "".join(self.pieces).strip()
        self.held, self.pieces = "", []
        if text and (element == "link" or (element == "id" and self.guidislink)):
            text = _urljoin(self.baseuri or "", text)
        plain = self.params.get("type") == "text/plain" and not self.version.startswith("atom")
        if plain and Mixin.looks_like_html(text):
            self.params["type"] = "text/html"
        if not text.isascii():
            with suppress(UnicodeError):  # UTF-8 that somebody took for Latin-1
                text = text.encode("iso-8859-1").decode("utf-8")
            if _HIGH.search(text):
                text = text.translate(_CP1252)
        return text

    def _store(self, element: str, text: str) -> None:
        """Keep a text where `pop` would."""
        if self.inentry:
            old = self.depths.get(element)
            if old is None or self.depth <= old:
                self.depths[element] = self.depth
                _set(self.entries[-1], element, text)
        elif self.infeed:
            _set(self.feed, element, text)

    def _hold_content(self, key: str, attrs: dict[str, str], default: str) -> None:
        kind = Mixin.map_content_type(attrs.get("type", default))
        if not kind.startswith("text/") or attrs.get("mode"):
            raise UnusualError
        if self.lang:
            self.lang = self.lang.replace("_", "-")
        self.params = {"type": kind, "language": self.lang}
        self._hold(key)

    # -- elements ---------------------------------------------------------------------------------------------

    def _start_other(self, key: str, attrs: dict[str, str]) -> None:
        if key in HELD and (self.inentry or key in HINTS or key in ("id", "language")):
            if key in HINTS and attrs:
                raise UnusualError
            if key == "id":
                self.guidislink = attrs.get("ispermalink", "true") == "true"
            self._hold(key)
        elif key in UNREAD:
            if self.inentry and key.endswith("license"):  # feedparser counts it among the links
                raise UnusualError
            self._hold(key)
        elif key in WITH_PARTS:
            if self.inentry and key == "itunes_owner":
                raise UnusualError
        elif key not in HELD and (key in READ or _has_handler(key)):
            raise UnusualError

    def _root(self, key: str, attrs: dict[str, str]) -> None:
        if self.depth != 1:
            raise UnusualError
        base = attrs.get("xml:base", attrs.get("base")) or self.baseuri
        if self.baseuri:
            self.baseuri = make_safe_absolute_uri(self.baseuri, base) or self.baseuri
        else:
            self.baseuri = _urljoin(self.baseuri, base)
        if self.baseuri and make_safe_absolute_uri(self.baseuri, self.baseuri) != self.baseuri:
            raise UnusualError
        if self.lang and key != "rdf_rdf":
            _set(self.feed, "language", self.lang.replace("_", "-"))

    def _start_rss(self, key: str, attrs: dict[str, str]) -> None:
        self._root(key, attrs)
        if not self.version.startswith("rss"):
            given = attrs.get("version", "")
            self.version = _RSS.get(given) or ("rss20" if given.startswith("2.") else "rss")

    def _start_feed(self, key: str, attrs: dict[str, str]) -> None:
        self._root(key, attrs)
        self.infeed = True
        if not self.version:
            self.version = _ATOM.get(attrs.get("version", ""), "atom")

    def _start_rdf_rdf(self, key: str, attrs: dict[str, str]) -> None:
        self._root(key, attrs)

    def _start_channel(self, key: str, attrs: dict[str, str]) -> None:
        if "lastmod" in attrs or "href" in attrs or self.inentry:
            raise UnusualError
        self.infeed = True

    def _end_channel(self, key: str) -> None:
        self.infeed = False

    _end_feed = _end_channel

    def _start_item(self, key: str, attrs: dict[str, str]) -> None:
        if "lastmod" in attrs or "href" in attrs or self.inentry:
            raise UnusualError
        self.entries.append(Dict())
        self.depths = {}
        self.inentry, self.guidislink, self.title_depth = True, False, -1
        if about := attrs.get("rdf:about"):
            _set(self.entries[-1], "id", about)

    def _end_item(self, key: str) -> None:
        self.inentry = self.has_content = False

    def _start_image(self, key: str, attrs: dict[str, str]) -> None:
        if self.inentry:
            raise UnusualError
        self.image_depth, self.title_depth = self.depth, -1

    def _end_image(self, key: str) -> None:
        self.image_depth = 0

    def _start_title(self, key: str, attrs: dict[str, str]) -> None:
        self._hold_content(key, attrs, "text/plain")

    _start_media_title = _start_title

    def _end_title(self, key: str) -> None:
        text = self._take("title")
        if not self.image_depth and not -1 < self.title_depth <= self.depth:
            self._store("title", text)
        self.params = {}
        if text and key == "title":
            self.title_depth = self.depth

    _end_media_title = _end_title

    def _start_link(self, key: str, attrs: dict[str, str]) -> None:
        attrs.setdefault("rel", "alternate")
        attrs.setdefault("type", "application/atom+xml" if attrs["rel"] == "self" else "text/html")
        attrs = Mixin._enforce_href(attrs)
        if "href" in attrs:
            attrs["href"] = _urljoin(self.baseuri or "", attrs["href"])
        if self.image_depth:
            if "href" not in attrs:
                self._hold("skipped")
            return
        self.context.setdefault("links", []).append(Dict(attrs))
        if "href" not in attrs:
            self._hold(key)
        elif attrs["rel"] == "alternate" and Mixin.map_content_type(attrs["type"]) in Mixin.html_types:
            _set(self.context, "link", attrs["href"])

    def _end_link(self, key: str) -> None:
        if self.held == "skipped":
            self.held = ""
        if self.held != key:
            return
        text = self._take(key)
        if self.inentry:
            text = text.replace("&amp;", "&")
        text = _REFERENCE.sub(r"&\g<1>", text)
        if self.inentry or self.infeed:
            _set(self.context, "link", text)
            if text or not self.inentry:
                _set(self.context["links"][-1], "href", text)

    def _end_id(self, key: str) -> None:
        if self.held != key:
            return
        text = self._take(key)
        self._store(key, text)
        if self.guidislink:
            self.context.setdefault("link", text)

    def _end_published(self, key: str) -> None:
        if self.held == key:
            text = self._take(key)
            self._store(key, text)
            _set(self.entries[-1], f"{key}_parsed", _parse_date(text))

    _end_updated = _end_published

    def _start_description(self, key: str, attrs: dict[str, str]) -> None:
        if self.image_depth:
            self._hold("skipped")
            return
        self.as_content = dict.__contains__(self.context, "summary") and not self.has_content
        if self.as_content:
            self._start_content(key, attrs)
        else:
            self._hold_content(key, attrs, "text/html" if key == "description" else "text/plain")

    _start_summary = _start_description

    def _end_description(self, key: str) -> None:
        if self.held == "skipped":
            self.held = ""
            return
        if self.as_content:
            self._end_content(key)
        else:
            text = self._take(key)
            if self.inentry:
                self._store("summary", text)
                _set(self.entries[-1], "summary_detail", self.params | {"value": text})
            elif self.infeed and key == "summary":
                _set(self.feed, "summary", text)
            self.params = {}
        self.as_content = False

    _end_summary = _end_description

    def _start_content(self, key: str, attrs: dict[str, str]) -> None:
        self.has_content = True
        self._hold_content(key, attrs, "text/html" if key == "content_encoded" else "text/plain")

    _start_content_encoded = _start_content

    def _end_content(self, key: str) -> None:
        copied = self.params["type"] in ("text/plain", "text/html")
        text = self._take(key)
        if self.inentry:
            dict.setdefault(self.entries[-1], "content", []).append(self.params | {"value": text})
        elif self.infeed:
            _set(self.feed, "content", text)
        self.params = {}
        if copied:
            dict.setdefault(self.context, "summary", text)

    _end_content_encoded = _end_content

    def _start_author(self, key: str, attrs: dict[str, str]) -> None:
        if self.inentry:
            self._hold(key)
            self.context.setdefault("authors", []).append(Dict())

    def _end_author(self, key: str) -> None:
        if self.held == key:
            self._store(key, self._take(key))
            Mixin._sync_author_detail(_Context(self.context))

    def _start_name(self, key: str, attrs: dict[str, str]) -> None:
        if self.held == "author":
            self._hold(key)

    _start_email = _start_url = _start_name

    def _end_name(self, key: str) -> None:
        if self.held == key:
            text = self._take("link") if key == "url" else "".join(self.pieces).strip()
            self._hold("author")
            Mixin._save_author(_Context(self.context), "href" if key == "url" else key, text)

    _end_email = _end_url = _end_name

    def _start_category(self, key: str, attrs: dict[str, str]) -> None:
        if self.inentry:
            scheme = attrs.get("scheme", attrs.get("domain"))
            if key == "media_category":
                scheme = attrs.get("scheme", "http://search.yahoo.com/mrss/category_schema")
            self._tag(attrs.get("term"), scheme, attrs.get("label"))
            self._hold(key)

    _start_media_category = _start_category

    def _end_category(self, key: str) -> None:
        if self.held == key and (text := self._take(key)):
            tags = self.context["tags"]
            if tags and not tags[-1]["term"]:
                tags[-1]["term"] = text
            else:
                self._tag(text, None, None)

    _end_media_category = _end_category

    def _start_itunes_keywords(self, key: str, attrs: dict[str, str]) -> None:
        if self.inentry:
            if attrs:
                raise UnusualError
            self._hold(key)

    _start_media_keywords = _start_itunes_keywords

    def _end_itunes_keywords(self, key: str) -> None:
        if self.held != key:
            return
        scheme = "http://www.itunes.com/" if key == "itunes_keywords" else None
        text = self._take(key)
        if key == "media_keywords":
            self._store(key, text)
        for term in text.split(","):
            if term.strip():
                self._tag(term.strip(), scheme, None)

    _end_media_keywords = _end_itunes_keywords

    def _start_itunes_category(self, key: str, attrs: dict[str, str]) -> None:
        if self.inentry:
            raise UnusualError

    def _tag(self, term: str | None, scheme: str | None, label: str | None) -> None:
        if len(self.context.get("tags") or ()) < MAX_CATEGORIES:
            Mixin._add_tag(_Context(self.context), term, scheme, label)

    def _start_enclosure(self, key: str, attrs: dict[str, str]) -> None:
        if len(self.context.get("links") or ()) < MAX_ENCLOSURES:
            attrs = Mixin._enforce_href(attrs)
            attrs["rel"] = "enclosure"
            self.context.setdefault("links", []).append(Dict(attrs))

    def _start_source(self, key: str, attrs: dict[str, str]) -> None:
        self.title_depth = -1
        self._hold(key)

    def _end_source(self, key: str) -> None:
        self.held = ""

    def _start_media_content(self, key: str, attrs: dict[str, str]) -> None:
        self.context.setdefault("media_content", []).append(attrs)

    def _start_media_thumbnail(self, key: str, attrs: dict[str, str]) -> None:
        self.context.setdefault("media_thumbnail", []).append(attrs)
        self._hold(key)

    def _end_media_thumbnail(self, key: str) -> None:
        if self._take(key):
            raise UnusualError  # an address as text

    def _start_media_group(self, key: str, attrs: dict[str, str]) -> None:
        """Hold nothing: what is in it is the entry's."""


_STARTS: dict[str, Callable[[_Quick, str, dict[str, str]], None]] = {
    name[7:]: getattr(_Quick, name) for name in dir(_Quick) if name.startswith("_start_") and name != "_start_other"
}
_ENDS: dict[str, Callable[[_Quick, str], None]] = {
    name[5:]: getattr(_Quick, name) for name in dir(_Quick) if name.startswith("_end_")
}
