"""Topics over HTTP: as Server-Sent Events (HTML Standard §9.2), and as feeds of the latest articles.

/topics                                list of topics
/topics/NAME                           events, from Last-Event-ID or ?from=start|end|POSITION (default: end);
                                       ?format=ninjs|cloudevents
/topics/NAME.atom .rss .json .ninjs    latest articles
"""

import asyncio
import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from aiohttp import web

from streams.brokers.base import Broker
from streams.cloudevents import STRUCTURED_TYPE, encode_structured
from streams.codec import decode
from streams.config.settings import Settings
from streams.config.tables import Route
from streams.errors import UnavailableError, UnreadableError
from streams.logger import get_logger
from streams.records import Article
from streams.start import Start
from streams.topics import (
    ARCHIVE_ITEMS,
    ARTICLES,
    BUILTIN_TOPICS,
    DEAD_LETTERS,
    EVENTS,
    ITEMS,
    SINK_REPLAYS,
    Topic,
    resolve_topic,
    route_topic,
)
from workers.web.admin_api import TOKEN_HEADER
from workers.web.broadcast import Broadcaster, Event, Position, SlowConsumerError, parse_position
from workers.web.event_feed import event_entry
from workers.web.events_api import latest_events
from workers.web.feed_writers import FORMATS as FEED_FORMATS
from workers.web.feed_writers import FeedWriter
from workers.web.latency import Latency
from workers.web.ninjs import MEDIA_TYPE, encode_ninjs, ninjs_list, wants_ninjs
from workers.web.responses import encodable

log = get_logger(__name__)

FORMATS: Mapping[str, tuple[str, FeedWriter]] = {**FEED_FORMATS, "ninjs": (MEDIA_TYPE, ninjs_list)}
FEED_LENGTH = 50  # articles
# Raw texts of feeds, paid ones included.
PROTECTED = frozenset((ITEMS.name, ARCHIVE_ITEMS.name, DEAD_LETTERS.name, SINK_REPLAYS.name))
SSE_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx passes events on at once
}
WRITE_TIMEOUT_S = 30.0  # a connection that accepts no bytes for longer is closed


class TopicsApi:
    """Handlers of the topic paths, and one broadcaster per topic."""

    def __init__(
        self, settings: Settings, broker: Broker, is_authorised: Callable[[web.Request], bool] = lambda _: False
    ) -> None:
        self.broker, self.is_authorised = broker, is_authorised
        routes = [route_topic(route.name) for route in settings.routes]
        self.latency = Latency()
        self.broadcasters: dict[str, Broadcaster] = {
            topic.name: Broadcaster(broker, topic) for topic in (*BUILTIN_TOPICS, *routes)
        }
        self.broadcasters[ARTICLES.name].observe = self.latency.observe

    def add_routes(self, routes: Sequence[Route]) -> None:
        """Serve the topics of *routes* too."""
        for route in routes:
            topic = route_topic(route.name)
            self.broadcasters.setdefault(topic.name, Broadcaster(self.broker, topic))

    def register(self, app: web.Application) -> None:
        """Add the paths to *app*."""
        app.router.add_get("/topics", self._list)
        app.router.add_get("/topics/{name}", self._topic)

    async def stop(self) -> None:
        """End all subscriptions."""
        await asyncio.gather(*(broadcaster.stop() for broadcaster in self.broadcasters.values()))

    def latest_articles(self, name: str = "articles") -> list[Article]:
        """Return the latest articles of a topic, newest first, each in its latest revision; events as entries."""
        broadcaster, by_id = self.broadcasters[resolve_topic(name).name], dict[str, Article]()
        if broadcaster.topic == EVENTS:
            events = latest_events(event.message for event in reversed(broadcaster.events))
            return [event_entry(event) for event in events][:FEED_LENGTH]
        for event in reversed(broadcaster.events):
            article = _decode_article(event)
            if article is not None:
                by_id.setdefault(article.id, article)
        return list(by_id.values())[:FEED_LENGTH]

    async def _list(self, request: web.Request) -> web.StreamResponse:
        return web.json_response([_topic_row(broadcaster) for broadcaster in self.broadcasters.values()])

    async def _topic(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        topic, _, format_ = name.rpartition(".")
        broadcaster = self._broadcaster(topic if format_ in FORMATS else name)
        if broadcaster is None:
            raise web.HTTPNotFound(text=encodable(f"unknown topic: {name}; /topics lists all topics"))
        if format_ not in FORMATS and broadcaster.topic.name in PROTECTED and not self.is_authorised(request):
            raise web.HTTPForbidden(text=f"topic needs the token: {name}; send it as {TOKEN_HEADER}")
        if format_ not in FORMATS:
            return await self._events(request, broadcaster, _encoder(request, broadcaster.topic))
        if not _has_feed(broadcaster.topic):
            raise web.HTTPNotFound(text=f"no feed: {topic} (it has no articles); read /topics/{topic}")
        return await self._feed(request, broadcaster, format_)

    def _broadcaster(self, name: str) -> Broadcaster | None:
        try:
            return self.broadcasters.get(resolve_topic(name).name)
        except ValueError:
            return None

    async def _feed(self, request: web.Request, broadcaster: Broadcaster, format_: str) -> web.StreamResponse:
        await broadcaster.start()
        media_type, write = FORMATS[format_]
        name = _short_name(broadcaster.topic)
        body = write(f"copydesk: {name}", str(request.url), self.latest_articles(name))
        etag = hashlib.blake2b(body, digest_size=12).hexdigest()
        response = web.Response(body=body, content_type=media_type, charset="utf-8")
        response.etag = web.ETag(etag) if hasattr(web, "ETag") else etag
        response.headers["Cache-Control"] = "no-cache"
        if request.if_none_match and any(cached.value == etag for cached in request.if_none_match):
            return web.Response(status=304, headers={"ETag": f'"{etag}"'})
        return response

    async def _events(
        self, request: web.Request, broadcaster: Broadcaster, encode: Callable[[Event | None], bytes]
    ) -> web.StreamResponse:
        requested = request.headers.get("Last-Event-ID") or request.query.get("from", Start.LATEST)
        named: dict[str, Position | None] = {Start.LATEST: None, Start.EARLIEST: {}}
        try:
            start = named[requested] if requested in named else parse_position(requested)
        except ValueError as exc:
            raise web.HTTPBadRequest(text=encodable(f"{exc}; use start, end or an event id")) from exc
        response = web.StreamResponse(headers=SSE_HEADERS)
        await response.prepare(request)
        await response.write(b"retry: 1000\n\n")
        try:
            async with aclosing(broadcaster.subscribe(start)) as events:
                async for event in events:
                    async with asyncio.timeout(WRITE_TIMEOUT_S):
                        await response.write(encode(event))
        except (SlowConsumerError, TimeoutError):
            _disconnect(request, broadcaster.topic, reason="too slow")
        except UnavailableError as exc:  # while the subscriber resumes; it comes after the head of the response
            _disconnect(request, broadcaster.topic, error=exc)
        except ConnectionError:
            pass
        return response


def _disconnect(request: web.Request, topic: Topic, **reason: object) -> None:
    """Abort the connection of a subscriber, which resumes by its last event id."""
    log.warning("subscriber disconnected", topic=topic.name, client=request.remote, **reason)
    if request.transport is not None:
        request.transport.abort()


def _encode_sse(event: Event | None) -> bytes:
    """Return an event in the SSE format; a comment as heartbeat for None."""
    if event is None:
        return b": heartbeat\n\n"
    return b"id: %s\ndata: %s\n\n" % (event.position.encode(), event.message.value.replace(b"\n", b" "))


def _encoder(request: web.Request, topic: Topic) -> Callable[[Event | None], bytes]:
    """Return the function that encodes events in the format that the request asks for."""
    if topic.has_articles and wants_ninjs(request.query, request.headers):
        return functools.partial(_encode_article_sse, encode_ninjs)
    asks_for_events = request.query.get("format") == "cloudevents" or STRUCTURED_TYPE in request.headers.get(
        "Accept", ""
    )
    if topic.has_articles and asks_for_events:
        return functools.partial(_encode_article_sse, encode_structured)
    return _encode_sse


def _encode_article_sse(encode: Callable[[Article], bytes], event: Event | None) -> bytes:
    """Return an event with its article in another format; a comment for an unreadable one."""
    if event is None:
        return _encode_sse(None)
    article = _decode_article(event)
    if article is None:
        return b": unreadable article\n\n"
    return b"id: %s\ndata: %s\n\n" % (event.position.encode(), encode(article))


def _decode_article(event: Event) -> Article | None:
    try:
        return decode(event.message.value, Article)
    except UnreadableError:
        return None


def _has_feed(topic: Topic) -> bool:
    return topic.has_articles or topic == EVENTS


def _short_name(topic: Topic) -> str:
    return topic.name.partition(".")[2]


def _topic_row(broadcaster: Broadcaster) -> dict[str, Any]:
    topic = broadcaster.topic
    path = f"/topics/{_short_name(topic)}"
    row = {"topic": topic.name, "events": path, "subscribers": broadcaster.subscribers}
    feeds = {format_: f"{path}.{format_}" for format_ in FORMATS} if _has_feed(topic) else {}
    return row | feeds
