"""A broadcaster that stops ends all subscriptions, also those that wait for it to start."""

import asyncio

from streams.testing import InMemoryBroker
from streams.topics import ITEMS
from tests.conftest import until
from workers.web.broadcast import Broadcaster, Event


async def collect(broadcaster: Broadcaster, events: list[Event | None]) -> None:
    async for event in broadcaster.subscribe():
        events.append(event)


async def test_stop_ends_subscription_that_waits_for_start() -> None:
    broker = InMemoryBroker()
    await broker.create_topics([ITEMS])
    broadcaster = Broadcaster(broker, ITEMS)
    events: list[Event | None] = []
    subscription = asyncio.create_task(collect(broadcaster, events))
    await asyncio.sleep(0)  # the subscription waits until the buffer is filled
    await broadcaster.stop()
    await until(subscription.done, what="end of the subscription")
    later = asyncio.create_task(collect(broadcaster, events))
    await until(later.done, what="end of a subscription after the stop")
    assert events == []
    await broker.close()
