"""Topics over HTTP: as Server-Sent Events (HTML Standard §9.2), and as feeds of the latest articles.

/topics                     which there are
/topics/NAME                events as they come; Last-Event-ID or ?from=start|end|POSITION says from where
/topics/NAME.atom .rss .json    the latest articles
"""

import asyncio
import hashlib
import logging
from contextlib import aclosing

from aiohttp import web

from streams.brokers.base import Broker
from streams.codec import decode
from streams.config.settings import Settings
from streams.errors import UnreadableError
from streams.records import Article
from streams.topics import ARTICLES, BUILTIN_TOPICS, Topic, resolve_topic, route_topic
from workers.web.broadcast import Broadcaster, Event, SlowConsumerError, parse_position
from workers.web.feed_writers import FORMATS
from workers.web.latency import Latency

log = logging.getLogger(__name__)

FEED_LENGTH = 50  # articles
WRITE_S = 30.0  # a subscriber whose connection takes nothing for so long is cut off


class TopicsApi:
    """The topics of one copydesk, for whoever asks."""

    def __init__(self, settings: Settings, broker: Broker) -> None:
        self.broker = broker
        routes = [route_topic(route.name) for route in settings.routes]
        self.latency = Latency()
        self.hubs: dict[str, Broadcaster] = {
            topic.name: Broadcaster(broker, topic) for topic in (*BUILTIN_TOPICS, *routes)
        }
        self.hubs[ARTICLES.name].observe = self.latency.observe

    def register(self, app: web.Application) -> None:
        """Add the paths."""
        app.router.add_get("/topics", self._list)
        app.router.add_get("/topics/{name}", self._topic)

    async def stop(self) -> None:
        """End all subscriptions."""
        await asyncio.gather(*(hub.stop() for hub in self.hubs.values()))

    def latest_articles(self, name: str = "articles") -> list[Article]:
        """Return the latest articles of a topic, newest first, each in its last revision only."""
        hub, found = self.hubs[resolve_topic(name).name], dict[str, Article]()
        for event in reversed(hub.events):
            article = _article(event)
            if article is not None:
                found.setdefault(article.id, article)
        return list(found.values())[:FEED_LENGTH]

    async def _list(self, request: web.Request) -> web.StreamResponse:
        rows = [
            {"topic": name, "events": f"/topics/{_short(hub.topic)}", "subscribers": hub.subscribers}
            | ({kind: f"/topics/{_short(hub.topic)}.{kind}" for kind in FORMATS} if _has_articles(hub.topic) else {})
            for name, hub in self.hubs.items()
        ]
        return web.json_response(rows)

    async def _topic(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        head, _, kind = name.rpartition(".")
        hub = self._hub(head if kind in FORMATS else name)
        if hub is None:
            raise web.HTTPNotFound(text=f"no topic {name}; /topics lists them")
        if kind not in FORMATS:
            return await self._events(request, hub)
        if not _has_articles(hub.topic):
            raise web.HTTPNotFound(text=f"{head} has no articles, so there is no feed of it")
        return await self._feed(request, hub, kind)

    def _hub(self, name: str) -> Broadcaster | None:
        try:
            return self.hubs.get(resolve_topic(name).name)
        except ValueError:
            return None

    async def _feed(self, request: web.Request, hub: Broadcaster, kind: str) -> web.StreamResponse:
        await hub.start()
        media_type, write = FORMATS[kind]
        body = write(f"copydesk: {_short(hub.topic)}", str(request.url), self.latest_articles(_short(hub.topic)))
        etag = hashlib.blake2b(body, digest_size=12).hexdigest()
        response = web.Response(body=body, content_type=media_type, charset="utf-8")
        response.etag = web.ETag(etag) if hasattr(web, "ETag") else etag
        response.headers["Cache-Control"] = "no-cache"
        if request.if_none_match and any(given.value == etag for given in request.if_none_match):
            return web.Response(status=304, headers={"ETag": f'"{etag}"'})
        return response

    async def _events(self, request: web.Request, hub: Broadcaster) -> web.StreamResponse:
        wanted = request.headers.get("Last-Event-ID") or request.query.get("from", "end")
        try:
            start = None if wanted == "end" else {} if wanted == "start" else parse_position(wanted)
        except ValueError as exc:
            raise web.HTTPBadRequest(text=f"{exc}; from is start, end or the id of an event") from exc
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        await response.write(b"retry: 1000\n\n")
        try:
            async with aclosing(hub.subscribe(start)) as found:  # type: ignore[type-var]
                async for event in found:
                    async with asyncio.timeout(WRITE_S):
                        await response.write(_sse(event))
        except (SlowConsumerError, TimeoutError):
            log.warning("a subscriber of %s at %s was too slow and is cut off", hub.topic.name, request.remote)
            if request.transport is not None:
                request.transport.abort()
        except ConnectionError:
            pass
        return response


def _sse(event: Event | None) -> bytes:
    """Return an event as it goes over the wire; a comment where there is none."""
    if event is None:
        return b": still here\n\n"
    return b"id: %s\ndata: %s\n\n" % (event.position.encode(), event.delivery.value.replace(b"\n", b" "))


def _article(event: Event) -> Article | None:
    try:
        return decode(event.delivery.value, Article)
    except UnreadableError:
        return None


def _has_articles(topic: Topic) -> bool:
    return topic.compact


def _short(topic: Topic) -> str:
    return topic.name.partition(".")[2]
