"""Records of the topics: Item, Article, NewsEvent, DeadLetter and PollResult.

Records are frozen structs, encoded as JSON. Each field states its meaning with `doc`. New fields need a default, so
that old readers and old messages stay valid. Every message carries its wire version as `v`. An incompatible change
raises WIRE_VERSION and adds a function to `codec.MIGRATIONS` that upgrades messages of the previous version.
"""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

WIRE_VERSION = 1


def doc(description: str) -> Meta:
    """Return the meaning of a field, in Markdown. JSON Schema, OpenAPI and the reference in docs/ show it."""
    return Meta(description=description)


class MessageId(msgspec.Struct, frozen=True, order=True):
    """Position of a message: topic, partition, offset."""

    topic: Annotated[str, doc("topic")]
    partition: Annotated[int, doc("partition")]
    offset: Annotated[int, doc("offset")]

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}@{self.offset}"


class Record(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="v", tag=WIRE_VERSION):
    """Base of all records; adds the wire version `v`."""


class Content(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of an item's body, with the media type that its feed declared (`text/html`, `text/plain`).

    `base` is its xml:base. Without one, its relative URLs resolve against the item's link, else the feed.
    """

    value: Annotated[str, doc("body")]
    type: Annotated[str, doc("media type, `text/html` by default")] = "text/html"
    language: Annotated[str, doc("BCP 47 tag")] = ""
    base: Annotated[
        str, doc("xml:base of the body; without one, relative URLs resolve against `link`, else `feed`")
    ] = ""


class Enclosure(msgspec.Struct, frozen=True, omit_defaults=True):
    """A media file attached to an item."""

    url: Annotated[str, doc("URL")]
    type: Annotated[str, doc("media type")] = ""
    length: Annotated[int, doc("size in bytes, as the feed states it")] = 0


class FullTextPage(msgspec.Struct, frozen=True):
    """An article's web page, fetched for full text: final URL, and HTML without scripts."""

    url: Annotated[str, doc("URL of the page")]
    html: Annotated[str, doc("HTML without scripts and styles")]


class Item(Record, frozen=True, omit_defaults=True, kw_only=True):
    """A feed item as polled. Times are aware UTC.

    `identity_key` is the key of the canonical link, or the feed-scoped guid for an item without a usable link.
    """

    feed: Annotated[str, doc("URL of the feed")]
    identity_key: Annotated[
        str,
        doc(
            "common form of all spellings of the link; without a usable link, the guid within the feed; "
            "with a digest of the title if several items share it"
        ),
    ]
    guid: Annotated[str, doc("guid or id of the entry")] = ""
    link: Annotated[str, doc("link of the entry")] = ""
    canonical_url: Annotated[str, doc("link without trackers, AMP forms and session ids")] = ""
    title: Annotated[str, doc("title of the entry")] = ""
    authors: Annotated[tuple[str, ...], doc("author names")] = ()
    published: Annotated[datetime | None, doc("time of publication, at most `fetched_at`")] = None
    updated: Annotated[datetime | None, doc("time of the last change")] = None
    categories: Annotated[tuple[str, ...], doc("categories")] = ()
    language: Annotated[str, doc("language of the entry or feed")] = ""
    publisher: Annotated[str, doc("title of the feed or of its source")] = ""
    content: Annotated[tuple[Content, ...], doc("bodies, each with media type and language")] = ()
    summary: Annotated[Content | None, doc("summary")] = None
    enclosures: Annotated[tuple[Enclosure, ...], doc("attached files")] = ()
    image_url: Annotated[str, doc("image of the entry")] = ""
    folder: Annotated[str, doc("folder of the feed")] = ""
    page: Annotated[FullTextPage | None, doc("article page: fetched where full text is configured, or pushed")] = None
    slug: Annotated[str, doc("slug of a news agency")] = ""
    urgency: Annotated[int, doc("urgency by the news agency, from 1, the highest, to 9; 0: none")] = 0
    withdrawn: Annotated[str, doc("reason why the publisher withdrew the item; it has no body")] = ""
    text_dump: Annotated[str, doc("visible text of a whole web page, with its clutter, instead of `content`")] = ""
    stated_published: Annotated[
        datetime | None, doc("time of publication that the feed states, if it is after the poll")
    ] = None
    stated_updated: Annotated[
        datetime | None, doc("time of the last change that the feed states, if it is after the poll")
    ] = None
    fetched_at: Annotated[datetime, doc("time of the poll")]
    fingerprint: Annotated[str, doc("digest of the entry")]
    poll_id: Annotated[str, doc("`id` of the poll result")] = ""


class Image(msgspec.Struct, frozen=True, omit_defaults=True):
    """An image with its caption and credit."""

    url: Annotated[str, doc("URL")] = ""
    caption: Annotated[str, doc("caption")] = ""
    credit: Annotated[str, doc("photographer or agency")] = ""


class Link(msgspec.Struct, frozen=True, omit_defaults=True):
    """A hyperlink: URL and anchor text."""

    url: Annotated[str, doc("URL")]
    text: Annotated[str, doc("text of the link")] = ""


class RemovedBlock(msgspec.Struct, frozen=True, omit_defaults=True):
    """A block that the cleaner removed, with the reason: the audit trail of an article."""

    kind: Annotated[str, doc("kind of block")]
    text: Annotated[str, doc("text of the block")]
    reason: Annotated[str, doc("rule or model that removed it")]
    label: Annotated[str, doc("label that introduced the block")] = ""
    links: Annotated[tuple[Link, ...], doc("links in the block")] = ()


class RevisionChanges(msgspec.Struct, frozen=True, omit_defaults=True):
    """Difference to the previous revision: its title if that changed, and word counts."""

    title: Annotated[str, doc("previous title, if it differs")] = ""
    words_added: Annotated[int, doc("number of added words")] = 0
    words_removed: Annotated[int, doc("number of removed words")] = 0


class Correction(msgspec.Struct, frozen=True, omit_defaults=True):
    """A publisher's note that the text was wrong or unclear."""

    kind: Annotated[str, doc("`correction`, `clarification` or `retraction`")]
    note: Annotated[str, doc("text of the note")]


class Article(Record, frozen=True, omit_defaults=True, kw_only=True):
    """A cleaned article as published. `(id, revision)` is unique."""

    id: Annotated[str, doc("identity of the article, the same for all revisions")]
    revision: Annotated[int, doc("1, then one more for each change that a reader can see")]
    url: Annotated[str, doc("link as the feed or page states it")] = ""
    canonical_url: Annotated[str, doc("link without trackers, AMP forms and session ids")] = ""
    title: Annotated[str, doc("headline")] = ""
    dek: Annotated[str, doc("standfirst: the summary under the headline")] = ""
    kicker: Annotated[str, doc("short label above the headline")] = ""
    byline: Annotated[tuple[str, ...], doc("authors, one name each")] = ()
    dateline: Annotated[str, doc("place and date at the beginning of the text")] = ""
    published: Annotated[datetime | None, doc("time of publication, at most `fetched_at`")] = None
    updated: Annotated[datetime | None, doc("time of the last change, by the publisher")] = None
    publisher: Annotated[str, doc("name of the publisher")] = ""
    feed: Annotated[str, doc("URL of the feed")] = ""
    folder: Annotated[str, doc("folder of the feed, from OPML or `--folder`")] = ""
    language: Annotated[str, doc("BCP 47 tag")] = ""
    tags: Annotated[tuple[str, ...], doc("categories of the item")] = ()
    source_credit: Annotated[str, doc("agency or outlet that the text credits")] = ""
    images: Annotated[tuple[Image, ...], doc("images with caption and credit")] = ()
    paragraphs: Annotated[
        tuple[str, ...], doc("body text, one paragraph each, with line breaks in code and verse")
    ] = ()
    html: Annotated[str, doc("body as sanitised HTML")] = ""
    slug: Annotated[str, doc("slug of a news agency")] = ""
    urgency: Annotated[int, doc("urgency by the news agency, from 1, the highest, to 9; 0: none")] = 0
    withdrawn: Annotated[str, doc("reason why the publisher withdrew the article; it has no body")] = ""
    article_type: Annotated[str, doc("`live blog`, `gallery` or empty")] = ""
    word_count: Annotated[int, doc("number of words in the body")] = 0
    reading_minutes: Annotated[int, doc("reading time in minutes")] = 0
    story_id: Annotated[str, doc("cluster of articles that copy each other")] = ""
    duplicate_of: Annotated[str, doc("`id` of the article that this one copies")] = ""
    duplicate_kind: Annotated[str, doc("`text`, or `title` if only the titles agree")] = ""
    similarity: Annotated[float, doc("estimated share of the shorter text that both articles contain, from 0 to 1")] = (
        0.0
    )
    fetched_at: Annotated[datetime | None, doc("time of the poll that delivered the item")] = None
    stated_published: Annotated[
        datetime | None, doc("time of publication that the feed states, if it is after the poll")
    ] = None
    stated_updated: Annotated[
        datetime | None, doc("time of the last change that the feed states, if it is after the poll")
    ] = None
    field_sources: Annotated[
        dict[str, str],
        doc("source of each field: `feed`, `page` (metadata in the page head), `rule` (site rule) or `text`"),
    ] = {}
    reused_link: Annotated[
        bool, doc("title and text share hardly a word with the previous revision: the link has another article")
    ] = False
    changes: Annotated[RevisionChanges | None, doc("difference from the previous revision")] = None
    correction: Annotated[Correction | None, doc("note by the publisher that corrects the text")] = None
    fingerprint: Annotated[str, doc("digest of the visible content")] = ""
    removed: Annotated[tuple[RemovedBlock, ...], doc("blocks that the cleaner removed, with the reason")] = ()
    source: Annotated[MessageId | None, doc("position of the item in the items topic")] = None


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """An article as part of a news event."""

    article_id: Annotated[str, doc("`id` of the article")]
    revision: Annotated[int, doc("revision of the article that the event refers to")] = 1
    title: Annotated[str, doc("headline")] = ""
    publisher: Annotated[str, doc("name of the publisher")] = ""
    language: Annotated[str, doc("BCP 47 tag")] = ""
    url: Annotated[str, doc("link without trackers, or else the link in the feed")] = ""
    published: Annotated[datetime | None, doc("time of publication, or else of the poll")] = None


class NewsEvent(Record, frozen=True, omit_defaults=True, kw_only=True):
    """An event and the articles that report it. `(id, revision)` is unique; a later revision replaces earlier ones.

    Revisions rise, but not always by one. Without articles, the event has ended.
    """

    id: Annotated[str, doc("identity of the event, the same for all revisions")]
    revision: Annotated[int, doc("rises with each change of the event")]
    title: Annotated[str, doc("headline of the article that is most similar to all others")] = ""
    language: Annotated[str, doc("language of `title`")] = ""
    article_count: Annotated[int, doc("number of its articles")] = 0
    first_report: Annotated[datetime | None, doc("time of its first article")] = None
    newest_report: Annotated[datetime | None, doc("time of its newest article")] = None
    publishers: Annotated[tuple[str, ...], doc("publishers of its articles")] = ()
    languages: Annotated[tuple[str, ...], doc("languages of its articles")] = ()
    places: Annotated[tuple[str, ...], doc("places that several articles name, the most frequent first")] = ()
    names: Annotated[tuple[str, ...], doc("names that several articles contain, the most frequent first")] = ()
    articles: Annotated[
        tuple[Report, ...],
        doc("its articles in the order of their arrival; a large event lists only the first and the newest"),
    ] = ()
    by_names_only: Annotated[
        tuple[str, ...],
        doc("languages without support by the text model; articles in them are compared by names and numbers"),
    ] = ()
    merged_into: Annotated[str, doc("`id` of the event that now has all articles")] = ""
    split_from: Annotated[str, doc("`id` of the event that its first articles belonged to")] = ""


class DeadLetter(Record, frozen=True, omit_defaults=True, kw_only=True):
    """A failed message or feed entry with the reason. `payload` is the original value, unchanged.

    `error_kind` is unreadable, timeout, bug, crash or sink.

    `topic`, `partition` and `offset` are the message's position. An entry that never became a message has only `feed`.
    """

    topic: Annotated[str, doc("topic of the original message")] = ""
    partition: Annotated[int, doc("partition of the original message")] = 0
    offset: Annotated[int, doc("offset of the original message")] = 0
    key: Annotated[bytes, doc("key of the original message, base64 in JSON")] = b""
    payload: Annotated[bytes, doc("value of the original message, base64 in JSON")] = b""
    headers: Annotated[tuple[tuple[str, bytes], ...], doc("headers of the original message")] = ()
    error_kind: Annotated[str, doc("error code, such as `unreadable`, `timeout` or `bug`")]
    error: Annotated[str, doc("error text")]
    attempts: Annotated[int, doc("number of attempts")] = 1
    feed: Annotated[str, doc("URL of the feed")] = ""
    sink: Annotated[str, doc("sink that rejected the article")] = ""
    failed_at: Annotated[datetime, doc("time of the failure")]

    @property
    def source(self) -> str:
        """Return the position of the message, or the feed of the entry."""
        return str(MessageId(self.topic, self.partition, self.offset)) if self.topic else f"feed {self.feed}"


class PollResult(Record, frozen=True, omit_defaults=True, kw_only=True):
    """Result of one poll of a feed. `outcome` is ok, unchanged or failed.

    `error_kind` is a short code for programs: timeout, http_status, not_a_feed, gone, …
    """

    id: Annotated[str, doc("identity of the poll")]
    feed: Annotated[str, doc("URL of the feed")]
    started_at: Annotated[datetime, doc("start of the request")]
    outcome: Annotated[str, doc("`ok`, `unchanged` or `failed`")]
    status: Annotated[int, doc("HTTP status; 0 without a response")] = 0
    body_bytes: Annotated[int, doc("size of the document in bytes")] = 0
    items_total: Annotated[int, doc("items in the document")] = 0
    items_new: Annotated[int, doc("new or changed items, published to the items topic")] = 0
    items_unchanged: Annotated[int, doc("items that an earlier poll published")] = 0
    items_failed: Annotated[int, doc("unreadable items, each reported once")] = 0
    items_deferred: Annotated[int, doc("items over the daily budget of the feed; a later poll publishes them")] = 0
    elapsed_ms: Annotated[int, doc("duration in milliseconds")] = 0
    error: Annotated[str, doc("error text")] = ""
    error_kind: Annotated[str, doc("error code, such as `timeout`, `http_status`, `not_a_feed` or `gone`")] = ""
    next_due: Annotated[datetime | None, doc("time of the next poll")] = None
