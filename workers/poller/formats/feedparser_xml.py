"""Parsing: the bytes of a feed document to Items. feedparser is the reference for what a feed means.

Dates are read by `workers.text.dates` instead, and URLs pass the gate of `workers.urls.web_url`.

It runs in processes of its own, see parsers.py: what follows may take long, need much memory, or crash.
"""

import hashlib
import html
import io
import re
import warnings
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import feedparser
import feedparser.api
import msgspec

from streams.errors import UnreadableError
from streams.records import Content, Enclosure, Item
from workers.dedupe.fingerprint import MAX_TAG_CHARS, raw_fingerprint
from workers.dedupe.identity import identifies_article, item_key
from workers.poller.formats.expat_namespaces import MAX_CATEGORIES, MAX_DEPTH, MAX_ENCLOSURES
from workers.poller.formats.expat_xml import parse_fast
from workers.poller.formats.json_feed import looks_like_json, read_json_feed
from workers.poller.schedule import PollHints, feed_hints
from workers.text.dates import parse_date
from workers.text.encoding import codec_for_label
from workers.text.markup import strip_tags
from workers.text.normalise import plain_text, without_joiners
from workers.urls.canonical import CanonicalUrl, canonicalise
from workers.urls.web_url import web_url

MAX_ITEMS = 5_000
MAX_TITLE_CHARS = 1_000
MAX_CONTENT_CHARS = 1_048_576
MAX_NAME_CHARS = 300
MAX_GUID_CHARS = 2_048
FIRST_YEAR = 1990  # there was no web to publish on before
MAX_FUTURE = timedelta(days=2)  # a story from further in the future has no date that helps
# Remarks of feedparser's on headers; the document itself may be perfect.
IGNORED_BOZO = (feedparser.NonXMLContentType, feedparser.CharacterEncodingOverride)
_ITEM_OPENS = re.compile(rb"<(?:\w{1,20}:)?(?:item|entry)[\s>]")
_ITEM_CLOSES = re.compile(rb"</(?:\w{1,20}:)?(?:item|entry)\s{0,20}>")
_DECLARED = re.compile(rb"""(<\?xml[^>]{0,200}?encoding\s{0,20}=\s{0,20}["'])([^"'>]{0,100})""")
_CHARACTER = re.compile(rb"&#(?:[xX]0{0,20}([0-9a-fA-F]{1,200000})|0{0,20}([0-9]{1,200000}));?")
_CHARSET = re.compile(r"""charset\s{0,20}=\s{0,20}["']?([^"';\s]{0,100})""", re.IGNORECASE)

warnings.filterwarnings("ignore", category=DeprecationWarning, module="feedparser")


class BoundedMixin:
    """What both of feedparser's parsers leave unbounded, and the one rule of theirs that we don't share."""

    def unknown_starttag(self, tag: str, attrs: Any) -> None:
        if self.depth > MAX_DEPTH:  # type: ignore[attr-defined]
            raise UnreadableError(f"elements nested more than {MAX_DEPTH} deep", code="too_deep")
        super().unknown_starttag(tag, attrs)  # type: ignore[misc]

    def _add_tag(self, term: Any, scheme: Any, label: Any) -> None:
        if len(self._get_context().get("tags") or ()) < MAX_CATEGORIES:  # type: ignore[attr-defined]
            super()._add_tag(term, scheme, label)  # type: ignore[misc]

    def _start_enclosure(self, attrs: Any) -> None:
        if len(self._get_context().get("links") or ()) < MAX_ENCLOSURES:  # type: ignore[attr-defined]
            super()._start_enclosure(attrs)  # type: ignore[misc]

    def _start_media_description(self, attrs: Any) -> None:
        """Keep what describes a picture from being taken for the story's own description (feedparser issue 53)."""
        self.push("media_description", 1)  # type: ignore[attr-defined]

    def _end_media_description(self) -> None:
        self.pop("media_description")  # type: ignore[attr-defined]


feedparser.api.StrictFeedParser = type("StrictFeedParser", (BoundedMixin, feedparser.api.StrictFeedParser), {})
feedparser.api.LooseFeedParser = type("LooseFeedParser", (BoundedMixin, feedparser.api.LooseFeedParser), {})


class ParsedFeed(msgspec.Struct, frozen=True):
    """A feed document: its items, and what was wrong with it. `dead` holds (entry, reason) of unreadable items.

    `hub` and `topic` are what WebSub needs (rel=hub and rel=self), empty where there is none.
    """

    title: str
    language: str
    items: tuple[Item, ...]
    warning: str = ""
    unreadable: tuple[tuple[str, str], ...] = ()
    hints: PollHints = PollHints()
    hub: str = ""
    topic: str = ""
    deferred: int = 0  # items that were left out for now

    @property
    def identity(self) -> str:
        """What most of its items are known by."""
        by_link = sum(not item.identity_key.startswith(f"{item.feed}#") for item in self.items)
        if by_link * 2 >= len(self.items):
            return "links" if by_link == len(self.items) else f"links; {len(self.items) - by_link} items by guid"
        return "guids: its links are shared by several items, lead to the front page, or are missing"


def parse_feed(
    body: bytes, url: str, *, content_type: str = "", fetched_at: datetime, poll_id: str = "", quickly: bool = True
) -> ParsedFeed:
    """Return the feed in *body*, fetched from *url*.

    A document that breaks off gives what is readable before the break, with a warning. Raises UnreadableError for
    what is no feed at all, saying what it seems to be. *quickly* False asks feedparser even for usual feeds: the answer
    is the same.
    """
    if not body.strip(b"\xef\xbb\xbf \t\r\n"):
        raise UnreadableError("the document is empty", code="not_a_feed")
    body, left_out = truncate_items(body)
    parsed = read_json_feed(body) if looks_like_json(body) else _parsed(body, url, content_type, quickly)
    entries = parsed["entries"]
    broken = parsed.get("bozo") and not isinstance(parsed.get("bozo_exception"), IGNORED_BOZO)
    if not entries and (not parsed.get("version") or broken):
        raise UnreadableError(
            describe_document(body, parsed), code="bad_feed" if parsed.get("version") else "not_a_feed"
        )
    channel = parsed["feed"]
    context: dict[str, Any] = {
        "url": url,
        "publisher": text_value(channel.get("title", ""))[:MAX_NAME_CHARS],
        "language": (channel.get("language") or "")[:35],
        "fetched_at": fetched_at,
        "poll_id": poll_id,
        "site": canonicalise(channel.get("link") or "").key,
    }
    links = [canonicalise(clean_url(entry.get("link"))) for entry in entries[:MAX_ITEMS]]
    shared = {key for key, n in Counter(link.key for link in links).items() if n > 1}
    items, dead = [], []
    for entry, spelt in zip(entries, links, strict=False):
        plainly = {**entry, "enclosures": entry.get("enclosures")}  # feedparser's own dictionaries look up slowly
        try:
            items.append(_item(plainly, context, spelt, shared))
        except (ValueError, TypeError, AttributeError, KeyError, OverflowError, UnreadableError) as exc:
            dead.append((repr(entry)[:100_000], f"entry can't be read: {exc}"))
    if dead and quickly:  # of what is set aside, all that feedparser knows is wanted
        return parse_feed(body, url, content_type=content_type, fetched_at=fetched_at, poll_id=poll_id, quickly=False)
    left_out += len(entries[MAX_ITEMS:])
    warning = f"{left_out} items beyond the first {MAX_ITEMS} were left out" if left_out else ""
    if broken:
        warning = f"{warning} {parsed.get('bozo_exception')}".strip()
    rels = {str(link.get("rel")): str(link.get("href") or "") for link in reversed(channel.get("links") or ())}
    return ParsedFeed(
        context["publisher"], context["language"], tuple(items), _encodable(warning)[:500], tuple(dead),
        feed_hints(channel, body), clean_url(rels.get("hub")), clean_url(rels.get("self")),
    )  # fmt: skip


def truncate_items(body: bytes) -> tuple[bytes, int]:
    """Return *body* without the items beyond MAX_ITEMS, and how many those are."""
    opens = [found.start() for found in _ITEM_OPENS.finditer(body)]
    if len(opens) <= MAX_ITEMS:
        return body, 0
    last = max((found.end() for found in _ITEM_CLOSES.finditer(body)), default=len(body))
    return body[: opens[MAX_ITEMS]] + body[last:], len(opens) - MAX_ITEMS


def _parsed(body: bytes, url: str, content_type: str, quickly: bool) -> Any:
    charset = _CHARSET.search(content_type)
    if charset and codec_for_label(charset[1]) is None:  # only what the web knows (WHATWG Encoding): see codec_of
        content_type = content_type.partition(";")[0]
    declared = _DECLARED.search(body[:1000])
    if declared and codec_for_label(declared[2].decode("latin-1")) is None:
        body = body[: declared.start(2)] + b"utf-8" + body[declared.end(2) :]
    headers = {"content-location": url} | ({"content-type": content_type} if content_type else {})
    found = parse_fast(body, headers) if quickly else None
    if found is not None:
        return found
    try:
        return run_feedparser(body, headers)
    except ValueError:  # feedparser breaks on references to no character; nobody misses those
        try:
            return run_feedparser(_CHARACTER.sub(valid_reference, body), headers)
        except ValueError as exc:
            raise UnreadableError(f"feedparser gave up: {exc!r}", code="bad_feed") from exc


def valid_reference(reference: re.Match[bytes]) -> bytes:
    digits = reference[1] or reference[2]
    code = int(digits[:9], 16 if reference[1] else 10)
    return reference[0] if code < 0xD800 or 0xDFFF < code < 0x110000 else b"&#xFFFD;"


def run_feedparser(body: bytes, headers: Mapping[str, str]) -> Any:
    try:
        # A stream, never str or bytes: feedparser would open those as a file or fetch them.
        return feedparser.parse(
            io.BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
        )
    except (UnreadableError, ValueError):
        raise
    except MemoryError as exc:
        raise UnreadableError("needs too much memory", code="too_large") from exc
    except Exception as exc:
        raise UnreadableError(f"feedparser gave up: {exc!r}", code="bad_feed") from exc


def describe_document(body: bytes, parsed: Any) -> str:
    head = body[:2000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html")) or b"<html" in head:
        return "an HTML page, not a feed"
    why = _encodable(f"{parsed.get('bozo_exception') or 'no feed element in it'}")
    if parsed.get("version"):
        return f"a broken {parsed['version']} document without a readable item: {why}"
    return f"not a feed: {why}"


def _item(entry: Mapping[str, Any], context: Mapping[str, Any], spelt: CanonicalUrl, shared: set[str]) -> Item:
    link, (url, key, _) = clean_url(entry.get("link")), spelt
    guid = clean_guid(entry.get("id") or "")
    title = _shortened_title(text_value(entry.get("title") or ""))
    contents = tuple(_contents(entry))
    summary = _content(entry.get("summary_detail") or {"value": entry.get("summary") or ""})
    if not contents and summary is None:
        summary = _content({"value": entry.get("media_description") or ""})
    texts = (without_joiners(title), *(c.value for c in contents), summary.value if summary else "")
    if not (any(texts) or url or entry.get("enclosures")):
        raise UnreadableError("it has neither a title nor a text nor a link")
    identity = "" if key == context["site"] or not identifies_article(key) else key  # the front page isn't a story
    return Item(
        feed=context["url"],
        identity_key=item_key(context["url"], guid, identity, shared_link=key in shared, fallback="\n".join(texts)),
        guid=guid,
        link=link,
        canonical_url=url,
        title=title,
        authors=tuple(_authors(entry)),
        published=_time(entry, "published", context["fetched_at"]),
        updated=_time(entry, "updated", context["fetched_at"]),
        categories=tuple(_categories(entry)),
        language=_encodable(entry.get("language") or context["language"])[:35],
        publisher=context["publisher"],
        content=contents,
        summary=summary,
        enclosures=tuple(_enclosures(entry)),
        image_url=_image(entry),
        fetched_at=context["fetched_at"],
        fingerprint=raw_fingerprint(texts).hex(),
        poll_id=context["poll_id"],
    )


def _encodable(value: str) -> str:
    """Return *value* without the halves of surrogate pairs, which no UTF-8 can carry."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def clean_url(value: Any) -> str:
    """Return a link of an item or channel if it is a URL of the web."""
    return web_url(_encodable(str(value or "")))


def clean_guid(value: str) -> str:
    value = _encodable(value).strip()
    if len(value) <= MAX_GUID_CHARS:
        return value
    return f"{value[:100]}…{hashlib.blake2b(value.encode(), digest_size=16).hexdigest()}"


def _shortened_title(title: str) -> str:
    return title if len(title) <= MAX_TITLE_CHARS else title[: MAX_TITLE_CHARS - 1] + "…"


def text_value(value: str) -> str:
    """Return a title or name as plain text: feeds declare text and send HTML, and the other way round."""
    if "<" in value:
        value = strip_tags(value, "", MAX_TAG_CHARS)
    return plain_text(html.unescape(_encodable(value)))


def _contents(entry: Mapping[str, Any]) -> list[Content]:
    found = (_content(c) for c in entry.get("content") or ())
    return [c for c in found if c is not None]


def _content(detail: Mapping[str, Any]) -> Content | None:
    value = _encodable((detail.get("value") or "")[:MAX_CONTENT_CHARS])
    if not value.strip():
        return None
    return Content(value, detail.get("type") or "text/html", (detail.get("language") or "")[:35])


def _authors(entry: Mapping[str, Any]) -> list[str]:
    names = [a.get("name") or "" for a in entry.get("authors") or () if isinstance(a, Mapping)]
    names = names or [entry.get("author") or ""]
    clean = (text_value(n)[:MAX_NAME_CHARS] for n in names)
    return list(dict.fromkeys(n for n in clean if n and "@" not in n))


def _categories(entry: Mapping[str, Any]) -> list[str]:
    terms = (text_value(t.get("label") or t.get("term") or "")[:MAX_NAME_CHARS] for t in entry.get("tags") or ())
    return list(dict.fromkeys(t for t in terms if t))[:MAX_CATEGORIES]


def _enclosures(entry: Mapping[str, Any]) -> list[Enclosure]:
    out = []
    for e in (entry.get("enclosures") or ())[:MAX_ENCLOSURES]:
        length = str(e.get("length") or "")[:20]
        if url := clean_url(e.get("href")):
            bytes_ = int(length) if length.isdecimal() and len(length) < 16 else 0
            out.append(Enclosure(url, _encodable(str(e.get("type") or ""))[:MAX_NAME_CHARS], bytes_))
    return out


def _image(entry: Mapping[str, Any]) -> str:
    for key in ("media_content", "media_thumbnail"):
        for media in entry.get(key) or ():
            url = clean_url(media.get("url"))
            if url and (key == "media_thumbnail" or "image" in (media.get("type") or media.get("medium") or "image")):
                return url
    return ""


def _time(entry: Any, name: str, now: datetime) -> datetime | None:
    """Return a time that can be true: after the web's beginning and not long after *now*.

    Read from the text: feedparser's own times ignore what they don't understand.
    """
    # FeedParserDict answers `updated` with `published` where it is missing; the plain dict doesn't.
    when = parse_date(str(dict.get(entry, name) or ""))
    return when if when and when.year >= FIRST_YEAR and when <= now + MAX_FUTURE else None
