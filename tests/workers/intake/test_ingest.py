"""Pushed and ingested items through a desk on a real Valkey."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from copydesk import ItemPublisher, publish_item
from streams.brokers.base import Broker, Condition, RedisCommand
from streams.config.settings import Settings
from streams.errors import UnavailableError, UnreadableError
from streams.records import Article, DeadLetter
from tests.support.pipeline import desk, everything, settled
from tests.tools.skips import NO_CORPUS, SHARED
from workers.clean.cleaner import clean
from workers.counters import is_consistent
from workers.intake.ingest import BATCH_ITEMS, IngestOptions, IngestResult, expand, ingest_file

DUMPS = SHARED / "cases" / "dumps"
OPTIONS = IngestOptions("source:files")
STORY = "The harbour board reopened canal number {n} on Monday, nine years after the flood closed it for {n} days."


def write_rows(path: Path, count: int) -> Path:
    rows = ({"id": n, "title": f"Canal {n} reopens", "content_text": STORY.format(n=n)} for n in range(count))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


class DyingBroker:
    """A broker whose connection ends after *steps* calls of `publish`, before or after the last one takes effect."""

    def __init__(self, broker: Broker, steps: int, *, takes_effect: bool) -> None:
        self._broker, self._steps, self._takes_effect = broker, steps, takes_effect

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    async def publish(
        self, messages: Sequence[Any], state_writes: Sequence[RedisCommand] = (), conditions: Sequence[Condition] = ()
    ) -> bool:
        self._steps -= 1
        if self._steps > 0 or self._takes_effect:
            await self._broker.publish(messages, state_writes, conditions)
        if self._steps <= 0:
            raise UnavailableError("connection lost")
        return True


async def test_ingested_file_becomes_articles_once(settings: Settings, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", 2 * BATCH_ITEMS + 5)
    async with desk(settings) as broker:
        assert await ingest_file(broker, path, OPTIONS) == IngestResult(2 * BATCH_ITEMS + 5, 0)
        assert await ingest_file(broker, path, OPTIONS) is None
        await settled(broker, {"new": 2 * BATCH_ITEMS + 5})
        assert await ingest_file(broker, path, OPTIONS._replace(again=True)) == IngestResult(2 * BATCH_ITEMS + 5, 0)
        counters = await settled(broker, {"duplicate": 2 * BATCH_ITEMS + 5})
        assert is_consistent(counters)
        assert counters["intake"]["received"] == counters["desk"]["received"] == 4 * BATCH_ITEMS + 10
        path.write_text(json.dumps({"id": 1, "title": "Canal 1 closes", "content_text": STORY.format(n=99)}))
        assert await ingest_file(broker, path, OPTIONS) == IngestResult(1, 0)
        await settled(broker, {"revised": 1})
    articles: list[Article] = await everything(settings, "articles")
    assert len({(a.id, a.revision) for a in articles}) == len(articles) == 2 * BATCH_ITEMS + 6
    assert {a.feed for a in articles} == {"source:files"}


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("takes_effect", [False, True])
async def test_ingest_resumes_where_it_was_killed(
    settings: Settings, tmp_path: Path, steps: int, takes_effect: bool
) -> None:
    count = 2 * BATCH_ITEMS + 5
    path = write_rows(tmp_path / "rows.jsonl", count)
    async with desk(settings) as broker:
        dying: Any = DyingBroker(broker, steps, takes_effect=takes_effect)
        with pytest.raises(UnavailableError):
            await ingest_file(dying, path, OPTIONS)
        done = min(count, BATCH_ITEMS * (steps if takes_effect else steps - 1))
        again = await ingest_file(broker, path, OPTIONS)
        assert (again.items if again else 0) == count - done  # nothing is sent twice
        counters = await settled(broker, {"new": count})
        assert counters["desk"]["received"] == count


async def test_unreadable_record_becomes_a_dead_letter(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"title": "Canal reopens"}\n{"title": \n')
    async with desk(settings) as broker:
        assert await ingest_file(broker, path, OPTIONS) == IngestResult(1, 1)
        await settled(broker, {"new": 1})
    [letter] = await everything(settings, "dead-letters")
    assert isinstance(letter, DeadLetter)
    assert (letter.feed, letter.payload) == ("source:files", b'{"title": \n')
    assert letter.error.startswith(f"{path}: record before position 38: not JSON")


def test_directories_are_expanded_and_missing_files_named(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("z.txt", "a/2.txt", "a/b/1.txt", ".hidden"):
        (tmp_path / name).write_text("x")
    assert [str(p.relative_to(tmp_path)) for p in expand([str(tmp_path)])] == ["a/2.txt", "a/b/1.txt", "z.txt"]
    with pytest.raises(UnreadableError, match="no such file"):
        expand([str(tmp_path / "none")])


async def test_published_item_becomes_an_article(settings: Settings) -> None:
    async with desk(settings) as broker:
        key = await publish_item({"url": "https://courier.example/1", "title": "One"}, "courier", settings=settings)
        assert key == "courier.example/1"
        async with ItemPublisher("courier", settings=settings) as publisher:
            with pytest.raises(UnreadableError):
                await publisher.publish({"title": "Two"}, {})
            await publisher.publish({"title": "Two", "publisher": "The Courier"}, {"title": "Three"})
        await settled(broker, {"new": 3})
    articles: list[Article] = await everything(settings, "articles")
    assert {(a.title, a.publisher) for a in articles} == {("One", ""), ("Two", "The Courier"), ("Three", "")}


@pytest.mark.skipif(not DUMPS.exists(), reason=NO_CORPUS)
async def test_ingested_dumps_equal_cleaned_ones(settings: Settings) -> None:
    """The pipeline gives each shared dump the article that `copydesk clean` prints."""
    paths = [*sorted(DUMPS.glob("*.txt")), *sorted((SHARED / "seeds").glob("*.txt"))]
    async with desk(settings) as broker:
        for path in paths:
            await ingest_file(broker, path, OPTIONS)
        await settled(broker, {"new": len(paths)})
    articles = {a.title: a for a in await everything(settings, "articles")}
    for path in paths:
        wanted = clean(path.read_text("utf-8"), "text")
        article = articles[wanted.title]
        for name in ("title", "dek", "kicker", "byline", "published", "paragraphs"):
            assert getattr(article, name) == getattr(wanted, name), (path.name, name)
