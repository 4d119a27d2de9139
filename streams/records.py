"""Records of the topics: Item, Article, DeadLetter and PollResult.

Records are frozen structs, encoded as JSON. New fields need a default, so that old readers and old messages stay
valid. Every message carries its wire version as `v`. An incompatible change raises WIRE_VERSION and adds a function
to `codec.MIGRATIONS` that upgrades messages of the previous version.
"""

from datetime import datetime

import msgspec

WIRE_VERSION = 1


class MessageId(msgspec.Struct, frozen=True, order=True):
    """Position of a message: topic, partition, offset."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}@{self.offset}"


class Record(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="v", tag=WIRE_VERSION):
    """Base of all records; adds the wire version `v`."""


class Content(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of an item's body, with the media type that its feed declared (`text/html`, `text/plain`)."""

    value: str
    type: str = "text/html"
    language: str = ""


class Enclosure(msgspec.Struct, frozen=True, omit_defaults=True):
    """A media file attached to an item."""

    url: str
    type: str = ""
    length: int = 0


class FullTextPage(msgspec.Struct, frozen=True):
    """An article's web page, fetched for full text: final URL, and HTML without scripts."""

    url: str
    html: str


class Item(Record, frozen=True, omit_defaults=True, kw_only=True):
    """A feed item as polled. Times are aware UTC.

    `identity_key` is the key of the canonical link, or the feed-scoped guid for an item without a usable link.
    """

    feed: str
    identity_key: str
    guid: str = ""
    link: str = ""
    canonical_url: str = ""
    title: str = ""
    authors: tuple[str, ...] = ()
    published: datetime | None = None
    updated: datetime | None = None
    categories: tuple[str, ...] = ()
    language: str = ""
    publisher: str = ""
    content: tuple[Content, ...] = ()
    summary: Content | None = None
    enclosures: tuple[Enclosure, ...] = ()
    image_url: str = ""
    folder: str = ""  # folder of the feed
    page: FullTextPage | None = None
    fetched_at: datetime
    fingerprint: str
    poll_id: str = ""


class Image(msgspec.Struct, frozen=True, omit_defaults=True):
    """An image with its caption and credit."""

    url: str = ""
    caption: str = ""
    credit: str = ""


class Link(msgspec.Struct, frozen=True, omit_defaults=True):
    """A hyperlink: URL and anchor text."""

    url: str
    text: str = ""


class RemovedBlock(msgspec.Struct, frozen=True, omit_defaults=True):
    """A block that the cleaner removed, with the reason: the audit trail of an article."""

    kind: str
    text: str
    reason: str
    label: str = ""
    links: tuple[Link, ...] = ()


class RevisionChanges(msgspec.Struct, frozen=True, omit_defaults=True):
    """Difference to the previous revision: its title if that changed, and word counts."""

    title: str = ""
    words_added: int = 0
    words_removed: int = 0


class Article(Record, frozen=True, omit_defaults=True, kw_only=True):
    """A cleaned article as published. `(id, revision)` is unique."""

    id: str
    revision: int
    url: str = ""
    canonical_url: str = ""
    title: str = ""
    dek: str = ""
    kicker: str = ""
    byline: tuple[str, ...] = ()
    dateline: str = ""
    published: datetime | None = None
    updated: datetime | None = None
    publisher: str = ""
    feed: str = ""
    folder: str = ""
    language: str = ""
    tags: tuple[str, ...] = ()
    source_credit: str = ""
    images: tuple[Image, ...] = ()
    paragraphs: tuple[str, ...] = ()  # with line breaks in code and verse
    html: str = ""
    article_type: str = ""  # "live blog", "gallery", or "" for plain articles
    word_count: int = 0
    reading_minutes: int = 0
    story_id: str = ""
    duplicate_of: str = ""  # id of the original of a near-duplicate
    similarity: float = 0.0  # estimated share of the shorter text that the original also has, 0 to 1
    fetched_at: datetime | None = None  # time of the poll
    changes: RevisionChanges | None = None  # set in revisions while the previous text is stored
    fingerprint: str = ""  # hash of the visible content
    removed: tuple[RemovedBlock, ...] = ()
    source: MessageId | None = None


class DeadLetter(Record, frozen=True, omit_defaults=True, kw_only=True):
    """A failed message or feed entry with the reason. `payload` is the original value, unchanged.

    `error_kind` is unreadable, timeout, bug or sink.

    `topic`, `partition` and `offset` are the message's position. An entry that never became a message has only `feed`.
    """

    topic: str = ""
    partition: int = 0
    offset: int = 0
    key: bytes = b""
    payload: bytes = b""
    headers: tuple[tuple[str, bytes], ...] = ()
    error_kind: str
    error: str
    attempts: int = 1
    feed: str = ""
    sink: str = ""  # the sink that rejected the message
    failed_at: datetime

    @property
    def source(self) -> str:
        """Return the position of the message, or the feed of the entry."""
        return str(MessageId(self.topic, self.partition, self.offset)) if self.topic else f"feed {self.feed}"


class PollResult(Record, frozen=True, omit_defaults=True, kw_only=True):
    """Result of one poll of a feed. `outcome` is ok, unchanged or failed.

    `error_kind` is a short code for programs: timeout, http_status, not_a_feed, gone, …
    """

    id: str
    feed: str
    started_at: datetime
    outcome: str
    status: int = 0
    body_bytes: int = 0
    items_total: int = 0  # all items of the document
    items_new: int = 0  # new or changed; published to the items topic
    items_unchanged: int = 0  # published before
    items_failed: int = 0  # unreadable
    elapsed_ms: int = 0
    error: str = ""
    error_kind: str = ""
    next_due: datetime | None = None
