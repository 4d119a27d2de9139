"""The article index as the web server uses it: follows the articles topic and answers queries."""

from collections.abc import Mapping, Sequence
from typing import Any

from streams.brokers.base import Broker, ConsumedMessage
from streams.config.tables import Route
from streams.routing import Router
from streams.topics import ARTICLES
from workers.search import articles
from workers.search.database import Database
from workers.search.follow import Follower


class ArticleIndex:
    """The index in *database*. `is_complete`: whether it holds all articles of the time when it was opened."""

    def __init__(self, broker: Broker, database: Database, routes: Sequence[Route] = ()) -> None:
        self.database, self.router = database, Router(routes)
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

    async def remove_expired(self, first: Mapping[int, int]) -> None:
        """Remove the articles below the *first* offset of each partition."""
        await self.database.run(articles.remove_expired, first)

    async def clear(self) -> None:
        """Remove everything."""
        await self.database.run(articles.clear)

    async def page(self, filters: articles.Filters, limit: int) -> articles.Page:
        """Return the rows that match *filters*, the latest first."""
        return await self.database.run(articles.page, filters, limit)

    async def story(self, id_: str) -> list[dict[str, Any]]:
        """Return the articles of a story."""
        return await self.database.run(articles.story, id_)

    async def facets(self) -> dict[str, Any]:
        """Return the publishers, languages and routes with their numbers of articles."""
        return await self.database.run(articles.facets) | {"routes": self.router.names}

    async def seq_of(self, id_: str) -> int | None:
        """Return the number of an article's row; None if it isn't in the index."""
        return await self.database.run(articles.seq_of, id_)

    async def count(self) -> int:
        """Return the number of articles."""
        return await self.database.run(articles.count)
