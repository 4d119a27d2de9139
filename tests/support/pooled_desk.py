"""A desk with one cleaning process, whose slow items wait aside."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from streams.brokers.base import Broker, OutgoingMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.records import Item
from streams.topics import DESK_GROUP, ITEMS
from tests.support.cleaning import CLEANERS
from workers.counters import read_counters
from workers.desk.cleaning import PooledCleaning
from workers.desk.cleaning_pool import CleaningPool
from workers.desk.desk import create_desk
from workers.desk.slow_items import KEY, SlowItems
from workers.services import connect


@asynccontextmanager
async def closing(broker: Broker) -> AsyncGenerator[None, None]:
    """Close *broker* after the block, also after a failure: else warnings about its connections hide that."""
    try:
        yield
    finally:
        await broker.close()


@asynccontextmanager
async def pooled_desk(
    settings: Settings, item_timeout_s: float, release: bool = True, clock_s: Callable[[], float] = time.time
) -> AsyncGenerator[tuple[Broker, SlowItems], None]:
    """Run a desk with one cleaning process during the block."""
    broker = await connect(settings, settings.broker_url)
    async with closing(broker), CleaningPool(1, item_timeout_s, CLEANERS) as pool:
        slow_items = SlowItems(broker, clock_s, pool)
        app = create_desk(
            settings, broker, url=settings.broker_url, name="desk-1", pooled=PooledCleaning(pool, slow_items)
        )
        await app.start()
        releasing = asyncio.create_task(slow_items.release_loop(0.1)) if release else None
        try:
            yield broker, slow_items
        finally:
            if releasing is not None:
                releasing.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await releasing
            await app.stop()


async def send(broker: Broker, *items: Item) -> None:
    await broker.publish([OutgoingMessage(ITEMS.name, i.identity_key.encode(), encode(i)) for i in items])


async def count(broker: Broker, outcome: str) -> int:
    return (await read_counters(broker.state))["desk"][outcome]


async def are_held(broker: Broker, number: int) -> bool:
    """Return whether *number* items are held."""
    return len(await broker.state.hkeys(KEY)) == number


async def is_done(broker: Broker) -> bool:
    """Return whether no item is held or waits."""
    return await are_held(broker, 0) and await broker.lag(ITEMS.name, DESK_GROUP) == 0
