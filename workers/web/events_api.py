"""Events over HTTP: the latest ones, and one by its id.

/events         {"position": …, "events": [event, …]}, newest first; ?publishers=3: only with as many publishers
/events/ID      the event in its latest revision
"""

import asyncio
from collections.abc import Iterable

import msgspec
from aiohttp import web

from streams.brokers.base import Broker, ConsumedMessage
from streams.codec import decode
from streams.errors import UnavailableError, UnreadableError
from streams.records import NewsEvent
from streams.start import Offsets
from streams.topics import EVENTS
from workers.web.articles_api import ARTICLE_ID
from workers.web.broadcast import Broadcaster, format_position

MAX_PUBLISHERS = 10_000
MAX_LISTED_EVENTS = 100
SEARCH_TIMEOUT_S = 20.0  # per search through the topic
MAX_SEARCHES = 2  # at the same time


class EventsApi:
    """Finds events: in the broadcaster's buffer, then in the one partition that the id maps to."""

    def __init__(self, broker: Broker, broadcaster: Broadcaster, search_timeout_s: float = SEARCH_TIMEOUT_S) -> None:
        self.broker, self.broadcaster, self.search_timeout_s = broker, broadcaster, search_timeout_s
        self._search_slots = asyncio.Semaphore(MAX_SEARCHES)

    def register(self, app: web.Application) -> None:
        """Add the paths to *app*."""
        app.router.add_get("/events", self._list)
        app.router.add_get("/events/{id}", self._event)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        publishers = request.query.get("publishers", "1")
        if not publishers.isdecimal() or len(publishers) > len(str(MAX_PUBLISHERS)):
            detail = f"{publishers[:40]!r} (not a number below 100,000)"
            raise web.HTTPBadRequest(text=f"invalid publishers: {detail}; use for example ?publishers=3")
        await self.broadcaster.start()
        events = [event for event in self.latest() if len(event.publishers) >= int(publishers)]
        answer = {"position": format_position(self.broadcaster.position), "events": events[:MAX_LISTED_EVENTS]}
        return web.Response(body=msgspec.json.encode(answer), content_type="application/json")

    async def _event(self, request: web.Request) -> web.StreamResponse:
        id_ = request.match_info["id"]
        if not ARTICLE_ID.fullmatch(id_):
            raise web.HTTPNotFound(text=f"invalid event id: {id_[:40]!r} (not 20 hexadecimal digits); see /events")
        event = await self.find(id_)
        if event is None:
            raise web.HTTPNotFound(text=f"event not found: {id_} (never published, or past its retention)")
        return web.Response(body=msgspec.json.encode(event), content_type="application/json")

    def latest(self) -> list[NewsEvent]:
        """Return the latest events that have articles, newest first, each in its latest revision."""
        return latest_events(event.message for event in reversed(self.broadcaster.events))

    async def find(self, id_: str) -> NewsEvent | None:
        """Return the event in its latest revision; None if the topic does not hold it.

        Raises:
            UnavailableError: the search takes longer than `search_timeout_s`.
        """
        await self.broadcaster.start()
        buffered = _newest(id_, [event.message for event in self.broadcaster.events])
        if buffered is not None:
            return buffered
        async with self._search_slots:
            return await self._search(id_)

    async def _search(self, id_: str) -> NewsEvent | None:
        key, ends = id_.encode(), dict(self.broadcaster.position)
        partition = await self.broker.partition_for(EVENTS.name, key)
        end, event = ends.get(partition, 0), None
        reader = await self.broker.open_reader(EVENTS, "", Offsets({**ends, partition: 0}))
        try:
            async with asyncio.timeout(self.search_timeout_s):
                while reader.position().get(partition, 0) < end:
                    messages = await reader.read(1.0)
                    event = _newest(id_, messages) or event
                    if not messages and await reader.at_end():
                        break
        except TimeoutError as exc:  # the latest revision may come later in the topic
            detail = f"{id_} (no result within {self.search_timeout_s:.0f} s)"
            raise UnavailableError(f"event search timed out: {detail}; try again later") from exc
        finally:
            await reader.close()
        return event


def latest_events(messages: Iterable[ConsumedMessage]) -> list[NewsEvent]:
    """Return the events of *messages*, the newest first, each in its latest revision, without ended ones."""
    by_id: dict[str, NewsEvent] = {}
    for message in messages:
        event = _decode(message)
        if event is not None:
            by_id.setdefault(event.id, event)
    return [event for event in by_id.values() if event.article_count]


def _newest(id_: str, messages: Iterable[ConsumedMessage]) -> NewsEvent | None:
    events = [_decode(message) for message in messages if message.key == id_.encode()]
    return max(filter(None, events), key=lambda event: event.revision, default=None)


def _decode(message: ConsumedMessage) -> NewsEvent | None:
    try:
        return decode(message.value, NewsEvent)
    except UnreadableError:
        return None
