"""feedparser's parsers with limits, and with rules that differ from feedparser."""

import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin

import feedparser
import feedparser.api

from streams.errors import UnreadableError
from workers.poller.formats.entry_links import is_permalink
from workers.poller.formats.expat_namespaces import MAX_DEPTH, PLAIN, PREFIXES_BY_URI, RENAMED
from workers.poller.formats.feedparser_context import keep_author_text
from workers.poller.formats.feedparser_foreign import LooseForeignMixin, StrictForeignMixin
from workers.poller.formats.feedparser_speed import FastLooseMixin, FastTextMixin, speed_up
from workers.poller.formats.to_item import MAX_CATEGORIES, MAX_ENCLOSURES
from workers.urls.web_url import with_host

# A tag of an element without content. Source: HTML §13.1.2, "void elements".
_VOID_TAG = re.compile(
    r"<(/?)((?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)(?:\s[^<>]*+)?)>", re.IGNORECASE
)
URL_ATTRIBUTES = frozenset("href src poster cite data longdesc background".split())

speed_up()
warnings.filterwarnings("ignore", category=DeprecationWarning, module="feedparser")


class BoundedMixin:
    """Limits that both parsers of feedparser lack, and rules that differ from feedparser.

    Texts of authors, guids and dates are kept as written, with their elements. Media keep the base of their URLs.
    """

    _sync_author_detail = keep_author_text
    can_be_relative_uri = feedparser.mixin._FeedParserMixin.can_be_relative_uri - {"id"}
    _matchnamespaces = PREFIXES_BY_URI

    def unknown_starttag(self, tag: str, attrs: Any) -> None:
        if self.depth > MAX_DEPTH:  # type: ignore[attr-defined]
            raise UnreadableError(f"elements nested more than {MAX_DEPTH} deep", code="too_deep")
        super().unknown_starttag(tag, attrs)  # type: ignore[misc]

    def handle_data(self, text: str, escape: int = 1) -> None:
        """Write void elements without an end tag: HTML §13.2.6.4.7 reads `</br>` as one more line break."""
        if not escape and not self.svgOK and (tag := _VOID_TAG.fullmatch(text)):  # type: ignore[attr-defined]
            text = "" if tag[1] else f"<{tag[2]}/>"
        super().handle_data(text, escape)  # type: ignore[misc]

    def _add_tag(self, term: Any, scheme: Any, label: Any) -> None:
        if len(self._get_context().get("tags") or ()) < MAX_CATEGORIES:  # type: ignore[attr-defined]
            super()._add_tag(term, scheme, label)  # type: ignore[misc]

    def resolve_uri(self, uri: str) -> str:
        """Resolve a URL; a host without a scheme has that of the base."""
        return str(super().resolve_uri(with_host(uri)))  # type: ignore[misc]

    def _start_link(self, attrs: Any) -> None:
        """Leave the media type of an enclosure empty if the feed does not state it: feedparser adds `text/html`."""
        if attrs.get("rel") == "enclosure":
            attrs.setdefault("type", "")
        super()._start_link(attrs)  # type: ignore[misc]

    def _start_enclosure(self, attrs: Any) -> None:
        if len(self._get_context().get("links") or ()) < MAX_ENCLOSURES:  # type: ignore[attr-defined]
            super()._start_enclosure(attrs | {"base": self.baseuri})  # type: ignore[misc, attr-defined]

    def _start_media_content(self, attrs: Any) -> None:
        super()._start_media_content(attrs | {"base": self.baseuri})  # type: ignore[misc, attr-defined]

    def _start_media_thumbnail(self, attrs: Any) -> None:
        super()._start_media_thumbnail(attrs | {"base": self.baseuri})  # type: ignore[misc, attr-defined]

    def _end_dc_title(self) -> None:
        """Let the title of the format replace an earlier dc:title."""
        title_depth = self.title_depth  # type: ignore[has-type]
        super()._end_dc_title()  # type: ignore[misc]
        self.title_depth = title_depth

    def _start_channel(self, attrs: Any) -> None:
        """Let the channel have a title behind those of its items, as in RSS 1.0."""
        self.title_depth = -1
        super()._start_channel(attrs)  # type: ignore[misc]

    def _start_image(self, attrs: Any) -> None:
        super()._start_image(attrs)  # type: ignore[misc]
        if self.inentry:  # type: ignore[attr-defined]
            self.elementstack[-1][1] = 1  # type: ignore[attr-defined]  # its text is a URL
            self._save("image", feedparser.FeedParserDict(href=attrs.get("href") or attrs.get("url")))  # type: ignore[attr-defined]

    def _end_image(self) -> None:
        """Keep the URL of an item's image: its text, or that of its <url>."""
        context = self._get_context()  # type: ignore[attr-defined]
        image = context.get("image")
        super()._end_image()  # type: ignore[misc]
        if self.inentry:  # type: ignore[attr-defined]
            url = context.get("image") or context.get("href") or ""
            context["image"] = feedparser.FeedParserDict(href=url) if url else image

    def _start_guid(self, attrs: Any) -> None:
        super()._start_guid(attrs)  # type: ignore[misc]
        self.guidislink = is_permalink(attrs)

    def _end_guid(self) -> None:
        self.pop("id")  # type: ignore[attr-defined]
        self._save("permalink", self.guidislink, overwrite=True)  # type: ignore[attr-defined]

    _start_id, _end_id = _start_guid, _end_guid

    def _start_itunes_author(self, attrs: Any) -> None:
        if self.inentry or self.insource:  # type: ignore[attr-defined]
            super()._start_itunes_author(attrs)  # type: ignore[misc]
        else:
            self.push("channel_author", 1)  # type: ignore[attr-defined]

    def _end_itunes_author(self) -> None:
        if self.inentry or self.insource:  # type: ignore[attr-defined]
            super()._end_itunes_author()  # type: ignore[misc]
        else:
            self.pop("channel_author")  # type: ignore[attr-defined]

    def strattrs(self, attrs: Any) -> str:
        """Resolve URLs inside XHTML whose elements have an xml:base of their own."""
        if self.baseuri != self.contentparams.get("base"):  # type: ignore[attr-defined]
            attrs = [(name, urljoin(self.baseuri, value) if name in URL_ATTRIBUTES else value) for name, value in attrs]  # type: ignore[attr-defined]
        return str(super().strattrs(attrs))  # type: ignore[misc]

    def _start_media_description(self, attrs: Any) -> None:
        """Keep the description of an image apart from that of the entry (feedparser issue 53)."""
        self.push("media_description", 1)  # type: ignore[attr-defined]

    def _end_media_description(self) -> None:
        self.pop("media_description")  # type: ignore[attr-defined]


def _add_plain(element: str, key: str) -> None:
    def start(self: Any, attrs: Any) -> None:
        self.push(key, 1)

    def end(self: Any) -> None:
        self.pop(key)

    setattr(BoundedMixin, f"_start_{element}", start)
    setattr(BoundedMixin, f"_end_{element}", end)


for _element, _key in ({key: key for key in PLAIN} | RENAMED).items():
    _add_plain(_element, _key)

_STRICT = type(
    "StrictFeedParser", (StrictForeignMixin, BoundedMixin, FastTextMixin, feedparser.api.StrictFeedParser), {}
)
_LOOSE = type("LooseFeedParser", (LooseForeignMixin, BoundedMixin, FastLooseMixin, feedparser.api.LooseFeedParser), {})


@contextmanager
def bounded_parsers() -> Iterator[None]:
    """Replace feedparser's parsers by bounded ones during the block. feedparser.parse has no argument for them."""
    parsers = feedparser.api.StrictFeedParser, feedparser.api.LooseFeedParser
    feedparser.api.StrictFeedParser, feedparser.api.LooseFeedParser = _STRICT, _LOOSE
    try:
        yield
    finally:
        feedparser.api.StrictFeedParser, feedparser.api.LooseFeedParser = parsers


def run_feedparser(body: bytes, headers: Mapping[str, str]) -> Any:
    """Return feedparser's result for *body*. Raises UnreadableError or ValueError."""
    try:
        with bounded_parsers():
            # Pass a stream: feedparser would open a str or bytes argument as a file or fetch it.
            return feedparser.parse(
                io.BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
            )
    except (UnreadableError, ValueError):
        raise
    except MemoryError as exc:
        raise UnreadableError("parsing needs too much memory", code="too_large") from exc
    except Exception as exc:
        raise UnreadableError(f"feedparser failed: {exc!r}", code="bad_feed") from exc
