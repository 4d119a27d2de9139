"""The events worker on a real broker: events of reports, one step per article, and the same events after a kill."""

import asyncio
import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from streams.brokers import open_broker
from streams.brokers.base import Broker, OutgoingMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.records import Article, NewsEvent
from streams.subscribe import Subscription, subscribe
from streams.topics import ARTICLES, EVENTS
from tests.conftest import until
from tests.support.fork_server import start_module
from tests.tools.train.events.day import day
from workers.events.article_text import TextReader
from workers.events.window import Window
from workers.events.worker import STATE_KEY, EventWorker

REPORTS = [report.article for report in day("worker tests", 60)]


@pytest.fixture(scope="module")
def reader() -> TextReader:
    return TextReader()


def messages(articles: Sequence[Article]) -> list[OutgoingMessage]:
    return [OutgoingMessage(ARTICLES.name, article.id.encode(), encode(article)) for article in articles]


async def published_events(settings: Settings) -> list[NewsEvent]:
    return [event async for event in subscribe("events", follow=False, settings=settings)]


def latest(events: Sequence[NewsEvent]) -> dict[str, tuple[int, tuple[str, ...]]]:
    """Return the latest revision of each event with the ids of its articles."""
    return {
        event.id: (event.revision, tuple(report.article_id for report in event.articles))
        for event in sorted(events, key=lambda event: event.revision)
    }


async def group_all(
    settings: Settings, broker: Broker, reader: TextReader, window: Window | None = None
) -> EventWorker:
    worker = EventWorker(settings, broker, reader, window or Window(256))
    await worker.run(follow=False)
    return worker


async def one_partition(settings: Settings) -> tuple[Settings, Broker]:
    settings = replace(settings, partitions=1)
    broker = open_broker(settings, settings.broker_url)
    await broker.create_topics([ARTICLES, EVENTS])
    return settings, broker


async def test_worker_publishes_growing_events(settings: Settings, reader: TextReader) -> None:
    settings, broker = await one_partition(settings)
    await broker.publish(messages(REPORTS))
    await group_all(settings, broker, reader)
    events = await published_events(settings)
    assert all(event.article_count > 1 for event in events if not event.merged_into and not event.split_from)
    largest = max(events, key=lambda event: event.article_count)
    revisions = [event.revision for event in events if event.id == largest.id]
    assert revisions == sorted(set(revisions))
    assert largest.title in {report.title for report in largest.articles}
    assert {report.publisher for report in largest.articles} == set(largest.publishers)
    await broker.close()


async def test_worker_continues_where_another_stopped(settings: Settings, reader: TextReader) -> None:
    settings, broker = await one_partition(settings)
    await broker.publish(messages(REPORTS[:30]))
    await group_all(settings, broker, reader)
    await broker.publish(messages(REPORTS[30:]))
    await group_all(settings, broker, reader)
    interrupted = await published_events(settings)
    await broker.state.execute_command("FLUSHALL")
    await broker.create_topics([ARTICLES, EVENTS])
    await broker.publish(messages(REPORTS))
    await group_all(settings, broker, reader)
    assert latest(interrupted) == latest(await published_events(settings))
    await broker.close()


async def test_worker_counts_redelivered_article_once(settings: Settings, reader: TextReader) -> None:
    settings, broker = await one_partition(settings)
    await broker.publish(messages(REPORTS[:20]))
    worker = await group_all(settings, broker, reader)
    before, count = await published_events(settings), worker.state.window.count
    async with Subscription("articles", follow=False, settings=settings) as subscription:
        async for message, article in subscription.messages():
            await worker.handle(message, article)
    assert (await published_events(settings), worker.state.window.count) == (before, count)
    await broker.close()


async def test_two_workers_write_in_turns(settings: Settings, reader: TextReader) -> None:
    settings, broker = await one_partition(settings)
    await broker.publish(messages(REPORTS))
    first, second = (EventWorker(settings, broker, reader, Window(256)) for _ in range(2))
    await first.state.load()
    await second.state.load()
    async with Subscription("articles", follow=False, settings=settings) as subscription:
        async for message, article in subscription.messages():
            await asyncio.gather(first.handle(message, article), second.handle(message, article))
    assert int(await broker.state.hget(STATE_KEY, "count") or 0) == len(REPORTS)
    events = await published_events(settings)
    assert len({(event.id, event.revision) for event in events}) == len(events)
    await broker.close()


async def test_worker_reads_reports_back_after_restart(settings: Settings, reader: TextReader) -> None:
    settings, broker = await one_partition(settings)
    article = REPORTS[0]
    copy = replace_article(article, id="f" * 20, duplicate_of=article.id, title="A copy")
    await broker.publish(messages([article]))
    await group_all(settings, broker, reader)
    await broker.publish(messages([copy]))
    await group_all(settings, broker, reader)
    [event] = await published_events(settings)
    assert [report.title for report in event.articles] == [article.title, "A copy"]
    await broker.close()


async def test_withdrawn_article_leaves_its_event(settings: Settings, reader: TextReader) -> None:
    settings, broker = await one_partition(settings)
    article = REPORTS[0]
    copy = replace_article(article, id="f" * 20, duplicate_of=article.id)
    withdrawn = replace_article(article, revision=2, withdrawn="by the publisher", paragraphs=())
    await broker.publish(messages([article, copy, withdrawn]))
    await group_all(settings, broker, reader)
    assert [event.article_count for event in await published_events(settings)] == [2, 1]
    await broker.close()


async def test_article_that_cannot_be_grouped_is_skipped(settings: Settings, reader: TextReader) -> None:
    settings, broker = await one_partition(settings)
    article = REPORTS[0]
    await broker.publish(messages([replace_article(article, id="no hex"), article]))
    worker = await group_all(settings, broker, reader)
    assert worker.state.window.count == 1
    await broker.close()


async def test_killed_worker_publishes_same_events(settings: Settings, reader: TextReader, tmp_path: Path) -> None:
    settings, broker = await one_partition(settings)
    await broker.publish(messages(REPORTS))
    for kills in range(3):
        with (tmp_path / "log").open("ab") as log:
            worker = start_module(
                "workers.cli", "events", "--broker-url", settings.broker_url, cwd=tmp_path, stdout=log, stderr=log
            )
            try:
                await until(functools.partial(_has_count, broker, 18 * (kills + 1)))
            finally:
                worker.kill()
                worker.wait()
    await group_all(settings, broker, reader, Window())
    killed = await published_events(settings)
    await broker.state.execute_command("FLUSHALL")
    await broker.create_topics([ARTICLES, EVENTS])
    await broker.publish(messages(REPORTS))
    await group_all(settings, broker, reader)
    assert killed == await published_events(settings)
    await broker.close()


async def _has_count(broker: Broker, least: int) -> bool:
    return int(await broker.state.hget(STATE_KEY, "count") or 0) >= least


def replace_article(article: Article, **changes: object) -> Article:
    return msgspec.structs.replace(article, **changes)
