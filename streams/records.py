"""The records that travel: an Item as polled, an Article as published, a DeadLetter as refused, a Poll as done.

They are frozen, and JSON on the wire. A field is added with a default or not at all, so that old readers and
old messages go on working; `v`, which every message has, is the wire version for the day when that isn't enough:
then WIRE_VERSION rises, and `codec.UPGRADES` says how a message of the version before is read.
"""

from datetime import datetime

import msgspec

WIRE_VERSION = 1


class MessageId(msgspec.Struct, frozen=True, order=True):
    """Where a message stands: enough to find it again."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}@{self.offset}"


class Record(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="v", tag=WIRE_VERSION):
    """What all records share: on the wire, `v`."""


class Content(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of an item's body, with the media type that its feed declared (`text/html`, `text/plain`)."""

    value: str
    type: str = "text/html"
    language: str = ""


class Enclosure(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file that an item carries along."""

    url: str
    type: str = ""
    length: int = 0


class FullTextPage(msgspec.Struct, frozen=True):
    """The page of a story, where full text is asked for: where it was found, and its HTML without scripts."""

    url: str
    html: str


class Item(Record, frozen=True, omit_defaults=True, kw_only=True):
    """A story as a feed offered it. Times are aware UTC."""

    feed: str
    identity_key: (
        str  # identity: what its link's spellings share, or the feed-scoped guid where there is no usable link
    )
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
    folder: str = ""  # of its feed
    page: FullTextPage | None = None
    fetched_at: datetime
    fingerprint: str
    poll_id: str = ""


class Image(msgspec.Struct, frozen=True, omit_defaults=True):
    """A picture with what the page said of it."""

    url: str = ""
    caption: str = ""
    credit: str = ""


class Link(msgspec.Struct, frozen=True, omit_defaults=True):
    """An anchor: where it leads and what it says."""

    url: str
    text: str = ""


class RemovedBlock(msgspec.Struct, frozen=True, omit_defaults=True):
    """A block that was taken out, and why: the audit that lets any cut be questioned."""

    kind: str
    text: str
    reason: str
    label: str = ""
    links: tuple[Link, ...] = ()


class RevisionChanges(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a revision changed, against the one before: its title, where that is another now, and how many words."""

    title: str = ""
    words_added: int = 0
    words_removed: int = 0


class Article(Record, frozen=True, omit_defaults=True, kw_only=True):
    """A story as copydesk publishes it. `(id, revision)` is unique; `text` is a list of paragraphs."""

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
    paragraphs: tuple[str, ...] = ()
    html: str = ""
    article_type: str = ""  # `live blog` or `gallery` where it is one
    word_count: int = 0
    reading_minutes: int = 0
    story_id: str = ""
    duplicate_of: str = ""  # the article that this one copies
    similarity: float = 0.0  # to it: the share of the shorter text that both have, an estimate
    fetched_at: datetime | None = None  # when the feed that had it was polled
    changes: RevisionChanges | None = None  # in a revision, while the one before is remembered
    fingerprint: str = ""  # of what a reader would notice
    removed: tuple[RemovedBlock, ...] = ()
    source: MessageId | None = None


class DeadLetter(Record, frozen=True, omit_defaults=True, kw_only=True):
    """A failed message or feed entry with the reason. `payload` is the original value, unchanged.

    `topic`, `partition` and `offset` are the message's position. An entry that never became a message has only `feed`.
    """

    topic: str = ""
    partition: int = 0
    offset: int = 0
    key: bytes = b""
    payload: bytes = b""
    headers: tuple[tuple[str, bytes], ...] = ()
    error_kind: str  # "unreadable", "timeout", "bug" or "webhook"
    error: str
    attempts: int = 1
    feed: str = ""
    webhook: str = ""  # the receiver that did not accept the message
    failed_at: datetime

    @property
    def source(self) -> str:
        """Return the position of the message, or the feed of the entry."""
        return str(MessageId(self.topic, self.partition, self.offset)) if self.topic else f"feed {self.feed}"


class PollResult(Record, frozen=True, omit_defaults=True, kw_only=True):
    """The outcome of one request for a feed. `outcome` is one of ok, unchanged, moved, failed.

    `kind` is the short name of what was wrong, for programs: timeout, http_status, not_a_feed, gone, …
    """

    id: str
    feed: str
    started_at: datetime
    outcome: str
    status: int = 0
    body_bytes: int = 0
    items_total: int = 0  # offered by the document
    items_new: int = 0  # new or changed, sent to the items topic
    items_unchanged: int = 0  # offered before, unchanged
    items_failed: int = 0  # unreadable
    elapsed_ms: int = 0
    error: str = ""
    error_kind: str = ""
    next_due: datetime | None = None
