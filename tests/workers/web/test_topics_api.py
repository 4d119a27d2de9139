"""Topics over HTTP: resumable events, slow subscribers, feeds, metrics."""

import asyncio
import json
from contextlib import aclosing

import feedparser
import pytest
from prometheus_client.parser import text_string_to_metric_families

from streams.config.settings import Settings
from streams.records import Article, Image
from streams.topics import ARTICLES
from tests.conftest import until
from tests.support.site import NOW, article, open_site, publish
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


async def test_sse_resumes_after_last_event_id(settings: Settings) -> None:
    async with open_site(settings) as site:
        await publish(site.broker, article(1))
        async with site.events(start="start") as next_event:
            first, record = await next_event()
            assert record["title"] == "Story 1 & more"
            await publish(site.broker, *(article(n) for n in range(2, 6)))
            seen = [await next_event() for _ in range(4)]
            assert {r["id"] for _, r in seen} == {article(n).id for n in range(2, 6)}
        await publish(site.broker, article(6))
        async with site.events(last=seen[1][0]) as next_event:
            again = [(await next_event())[1]["id"] for _ in range(3)]
            assert set(again) == {seen[2][1]["id"], seen[3][1]["id"], article(6).id}
        async with site.events() as next_event:  # from now on
            await publish(site.broker, article(7))
            assert (await next_event())[1]["id"] == article(7).id
        assert parse_position(first)


async def test_sse_resume_reads_from_broker_beyond_buffer(settings: Settings) -> None:
    async with open_site(settings) as site:
        await publish(site.broker, article(0))
        async with site.events(start="start") as next_event:
            name, _ = await next_event()
        for start in range(1, BUFFER_EVENTS + 401, 100):
            await publish(site.broker, *(article(n) for n in range(start, start + 100)))
        async with site.events(last=name) as next_event:
            ids = [(await next_event())[1]["id"] for _ in range(BUFFER_EVENTS + 400)]
        assert sorted(ids) == [article(n).id for n in range(1, BUFFER_EVENTS + 401)]


async def test_slow_subscriber_is_disconnected_without_blocking_others(settings: Settings) -> None:
    broker = await connect(settings, settings.broker_url)
    broadcaster = Broadcaster(broker, ARTICLES)
    received: list[Event] = []

    async def follow() -> None:
        async with aclosing(broadcaster.subscribe()) as events:
            async for event in events:
                if event is not None:
                    received.append(event)

    async with aclosing(broadcaster.subscribe()) as slow:
        fast_task = asyncio.create_task(follow())
        first_event = asyncio.ensure_future(anext(slow))
        await until(lambda: broadcaster.subscribers == 2)
        await publish(broker, article(0))
        assert await first_event is not None
        count = QUEUE_EVENTS + 100
        for start in range(1, count, 50):
            await publish(broker, *(article(n) for n in range(start, start + 50)))
        await until(lambda: len(received) >= count)
        assert broadcaster.subscribers == 1
        with pytest.raises(SlowConsumerError):
            await anext(slow)
    await broadcaster.stop()
    await fast_task
    await broker.close()


@pytest.mark.parametrize("format_", FORMATS)
async def test_topic_feed_is_parsed_by_feedparser_and_copydesk(format_: str, settings: Settings) -> None:
    async with open_site(settings) as site:
        image = Image(url="https://courier.example/1.jpg")
        await publish(site.broker, article(1), article(1, 2, images=(image,)), article(2, language="en"))
        url = f"{site.url}topics/articles.{format_}"
        async with site.http.get(url) as response:
            assert response.status == 200
            body, etag = await response.read(), response.headers["ETag"]
            media_type = response.content_type
        async with site.http.get(url, headers={"If-None-Match": etag}) as response:
            assert response.status == 304
        feed = parse_feed(body, url, content_type=media_type, fetched_at=NOW)
        assert feed.warning == ""
        assert sorted(i.title for i in feed.items) == ["Story 1 & more", "Story 2 & more"], "only the latest revision"
        assert {i.authors for i in feed.items} == {("Ida Marrow",)}
        assert {i.published for i in feed.items} == {NOW}
        assert "harbour board" in feed.items[0].content[0].value
        if format_ != "json":
            assert not feedparser.parse(body).bozo
        await publish(site.broker, article(3))

        async def has_changed() -> bool:
            async with site.http.get(url, headers={"If-None-Match": etag}) as response:
                return response.status == 200

        await until(has_changed)


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("text", ["", "\x00\ufffe", "]]>", "<b>&amp;", "塩"])
def test_feed_writer_accepts_any_text(format_: str, text: str) -> None:
    hostile = Article(id="a" * 20, revision=1, title=text, dek=text, html=text, byline=(text,), tags=(text,), url=text)
    body = FORMATS[format_][1](text, "https://a.example/f", [hostile])
    assert len(parse_feed(body, "https://a.example/f", fetched_at=NOW).items) == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("topics/nothing", 404), ("topics/articles.nothing", 404), ("topics/items.atom", 404), ("topics/articles.pdf", 404),
        ("topics/articles?from=x", 400), ("topics/articles?from=1:x", 400), ("topics", 200), ("readyz", 200), ("healthz", 200),
    ],
)  # fmt: skip
async def test_http_status_of_each_path(path: str, status: int, settings: Settings) -> None:
    async with open_site(settings) as site, site.http.get(site.url + path) as response:
        assert response.status == status
        text = await response.text()
        assert "Traceback" not in text
        if path == "topics":
            rows = json.loads(text)
            assert {"topic": "copydesk.articles", "atom": "/topics/articles.atom"}.items() <= rows[1].items()


async def test_metrics_are_parsed_by_prometheus_client(settings: Settings) -> None:
    async with open_site(settings) as site:
        samples: dict[tuple[str, ...], float] = {}

        async def has_subscriber() -> bool:
            async with site.http.get(site.url + "metrics") as response:
                for family in text_string_to_metric_families(await response.text()):
                    for sample in family.samples:
                        labels = (sample.labels[name] for name in sorted(sample.labels, reverse=True))
                        samples[sample.name, *labels] = sample.value
            return "copydesk_event_subscribers" in {name for name, *_ in samples}

        async with site.events():
            await until(has_subscriber)
        assert samples["copydesk_counters_consistent",] == 1.0
        assert samples["copydesk_items_received_total", "desk"] == 0.0
        assert samples["copydesk_items_total", "desk", "new"] == 0.0
        assert samples["copydesk_feeds", "ok"] == 0.0
        assert samples["copydesk_article_latency_seconds_count",] == 0.0
        assert samples["copydesk_event_subscribers", "copydesk.articles"] == 1.0


def test_sse_position_format() -> None:
    assert parse_position(format_position({0: 5, 11: 7})) == {0: 5, 11: 7}
    for malformed in ("", "x", "1", "1:2:3", "1:-2", "1:2.", "9" * 20 + ":1"):
        with pytest.raises(ValueError, match="invalid position"):
            parse_position(malformed)
