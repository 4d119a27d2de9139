"""One article over HTTP: all of its revisions that are kept, and what each changed.

/articles/ID    {"id": …, "complete": …, "revisions": [article, …], "changes": [{"revision": 2, "title": …, …}, …]}
"""

import asyncio
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
from aiohttp import web

from streams.brokers.base import Broker, Delivery
from streams.codec import decode
from streams.errors import UnreadableError
from streams.records import Article
from streams.topics import ARTICLES
from workers.dedupe.diff import diff
from workers.web.broadcast import Broadcaster, format_position

ID = re.compile(r"[0-9a-f]{20}")
SEARCH_S = 20.0  # the longest that a search through the topic may take
MAX_SEARCHES = 2  # searches


class ArticlesApi:
    """Finds articles by their id: in memory, else in the one partition of the topic that can have them."""

    def __init__(self, broker: Broker, hub: Broadcaster) -> None:
        self.broker, self.hub = broker, hub
        self._searching = asyncio.Semaphore(MAX_SEARCHES)

    def register(self, app: web.Application) -> None:
        """Add the path."""
        app.router.add_get("/articles/{id}", self._article)

    async def _article(self, request: web.Request) -> web.StreamResponse:
        id_ = request.match_info["id"]
        if not ID.fullmatch(id_):
            raise web.HTTPNotFound(text="an article's id is 20 hexadecimal digits")
        found, complete = await self.revisions(id_)
        if not found:
            raise web.HTTPNotFound(text=f"no article {id_} is kept")
        told = {"id": id_, "complete": complete, "revisions": found, "changes": revision_diffs(found)}
        return web.Response(body=msgspec.json.encode(told), content_type="application/json")

    async def revisions(self, id_: str) -> tuple[list[Article], bool]:
        """Return the revisions of an article in their order, and whether all that are kept are among them."""
        await self.hub.start()
        known = _revisions(id_, [event.delivery for event in self.hub.events])
        if known and known[0].revision == 1:
            return known, True
        async with self._searching:
            found, complete = await self._search(id_)
        return _revisions(id_, found), complete

    async def _search(self, id_: str) -> tuple[list[Delivery], bool]:
        key, found, ends = id_.encode(), list[Delivery](), dict(self.hub.position)
        n = await self.broker.partition_for(ARTICLES.name, key)
        reader = await self.broker.open_reader(ARTICLES, "", format_position({**ends, n: 0}))
        try:
            async with asyncio.timeout(SEARCH_S):
                while reader.position().get(n, 0) < ends.get(n, 0) or not (found or await reader.at_end()):
                    found += [delivery for delivery in await reader.read(1.0) if delivery.key == key]
        except TimeoutError:
            return found, False
        finally:
            await reader.close()
        return found, True


def _revisions(id_: str, deliveries: Sequence[Delivery]) -> list[Article]:
    """Return the article's revisions among *deliveries*, each once, in their order."""
    found: dict[int, Article] = {}
    for delivery in deliveries:
        if delivery.key == id_.encode():
            try:
                article = decode(delivery.value, Article)
            except UnreadableError:
                continue
            found[article.revision] = article
    return [found[revision] for revision in sorted(found)]


def revision_diffs(revisions: Sequence[Article]) -> list[dict[str, Any]]:
    """Return how each revision but the first came of the one before: runs of words, `=` kept, `-` gone, `+` new."""
    return [
        {
            "revision": after.revision,
            "title": diff([before.title], [after.title]),
            "text": diff([before.dek, *before.paragraphs], [after.dek, *after.paragraphs]),
        }
        for before, after in pairwise(revisions)
    ]
