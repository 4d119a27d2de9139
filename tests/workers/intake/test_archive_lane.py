"""The archive lane: order of work, ownership, and time of old articles, through a desk on a real Valkey."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from streams.brokers.base import ConsumedMessage
from streams.config.settings import Settings
from streams.faust.archive import Turns
from streams.records import Article, Item
from streams.topics import ARCHIVE_ITEMS, ITEMS, owned_partitions, owner_partition
from tests.conftest import until
from tests.support.pipeline import desk, everything, queued, settled
from workers.dedupe.site_history import EXPIRY_S, PREFIX, era_of
from workers.intake.ingest import IngestOptions, ingest_file
from workers.intake.publish import publish
from workers.intake.pushed_items import as_archived, to_item
from workers.web.latency import Latency

NOW = datetime.now(UTC).replace(microsecond=0)
OLD = datetime(2019, 5, 3, 12, tzinfo=UTC)
TEXT = "The harbour board reopened canal number {n} on Monday, nine years after the flood closed it for {n} days."


def item(number: int, published: datetime | None = None, text: str = TEXT) -> Item:
    row = {
        "url": f"https://courier.example/canal/{number}", "title": f"Canal {number}", "content_text": text.format(n=number)
    }  # fmt: skip
    dates = {"date_published": published.isoformat()} if published else {}
    return to_item(row | dates, "source:x", NOW)


async def test_turns_let_the_live_lane_go_first() -> None:
    turns, order = Turns(), list[str]()

    async def step(name: str, turn: Any) -> None:
        async with turn():
            order.append(name)
            await asyncio.sleep(0)

    async with turns.archive():
        waiting = [asyncio.create_task(step(f"archive {n}", turns.archive)) for n in range(3)]
        await asyncio.sleep(0)
        live = asyncio.create_task(step("live", turns.live))
        await asyncio.sleep(0)
    await asyncio.gather(live, *waiting)
    assert order[0] == "live"
    assert len(order) == 4


def test_archive_partition_follows_the_items_partition() -> None:
    assert owner_partition((ARCHIVE_ITEMS.name, 3)) == owner_partition((ITEMS.name, 3)) == (ITEMS.name, 3)
    assert owned_partitions((ITEMS.name, 3)) == ((ITEMS.name, 3), (ARCHIVE_ITEMS.name, 3))
    assert owned_partitions(("other", 3)) == (("other", 3),)


async def test_live_items_overtake_a_backfill(settings: Settings) -> None:
    settings = replace(settings, partitions=1)  # the order of articles is that of the work
    async with desk(settings) as broker:
        await publish(broker, [], archived=[item(n) for n in range(400)])
        await publish(broker, [item(n) for n in range(1_000, 1_020)])
        await settled(broker, {"new": 420})
    articles: list[Article] = await everything(settings, "articles")
    last_live = max(n for n, a in enumerate(articles) if a.source and a.source.topic == ITEMS.name)
    assert last_live < len(articles) / 2
    assert {a.source.topic for a in articles if a.source} == {ITEMS.name, ARCHIVE_ITEMS.name}


async def test_versions_of_both_lanes_are_one_article(either: Settings) -> None:
    async with desk(either) as broker:
        await publish(broker, [item(1, NOW - timedelta(days=400))])
        await settled(broker, {"new": 1})
        older = as_archived(item(1, NOW - timedelta(days=500), text=f"{TEXT} An older version."))
        await publish(broker, [], archived=[older])
        counters = await settled(broker, {"filtered": 1})
        assert counters["desk"]["new"] == 1
        await publish(broker, [], archived=[as_archived(item(2, OLD))])
        await settled(broker, {"new": 2})
        await publish(broker, [item(2, OLD, text=f"{TEXT} A newer version.")])
        await settled(broker, {"revised": 1})
    articles: list[Article] = await everything(either, "articles")
    assert sorted((a.title, a.revision) for a in articles) == [("Canal 1", 1), ("Canal 2", 1), ("Canal 2", 2)]


async def test_same_article_in_both_lanes_at_once_is_published_once(either: Settings) -> None:
    async with desk(either) as broker:
        for start in range(0, 100, 20):
            items = [item(n) for n in range(start, start + 20)]
            await asyncio.gather(publish(broker, items), publish(broker, [], archived=items))
        counters = await settled(broker, {"new": 100, "duplicate": 100})
    assert counters["desk"]["received"] == 200
    articles: list[Article] = await everything(either, "articles")
    assert len({(a.id, a.revision) for a in articles}) == len(articles) == 100


ARCHIVED = 80  # items; on Kafka each takes a transaction, .3 s or more on a busy machine


async def test_desks_that_come_and_go_handle_each_item_once(either: Settings) -> None:
    async with desk(either) as broker:
        await publish(broker, [], archived=[item(n) for n in range(ARCHIVED)])
        for _ in range(2):
            before = await queued(broker)
            async with desk(either, name="desk-2"):

                async def has_progressed(before: int = before) -> bool:
                    return await queued(broker) < max(1, before)

                await until(has_progressed, what="the archive goes on")
        await settled(broker, {"new": ARCHIVED})
    articles: list[Article] = await everything(either, "articles")
    assert len({(a.id, a.revision) for a in articles}) == len(articles) == ARCHIVED


async def test_old_articles_leave_the_live_history_alone(settings: Settings) -> None:
    async with desk(settings) as broker:
        await publish(broker, [], archived=[as_archived(item(1, OLD))])
        await settled(broker, {"new": 1})
        counts = {key.decode() async for key in broker.state.scan_iter(f"{PREFIX}:*:count")}  # type: ignore[attr-defined]
        assert counts == {f"{PREFIX}:courier.example@2019:count"}
        assert await broker.state.exists("copydesk:archive-texts:count", "copydesk:recent-texts:count") == 1


def test_era_is_the_year_of_an_old_article() -> None:
    now_s = NOW.timestamp()
    assert era_of(OLD.timestamp(), now_s) == "2019"
    assert era_of(now_s - EXPIRY_S + 1, now_s) == ""
    assert era_of(OLD.timestamp(), 0.0) == ""  # a message without a time


def test_archived_item_has_the_time_of_its_version() -> None:
    assert as_archived(item(1, OLD)).fetched_at == OLD
    assert as_archived(item(1)).fetched_at == NOW
    assert as_archived(item(1), OLD).fetched_at == OLD
    assert as_archived(item(1, OLD), NOW + timedelta(days=1)).fetched_at == OLD


async def test_live_option_uses_the_main_lane(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "story.txt"
    path.write_text(TEXT.format(n=1))
    async with desk(settings) as broker:
        await ingest_file(broker, path, IngestOptions("source:a"))
        await ingest_file(broker, path, IngestOptions("source:b", live=True))
        await settled(broker, {"new": 2})
    articles: list[Article] = await everything(settings, "articles")
    topics = {a.feed: a.source.topic for a in articles if a.source}
    assert topics == {"source:a": ARCHIVE_ITEMS.name, "source:b": ITEMS.name}


def test_latency_leaves_out_archives() -> None:
    latency = Latency()
    value = (
        b'{"fetched_at":"2019-05-03T12:00:00Z","source":{"topic":"copydesk.items.archive","partition":0,"offset":0}}'
    )
    for topic in (b"copydesk.items.archive", b"copydesk.items"):
        message = value.replace(b"copydesk.items.archive", topic)
        latency.observe(ConsumedMessage("copydesk.articles", 0, 0, NOW.timestamp(), b"", message))
    assert len(latency.last_s) == 1
