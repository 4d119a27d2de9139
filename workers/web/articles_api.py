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

from streams.brokers.base import ConsumedMessage
from streams.codec import decode
from streams.errors import UnavailableError, UnreadableError
from streams.records import Article
from workers.dedupe.diff import diff, diff_paragraphs
from workers.poller.registry import feed_id
from workers.search.index import ArticleIndex
from workers.web.broadcast import Broadcaster
from workers.web.ninjs import MEDIA_TYPE, encode_ninjs, wants_ninjs
from workers.web.pages import with_page

ARTICLE_ID = re.compile(r"[0-9a-f]{20}")  # the ids of stories and events have the same form


class ArticlesApi:
    """Finds an article by its id: in the broadcaster's buffer, then in the topic, by the index."""

    def __init__(self, index: ArticleIndex, broadcaster: Broadcaster) -> None:
        self.index, self.broadcaster = index, broadcaster

    def register(self, app: web.Application) -> None:
        """Add the path to *app*."""
        app.router.add_get("/articles/{id}", with_page(self._article))

    async def _article(self, request: web.Request) -> web.StreamResponse:
        id_ = request.match_info["id"]
        if not ARTICLE_ID.fullmatch(id_):
            raise web.HTTPNotFound(text=f"invalid article id: {id_[:40]!r} (not 20 hexadecimal digits); see /articles")
        revisions, complete = await self.revisions(id_)
        if not revisions:
            raise not_found(self.index, f"article not found: {id_}")
        if wants_ninjs(request.query, request.headers):
            return web.Response(body=encode_ninjs(revisions[-1]), content_type=MEDIA_TYPE)
        answer = {
            "id": id_, "feed_id": feed_id(revisions[-1].feed).hex(), "complete": complete, "revisions": revisions,
            "changes": await asyncio.to_thread(revision_diffs, revisions),
        }  # fmt: skip
        return web.Response(body=msgspec.json.encode(answer), content_type="application/json")

    async def revisions(self, id_: str) -> tuple[list[Article], bool]:
        """Return the revisions of an article in order, and whether they include every retained revision."""
        await self.broadcaster.start()
        buffered = _revisions(id_, [event.message for event in self.broadcaster.events])
        if buffered and buffered[0].revision == 1:
            return buffered, True
        by_number = {article.revision: article for article in (*await self.index.revisions(id_), *buffered)}
        return [by_number[number] for number in sorted(by_number)], self.index.is_complete


def not_found(index: ArticleIndex, failure: str) -> Exception:
    """Return the error for an article or story that the index does not have, or not yet."""
    if not index.is_complete:
        return UnavailableError(f"{failure} (the search index is being built); try again in a minute")
    return web.HTTPNotFound(text=f"{failure} (never published, or past its retention)")


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
    """Return the diff of each revision after the first with the one before."""
    return [{"revision": after.revision} | text_diff(before, after) for before, after in pairwise(revisions)]


def text_diff(before: Article, after: Article) -> dict[str, Any]:
    """Return the word diff of two articles.

    A diff is a list of (operation, words): `=` unchanged, `-` deleted, `+` inserted. `paragraphs` is the diff of the
    text as one list for each paragraph.
    """
    texts = [before.dek, *before.paragraphs], [after.dek, *after.paragraphs]
    return {"title": diff([before.title], [after.title]), "text": diff(*texts), "paragraphs": diff_paragraphs(*texts)}
