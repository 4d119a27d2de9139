"""Lists of articles and stories over HTTP, from the article index.

GET /articles?q=…&route=…&publisher=…&language=…&feed=…&copies=hide|only&revised=1&before=SEQ|ID&limit=50
GET /facets.json      number of articles, also by publisher and language; names of the routes
GET /stories/ID       the articles of a story, by the time of their polls
GET /stories/ID/diff?from=ARTICLE&to=ARTICLE    the word diff between two articles of a story
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from streams.codec import decode
from streams.errors import UnreadableError
from streams.records import Article
from workers.search.articles import MAX_PAGE, MAX_SEQ, Filters, to_row
from workers.search.index import ArticleIndex
from workers.web.articles_api import ARTICLE_ID, not_found, text_diff
from workers.web.broadcast import Broadcaster, format_position
from workers.web.pages import with_page
from workers.web.responses import int_parameter, json_response

PAGE_ARTICLES = 50
COPIES = ("", "hide", "only")


class IndexApi:
    """Handlers of lists. The first page comes from the broadcaster's buffer while the index is being built."""

    def __init__(self, index: ArticleIndex, broadcaster: Broadcaster) -> None:
        self.index, self.broadcaster = index, broadcaster

    def register(self, app: web.Application) -> None:
        """Add the paths to *app*."""
        app.router.add_get("/articles", self._articles)
        app.router.add_get("/facets.json", self._facets)
        app.router.add_get("/stories/{id}", with_page(self._story))
        app.router.add_get("/stories/{id}/diff", self._story_diff)

    async def _articles(self, request: web.Request) -> web.StreamResponse:
        filters, limit = _filters(request), int_parameter(request, "limit", PAGE_ARTICLES, MAX_PAGE)
        await self.broadcaster.start()
        position = format_position(self.broadcaster.position)
        page = await self.index.page(filters, limit)
        rows: list[dict[str, Any]] = page.rows
        if filters.is_empty:
            rows = self._newest(rows, limit)
        answer = {"articles": rows, "next": page.next, "position": position, "complete": self.index.is_complete}
        return json_response(answer)

    def _newest(self, rows: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
        """Return *rows* after those of the buffer that the index does not have yet."""
        revisions = {row["id"]: row["revision"] for row in rows}
        new: dict[str, Mapping[str, Any]] = {}
        for event in reversed(self.broadcaster.events):
            try:
                article = decode(event.message.value, Article)
            except UnreadableError:
                continue
            if revisions.get(article.id, 0) >= article.revision:
                break  # the index has this event, and so the earlier ones
            if len(new) < limit:
                new.setdefault(article.id, to_row(article, event.message.time_s))
        return [*map(dict, new.values()), *(row for row in rows if row["id"] not in new)]

    async def _facets(self, request: web.Request) -> web.StreamResponse:
        return json_response(await self.index.facets())

    async def _members(self, request: web.Request) -> tuple[str, list[dict[str, Any]]]:
        """Return the id of the requested story and its articles. Raises HTTPNotFound."""
        id_ = request.match_info["id"]
        if not ARTICLE_ID.fullmatch(id_):
            raise web.HTTPNotFound(text=f"invalid story id: {id_[:40]!r} (not 20 hexadecimal digits); see /articles")
        members = await self.index.story(id_)
        if not members:
            raise not_found(self.index, f"story not found: {id_}")
        return id_, members

    async def _story_diff(self, request: web.Request) -> web.StreamResponse:
        story, members = await self._members(request)
        ids, newest = {member["id"] for member in members}, list[Article]()
        for name in ("from", "to"):
            id_ = request.query.get(name, "")
            revisions = await self.index.revisions(id_) if id_ in ids else []
            if not revisions:
                raise web.HTTPNotFound(
                    text=f"article not in story: {id_[:40]!r} ({story}); set `from` and `to` to ids of its articles"
                )
            newest.append(revisions[-1])
        before, after = newest
        answer = {"from": before.id, "to": after.id} | await asyncio.to_thread(text_diff, before, after)
        return json_response(answer)

    async def _story(self, request: web.Request) -> web.StreamResponse:
        id_, members = await self._members(request)
        first = next((member for member in members if member["id"] == id_), members[0])
        answer = {"id": id_, "first": first["id"], "members": members, "complete": self.index.is_complete}
        return json_response(answer)


def _filters(request: web.Request) -> Filters:
    """Return the filters of a request. Raises HTTPBadRequest."""
    query = request.query
    if (copies := query.get("copies", "")) not in COPIES:
        raise web.HTTPBadRequest(text=f"invalid copies: {copies[:40]!r}; use hide or only")
    id_ = ARTICLE_ID.fullmatch(before := query.get("before", ""))
    return Filters(
        words=query.get("q", "").strip(),
        is_typing=True,
        route=query.get("route", ""),
        publishers=tuple(filter(None, query.getall("publisher", []))),
        language=query.get("language", ""),
        feed=query.get("feed", ""),
        copies=copies,
        revised=query.get("revised", "") == "1",
        before=int_parameter(request, "before", 0, MAX_SEQ) if before and not id_ else None,
        before_id=before if id_ else "",
    )
