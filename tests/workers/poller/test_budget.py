"""Budgets per feed: one dead letter per entry, and caps for items, bytes and dead letters of a day."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from aiohttp import web

from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.config.settings import Settings
from streams.records import PollResult
from streams.start import Start
from streams.topics import DEAD_LETTERS
from tests.support.pipeline import everything
from tests.support.poller_desk import Desk, open_desk
from workers import dead_letters
from workers.poller.registry import FEEDS, feed_id
from workers.status import read_status


async def next_day(desk: Desk) -> None:
    """Move the budget in the feed's state back by a day."""
    state = await desk.state()
    budget = msgspec.structs.replace(state.budget, day=state.budget.day - 1)
    encoded = msgspec.json.encode(msgspec.structs.replace(state, budget=budget))
    await desk.poller.broker.state.hset(FEEDS, feed_id(desk.url), encoded)


def json_feed(items: list[dict[str, Any]]) -> Callable[[web.Request], web.Response]:
    body = json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "D", "items": items}).encode()
    return lambda request: web.Response(body=body, content_type="application/feed+json")


def unreadable(*names: object) -> list[dict[str, Any]]:
    return [{"summary": "", "tags": [str(name)]} for name in names]


def readable(*names: object, text: str = "Swans were counted in the bay.") -> list[dict[str, Any]]:
    return [{"id": str(name), "title": f"Title {name}", "content_text": f"{text} {name}"} for name in names]


async def poll_results(desk: Desk) -> list[PollResult]:
    return sorted(await everything(desk.poller.settings, "polls"), key=lambda poll: poll.started_at)


async def test_unreadable_entry_becomes_one_letter(settings: Settings) -> None:
    async with open_desk(settings) as desk:
        for n in range(3):  # the document differs at each poll
            desk.server.answers["f"] = json_feed([*unreadable("a", "b"), *readable(n)])
            await desk.poll()
        desk.server.answers["f"] = json_feed(unreadable("a", "b", "c"))
        await desk.poll()
        assert len(await dead_letters.select(desk.poller.broker, [])) == 3
        failed = [(poll.items_failed, poll.items_new) for poll in await poll_results(desk)]
        assert failed == [(2, 1), (0, 1), (0, 1), (1, 0)]


async def test_letters_of_a_feed_and_day_are_capped(settings: Settings) -> None:
    async with open_desk(settings, max_feed_letters_per_day=10) as desk:
        for n in range(3):
            desk.server.answers["f"] = json_feed(unreadable(*(f"{n}-{i}" for i in range(100))))
            await desk.poll()
        broker = desk.poller.broker
        assert len(await dead_letters.select(broker, [])) == 10
        polls = await poll_results(desk)
        assert [(poll.items_failed, poll.items_deferred) for poll in polls] == [(10, 90), (0, 100), (0, 100)]
        assert "daily budget" in polls[0].error
        [row] = (await read_status(broker, "desk"))["feeds"]
        assert row["items_deferred"] == 100
        await next_day(desk)
        await desk.poll()
        assert len(await dead_letters.select(broker, [])) == 20


async def test_letter_of_entry_is_short(settings: Settings) -> None:
    async with open_desk(settings) as desk:
        desk.server.answers["f"] = json_feed(unreadable("x" * 90_000))
        await desk.poll()
        [letter] = await dead_letters.select(desk.poller.broker, [])
        assert len(letter.letter.payload) <= 10_000


@pytest.mark.parametrize("limits", [{"max_feed_items_per_day": 10}, {"max_feed_mb_per_day": 0.01}])
async def test_new_items_of_a_day_are_capped(limits: dict[str, float], settings: Settings) -> None:
    async with open_desk(settings, **limits) as desk:
        desk.server.answers["f"] = json_feed(readable(*range(25), text="y" * 1_000))
        published = []
        for _ in range(3):
            await desk.poll()
            state = await desk.poll()
            assert not state.etag
            published.append(state.items_published)
            await next_day(desk)
        state = await desk.poll()
        assert published[0] in (9, 10)
        assert published[1] == 2 * published[0]
        assert state.items_published == 25
        assert state.items_deferred == 0


async def test_deferred_items_keep_document_order(settings: Settings) -> None:
    async with open_desk(settings, max_feed_items_per_day=1) as desk:
        desk.server.answers["f"] = json_feed(readable("first", "second", "third"))
        await desk.poll()
        assert [item.title for item in await everything(desk.poller.settings, "items")] == ["Title first"]


async def test_discard_frees_memory(settings: Settings) -> None:
    async with open_desk(settings, max_feed_letters_per_day=1000) as desk:
        broker = desk.poller.broker
        assert isinstance(broker, RedisStreamsBroker)
        desk.server.answers["f"] = json_feed(unreadable(*(f"{n}-" * 1_000 for n in range(399))))
        await desk.poll()
        used = await broker.topic_bytes(DEAD_LETTERS.name)
        letters = await dead_letters.select(broker, [])
        assert len(letters) == 399
        for letter in letters[:200] + letters[201:]:  # an earlier letter stays pending
            assert await dead_letters.discard(broker, letter)
        assert await broker.topic_bytes(DEAD_LETTERS.name) < used / 10
        assert [letter.name for letter in await dead_letters.select(broker, [])] == [letters[200].name]
        assert await dead_letters.discard(broker, letters[200])
        assert await dead_letters.select(broker, []) == []
        reader = await broker.open_reader(DEAD_LETTERS, "", Start.EARLIEST)
        assert await reader.at_end()
        assert not await dead_letters.replay(broker, letters[200]._replace(letter=_with_sink(letters[200])))


def _with_sink(pending: dead_letters.PendingLetter) -> Any:
    return msgspec.structs.replace(pending.letter, sink="s")
