"""The article index: follows the articles topic, answers queries, and reads the articles that they select."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from streams.brokers.base import Broker, ConsumedMessage
from streams.codec import decode
from streams.config.settings import Settings
from streams.config.tables import Route
from streams.errors import UnreadableError
from streams.records import Article, MessageId
from streams.routing import Router
from streams.start import Offsets
from streams.topics import ARTICLES
from workers.search import articles
from workers.search.database import Database
from workers.search.follow import FIRST_READ_WAIT_S, Follower
from workers.search.tables import open_shared_database

SINGLE_READS = 100  # up to this number, articles are read one by one; more in one pass through the topic
ROUTE_BATCH = 1_000


class ArticleIndex:
    """The index in *database*.

    `is_complete`: whether it has read all messages that the topic held when the follower started.
    Without *routes*, new articles have none until a process with routes adds them.
    """

    def __init__(self, broker: Broker, database: Database, routes: Sequence[Route] | None = None) -> None:
        self.broker, self.database = broker, database
        self.router = None if routes is None else Router(routes)
        self.follower = Follower(broker, ARTICLES, self)

    @property
    def is_complete(self) -> bool:
        return self.follower.is_caught_up.is_set()

    async def position(self) -> Mapping[int, int]:
        """Return the next offset of each partition."""
        return await self.database.run(articles.read_position)

    async def apply(self, messages: Sequence[ConsumedMessage]) -> None:
        """Add *messages* and store the position after them."""
        await self.database.run(articles.apply, messages, self.router)
        await self.add_routes()

    async def add_routes(self) -> None:
        """Store the routes of the articles that a process without routes has added."""
        while self.router is not None and (ids := await self.database.run(articles.without_routes, ROUTE_BATCH)):
            routes: dict[MessageId, Sequence[str]] = dict.fromkeys(ids, ())
            async for id_, article in self._messages(ids):
                routes[id_] = self.router.route_names(article)
            await self.database.run(articles.set_routes, routes)

    async def remove_expired(self, first: Mapping[int, int]) -> None:
        """Remove the articles below the *first* offset of each partition."""
        await self.database.run(articles.remove_expired, first)

    async def clear(self) -> None:
        """Remove everything."""
        await self.database.run(articles.clear)

    async def page(self, filters: articles.Filters, limit: int) -> articles.Page:
        """Return the rows that match *filters* by arrival, the latest first."""
        return await self.database.run(articles.page, filters, limit)

    async def newest(self, filters: articles.Filters, limit: int) -> list[dict[str, Any]]:
        """Return the rows that match *filters* by time of publication, the latest first."""
        return await self.database.run(articles.newest, filters, limit)

    async def message_ids(
        self, filters: articles.Filters, limit: int = -1, *, all_revisions: bool = False
    ) -> list[MessageId]:
        """Return the message ids of the articles that match *filters*, the latest published first."""
        return await self.database.run(articles.message_ids, filters, limit, all_revisions=all_revisions)

    async def read(self, ids: Sequence[MessageId]) -> AsyncGenerator[Article, None]:
        """Yield the articles of the messages *ids* that are still retained. Up to SINGLE_READS keep their order."""
        async for _, article in self._messages(ids):
            yield article

    async def revisions(self, id_: str) -> list[Article]:
        """Return the retained revisions of an article, in order."""
        ids = await self.database.run(articles.revision_message_ids, id_)
        return [article async for article in self.read(ids) if article.id == id_]

    async def story(self, id_: str) -> list[dict[str, Any]]:
        """Return the articles of a story."""
        return await self.database.run(articles.story, id_)

    async def facets(self) -> dict[str, Any]:
        """Return the number of articles, also by publisher and language, and the names of the routes."""
        names = self.router.names if self.router else []
        return await self.database.run(articles.facets) | {"routes": names}

    async def count(self) -> int:
        """Return the number of articles."""
        return await self.database.run(articles.count)

    async def _messages(self, ids: Sequence[MessageId]) -> AsyncGenerator[tuple[MessageId, Article], None]:
        read = self._one_by_one if len(ids) <= SINGLE_READS else self._in_one_pass
        async for message in read(ids):
            try:
                yield message.message_id, decode(message.value, Article)
            except UnreadableError:
                continue  # the index has readable messages only

    async def _one_by_one(self, ids: Sequence[MessageId]) -> AsyncGenerator[ConsumedMessage, None]:
        for id_ in ids:
            if message := await self.broker.read_message(id_):
                yield message

    async def _in_one_pass(self, ids: Sequence[MessageId]) -> AsyncGenerator[ConsumedMessage, None]:
        missing, first = set(ids), dict[int, int]()
        for id_ in ids:
            first[id_.partition] = min(id_.offset, first.get(id_.partition, id_.offset))
        reader = await self.broker.open_reader(ARTICLES, "", Offsets(first))
        try:
            while missing and not await reader.at_end():
                for message in await reader.read(FIRST_READ_WAIT_S):
                    if message.message_id in missing:
                        missing.remove(message.message_id)
                        yield message
        finally:
            await reader.close()


@asynccontextmanager
async def open_index(
    settings: Settings, broker: Broker, routes: Sequence[Route] | None = None
) -> AsyncGenerator[ArticleIndex, None]:
    """Yield the index after it has read the articles topic to its current end, for a command."""
    database = open_shared_database(settings)
    try:
        index = ArticleIndex(broker, database, routes)
        await index.follower.catch_up()
        await index.add_routes()
        yield index
    finally:
        await database.close()
