"""kill -9 of `ingest` and of the desk during a backfill of a WARC file: the articles of an undisturbed run."""

import asyncio
from dataclasses import replace
from pathlib import Path

from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.records import Article
from streams.topics import ARCHIVE_ITEMS, DESK_GROUP
from tests.conftest import until
from tests.support.fork_server import Command, start_module
from tests.support.pipeline import everything, queued
from tests.tools.bench.backfill import write_warc
from workers.counters import is_consistent, read_counters
from workers.intake.ingest import IngestOptions, ingest_file
from workers.services import connect
from workers.supervisor import to_environ

PAGES, KILLS = 160, 2


def start(settings: Settings, *words: str) -> Command:
    return start_module("workers.cli", *words, environ=to_environ(settings) | {"COPYDESK_LOG_LEVEL": "ERROR"})


def kill(process: Command) -> None:
    process.kill()
    process.wait()


async def articles_of(settings: Settings, broker: Broker) -> list[tuple[str, int, str, tuple[str, ...]]]:
    async def is_done() -> bool:
        return await queued(broker) == 0

    await until(is_done, what="an empty queue")
    assert is_consistent(await read_counters(broker.state))
    articles: list[Article] = await everything(settings, "articles")
    return sorted((a.id, a.revision, a.title, a.paragraphs) for a in articles)


async def test_killed_backfill_gives_the_same_articles(settings: Settings, tmp_path: Path) -> None:
    settings = replace(settings, item_timeout_s=0.9)  # below half of the short lease
    path = tmp_path / "pages.warc.gz"
    write_warc(path, 0, PAGES)
    broker = await connect(settings, settings.broker_url)
    desk = start(settings, "desk", "--name", "desk-1")
    await ingest_file(broker, path, IngestOptions("source:archive"))
    undisturbed = await articles_of(settings, broker)
    assert len(undisturbed) == PAGES
    kill(desk)
    await broker.state.execute_command("FLUSHALL", "SYNC")
    await broker.close()

    broker = await connect(settings, settings.broker_url)
    for number in range(KILLS):
        desk, ingest = start(settings, "desk", "--name", "desk-1"), start(settings, "ingest", str(path))
        target = (number + 1) * PAGES // (KILLS + 2)

        async def has_progressed(target: int = target, desk: Command = desk) -> bool:
            assert desk.poll() is None, "the desk has ended"
            committed = await broker.progress(ARCHIVE_ITEMS.name, DESK_GROUP)
            return sum(progress.position for progress in committed.values()) >= target

        await until(has_progressed, what=f"{target} items handled")
        kill(ingest)
        kill(desk)
    desk, ingest = start(settings, "desk", "--name", "desk-1"), start(settings, "ingest", str(path))
    assert await asyncio.to_thread(ingest.wait) == 0
    assert await articles_of(settings, broker) == undisturbed
    kill(desk)
    await broker.close()
