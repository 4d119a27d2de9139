"""Events over HTTP: the list, one event, Server-Sent Events and feeds."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import aiohttp
import pytest

from streams.brokers import open_broker
from streams.brokers.base import OutgoingMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.errors import UnavailableError
from streams.records import NewsEvent, Report
from streams.topics import BUILTIN_TOPICS, DESK_GROUP, EVENTS
from workers.web.broadcast import BUFFER_EVENTS, Broadcaster
from workers.web.event_feed import event_entry
from workers.web.events_api import EventsApi
from workers.web.server import WebServer

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def event(letter: str, revision: int, publishers: int, *, ended: bool = False) -> NewsEvent:
    reports = tuple(
        Report(f"{n:020x}", 1, f"Report <{n}>", f"Paper {n}", "en", f"https://{n}.example/", NOON)
        for n in range(publishers)
    )
    return NewsEvent(
        id=letter * 20, revision=revision, title=f"Event {letter}", article_count=0 if ended else publishers,
        publishers=tuple(report.publisher for report in reports), articles=() if ended else reports,
        first_report=NOON, newest_report=NOON, places=("Vienna",),
    )  # fmt: skip


async def test_events_are_served_in_latest_revision(settings: Settings) -> None:
    settings = replace(settings, web_port=0)
    broker = open_broker(settings, settings.broker_url)
    await broker.create_topics(BUILTIN_TOPICS)
    events = [event("a", 2, 2), event("b", 2, 2), event("a", 3, 3), event("c", 2, 2), event("c", 3, 2, ended=True)]
    for record in events:
        await broker.publish([OutgoingMessage(EVENTS.name, record.id.encode(), encode(record))])
    server = WebServer(settings, broker, DESK_GROUP)
    await server.start()
    try:
        async with aiohttp.ClientSession(server.url) as session:
            listed = json.loads(await text(session, "events"))["events"]
            assert {(row["id"], row["revision"]) for row in listed} == {("a" * 20, 3), ("b" * 20, 2)}
            [large] = json.loads(await text(session, "events?publishers=3"))["events"]
            assert large["id"] == "a" * 20
            one = json.loads(await text(session, f"events/{'a' * 20}"))
            assert (one["revision"], len(one["articles"])) == (3, 3)
            assert await status(session, "events?publishers=many") == 400
            assert await status(session, f"events/{'d' * 20}") == 404
            assert await status(session, "events/no-id") == 404
            assert "Event a" in await text(session, "topics/events.atom")
            feed = json.loads(await text(session, "topics/events.json"))
            assert {item["title"] for item in feed["items"]} == {"Event a", "Event b"}
            async with session.get("topics/events?from=start") as response:
                stream = b""
                while stream.count(b"\ndata: ") < len(events):
                    stream += await response.content.readany()
            assert b'"title":"Event a"' in stream
    finally:
        await server.stop()
        await broker.close()


async def test_search_that_times_out_is_unavailable(settings: Settings) -> None:
    broker = open_broker(replace(settings, partitions=1), settings.broker_url)
    await broker.create_topics(BUILTIN_TOPICS)
    old, *newer = event("a", 2, 2), *(event("b", n, 2) for n in range(2, BUFFER_EVENTS + 2))
    await broker.publish([OutgoingMessage(EVENTS.name, record.id.encode(), encode(record)) for record in (old, *newer)])
    broadcaster = Broadcaster(broker, EVENTS)
    try:
        assert await EventsApi(broker, broadcaster).find(old.id) == old  # it is behind the buffer
        with pytest.raises(UnavailableError, match=f"event search timed out: {old.id} "):
            await EventsApi(broker, broadcaster, search_timeout_s=0.0).find(old.id)
    finally:
        await broadcaster.stop()
        await broker.close()


async def text(session: aiohttp.ClientSession, path: str) -> str:
    async with session.get(path) as response:
        assert response.status == 200
        return await response.text()


async def status(session: aiohttp.ClientSession, path: str) -> int:
    async with session.get(path) as response:
        return response.status


@pytest.mark.parametrize("url", ["javascript:alert(1)", ""])
def test_entry_links_only_web_addresses(url: str) -> None:
    record = NewsEvent(
        id="a" * 20, revision=2, articles=(Report("b" * 20, 1, "A <b>", "P & Q", "en", url),), article_count=1
    )
    entry = event_entry(record)
    assert entry.html == "<ul><li>P &amp; Q: A &lt;b&gt;</li></ul>"
