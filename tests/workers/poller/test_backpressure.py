"""The budget of the desk's queue: pollers that publish at the same time never exceed it."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from streams.brokers.base import Broker, OutgoingMessage
from streams.config.settings import Settings
from streams.topics import DESK_GROUP, ITEMS
from tests.conftest import until
from tests.support.feed_server import FeedServer, rss
from tests.support.pipeline import BODY, newsdesk, settled
from workers.poller.backpressure import KEY, Backpressure, Reservation
from workers.poller.registry import FeedRegistry
from workers.services import connect

LIMIT = 50


async def publish(broker: Broker, reservation: Reservation) -> None:
    messages = [OutgoingMessage(ITEMS.name, b"%d" % n, b"{}") for n in range(reservation.items)]
    await broker.publish(messages, [reservation.publish_command()])


async def test_concurrent_pollers_stay_below_the_limit(either: Settings) -> None:
    """Forty documents of 20 items each arrive at once at three pollers, while no desk runs.

    On Kafka, a measurement can count items twice that it finds before their reservation is marked as published. Then the
    forty polls get less than the limit, and later ones get the rest.
    """
    brokers = [await connect(either, either.broker_url) for _ in range(3)]
    pollers = [Backpressure(broker, DESK_GROUP, LIMIT) for broker in brokers]

    async def poll(n: int) -> int:
        reservation = await pollers[n % 3].reserve([2] * 20)
        await asyncio.sleep(0.01 * (n % 5))  # others measure in between
        await publish(brokers[n % 3], reservation)
        return reservation.items

    try:
        granted = await asyncio.gather(*(poll(n) for n in range(40)))
        assert sum(granted) == await brokers[0].lag(ITEMS.name, DESK_GROUP) <= LIMIT

        async def is_used_up() -> bool:
            granted.append(await poll(0))
            return sum(granted) >= LIMIT

        await until(is_used_up, what="the rest of the limit")
        assert sum(granted) == await brokers[0].lag(ITEMS.name, DESK_GROUP) == LIMIT
        assert await pollers[0].check()
    finally:
        for broker in brokers:
            await broker.close()


async def test_released_and_expired_reservations_are_free(settings: Settings) -> None:
    broker = await connect(settings, settings.broker_url)
    backpressure = Backpressure(broker, DESK_GROUP, LIMIT)
    first = await backpressure.reserve([2] * 40)
    assert (await backpressure.reserve([2] * 40)).items == LIMIT - 40
    await backpressure.release(first)
    assert (await backpressure.reserve([2] * 40)).items == 40
    for field in await broker.state.hkeys(KEY):
        if field.startswith(b"r:"):
            await broker.state.hset(KEY, field, "10|20|1")  # of a poller that died in 1970
    assert (await backpressure.reserve([2] * LIMIT)).items == LIMIT
    await broker.close()


async def test_measurement_counts_published_items_once(settings: Settings) -> None:
    broker = await connect(settings, settings.broker_url)
    backpressure = Backpressure(broker, DESK_GROUP, LIMIT)
    await publish(broker, await backpressure.reserve([2] * 30))
    await backpressure.check()
    assert (await backpressure.reserve([2] * LIMIT)).items == LIMIT - 30
    await broker.close()


@pytest.mark.parametrize(("sizes", "granted"), [([100, 100, 100], 2), ([10_000, 1], 1)])
async def test_reservation_is_limited_by_free_memory(settings: Settings, sizes: list[int], granted: int) -> None:
    """The first item of an empty queue is granted whatever its size, or it would never be published."""
    broker = await connect(settings, settings.broker_url)
    backpressure = Backpressure(broker, DESK_GROUP, LIMIT)
    await backpressure.check()
    await broker.state.hset(KEY, "free", 310)
    backpressure._measured_s = float("inf")  # it must not measure the free memory again
    assert (await backpressure.reserve(sizes)).items == granted
    await broker.close()


async def test_deferred_items_arrive_when_the_desk_has_caught_up(settings: Settings) -> None:
    settings = replace(settings, max_desk_lag=4)

    async with FeedServer() as server, newsdesk(settings, server) as broker:
        server.answers["f"] = rss([(f"https://a.example/{n}", f"Title {n}", f"{n} {BODY}") for n in range(30)])
        await FeedRegistry(broker.state).add([(server.url + "f", "")])
        counters = await settled(broker, {"new": 30})
        assert counters["poll"]["new"] == 30


async def test_pause_of_polling_names_its_limit(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    broker = await connect(settings, settings.broker_url)
    backpressure = Backpressure(broker, DESK_GROUP, LIMIT)
    await publish(broker, await backpressure.reserve([2] * LIMIT))
    assert await backpressure.check()
    assert caplog.messages == [
        f"polling paused: topic=copydesk.items (desk lags, lag={LIMIT}, memory_percent=0); add desks if this lasts"
    ]
    await broker.close()


async def test_full_memory_pauses_polling(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """A poller with full memory measures and pauses; an error would look like an outage."""
    broker = await connect(settings, settings.broker_url)
    state: Any = broker.state
    before = (await state.config_get("maxmemory"))["maxmemory"]
    try:
        await state.config_set("maxmemory", int((await state.info("memory"))["used_memory"]) // 2)
        assert await Backpressure(broker, DESK_GROUP, LIMIT).check()
        assert "polling paused: topic=copydesk.items (memory nearly full, lag=0, " in caplog.messages[0]
        assert caplog.messages[0].endswith("); give the broker more memory if this lasts")
    finally:
        await state.config_set("maxmemory", before)
        await broker.close()
