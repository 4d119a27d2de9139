"""A desk with cleaning processes: slow items wait aside, and nothing is lost, repeated or out of order."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from streams.config.settings import Settings
from streams.records import Item
from streams.topics import ITEMS
from tests.conftest import until
from tests.support.cleaning import make_item
from tests.support.pipeline import everything, settled
from tests.support.pooled_desk import are_held, count, is_done, pooled_desk, send
from workers.desk.cleaning_pool import MAX_SLOW_BYTES
from workers.desk.slow_items import HOLD_S, SlowItems

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)


def version(item: Item, n: int, **fields: Any) -> Item:
    """Return a later version of *item*."""
    return msgspec.structs.replace(item, fetched_at=NOW + timedelta(seconds=n), **fields)


async def test_items_behind_a_hang_are_published(either: Settings) -> None:
    settings = replace(either, partitions=1)
    items = [make_item(n, "Hang" if n == 3 else "Swans") for n in range(30)]
    async with pooled_desk(settings, item_timeout_s=900.0) as (broker, _):  # the hang takes longer than the test
        await send(broker, *items)
        await until(lambda: are_held(broker, 1))
        await settled(broker, {"new": 29})
        assert await count(broker, "received") == 29
    assert len(await everything(settings, "articles")) == 29


async def test_hang_becomes_one_dead_letter(either: Settings) -> None:
    items = [make_item(n, "Hang" if n % 10 == 3 else "Swans") for n in range(30)]
    async with pooled_desk(either, item_timeout_s=0.4) as (broker, _):
        await send(broker, *items)
        await settled(broker, {"new": 27, "failed": 3})
        await until(lambda: is_done(broker))
        assert await count(broker, "received") == 30
    letters = await everything(either, "dead-letters")
    assert sorted(letter.error_kind for letter in letters) == ["timeout"] * 3
    assert {letter.attempts for letter in letters} == {2}


async def test_slow_item_is_published_once(settings: Settings) -> None:
    items = [make_item(n, "Slow" if n < 2 else "Swans") for n in range(20)]
    async with pooled_desk(settings, item_timeout_s=30.0) as (broker, _):
        await send(broker, *items)
        await settled(broker, {"new": 20})
        await until(lambda: is_done(broker))
        assert await count(broker, "received") == 20
    articles = await everything(settings, "articles")
    assert sorted(article.url for article in articles) == sorted(item.link for item in items)


async def test_versions_of_a_slow_article_keep_their_order(settings: Settings) -> None:
    slow = version(make_item(1, "Slow"), 0)
    changed = version(make_item(1, "Swans", body="<p>The harbour board counted the geese on Friday.</p>"), 1)
    last = version(make_item(1, "Swans", body="<p>The board counts the ducks of the harbour no more.</p>"), 2)
    async with pooled_desk(settings, item_timeout_s=30.0) as (broker, _):
        await send(broker, slow, changed, make_item(2), last)
        await settled(broker, {"new": 2, "revised": 2})
        await until(lambda: is_done(broker))
    texts = [a.paragraphs[0] for a in await everything(settings, "articles") if a.url == slow.link]
    assert [next(bird for bird in ("swans", "geese", "ducks") if bird in text) for text in texts] == [
        "swans", "geese", "ducks",
    ]  # fmt: skip


async def test_held_item_survives_its_desk(settings: Settings) -> None:
    """The desk ends while it holds an item; the next desk takes it when its time is over."""
    async with pooled_desk(settings, item_timeout_s=900.0, release=False) as (broker, _):
        await send(broker, make_item(1, "Hang"), make_item(2))
        await until(lambda: are_held(broker, 1))
        await settled(broker, {"new": 1})
    async with pooled_desk(settings, item_timeout_s=0.4) as (broker, _):
        assert await are_held(broker, 1)
        later = SlowItems(broker, lambda: time.time() + HOLD_S + 1)
        assert await later.release_due() == 1
        await settled(broker, {"failed": 1})
        assert await count(broker, "received") == 2


async def test_two_desks_release_a_held_item_once(settings: Settings) -> None:
    async with pooled_desk(settings, item_timeout_s=900.0, release=False) as (broker, _):
        await send(broker, make_item(1, "Hang"))
        await until(lambda: are_held(broker, 1))
        before = await broker.message_count(ITEMS.name)
        both = [SlowItems(broker, lambda: time.time() + HOLD_S + 1) for _ in range(2)]
        assert sum(await asyncio.gather(*(desk.release_due() for desk in both))) == 1
        assert await broker.message_count(ITEMS.name) == before + 1


async def test_feed_with_slow_item_is_suspect(settings: Settings) -> None:
    """Its next item goes to the slow lane at once, and comes back with its result."""
    async with pooled_desk(settings, item_timeout_s=30.0) as (broker, slow_items):
        await send(broker, make_item(1, "Slow"))
        await settled(broker, {"new": 1})
        feed = make_item(1, "Slow").feed
        assert slow_items.is_suspect(feed)
        assert not slow_items.is_suspect(make_item(2).feed)
        await send(broker, msgspec.structs.replace(make_item(2), feed=feed))
        await settled(broker, {"new": 2})
        await until(lambda: is_done(broker))
        assert await count(broker, "received") == 2


async def test_items_wait_while_the_slow_lane_is_full(settings: Settings) -> None:
    """A full slow lane neither loses items nor holds their text in memory: they come again later."""
    large = "<p>" + "The harbour board counted swans on Monday. " * (900_000 // 43) + "</p>"
    hanging = [make_item(n, "Hang", large) for n in range(MAX_SLOW_BYTES // 900_000 + 4)]
    async with pooled_desk(settings, item_timeout_s=900.0, release=False) as (broker, slow_items):
        await send(broker, *hanging)
        await until(lambda: are_held(broker, len(hanging)))
        assert sum(len(held.job.value) for held in slow_items._jobs.values()) < MAX_SLOW_BYTES + 1_000_000
        later = SlowItems(broker, lambda: time.time() + HOLD_S + 1)
        assert await later.release_due() == len(hanging)
        await until(lambda: are_held(broker, len(hanging)))
        await send(broker, make_item(100))
        await settled(broker, {"new": 1})
        assert not slow_items.is_full(hanging[0].feed)
        assert await count(broker, "failed") == 0
