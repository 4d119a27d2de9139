"""Element and attribute names: feedparser's key for each, independent of the namespace prefixes of the document."""

import feedparser.mixin

# Element → key of feedparser. Its handlers share code in the same way.
ALIASES = {
    "issued": "published", "pubdate": "published",
    "dcterms_created": "created", "modified": "updated", "lastbuilddate": "updated", "dcterms_modified": "updated",
    "guid": "id", "entry": "item", "dc_description": "description", "itunes_summary": "summary",
    "dc_language": "language", "managingeditor": "author", "dc_creator": "author", "dc_author": "author",
    "keywords": "category", "dc_subject": "category",
    "tagline": "subtitle", "itunes_subtitle": "subtitle", "itunes_name": "name", "itunes_email": "email",
    "homepage": "url", "uri": "url",
}  # fmt: skip
# Elements without a handler whose names feedparser maps to other keys, see FeedParserDict.keymap.
RENAMED = {"date": "plain_date", "description_detail": "plain_description_detail"}
ALIASES |= RENAMED

MAX_DEPTH = 256
# Elements whose handlers in feedparser write no key that copydesk uses.
IGNORED = frozenset(
    """generator cloud webmaster dc_publisher copyright rights dc_rights expirationdate
    media_credit media_rating media_restriction media_license media_player itunes_explicit itunes_block
    cc_license creativecommons_license admin_generatoragent admin_errorreportsto subtitle feedburner_browserfriendly
    dcterms_valid georss_point georss_line georss_polygon georss_box""".split()
)
CONTAINERS = {
    "contributor",
    "dc_contributor",
    "itunes_owner",
    "psc_chapters",
    "psc_chapter",
}  # ignored elements with child elements
IN_IMAGE = {"title", "link", "url", "width", "height", "description"}
IN_AUTHOR = {"name", "email", "url"}
# Keys of entries and channel that copydesk uses. Elements without a handler may not write them.
USED_KEYS = frozenset(
    """link links id title content summary summary_detail enclosures tags authors author author_detail published
    updated created image itunes_title language media_content media_thumbnail media_description permalink
    title_detail yandex_full-text""".split()
)
HINTS = {"ttl", "sy_updateperiod", "sy_updatefrequency"}
# Dates and links without a handler in feedparser, or with one that loses their element; see BoundedMixin.
PLAIN = frozenset(
    "dc_date dcterms_date dcterms_issued prism_publicationdate feedburner_origlink pheedo_origlink itunes_title "
    "yandex_full-text plain_date".split()
)
TEXT_ELEMENTS = {"id", "published", "updated", "created", "language", "media_description"} | HINTS | PLAIN
RSS = {"0.91": "rss091u", "0.92": "rss092", "0.93": "rss093", "0.94": "rss094"}
ATOM = {"0.1": "atom01", "0.2": "atom02", "0.3": "atom03"}


def _spellings(uri: str) -> set[str]:
    """Return *uri* in lower case, with http and https, with and without a trailing slash."""
    location = uri.lower().partition("://")[2].rstrip("/")
    ends = ("", "/") if location else ()
    return {uri.lower()} | {f"{scheme}://{location}{end}" for scheme in ("http", "https") for end in ends}


# URI in lower case → feedparser's prefix. Feeds write the URIs of modules in several ways.
PREFIXES_BY_URI = {
    spelling: prefix
    for uri, prefix in feedparser.mixin._FeedParserMixin.namespaces.items()
    for spelling in _spellings(uri)
}
STANDARD_PREFIXES = set(PREFIXES_BY_URI.values()) - {""}
HOME_KEYS = frozenset(("rss", "feed", "rdf_rdf", "channel", "item", "entry"))  # their namespaces are not foreign
_VERSIONS = {"http://purl.org/rss/1.0/": "rss10", "http://www.w3.org/2005/atom": "atom10"}
_XLINK = "http://www.w3.org/1999/xlink"


def is_unknown_uri(uri: str) -> bool:
    """Return whether feedparser knows no prefix for a namespace."""
    return bool(uri) and uri.lower() not in PREFIXES_BY_URI and "backend.userland.com/rss" not in uri.lower()


class FastPathUnsupportedError(Exception):
    """The fast path doesn't support the document; feedparser has to read it."""


class NamespaceMap:
    """The namespaces of one document. `version` is the feed format that they imply, or ""."""

    def __init__(self) -> None:
        self.version = ""
        self._keys: dict[str, str] = {}  # by expat's name: "uri local prefix"
        self._attribute_keys: dict[str, tuple[str, str]] = {}  # by expat's name
        self._prefixes: dict[str, str] = {}  # by URI, of namespaces unknown to feedparser
        self._mapped: set[str | None] = set()  # prefixes of namespaces known to feedparser
        self._homes: set[str] = set()  # namespaces of the feed, its channel and its items

    def declare_prefix(self, prefix: str | None, uri: str) -> None:
        """Add a declaration. Raises FastPathUnsupportedError where feedparser confuses namespaces."""
        if not uri:
            return
        lower = uri.lower()
        if uri == _XLINK or "backend.userland.com/rss" in lower:
            raise FastPathUnsupportedError
        if not self.version:
            if (prefix, lower) == (None, "http://my.netscape.com/rdf/simple/0.9/"):
                self.version = "rss090"
            else:
                self.version = _VERSIONS.get(lower, "")
        standard = PREFIXES_BY_URI.get(lower)
        if prefix and prefix != standard and prefix.lower() in STANDARD_PREFIXES:
            raise FastPathUnsupportedError  # the prefix of another namespace, which feedparser confuses
        if standard is not None:
            self._mapped.add(prefix)
            if prefix in self._prefixes.values():
                raise FastPathUnsupportedError
            return
        others = [other for other_uri, other in self._prefixes.items() if other_uri != uri]
        if self._prefixes.setdefault(uri, prefix or "") != (prefix or "") or prefix in self._mapped or prefix in others:
            raise FastPathUnsupportedError

    def element_key(self, name: str) -> str:
        """Return the key of an element: `prefix_local`, with feedparser's prefix of a known namespace."""
        key = self._keys.get(name)
        if key is None:
            key = self._key(name)
            key = self._keys[name] = ALIASES.get(key, key)
            if key in HOME_KEYS:
                self._homes.add(name.partition(" ")[0])
        return key

    def is_foreign(self, name: str) -> bool:
        """Return whether an element has a namespace that neither feedparser knows nor the feed uses."""
        uri, space, _ = name.partition(" ")
        return bool(space) and is_unknown_uri(uri) and uri not in self._homes

    def _key(self, name: str) -> str:
        parts = name.split(" ")
        local = parts[-1 if len(parts) < 3 else 1].lower()
        if len(parts) == 1:
            return local
        prefix = PREFIXES_BY_URI.get(parts[0].lower())
        if prefix is None:
            prefix = self._prefixes[parts[0]].lower()
        return f"{prefix}_{local}" if prefix else local

    def attributes(self, raw: dict[str, str]) -> dict[str, str]:
        """Return attributes by `local` or `prefix:local`. Names and values of `rel` and `type` become lower case."""
        attrs: dict[str, str] = {}
        for name, value in raw.items():
            keys = self._attribute_keys.get(name)
            if keys is None:
                keys = self._attribute_keys[name] = _attribute_keys(name)
            as_written, key = keys
            if as_written:
                attrs[as_written] = value
            attrs[key] = value.lower() if key in ("rel", "type") else value
        return attrs


def _attribute_keys(name: str) -> tuple[str, str]:
    """Return the keys of an attribute: with the prefix as written, "" without one, and with feedparser's prefix."""
    parts = name.split(" ")
    local = parts[min(1, len(parts) - 1)].lower()
    if len(parts) == 1:
        return "", local
    prefix = PREFIXES_BY_URI.get(parts[0].lower(), "")
    as_written = f"{parts[2]}:{local}".lower() if len(parts) == 3 else ""
    return as_written, f"{prefix}:{local}" if prefix else local
