"""Feeds over HTTP: list, detail, changes, discovery and import. Changes need the token.

GET  /feeds?q=…&health=…&folder=…&sort=health|title|rate|due|failures&offset=0&limit=50
GET  /feeds/ID              state, latest polls, items by hour of the day; ID: 16 hexadecimal digits
POST /feeds                 {"action": "add" | "remove" | "pause" | "resume" | "poll-now" | "edit", "url": …, …}
POST /feeds/discover        {"url": …}: the feeds of a web page
POST /feeds/import          an OPML document
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from aiohttp import web

from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.errors import SettingsError, UnavailableError
from workers.poller.feed_urls import validate_feed_url
from workers.poller.registry import FeedRegistry, FeedState, feed_id
from workers.search.polls import PollIndex
from workers.status import FEED_HEALTH, feed_health, feed_row
from workers.text.counts import format_count
from workers.text.normalise import plain_text
from workers.urls.web_url import web_url
from workers.web.admin_api import AdminApi
from workers.web.feed_errors import explain_error
from workers.web.pages import with_page
from workers.web.responses import encodable, int_parameter, json_response, message

PAGE_FEEDS, MAX_PAGE_FEEDS = 100, 500
CACHE_S = 1.0  # of the list of 10,000 feeds, while a user types a filter
DISCOVERY_TIMEOUT_S = 60.0
MAX_SKIPPED = 20  # in a reply
FEED_ID = re.compile(r"[0-9a-f]{16}")
ADDED_TYPES = ("feed", "page", "sitemap", "sitemap index")  # those of `source_kind`, which discovery returns
FULL_TEXT = {"yes": True, "no": False, "default": None}
_URGENCY = {"failing": 0, "new": 1, "ok": 2, "paused": 3}

SORT_KEYS: dict[str, Callable[[FeedState], Any]] = {
    "health": lambda feed: (_URGENCY[feed_health(feed)], -feed.failures, _shown_title(feed)),
    "title": lambda feed: _shown_title(feed),
    "rate": lambda feed: (-(feed.history.per_hour if feed.history else 0.0), _shown_title(feed)),
    "due": lambda feed: (feed.paused, feed.due_s, _shown_title(feed)),
    "failures": lambda feed: (-feed.failures, _shown_title(feed)),
}


class FeedAction(msgspec.Struct, frozen=True):
    """An action on one feed. Only `edit` reads the fields after `type`; a field of None stays as it is."""

    action: str
    url: str
    folder: str | None = None
    type: str = ""
    title: str | None = None
    interval_s: float | None = None
    full_text: str | None = None


class DiscoveryRequest(msgspec.Struct, frozen=True):
    """The URL of a web page or feed."""

    url: str


class FeedsApi:
    """Handlers of the paths of feeds."""

    def __init__(self, settings: Settings, broker: Broker, admin: AdminApi, polls: PollIndex) -> None:
        self.settings, self.admin, self.polls = settings, admin, polls
        self.feeds = FeedRegistry(broker.state)
        self._cached: tuple[float, list[FeedState]] = (float("-inf"), [])
        self._discovery = asyncio.Lock()  # one at a time: it may start parser processes

    def register(self, app: web.Application) -> None:
        """Add the paths to *app*."""
        app.router.add_get("/feeds", with_page(self._list))
        app.router.add_get("/feeds/{id}", with_page(self._detail))
        app.router.add_post("/feeds", self.admin.require_token(self._change))
        app.router.add_post("/feeds/discover", self.admin.require_token(self._discover))
        app.router.add_post("/feeds/import", self.admin.require_token(self._import))

    async def _list(self, request: web.Request) -> web.StreamResponse:
        query, feeds = request.query, await self._all()
        if (sort := query.get("sort", "health")) not in SORT_KEYS:
            raise web.HTTPBadRequest(text=f"invalid sort: {sort[:40]!r}; use one of {', '.join(SORT_KEYS)}")
        matching = _matching(feeds, query.get("q", ""), query.get("health", ""), query.get("folder", ""))
        matching.sort(key=SORT_KEYS[sort])
        offset = int_parameter(request, "offset", 0, len(matching))
        limit = int_parameter(request, "limit", PAGE_FEEDS, MAX_PAGE_FEEDS)
        health, now_s = Counter(map(feed_health, feeds)), time.time()
        return json_response({
            "total": len(feeds), "matching": len(matching), "health": {name: health[name] for name in FEED_HEALTH},
            "folders": sorted({feed.folder for feed in feeds if feed.folder})[:MAX_PAGE_FEEDS],
            "feeds": [_row(feed, now_s) for feed in matching[offset : offset + limit]],
        })  # fmt: skip

    async def _all(self) -> list[FeedState]:
        """Return all feeds, at most CACHE_S old."""
        read_s, feeds = self._cached
        if time.monotonic() - read_s > CACHE_S:
            feeds = await self.feeds.all()
            self._cached = time.monotonic(), feeds
        return feeds

    async def _detail(self, request: web.Request) -> web.StreamResponse:
        id_ = request.match_info["id"]
        feed = await self.feeds.get(bytes.fromhex(id_)) if FEED_ID.fullmatch(id_) else None
        if feed is None:
            raise web.HTTPNotFound(text=encodable(f"feed not found: {id_[:40]}; see /feeds"))
        polls = await self.polls.polls(feed.url)
        for poll in polls:
            poll["explanation"] = explain_error(poll["error_kind"], poll["status"])
        return json_response({"feed": _row(feed, time.time()) | _details(feed), "polls": polls})

    async def _change(self, request: web.Request) -> web.StreamResponse:
        command = msgspec.json.decode(await request.read(), type=FeedAction)
        url, feeds = command.url, self.feeds
        actions: dict[str, Callable[[], Awaitable[Sequence[str]]]] = {
            "add": lambda: feeds.add([(url, command.folder or "")], type=_registered_type(command)),
            "remove": lambda: feeds.remove([url]),
            "pause": lambda: feeds.set_paused([url], True),
            "resume": lambda: feeds.set_paused([url], False),
            "poll-now": lambda: feeds.poll_now([url]),
            "edit": lambda: feeds.edit([url], **_edited_fields(command)),
        }
        if command.action not in actions:
            return message(f"unknown action: {command.action!r}; use one of {', '.join(actions)}", 400)
        if not web_url(url):
            raise SettingsError(f"invalid feed URL: {url[:200]!r} (not an http or https URL); begin it with https://")
        changed = await actions[command.action]()
        self._cached = (float("-inf"), [])
        return message(f"{command.action} {'done' if changed else 'without effect'}: {url}", changed=len(changed))

    async def _discover(self, request: web.Request) -> web.StreamResponse:
        url = msgspec.json.decode(await request.read(), type=DiscoveryRequest).url.strip()
        url = validate_feed_url(url if "://" in url else f"https://{url}")
        async with self._discovery:
            sources = await self._discover_feeds(url)
        registered = {feed.url for feed in await self._all()}
        for source in sources:
            source["registered"] = source["url"] in registered
        found = f"{format_count(len(sources), 'feed')} found: {url}"
        return message(found if sources else f"no feed found: {url}; enter the URL of a feed", sources=sources)

    async def _discover_feeds(self, url: str) -> list[dict[str, Any]]:
        """Return the feeds of a page. Raises UnreadableError or SettingsError with a message for the user."""
        from workers.http.client import HttpClient  # imported lazily: only discovery needs a client and parsers
        from workers.poller.discovery import discover, source_items, source_kind
        from workers.poller.formats import ACCEPT
        from workers.poller.parser_pool import ParserPool

        try:
            async with (
                asyncio.timeout(DISCOVERY_TIMEOUT_S),
                HttpClient(self.settings, ACCEPT) as client,
                ParserPool(1) as parsers,
            ):
                sources = await discover(client, parsers, url)
        except (UnavailableError, TimeoutError) as exc:
            reason = str(exc) or f"no response within {DISCOVERY_TIMEOUT_S:.0f} s"
            raise SettingsError(f"page not readable: {url} ({reason}); check the URL") from exc
        return [
            {"url": url, "title": plain_text(feed.title), "type": source_kind(feed), "items": source_items(feed)}
            for url, feed in sources
        ]

    async def _import(self, request: web.Request) -> web.StreamResponse:
        from workers.poller.opml import parse_outlines  # it imports requests, which takes 7 MB

        outlines = await asyncio.to_thread(parse_outlines, await request.read(), "OPML")
        entries, skipped = [], list[dict[str, str]]()
        for url, folder, title in outlines:
            try:
                entries.append((validate_feed_url(url), folder, title))
            except SettingsError as exc:  # an invalid entry must not prevent the import of the others
                skipped.append({"url": url, "error": str(exc)})
        added = await self.feeds.add(entries)
        known = len({url for url, *_ in entries}) - len(added)
        self._cached = (float("-inf"), [])
        text = f"{format_count(len(added), 'feed')} added, {known} already registered, {len(skipped)} skipped"
        return message(text, added=len(added), registered=known, skipped=skipped[:MAX_SKIPPED])


def _shown_title(feed: FeedState) -> str:
    return (feed.shown_title or feed.url).casefold()


def _matching(feeds: Sequence[FeedState], words: str, health: str, folder: str) -> list[FeedState]:
    """Return the feeds whose title, URL or folder contains all *words*, with this *health* and *folder* if given."""
    wanted = words.casefold().split()
    return [
        feed
        for feed in feeds
        if (not health or feed_health(feed) == health)
        and (not folder or feed.folder == folder)
        and (not wanted or _contains(feed, wanted))
    ]


def _contains(feed: FeedState, words: Sequence[str]) -> bool:
    text = f"{feed.shown_title}\n{feed.url}\n{feed.folder}".casefold()
    return all(word in text for word in words)


def _registered_type(command: FeedAction) -> str:
    """Return the type of a feed in the registry: `page`, or "" for feeds and sitemaps. Raises SettingsError."""
    if command.type not in ("", *ADDED_TYPES):
        allowed = ", ".join(ADDED_TYPES)
        raise SettingsError(f"invalid type: {command.type[:40]!r} (feed {command.url}); use one of {allowed}")
    return command.type if command.type == "page" else ""


def _edited_fields(command: FeedAction) -> dict[str, Any]:
    """Return the fields of FeedState that *command* sets. Raises SettingsError."""
    fields = {"name": command.title, "folder": command.folder, "interval_s": command.interval_s}
    changes: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
    if not 0 <= changes.get("interval_s", 0) < float("inf"):
        detail = f"{command.interval_s} (feed {command.url})"
        raise SettingsError(f"invalid interval_s: {detail}; use seconds, or 0 for the settings' interval")
    if command.full_text is not None:
        if command.full_text not in FULL_TEXT:
            detail = f"{command.full_text[:40]!r} (feed {command.url})"
            raise SettingsError(f"invalid full_text: {detail}; use {', '.join(FULL_TEXT)}")
        changes["full_text"] = FULL_TEXT[command.full_text]
    if not changes:
        raise SettingsError(f"no field to change: {command.url}; set title, folder, interval_s or full_text")
    return changes


def _row(feed: FeedState, now_s: float) -> dict[str, Any]:
    row = feed_row(feed, now_s)
    explanation = explain_error(feed.error_kind, feed.status) if feed.error else ""
    return row | {
        "id": feed_id(feed.url).hex(), "title": feed.shown_title, "explanation": explanation,
        "polled_s": feed.polled_s,
    }  # fmt: skip


def _details(feed: FeedState) -> dict[str, Any]:
    full_text = next(name for name, value in FULL_TEXT.items() if value is feed.full_text)
    return {
        "own_title": feed.title, "name": feed.name, "set_interval_s": feed.interval_s, "full_text": full_text,
        "type": feed.type or "feed", "moved_to": feed.moved_to, "identity_basis": feed.identity_basis,
        "document_items": feed.document_items, "websub_hub": feed.websub_hub, "fetched_s": feed.fetched_s,
        "hours": list(feed.history.hours) if feed.history else [],
    }  # fmt: skip
