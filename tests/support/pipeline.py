"""A poller and a desk inside a test, with waits for their progress."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.subscribe import subscribe
from streams.topics import ARCHIVE_ITEMS, DESK_GROUP, ITEMS
from tests.conftest import DEADLINE_S, until
from tests.support.feed_server import FeedServer
from workers.counters import read_counters
from workers.desk.cleaning import Cleaner
from workers.desk.desk import create_desk
from workers.poller.poller import Poller
from workers.services import connect

BODY = "<p>The harbour board reopened the salt canal on Monday, nine years after the flood closed it.</p>"
MORE = "<p>Visitors may come free of charge until the end of the month, and after that for the price of bread.</p>"


def explore(*titles: str) -> str:
    return (
        "<h3>Explore</h3><ul>"
        + "".join(f'<li><a href="/x/{t}">{t} of the tidal power trust</a></li>' for t in titles)
        + "</ul>"
    )


@asynccontextmanager
async def newsdesk(
    settings: Settings, server: FeedServer, clean: Cleaner | None = None
) -> AsyncGenerator[Broker, None]:
    """Run a poller and a desk on the registered feeds during the block."""
    settings = replace(settings, poll_interval_s=0.05, poll_timeout_s=DEADLINE_S)
    broker = await connect(settings, settings.broker_url)
    desk = create_desk(settings, broker, url=settings.broker_url, name="desk-1", clean=clean)
    await desk.start()
    poller = Poller(settings, broker, DESK_GROUP)
    polling = asyncio.create_task(poller.run())
    try:
        yield broker
    finally:
        poller.stop()
        await polling
        await desk.stop()
        await broker.close()


@asynccontextmanager
async def desk(settings: Settings, name: str = "desk-1") -> AsyncGenerator[Broker, None]:
    """Run a desk during the block."""
    broker = await connect(settings, settings.broker_url)
    app = create_desk(settings, broker, url=settings.broker_url, name=name)
    await app.start()
    try:
        yield broker
    finally:
        await app.stop()
        await broker.close()


async def everything(settings: Settings, topic: str) -> list[Any]:
    return [record async for record in subscribe(topic, start="start", follow=False, settings=settings)]


async def queued(broker: Broker) -> int:
    """Return the number of items that no desk has handled, in both lanes."""
    return sum([await broker.lag(topic.name, DESK_GROUP) for topic in (ITEMS, ARCHIVE_ITEMS)])


async def settled(broker: Broker, wanted: dict[str, int]) -> dict[str, dict[str, int]]:
    """Return the counters once the desk's are at least *wanted* and all queues are empty."""
    counters: dict[str, dict[str, int]] = {}

    async def has_arrived() -> bool:
        is_empty = await queued(broker) == 0  # first: counters that precede an empty queue lack its last items
        counters.update(await read_counters(broker.state))
        return is_empty and all(counters["desk"][k] >= n for k, n in wanted.items())

    await until(has_arrived, what=lambda: f"counters {wanted}; they are {counters}")
    return counters
