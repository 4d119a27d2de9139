"""Rechecks of pages: withdrawals by 410 and 404, changed pages, and the queue."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web
from msgspec.structs import replace as changed

from streams.brokers import open_broker
from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.config.sources import TomlFile
from streams.config.tables import FeedOptions, parse_tables
from streams.errors import SettingsError
from streams.records import Article, FullTextPage, Item
from streams.topics import DESK_GROUP
from tests.conftest import until
from tests.support.feed_server import FeedServer, rss
from tests.support.pipeline import BODY, MORE, everything, newsdesk, settled
from workers.intake.pushed_items import to_item
from workers.poller.poller import Poller
from workers.poller.recheck import (
    ITEMS_KEY,
    MAX_WAITING,
    QUEUE,
    RETRY_S,
    Recheck,
    Rechecks,
    decide,
    decide_retry,
    new_recheck,
    waiting_rechecks,
)
from workers.poller.registry import FeedRegistry
from workers.services import connect

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
URL = "https://courier.example/canal"
HTML = "<article><h1>Canal</h1><p>The salt canal is open.</p></article>"
HOURS = (3_600.0, 21_600.0)
PAGE = f"<!doctype html><html><body><article><h1>One</h1>{BODY}{{}}</article></body></html>"


def item(html: str = HTML, url: str = URL) -> Item:
    made = to_item({"url": url, "title": "Canal", "content_text": "The salt canal"}, "source:x", NOW)
    return changed(made, feed="https://courier.example/feed", page=FullTextPage(url, html))


def first() -> Recheck:
    made = new_recheck(item(), HOURS)
    assert made is not None
    return made


def test_item_with_page_is_rechecked_after_each_interval() -> None:
    queued = first()
    assert queued.due_s == NOW.timestamp() + 3_600
    page = FullTextPage(URL, HTML)
    second = decide(queued, 200, page, NOW + timedelta(hours=1)).following
    assert second is not None
    assert second.due_s == NOW.timestamp() + 21_600
    assert decide(second, 200, page, NOW + timedelta(hours=6)).following is None


def test_outage_longer_than_an_interval_skips_it() -> None:
    assert decide(first(), 200, None, NOW + timedelta(days=1)).following is None


@pytest.mark.parametrize("made", [changed(item(), page=None), changed(item(), withdrawn="x")])
def test_item_without_page_is_not_rechecked(made: Item) -> None:
    assert new_recheck(made, HOURS) is None
    assert new_recheck(item(), ()) is None
    assert waiting_rechecks([made, item()], HOURS) == waiting_rechecks([item()], HOURS)


def test_gone_page_withdraws_at_once() -> None:
    decision = decide(first(), 410, None, NOW + timedelta(hours=1))
    assert decision.following is None
    assert decision.item is not None
    assert (decision.item.withdrawn, decision.item.page, decision.item.content) == (
        "page removed by the publisher (HTTP 410)", None, (),
    )  # fmt: skip
    assert decision.item.identity_key == item().identity_key


def test_missing_page_withdraws_at_the_second_look() -> None:
    once = decide(first(), 404, None, NOW + timedelta(hours=1))
    assert (once.item, once.due_s) == (None, NOW.timestamp() + 7_200)
    assert once.following is not None
    twice = decide(once.following, 404, None, NOW + timedelta(hours=2))
    assert twice.item is not None
    assert twice.item.withdrawn
    back = decide(once.following, 200, FullTextPage(URL, HTML), NOW + timedelta(hours=2))
    assert back.following is not None
    assert (back.item, back.following.missing) == (None, 0)


def test_changed_page_is_published_once() -> None:
    page = FullTextPage(URL, HTML.replace("open", "closed"))
    decision = decide(first(), 200, page, NOW + timedelta(hours=1))
    assert decision.item is not None
    assert (decision.item.page, decision.item.fetched_at) == (page, NOW + timedelta(hours=1))
    assert decision.following is not None
    assert decide(decision.following, 200, page, NOW + timedelta(hours=6)).item is None


@pytest.mark.parametrize("status", [0, 403, 200])
def test_other_responses_change_nothing(status: int) -> None:
    moved = FullTextPage("https://courier.example/", HTML.replace("open", "closed")) if status == 200 else None
    assert decide(first(), status, moved, NOW + timedelta(hours=1)).item is None


def failed_tries(recheck: Recheck | None, now_s: float) -> list[float]:
    """Return the times in hours of the tries from *now_s* on, of a page whose host does not respond."""
    tries = []
    while recheck is not None:
        tries.append((now_s - NOW.timestamp()) / 3_600)
        assert len(tries) < 100, "the rechecks do not end"
        decision = decide_retry(recheck, now_s)
        assert decision.item is None
        assert decision.following is None or decision.due_s >= now_s + min(RETRY_S, 60)
        recheck, now_s = decision.following, decision.due_s
    return tries


def test_rechecks_of_gone_host_end_after_last_interval() -> None:
    tries = failed_tries(first(), first().due_s)
    assert tries[:4] == [1, 1.25, 1.5, 2], "the waits double"
    assert [hours for hours in tries if hours >= 6] == [6, 6.25, 6.5, 7, 8, 10]


def test_failed_fetch_keeps_later_intervals() -> None:
    week = changed(first(), intervals_s=(3_600.0, 4_000.0, 604_800.0))
    tries = failed_tries(week, week.due_s)
    assert tries[1] == pytest.approx(4_000 / 3_600)
    assert 168 in tries
    assert len(tries) < 25


def test_failed_fetch_keeps_missing_page() -> None:
    once = decide(first(), 404, None, NOW + timedelta(hours=1)).following
    assert once is not None
    again = decide_retry(once, NOW.timestamp() + 7_200).following
    assert again is not None
    assert decide(again, 404, None, NOW + timedelta(hours=3)).item is not None


def test_failure_after_long_downtime_ends_rechecks() -> None:
    assert decide_retry(first(), NOW.timestamp() + 86_400).following is None


def test_recheck_intervals_are_checked() -> None:
    file = TomlFile(Path("copydesk.toml"), "", {})
    [options] = parse_tables("feeds", [{"url": "https://a.example/*", "recheck": ["24h", "1h", "7d"]}], file)
    assert options.recheck == (3_600.0, 86_400.0, 604_800.0)
    for wrong in (["1x"], [1], ["0h"], ["31d"], "1h", ["1h"] * 11):
        with pytest.raises(SettingsError):
            parse_tables("feeds", [{"url": "https://a.example/*", "recheck": wrong}], file)


async def waiting(broker: Broker) -> int:
    return int(await broker.state.execute_command("ZCARD", QUEUE))


async def test_rechecked_pages_become_revisions_and_withdrawals(settings: Settings) -> None:
    settings = replace(settings, feeds=(FeedOptions("*", full_text=True, recheck=(0.2, 0.4)),))
    async with FeedServer() as server, newsdesk(settings, server) as broker:

        def gone(request: web.Request) -> web.StreamResponse:
            first_time = server.requests["1"] == 1
            return (
                web.Response(text=PAGE.format(MORE), content_type="text/html")
                if first_time
                else web.Response(status=410)
            )

        def edited(request: web.Request) -> web.StreamResponse:
            text = "" if server.requests["2"] == 1 else MORE
            return web.Response(text=PAGE.format(text).replace("One", "Two"), content_type="text/html")

        server.answers |= {"1": gone, "2": edited}
        server.answers["f"] = rss([(f"{server.url}{n}", title, title) for n, title in ((1, "One"), (2, "Two"))])
        await FeedRegistry(broker.state).add([(server.url + "f", "")])
        counters = await settled(broker, {"new": 2, "revised": 2})
        assert counters["intake"]["new"] == 2

        async def is_empty() -> bool:
            return await waiting(broker) == 0

        await until(is_empty, what="no recheck waits")
        assert await broker.state.hkeys(ITEMS_KEY) == []
    articles: list[Article] = await everything(settings, "articles")
    assert [(a.revision, bool(a.withdrawn)) for a in articles if a.title == "One"] == [(1, False), (2, True)]
    assert [(a.revision, len(a.paragraphs)) for a in articles if a.title == "Two"] == [(1, 1), (2, 2)]


async def test_unreachable_pages_leave_the_queue(settings: Settings) -> None:
    """The interval ended long ago, for instance while the poller was stopped."""
    settings = replace(settings, feeds=(FeedOptions("*", full_text=True, recheck=(0.2,)),))
    broker = await connect(settings, settings.broker_url)
    poller = Poller(settings, broker, DESK_GROUP)
    page = item(url="http://127.0.0.1:1/canal")
    await broker.publish((), await poller.rechecks.commands([page], HOURS))
    async with poller.http, poller.parsers:
        running = asyncio.create_task(poller.rechecks.run(lambda: NOW.timestamp() + 90_000))
        assert await waiting(broker) == 1

        async def is_empty() -> bool:
            return await waiting(broker) == 0

        await until(is_empty, what="no recheck waits")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert await broker.state.hkeys(ITEMS_KEY) == []
    await broker.close()


async def test_full_queue_takes_no_more(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    broker = open_broker(settings, settings.broker_url)
    rechecks: Any = Rechecks(broker, cast(Any, None), settings, cast(Any, None))
    assert len(await rechecks.commands([item()], HOURS)) == 2
    for start in range(0, MAX_WAITING, 1_000):
        members = (part for n in range(start, start + 1_000) for part in (n, str(n)))
        await broker.publish((), [("ZADD", QUEUE, *members)])
    await broker.publish((), [("ZREM", QUEUE, "0")])
    without_page = changed(item(), page=None)
    assert len(await rechecks.commands([item(), without_page, changed(item(), withdrawn="x")], HOURS)) == 2
    assert not caplog.messages, "there is room for the only page"
    assert len(await rechecks.commands([item(), without_page, item()], HOURS)) == 2
    assert "rechecks not queued (20000 are waiting, count=1)" in caplog.messages[0]
    await broker.publish((), [("ZADD", QUEUE, "0", "0")])
    assert await rechecks.commands([item()], HOURS) == []
    await broker.close()
