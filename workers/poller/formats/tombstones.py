"""Tombstones of Atom feeds: entries that the feed has removed (RFC 6721). Pure.

<at:deleted-entry ref="tag:news.example,2026:7" when="2026-11-26T10:00:00Z"><at:comment>Retracted</at:comment>

A tombstone becomes an item without text whose `withdrawn` is the comment. Its identity key is that of its link, else
that of its ref. The poller stores the keys of the entries of such feeds by their ids, and replaces it by these.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urljoin
from xml.parsers import expat

from msgspec.structs import replace

from streams.records import Item
from workers.dedupe.fingerprint import raw_fingerprint
from workers.dedupe.identity import identifies_article, item_key
from workers.text.dates import parse_date
from workers.urls.canonical import canonicalise

NAMESPACE = "http://purl.org/atompub/tombstones/1.0"
ATOM = "http://www.w3.org/2005/Atom"
MAX_TOMBSTONES = 1_000  # per document
MAX_REASON_CHARS, MAX_REF_CHARS = 500, 2_048
DEFAULT_REASON = "removed by the feed"


class Tombstone(NamedTuple):
    """A removed entry: its id, the time of removal as written, the comment, and its alternate link."""

    ref: str
    when: str
    comment: str = ""
    link: str = ""


def declares_tombstones(body: bytes) -> bool:
    """Return whether the document declares the namespace."""
    return NAMESPACE.encode() in body


def read_tombstones(body: bytes) -> list[Tombstone]:
    """Return the tombstones of a document in UTF-8; those before the first error of an ill-formed one."""
    if not declares_tombstones(body):
        return []
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler, parser.EntityDeclHandler = reader.text, reader.refuse_entity
    parser.buffer_text = True
    with suppress(expat.ExpatError, _EntityError):  # the feed's parser reports errors
        parser.Parse(body, True)
    return reader.tombstones[:MAX_TOMBSTONES]


class _EntityError(Exception):
    """The document declares entities, which may expand without a limit."""


class _Reader:
    """Collects deleted-entry elements below the root."""

    def __init__(self) -> None:
        self.tombstones: list[Tombstone] = []
        self._depth = 0
        self._attributes: Mapping[str, str] | None = None
        self._comment: list[str] | None = None
        self._comments: list[str] = []
        self._link = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if name == f"{NAMESPACE} deleted-entry" and self._depth == 2:
            self._attributes, self._comments, self._link = attributes, [], ""
        elif self._attributes is not None and self._depth == 3:
            if name == f"{NAMESPACE} comment":
                self._comment = []
            elif name == f"{ATOM} link" and attributes.get("rel", "alternate") == "alternate":
                self._link = self._link or attributes.get("href", "")

    def text(self, text: str) -> None:
        if self._comment is not None:
            self._comment.append(text)

    def end(self, name: str) -> None:
        if self._comment is not None and self._depth == 3:
            self._comments.append(" ".join("".join(self._comment).split()))
            self._comment = None
        elif self._attributes is not None and self._depth == 2:
            ref = self._attributes.get("ref", "").strip()
            if ref and len(ref) <= MAX_REF_CHARS:
                comment = next(filter(None, self._comments), "")[:MAX_REASON_CHARS]
                self.tombstones.append(Tombstone(ref, self._attributes.get("when", ""), comment, self._link))
            self._attributes = None
        self._depth -= 1

    def refuse_entity(self, *_: object) -> None:
        raise _EntityError


def with_tombstones(
    items: Sequence[Item], tombstones: Sequence[Tombstone], feed: str, fetched_at: datetime, poll_id: str = ""
) -> tuple[Item, ...]:
    """Return *items* and an item for each tombstone.

    Of an entry and a tombstone with its id, the one with the later time counts (RFC 6721 §3).
    """
    removed_at = {tombstone.ref: parse_date(tombstone.when) for tombstone in tombstones}
    kept = [item for item in items if item.guid not in removed_at or _is_later(item, removed_at[item.guid])]
    living = {item.guid for item in kept}
    # The last tombstone of an entry counts.
    refs = {tombstone.ref: tombstone for tombstone in tombstones if tombstone.ref not in living}
    return (*kept, *(_to_item(tombstone, feed, fetched_at, poll_id) for tombstone in refs.values()))


def _is_later(item: Item, removed_at: datetime | None) -> bool:
    changed_at = item.stated_updated or item.updated or item.stated_published or item.published
    return removed_at is None or (changed_at is not None and changed_at > removed_at)


def _to_item(tombstone: Tombstone, feed: str, fetched_at: datetime, poll_id: str) -> Item:
    """Return the item of a tombstone. It has no link, so that only the feed that owns the article withdraws it."""
    key = canonicalise(urljoin(feed, tombstone.link) if tombstone.link else tombstone.ref).key
    return Item(
        feed=feed,
        identity_key=key if key and identifies_article(key) else item_key(feed, tombstone.ref, ""),
        guid=tombstone.ref,
        withdrawn=tombstone.comment or DEFAULT_REASON,
        fetched_at=fetched_at,
        fingerprint=raw_fingerprint(("withdrawn", tombstone.ref, tombstone.when)).hex(),
        poll_id=poll_id,
    )


def guid_keys(items: Sequence[Item]) -> dict[str, str]:
    """Return the identity key of each item by its guid, where the guid does not identify it."""
    return {
        item.guid: item.identity_key
        for item in items
        if item.guid and not item.withdrawn and item.identity_key != item_key(item.feed, item.guid, "")
    }


def resolve(items: Sequence[Item], keys: Mapping[str, str]) -> tuple[Item, ...]:
    """Return *items*, those of tombstones with the identity key that the entry of their id had."""
    return tuple(
        replace(item, identity_key=keys[item.guid]) if item.withdrawn and item.guid in keys else item for item in items
    )
