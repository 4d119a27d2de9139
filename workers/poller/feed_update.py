"""Feed updates: the difference between a parsed document and the known items of its feed. Pure.

A parser process computes the update, once per document. The poller receives new items only.
"""

from collections.abc import Mapping

import msgspec

from streams.records import Item
from workers.poller.formats import ParsedFeed
from workers.poller.formats.to_item import LinkState, SitemapLink
from workers.poller.new_items import find_new_items, without_items
from workers.poller.schedule import PollHints

RENAMED = "texts: its items get new links or guids"


class FeedUpdate(msgspec.Struct, frozen=True):
    """A parsed document: its new items, the number of unchanged ones, and the known items after it.

    `unreadable` holds (entry, reason) of new unreadable entries.
    `identity_basis` describes how most items are identified.
    `deferred` counts new items that wait for their pages or for the desk, and entries over the daily budget, which are
    `over_budget`; they are not in `new_items` and `known_items`.
    `type` and `turnover`: see `FeedDocument`. `is_link_list`: the items are links without texts; `listed` counts all
    links in the document. `sitemaps` are those of an index, which the poller reads too. `guid_keys`: see `ParsedFeed`.
    """

    title: str
    new_items: tuple[Item, ...]
    unchanged: int
    known_items: bytes
    identity_basis: str
    warning: str = ""
    unreadable: tuple[tuple[str, str], ...] = ()
    hints: PollHints = PollHints()
    hub: str = ""
    topic: str = ""
    deferred: int = 0
    over_budget: int = 0
    is_link_list: bool = False
    listed: int = 0
    sitemaps: tuple[SitemapLink, ...] = ()
    type: str = ""
    turnover: Mapping[str, int] = {}
    guid_keys: Mapping[str, str] = {}

    @property
    def document_items(self) -> int:
        """Number of known and new items in the document, without deferred ones."""
        return len(self.new_items) + self.unchanged


def to_update(feed: ParsedFeed, known_items: bytes, *, is_partial: bool = False) -> FeedUpdate:
    """Return the update of *feed* since *known_items*. A partial document contains some items of the feed only."""
    if feed.links is not None:
        return _link_update(feed, feed.links)
    new = find_new_items(feed.items, known_items, is_partial=is_partial, unreadable=feed.unreadable)
    return FeedUpdate(
        title=feed.title,
        new_items=new.items,
        unchanged=len(feed.items) - len(new.items) + len(feed.unreadable) - len(new.entries),
        known_items=new.known_items,
        identity_basis=RENAMED if new.is_renamed else feed.identity,
        warning=feed.warning,
        unreadable=new.entries,
        hints=feed.hints,
        hub=feed.hub,
        topic=feed.topic,
        sitemaps=feed.sitemaps,
        guid_keys=feed.guid_keys,
    )


def _link_update(feed: ParsedFeed, links: LinkState) -> FeedUpdate:
    return FeedUpdate(
        title=feed.title, new_items=feed.items, unchanged=links.unchanged, known_items=links.known_items,
        identity_basis=feed.identity, warning=feed.warning, unreadable=feed.unreadable, deferred=links.waiting,
        is_link_list=True, listed=links.total, type=feed.type, turnover=feed.turnover,
    )  # fmt: skip


def with_pages(update: FeedUpdate, ready: list[Item], deferred: list[Item]) -> FeedUpdate:
    """Return *update* with the *ready* items in place of its new ones. The *deferred* items stay unknown."""
    return msgspec.structs.replace(
        update,
        new_items=tuple(ready),
        known_items=without_items(update.known_items, deferred),
        deferred=update.deferred + len(deferred),
    )


def with_publisher(update: FeedUpdate, publisher: str) -> FeedUpdate:
    """Return *update* with *publisher* in place of the feed's title as the publisher of its new items."""
    if publisher == update.title:
        return update
    items = tuple(
        msgspec.structs.replace(item, publisher=publisher) if item.publisher == update.title else item
        for item in update.new_items
    )
    return msgspec.structs.replace(update, new_items=items)
