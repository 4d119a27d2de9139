"""Topics over HTTP: events that resume, slow subscribers, feeds that others read, metrics."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
import feedparser
import pytest
from prometheus_client.parser import text_string_to_metric_families

from streams.brokers.base import Broker, OutgoingMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.records import Article, Image
from streams.topics import ARTICLES, DESK_GROUP
from tests.conftest import DEADLINE_S, until
from workers.poller.formats import parse_feed
from workers.services import connect
from workers.web.broadcast import (
    BUFFER_EVENTS,
    QUEUE_EVENTS,
    Broadcaster,
    Event,
    SlowConsumerError,
    format_position,
    parse_position,
)
from workers.web.feed_writers import FORMATS
from workers.web.server import WebServer

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def article(n: int, revision: int = 1, **more: Any) -> Article:
    return Article(
        id=f"{n:020x}", revision=revision, url=f"https://courier.example/{n}", canonical_url=f"https://courier.example/{n}",
        title=f"Story {n} & more", byline=("Ida Marrow",), published=NOW, tags=("World",), publisher="The Courier",
        paragraphs=(f"The harbour board met {n} times.",), html=f"<p>The harbour board met {n} times.</p>", **more,
    )  # fmt: skip


async def publish(broker: Broker, *articles: Article) -> None:
    await broker.publish([OutgoingMessage(ARTICLES.name, a.id.encode(), encode(a)) for a in articles])


class Site:
    """A web server of copydesk's, and a client."""

    def __init__(self, broker: Broker, server: WebServer, http: aiohttp.ClientSession) -> None:
        self.broker, self.server, self.url, self.http = broker, server, server.url, http

    @asynccontextmanager
    async def events(
        self, last: str = "", start: str = ""
    ) -> AsyncGenerator[Callable[[], Awaitable[tuple[str, Any]]], None]:
        """Give a function that returns the next event: its id and its record."""
        headers, query = {"Last-Event-ID": last} if last else {}, {"from": start} if start else {}
        async with self.http.get(self.url + "topics/articles", headers=headers, params=query) as answer:
            assert answer.status == 200
            assert answer.content_type == "text/event-stream"
            assert await answer.content.readline() == b"retry: 1000\n"

            async def following() -> tuple[str, Any]:
                name = b""
                while True:
                    line = await asyncio.wait_for(answer.content.readline(), DEADLINE_S)
                    assert line, "the server hung up"
                    if line.startswith(b"id: "):
                        name = line[4:].strip()
                    elif line.startswith(b"data: "):
                        return name.decode(), json.loads(line[6:])

            yield following


def with_site(settings: Settings, work: Callable[[Site], Awaitable[None]]) -> None:
    async def go() -> None:
        broker = await connect(settings, settings.broker_url)
        server = WebServer(replace(settings, web_port=0), broker, DESK_GROUP)
        await server.start()
        async with aiohttp.ClientSession() as http:
            await work(Site(broker, server, http))
        await server.stop()
        await broker.close()

    asyncio.run(go())


def test_events_come_as_they_are_published_and_resume_where_they_were(settings: Settings) -> None:
    async def work(site: Site) -> None:
        await publish(site.broker, article(1))
        async with site.events(start="start") as following:
            first, record = await following()
            assert record["title"] == "Story 1 & more"
            await publish(site.broker, *(article(n) for n in range(2, 6)))
            seen = [await following() for _ in range(4)]
            assert {r["id"] for _, r in seen} == {article(n).id for n in range(2, 6)}
        await publish(site.broker, article(6))
        async with site.events(last=seen[1][0]) as following:
            again = [(await following())[1]["id"] for _ in range(3)]
            assert set(again) == {seen[2][1]["id"], seen[3][1]["id"], article(6).id}
        async with site.events() as following:  # from now on
            await publish(site.broker, article(7))
            assert (await following())[1]["id"] == article(7).id
        assert parse_position(first)

    with_site(settings, work)


def test_who_was_away_for_longer_than_the_memory_lasts_gets_everything_all_the_same(settings: Settings) -> None:
    async def work(site: Site) -> None:
        await publish(site.broker, article(0))
        async with site.events(start="start") as following:
            name, _ = await following()
        for start in range(1, BUFFER_EVENTS + 401, 100):
            await publish(site.broker, *(article(n) for n in range(start, start + 100)))
        async with site.events(last=name) as following:
            found = [(await following())[1]["id"] for _ in range(BUFFER_EVENTS + 400)]
        assert sorted(found) == [article(n).id for n in range(1, BUFFER_EVENTS + 401)]

    with_site(settings, work)


def test_a_slow_subscriber_is_cut_off_and_harms_nobody(settings: Settings) -> None:
    async def go() -> None:
        broker = await connect(settings, settings.broker_url)
        hub = Broadcaster(broker, ARTICLES)
        got: list[Event] = []

        async def follow() -> None:
            async with aclosing(hub.subscribe()) as found:
                async for event in found:
                    if event is not None:
                        got.append(event)

        async with aclosing(hub.subscribe()) as slow:
            quick = asyncio.create_task(follow())
            waiting = asyncio.ensure_future(anext(slow))
            await until(lambda: hub.subscribers == 2)
            await publish(broker, article(0))
            assert await waiting is not None
            count = QUEUE_EVENTS + 100
            for start in range(1, count, 50):
                await publish(broker, *(article(n) for n in range(start, start + 50)))
            await until(lambda: len(got) >= count)
            assert hub.subscribers == 1
            with pytest.raises(SlowConsumerError):
                await anext(slow)
        await hub.stop()
        await quick
        await broker.close()

    asyncio.run(go())


@pytest.mark.parametrize("kind", FORMATS)
def test_a_topic_is_a_feed_that_others_read_and_a_copydesk_too(kind: str, settings: Settings) -> None:
    async def work(site: Site) -> None:
        image = Image(url="https://courier.example/1.jpg")
        await publish(site.broker, article(1), article(1, 2, images=(image,)), article(2, language="en"))
        url = f"{site.url}topics/articles.{kind}"
        async with site.http.get(url) as answer:
            assert answer.status == 200
            body, etag = await answer.read(), answer.headers["ETag"]
            media_type = answer.content_type
        async with site.http.get(url, headers={"If-None-Match": etag}) as answer:
            assert answer.status == 304
        feed = parse_feed(body, url, content_type=media_type, fetched_at=NOW)
        assert feed.warning == ""
        assert sorted(i.title for i in feed.items) == ["Story 1 & more", "Story 2 & more"], "the last revision of each"
        assert {i.authors for i in feed.items} == {("Ida Marrow",)}
        assert {i.published for i in feed.items} == {NOW}
        assert "harbour board" in feed.items[0].content[0].value
        if kind != "json":
            assert not feedparser.parse(body).bozo
        await publish(site.broker, article(3))

        async def changed() -> bool:
            async with site.http.get(url, headers={"If-None-Match": etag}) as answer:
                return answer.status == 200

        await until(changed)

    with_site(settings, work)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("text", ["", "\x00\ufffe", "]]>", "<b>&amp;", "塩"])
def test_a_feed_can_be_made_of_any_text(kind: str, text: str) -> None:
    odd = Article(id="a" * 20, revision=1, title=text, dek=text, html=text, byline=(text,), tags=(text,), url=text)
    body = FORMATS[kind][1](text, "https://a.example/f", [odd])
    assert len(parse_feed(body, "https://a.example/f", fetched_at=NOW).items) == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("topics/nothing", 404), ("topics/articles.nothing", 404), ("topics/items.atom", 404), ("topics/articles.pdf", 404),
        ("topics/articles?from=x", 400), ("topics/articles?from=1:x", 400), ("topics", 200), ("readyz", 200), ("healthz", 200),
    ],
)  # fmt: skip
def test_answers(path: str, status: int, settings: Settings) -> None:
    async def work(site: Site) -> None:
        async with site.http.get(site.url + path) as answer:
            assert answer.status == status
            text = await answer.text()
            assert "Traceback" not in text
            if path == "topics":
                rows = json.loads(text)
                assert {"topic": "copydesk.articles", "atom": "/topics/articles.atom"}.items() <= rows[1].items()

    with_site(settings, work)


def test_metrics_are_what_prometheus_reads(settings: Settings) -> None:
    async def work(site: Site) -> None:
        found: dict[tuple[str, ...], float] = {}

        async def there() -> bool:
            async with site.http.get(site.url + "metrics") as answer:
                for family in text_string_to_metric_families(await answer.text()):
                    for sample in family.samples:
                        found[sample.name, *(sample.labels[n] for n in sorted(sample.labels, reverse=True))] = (
                            sample.value
                        )
            return "copydesk_event_subscribers" in {name for name, *_ in found}

        async with site.events():
            await until(there)
        assert found["copydesk_balanced",] == 1.0
        assert found["copydesk_items_total", "desk", "new"] == 0.0
        assert found["copydesk_feeds", "good"] == 0.0
        assert found["copydesk_article_latency_seconds_count",] == 0.0
        assert found["copydesk_event_subscribers", "copydesk.articles"] == 1.0

    with_site(settings, work)


def test_positions() -> None:
    assert parse_position(format_position({0: 5, 11: 7})) == {0: 5, 11: 7}
    for wrong in ("", "x", "1", "1:2:3", "1:-2", "1:2.", "9" * 20 + ":1"):
        with pytest.raises(ValueError, match="no position"):
            parse_position(wrong)
