"""Subscriptions to resources: a notification after each new article of a topic.

A notification has no content. The client then reads the topic from its last position, so none is missed:
`copydesk://topics/articles?after=POSITION` also notifies of articles between that position and the subscription.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import anyio

from streams.config.settings import Settings
from streams.start import Offsets, Start, StartPosition
from streams.subscribe import Subscription
from workers.mcp.delimiters import quote
from workers.mcp.reading import opened
from workers.mcp.tools import ToolError, article_topic, to_position

URI_PREFIX = "copydesk://topics/"
AFTER = "?after="
COALESCE_S = 0.2  # articles of a burst share a notification
BURST_ARTICLES = 1_000
MAX_URIS = 32  # each reads its topic with a connection of its own

Notify = Callable[[str], Awaitable[None]]


def parse_uri(uri: str) -> tuple[str, str]:
    """Return the topic and the position of a resource, "" without one. Raises ToolError."""
    path, _, position = uri.removeprefix(URI_PREFIX).partition(AFTER)
    if not uri.startswith(URI_PREFIX) or len(uri) > 10_000:
        raise ToolError(f"unknown resource: {quote(uri)}; its URI starts with {URI_PREFIX}")
    if position:
        to_position(position)
    return article_topic(path), position


class Notifier:
    """Notifies of new articles by the topics' own subscriptions."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._open = 0

    @asynccontextmanager
    async def notifying(self, uris: Sequence[str], notify: Notify) -> AsyncGenerator[None, None]:
        """Call *notify* for new articles of *uris* during the block; it starts once all topics are open.

        Raises:
            ToolError: a URI is invalid, or the subscriptions are too many.
        """
        targets = [(uri, *parse_uri(uri)) for uri in uris]
        if self._open + len(targets) > MAX_URIS:
            raise ToolError(f"too many subscriptions: {self._open + len(targets)} (maximum {MAX_URIS})")
        self._open += len(targets)
        try:
            async with AsyncExitStack() as stack:
                for uri, topic, position in targets:
                    start: StartPosition = Offsets(to_position(position)) if position else Start.LATEST
                    articles = Subscription(topic, start=start, settings=self.settings)
                    await stack.enter_async_context(opened(articles))
                    await stack.enter_async_context(_task(_follow(articles, uri, notify)))
                yield
        finally:
            self._open -= len(targets)


@asynccontextmanager
async def _task(work: Awaitable[None]) -> AsyncGenerator[None, None]:
    """Run *work* during the block."""
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.gather(task, return_exceptions=True)


async def _follow(articles: Subscription, uri: str, notify: Notify) -> None:
    async with aclosing(articles.batches(BURST_ARTICLES, COALESCE_S)) as batches:
        async for _ in batches:
            await notify(uri)
