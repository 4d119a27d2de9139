"""The retained articles for the tools: the article index, brought up to date before each call."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from streams.brokers import open_broker
from streams.config.settings import Settings
from streams.records import Article
from streams.subscribe import resolve_broker_url
from workers.search.articles import Filters
from workers.search.index import ArticleIndex
from workers.search.tables import open_shared_database

ResultT = TypeVar("ResultT")


class Library:
    """Queries of the article index. Each raises UnavailableError without a broker."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.database = settings, open_shared_database(settings)
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def close(self) -> None:
        """End the queries in progress, and close the index."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.database.close()

    async def refresh(self) -> None:
        """Add the articles published since the last call."""

        async def nothing(index: ArticleIndex) -> None:
            """Query nothing."""

        await self._run(nothing)

    async def search(self, filters: Filters, limit: int) -> list[dict[str, Any]]:
        """Return the rows of matching articles, the latest published first."""
        return await self._run(lambda index: index.newest(filters, limit))

    async def story(self, story_id: str) -> list[dict[str, Any]]:
        """Return the rows of a story's articles, the first received first."""
        return await self._run(lambda index: index.story(story_id))

    async def revisions(self, id_: str) -> list[Article]:
        """Return the retained revisions of an article in order; of a withdrawn one only the last."""
        revisions = await self._run(lambda index: index.revisions(id_))
        return revisions[-1:] if revisions and revisions[-1].withdrawn else revisions

    async def _run(self, query: Callable[[ArticleIndex], Awaitable[ResultT]]) -> ResultT:
        """Return the result of *query*. A task of its own lets the connection close if the client cancels its call.

        anyio cancels each `await` of a cancelled scope, also those of a clean-up (anyio documentation, "Cancellation").
        """
        task = asyncio.create_task(self._query(query))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def _query(self, query: Callable[[ArticleIndex], Awaitable[ResultT]]) -> ResultT:
        async with self._turn:
            broker = open_broker(self.settings, resolve_broker_url(self.settings))
            try:
                index = ArticleIndex(broker, self.database)
                await index.follower.catch_up()
                return await query(index)
            finally:
                await broker.close()
