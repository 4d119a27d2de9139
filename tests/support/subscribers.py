"""Subscribers to small articles on any broker."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

from streams.brokers import open_broker
from streams.brokers.base import Broker, OutgoingMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.records import Article
from streams.subscribe import subscribe
from streams.topics import ARTICLES


def article(id_: str, revision: int = 1, topic: str = ARTICLES.name) -> OutgoingMessage:
    return OutgoingMessage(topic, id_.encode(), encode(Article(id=id_, revision=revision, title=id_)))


@asynccontextmanager
async def wire(settings: Settings) -> AsyncGenerator[Broker, None]:
    """A broker with an articles topic."""
    broker = open_broker(settings)
    await broker.create_topics([ARTICLES])
    try:
        yield broker
    finally:
        await broker.close()


class Subscriber:
    """A task that subscribes and collects ids and revisions."""

    def __init__(self, settings: Settings, group: str = "", topic: str = ARTICLES.name) -> None:
        self.got: list[tuple[str, int]] = []
        self._task = asyncio.create_task(self._run(settings, group, topic))

    async def _run(self, settings: Settings, group: str, topic: str) -> None:
        async with aclosing(subscribe(topic, group=group, settings=settings)) as articles:
            async for record in articles:
                self.got.append((record.id, record.revision))

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def has(self, expected: Sequence[Any]) -> bool:
        if self._task.done():
            self._task.result()
        return sorted(self.got) == sorted(expected)
