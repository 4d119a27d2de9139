"""One article over HTTP: its retained revisions, and the word diff of each revision.

/articles/ID    {"id": …, "feed_id": …, "complete": …, "revisions": [article, …], "changes": [{"revision": 2, …}, …]}
"""

import asyncio
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
from aiohttp import web

from streams.brokers.base import Broker, ConsumedMessage
from streams.codec import decode
from streams.errors import UnreadableError
from streams.records import Article
from streams.start import Offsets
from streams.topics import ARTICLES
from workers.dedupe.diff import diff, diff_paragraphs
from workers.poller.registry import feed_id
from workers.web.broadcast import Broadcaster
from workers.web.ninjs import MEDIA_TYPE, encode_ninjs, wants_ninjs
from workers.web.pages import with_page

ID = re.compile(r"[0-9a-f]{20}")
SEARCH_TIMEOUT_S = 20.0  # per search through the topic
MAX_SEARCHES = 2  # at the same time


class ArticlesApi:
    """Finds an article by its id: in the broadcaster's buffer, then in the one partition that its key maps to."""

    def __init__(self, broker: Broker, broadcaster: Broadcaster) -> None:
        self.broker, self.broadcaster = broker, broadcaster
        self._search_slots = asyncio.Semaphore(MAX_SEARCHES)

    def register(self, app: web.Application) -> None:
        """Add the path to *app*."""
        app.router.add_get("/articles/{id}", with_page(self._article))

    async def _article(self, request: web.Request) -> web.StreamResponse:
        id_ = request.match_info["id"]
        if not ID.fullmatch(id_):
            raise web.HTTPNotFound(text="invalid article id: expected 20 hexadecimal digits")
        revisions, complete = await self.revisions(id_)
        if not revisions:
            raise web.HTTPNotFound(text=f"article not found: {id_} (never published, or past its retention)")
        if wants_ninjs(request.query, request.headers):
            return web.Response(body=encode_ninjs(revisions[-1]), content_type=MEDIA_TYPE)
        answer = {
            "id": id_, "feed_id": feed_id(revisions[-1].feed).hex(), "complete": complete, "revisions": revisions,
            "changes": revision_diffs(revisions),
        }  # fmt: skip
        return web.Response(body=msgspec.json.encode(answer), content_type="application/json")

    async def revisions(self, id_: str) -> tuple[list[Article], bool]:
        """Return the revisions of an article in order, and whether they include every retained revision."""
        await self.broadcaster.start()
        buffered = _revisions(id_, [event.message for event in self.broadcaster.events])
        if buffered and buffered[0].revision == 1:
            return buffered, True
        async with self._search_slots:
            messages, complete = await self._search(id_)
        return _revisions(id_, messages), complete

    async def _search(self, id_: str) -> tuple[list[ConsumedMessage], bool]:
        key, matches, ends = id_.encode(), list[ConsumedMessage](), dict(self.broadcaster.position)
        partition = await self.broker.partition_for(ARTICLES.name, key)
        end = ends.get(partition, 0)
        reader = await self.broker.open_reader(ARTICLES, "", Offsets({**ends, partition: 0}))
        try:
            async with asyncio.timeout(SEARCH_TIMEOUT_S):
                while reader.position().get(partition, 0) < end or not (matches or await reader.at_end()):
                    matches += [message for message in await reader.read(1.0) if message.key == key]
        except TimeoutError:
            return matches, False
        finally:
            await reader.close()
        return matches, True


def _revisions(id_: str, messages: Sequence[ConsumedMessage]) -> list[Article]:
    """Return the article's revisions among *messages*, without repetitions, in order."""
    by_number: dict[int, Article] = {}
    for message in messages:
        if message.key == id_.encode():
            try:
                article = decode(message.value, Article)
            except UnreadableError:
                continue
            by_number[article.revision] = article
    return [by_number[number] for number in sorted(by_number)]


def revision_diffs(revisions: Sequence[Article]) -> list[dict[str, Any]]:
    """Return the diff of each revision after the first with the one before.

    A diff is a list of (operation, words): `=` unchanged, `-` deleted, `+` inserted. `paragraphs` is the diff of the
    text as one list for each paragraph.
    """
    return [
        {
            "revision": after.revision,
            "title": diff([before.title], [after.title]),
            "text": diff([before.dek, *before.paragraphs], [after.dek, *after.paragraphs]),
            "paragraphs": diff_paragraphs([before.dek, *before.paragraphs], [after.dek, *after.paragraphs]),
        }
        for before, after in pairwise(revisions)
    ]
