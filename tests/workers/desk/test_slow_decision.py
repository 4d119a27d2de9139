"""The choice of the items that wait aside: by their CPU time, by their feed and by their size."""

import asyncio
import contextlib
import time
from dataclasses import replace
from pathlib import Path

import msgspec

from streams.brokers.base import OutgoingMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.records import FullTextPage
from streams.topics import ARCHIVE_ITEMS, ITEMS
from tests.conftest import DEADLINE_S, until
from tests.support.cleaning import make_item
from tests.support.pipeline import everything, settled
from tests.support.pooled_desk import is_done, pooled_desk, send
from workers.desk.cleaning import LARGE_BYTES
from workers.desk.cleaning_pool import CleaningPool

SENTENCE = "The harbour board counted swans on Monday. "
LARGE = f"<p>{SENTENCE * (LARGE_BYTES // len(SENTENCE) + 1)}</p>"


async def starve(pool: CleaningPool) -> None:
    """Hold the event loop whenever a cleaning process works, so that the pool never looks at its CPU time."""
    while True:
        await asyncio.sleep(0.02)
        wait_until_idle(pool)


def wait_until_idle(pool: CleaningPool) -> None:
    end_s = time.monotonic() + DEADLINE_S
    while any(map(is_working, pool._processes)) and time.monotonic() < end_s:
        time.sleep(0.01)


def is_working(process: object) -> bool:
    """Return whether the process runs (proc_pid_stat(5)); it sleeps once it has replied."""
    try:
        stat = Path(f"/proc/{process.pid}/stat").read_text()  # type: ignore[attr-defined]
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] == "R"


async def test_unseen_slow_item_makes_feed_suspect(settings: Settings) -> None:
    """The reply of the process has the CPU time of the item."""
    async with pooled_desk(settings, 30.0) as (broker, slow_items):
        assert isinstance(slow_items.lane, CleaningPool)
        starving = asyncio.create_task(starve(slow_items.lane))
        await send(broker, make_item(1, "Slow"))
        await settled(broker, {"new": 1})
        starving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await starving
        assert slow_items.is_suspect(make_item(1, "Slow").feed)


async def test_slow_item_is_published_again_once(either: Settings) -> None:
    """The cleaning of a held item begins without another message, also if both of its stages are slow."""
    ordinary = msgspec.structs.replace(make_item(2), feed=make_item(1, "Slow").feed)
    async with pooled_desk(either, 30.0) as (broker, _):
        await send(broker, make_item(1, "Slow"))
        await settled(broker, {"new": 1})
        await send(broker, ordinary, make_item(3, "Slow"))  # both wait aside from the start
        await settled(broker, {"new": 3})
        await until(lambda: is_done(broker))
    assert len(await everything(either, "items")) == 2 * 3  # a Kafka transaction takes an offset of its own
    assert len(await everything(either, "articles")) == 3


async def test_held_item_uses_facts_of_its_site(settings: Settings) -> None:
    """Its cleaning knows the lines that the site repeats."""
    repeated = "The Courier is read in every house between Dunscar and the sea."
    bodies = [f"<p>{SENTENCE * 3}{n}</p><p>{repeated}</p>" for n in range(12)]
    items = [make_item(n, body=body) for n, body in enumerate(bodies)]
    large = make_item(12, body=f"{LARGE}<p>{repeated}</p>")
    async with pooled_desk(settings, 30.0) as (broker, _):
        for item in items:
            await send(broker, item)
        await settled(broker, {"new": 12})
        await send(broker, large)
        await settled(broker, {"new": 13})
    [article] = [article for article in await everything(settings, "articles") if article.url == large.link]
    assert repeated not in article.paragraphs


async def test_large_items_wait_aside(settings: Settings) -> None:
    """Items behind them are published before them, and their feed stays free of suspicion."""
    settings = replace(settings, partitions=1)
    items = [make_item(n, "Large", LARGE) for n in range(5)]
    async with pooled_desk(settings, 30.0) as (broker, slow_items):
        await send(broker, *items, make_item(9))
        await settled(broker, {"new": 6})
        await until(lambda: is_done(broker))
        assert await broker.message_count(ITEMS.name) == 2 * 5 + 1
        assert not slow_items.is_suspect(items[0].feed)
    articles = await everything(settings, "articles")
    assert articles[0].url == make_item(9).link
    assert [article.url for article in articles[1:]] == [item.link for item in items]


async def test_large_page_is_cleaned_at_once(settings: Settings) -> None:
    """The poller fetches the pages of a host one by one, so they come alone."""
    page = FullTextPage("https://a.example/1", f"<html><body><article>{LARGE}</article></body></html>")
    async with pooled_desk(settings, 30.0) as (broker, _):
        await send(broker, make_item(1, page=page))
        await settled(broker, {"new": 1})
        assert await broker.message_count(ITEMS.name) == 1


async def test_slow_archive_item_stays_in_its_lane(settings: Settings) -> None:
    """A live item does not wait for it, and its site keeps the history of its year."""
    item = make_item(1, "Slow")
    async with pooled_desk(settings, 30.0) as (broker, _):
        await broker.publish([OutgoingMessage(ARCHIVE_ITEMS.name, item.identity_key.encode(), encode(item))])
        await settled(broker, {"new": 1})
        await until(lambda: is_done(broker))
        assert await broker.message_count(ITEMS.name) == 0
        assert await broker.message_count(ARCHIVE_ITEMS.name) == 2
