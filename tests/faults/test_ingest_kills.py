"""`copydesk ingest` killed at random points and started again: each article once, and nothing lost."""

import asyncio
import gzip
import json
import random
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.topics import ARCHIVE_ITEMS
from tests.support.archives import page_record
from tests.support.fork_server import Command, start_module
from tests.support.pipeline import desk, everything, settled
from workers.counters import is_consistent, read_counters
from workers.intake.ingest import BATCH_ITEMS, STATE_KEY

COUNT = 4 * BATCH_ITEMS + 7  # items of each file
LETTERS = str.maketrans("0123456789", "abcdefghij")
MAIL = (
    "From x@courier.example Thu Nov 26 10:00:00 2026\nMessage-ID: <{n}@courier.example>\nSubject: {title}\n\n{text}\n\n"
)


def words(n: int) -> tuple[str, str]:
    """Return title and text of a story; texts differ by their words, since digits alone make near-duplicates."""
    word = f"{n * 7919:09}".translate(LETTERS)
    return f"The {word} canal reopens", f"The {word} board reopened the canal of {word[::-1]} on Monday, after a flood."


def write_files(folder: Path) -> None:
    """Write a file of each of three formats, with COUNT stories each."""
    rows, mails, pages = (range(start, start + COUNT) for start in (0, COUNT, 2 * COUNT))
    jsonl = [{"id": n, "title": words(n)[0], "content_text": words(n)[1]} for n in rows]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in jsonl))
    (folder / "mails.mbox").write_text("".join(MAIL.format(n=n, title=words(n)[0], text=words(n)[1]) for n in mails))
    (folder / "pages.warc.gz").write_bytes(b"".join(gzip.compress(page(n)) for n in pages))


def page(n: int) -> bytes:
    title, text = words(n)
    html = f"<html><title>{title}</title><article><h1>{title}</h1><p>{text}</p></article></html>"
    return page_record(f"https://courier.example/{n}", html.encode())


class Runs(NamedTuple):
    """The number of kills, and the exit code of the last run."""

    kills: int
    code: int


def start(settings: Settings, folder: Path, bug: str = "") -> Command:
    module = ["tests.faults.mutants", bug] if bug else ["workers.cli"]
    urls = ["--broker-url", settings.broker_url, "--state-url", settings.state_url]
    return start_module(*module, "ingest", str(folder), *urls, cwd=folder.parent)


async def ingest_with_kills(broker: Broker, settings: Settings, folder: Path, seed: int, bug: str = "") -> Runs:
    """Run the command until it ends by itself.

    Each second run is killed once a stored position changes, the others after a random number of items and a while.
    """
    rnd = random.Random(seed)
    for kills in range(1_000):
        before = await broker.state.hgetall(STATE_KEY)
        target = await received(broker) + rnd.randint(1, 2 * BATCH_ITEMS)
        process = start(settings, folder, bug)
        if kills % 2:
            while process.poll() is None and await broker.state.hgetall(STATE_KEY) == before:
                await asyncio.sleep(0.005)
        else:
            while process.poll() is None and await received(broker) < target:
                await asyncio.sleep(0.005)
            await asyncio.sleep(rnd.uniform(0, 0.05))
        process.kill()
        if (code := process.wait()) != -9:
            return Runs(kills, code)
    raise AssertionError("no run came to its end")


async def received(broker: Broker) -> int:
    return (await read_counters(broker.state))["intake"]["received"]


async def check(settings: Settings, folder: Path, seed: int, bug: str = "") -> tuple[Runs, Counter[str]]:
    """Return the runs, and the number of articles by title."""
    folder.mkdir()
    write_files(folder)
    async with desk(settings) as broker:
        runs = await ingest_with_kills(broker, settings, folder, seed, bug)
        count = await broker.message_count(ARCHIVE_ITEMS.name)
        counters = await settled(broker, {"received": count})  # on Kafka, the state follows the commit
        assert is_consistent(counters)
    articles = await everything(settings, "articles")
    assert count == counters["desk"]["received"]
    if settings.broker_scheme != "kafka":
        assert count <= 3 * COUNT, "an atomic step sends nothing twice"
    return runs, Counter(article.title for article in articles)


@pytest.mark.parametrize("either", ["valkey", "kafka"], indirect=True)
async def test_killed_ingest_gives_each_article_once(either: Settings, tmp_path: Path) -> None:
    runs, titles = await check(either, tmp_path / "files", seed=1)
    assert runs.code == 0
    assert runs.kills > 2
    assert titles == Counter(words(n)[0] for n in range(3 * COUNT))


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(2, 8))
async def test_ingest_survives_more_kills(settings: Settings, tmp_path: Path, seed: int) -> None:
    runs, titles = await check(settings, tmp_path / "files", seed)
    assert runs.code == 0
    assert titles == Counter(words(n)[0] for n in range(3 * COUNT))


@pytest.mark.faults
async def test_position_stored_before_items_is_detected(settings: Settings, tmp_path: Path) -> None:
    """Kills at a change of a position hit between the two steps of the planted bug."""
    _, titles = await check(settings, tmp_path / "files", 1, "ingest_remembers_first")
    assert len(titles) < 3 * COUNT
