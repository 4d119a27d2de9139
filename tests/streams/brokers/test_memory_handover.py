"""Handover of partitions between members of a group on the in-memory broker."""

import asyncio

from streams.brokers.base import OutgoingMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.records import Article
from streams.subscribe import Subscription
from streams.testing import InMemoryBroker
from tests.conftest import DEADLINE_S


def article(number: int) -> OutgoingMessage:
    return OutgoingMessage("copydesk.articles", b"%d" % number, encode(Article(id=f"a{number}", revision=1)))


async def test_member_hands_over_after_late_commit() -> None:
    """A member that commits after another one joined must still release its partitions."""

    broker = InMemoryBroker(partitions=2)
    await broker.publish([article(n) for n in range(8)])
    settings = Settings(broker_url=broker.url)
    async with Subscription(group="g", settings=settings) as first, asyncio.timeout(DEADLINE_S):
        batches = first.batches(8, 0.01)
        await anext(batches)  # all records, not committed
        reading = asyncio.ensure_future(anext(batches))
        async with Subscription(group="g", settings=settings) as second:
            others = asyncio.ensure_future(anext(second.batches(1)))
            await asyncio.sleep(0.1)  # first is asked to release; its records are not committed
            await first.commit()
            await broker.publish([article(n) for n in range(100, 108)])
            await others
        reading.cancel()
