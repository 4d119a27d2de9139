"""The daily budget of a feed: caps for its new items, their bytes, and its dead letters. Pure.

Entries over the budget stay unknown: a poll of a later day publishes them if the feed still has them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from streams.config.settings import MiB, Settings
from streams.records import Item
from streams.topics import DAY_S, MAX_ITEM_CHARS
from workers.poller.feed_update import FeedUpdate, with_pages
from workers.poller.full_text import LinkPages
from workers.poller.new_items import without_entries, without_items
from workers.poller.registry import Budget

MAX_LETTER_CHARS = 10_000


class LimitedUpdate(NamedTuple):
    """The part of an update within the budget, and the budget after it. `letters`: (entry, reason)."""

    update: FeedUpdate
    letters: Sequence[tuple[str, str]]
    budget: Budget


def limit_update(update: FeedUpdate, budget: Budget, settings: Settings, now: datetime) -> LimitedUpdate:
    """Return the first entries of *update* that are within the budget of the day."""
    day = int(now.timestamp() // DAY_S)
    used = budget if budget.day == day else Budget(day)
    oversized = [item for item in update.new_items if text_chars(item) > MAX_ITEM_CHARS]
    items = [item for item in update.new_items if text_chars(item) <= MAX_ITEM_CHARS]
    failed = [*((None, entry) for entry in update.unreadable), *((item, oversized_entry(item)) for item in oversized)]
    allowed = _allowed(items, settings.max_feed_items_per_day - used.items, max_bytes(settings) - used.bytes)
    count = max(0, settings.max_feed_letters_per_day - used.letters)
    late_items = [*items[allowed:], *(item for item, _ in failed[count:] if item is not None)]
    late_entries = [entry for item, (entry, _) in failed[count:] if item is None]
    limited = msgspec.structs.replace(
        update,
        new_items=tuple(items[:allowed]),
        unreadable=(),
        known_items=without_entries(without_items(update.known_items, late_items), late_entries),
        deferred=update.deferred + len(late_items) + len(late_entries),
        over_budget=len(late_items) + len(late_entries),
    )
    letters = [(entry[:MAX_LETTER_CHARS], reason) for _, (entry, reason) in failed[:count]]
    used = msgspec.structs.replace(
        used,
        items=used.items + allowed,
        bytes=used.bytes + sum(map(text_bytes, items[:allowed])),
        letters=used.letters + len(letters),
    )
    return LimitedUpdate(limited, letters, used)


def with_link_pages(limited: LimitedUpdate, pages: LinkPages, settings: Settings) -> LimitedUpdate:
    """Return *limited* with the *pages* of its links. A failed link over the budget of dead letters waits."""
    count = max(0, settings.max_feed_letters_per_day - limited.budget.letters)
    letters = [(item.link, reason) for item, reason in pages.failed[:count]]
    waiting = [*pages.deferred, *(item for item, _ in pages.failed[count:])]
    budget = msgspec.structs.replace(limited.budget, letters=limited.budget.letters + len(letters))
    update = with_pages(limited.update, pages.ready, waiting)
    return LimitedUpdate(update, [*limited.letters, *letters], budget)


def with_first_items(limited: LimitedUpdate, count: int) -> LimitedUpdate:
    """Return *limited* with its first *count* new items. The others stay unknown, so that a later poll finds them."""
    update, letters, budget = limited
    deferred = update.new_items[count:]
    update = msgspec.structs.replace(
        update,
        new_items=update.new_items[:count],
        known_items=without_items(update.known_items, deferred),
        deferred=update.deferred + len(deferred),
    )
    used = msgspec.structs.replace(
        budget, items=budget.items - len(deferred), bytes=budget.bytes - sum(map(text_bytes, deferred))
    )
    return LimitedUpdate(update, letters, used)


def with_page_bytes(budget: Budget, items: Sequence[Item]) -> Budget:
    """Return *budget* after the pages of *items*; they may exceed it once."""
    pages = sum(len(item.page.html.encode("utf-8", "replace")) for item in items if item.page)
    return msgspec.structs.replace(budget, bytes=budget.bytes + pages)


def max_bytes(settings: Settings) -> float:
    """Return the bytes of new items that a feed may publish in a day."""
    return settings.max_feed_mb_per_day * MiB


def _allowed(items: Sequence[Item], count: int, size: float) -> int:
    """Return the number of first *items* within *count* and *size* in bytes."""
    for n, item in enumerate(items[: max(0, count)]):
        size -= text_bytes(item)
        if size < 0:
            return n
    return max(0, min(count, len(items)))


def text_chars(item: Item) -> int:
    """Return the number of characters of all texts of *item*."""
    return sum(map(len, _texts(item)))


def text_bytes(item: Item) -> int:
    """Return the size of all texts of *item* in UTF-8."""
    return sum(len(text.encode("utf-8", "replace")) for text in (item.title, *_texts(item)))


def oversized_entry(item: Item) -> tuple[str, str]:
    """Return the dead letter, as (beginning of the item, reason), of an item that is too long for the broker."""
    beginning = max(_texts(item), key=len)[:MAX_LETTER_CHARS]
    reason = f"item {item.identity_key} has {text_chars(item):,} characters (maximum {MAX_ITEM_CHARS:,})"
    return f"{item.title}\n{beginning}", reason


def _texts(item: Item) -> list[str]:
    return [content.value for content in (*item.content, *([item.summary] if item.summary else []))]
