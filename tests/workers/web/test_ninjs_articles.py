"""ninjs of all articles that a desk makes of page dumps, agency documents, pages and demo stories."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streams.config.settings import Settings
from streams.records import Article
from streams.topics import ARTICLES
from tests.support.ninjs_schema import violations
from tests.support.pipeline import desk, everything, settled
from tests.tools.skips import NO_CORPUS, SHARED
from workers.demo.clutter import body
from workers.demo.stories import story
from workers.intake.ingest import IngestOptions, ingest_file
from workers.web.ninjs import encode_ninjs

PAGES = 25


def write_rows(path: Path) -> Path:
    rows = []
    for number in range(20):
        told = story(number)
        rows.append({
            "url": f"https://mill.example/{number}?ü=[{number}]", "title": told.title, "content_html": body(told, [story(99)]),
            "image": f"https://mill.example/bild {number}|ü.jpg", "tags": ["a", "ü"], "language": "en-GB",
            "date_published": "2026-11-26T10:00:00.5+05:45",
        })  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def corpus_files(folder: Path) -> Iterator[Path]:
    """Yield dumps, agency documents and pages of ../shared, extracted into *folder*."""
    yield from sorted((SHARED / "cases" / "dumps").glob("*.txt"))
    with tarfile.open(SHARED / "corpus" / "wire" / "wire.tar.xz") as archive:
        archive.extractall(folder / "wire", filter="data")
    yield from sorted(path for path in (folder / "wire").rglob("*") if path.is_file())
    with tarfile.open(SHARED / "corpus" / "pages" / "dev_multi.tar.xz") as archive:
        members = [member for member in archive if member.name.endswith("/page.html")]
        for number, member in enumerate(members[:: len(members) // PAGES]):
            file: Any = archive.extractfile(member)
            path = folder / f"{number}.html"
            path.write_bytes(file.read())
            yield path


async def test_articles_of_feed_items_are_valid(settings: Settings, tmp_path: Path) -> None:
    async with desk(settings) as broker:
        await ingest_file(broker, write_rows(tmp_path / "rows.jsonl"), IngestOptions("source:mill"))
        await settled(broker, {"new": 20})
    articles: list[Article] = await everything(settings, ARTICLES.name)
    assert len(articles) == 20
    assert [v for article in articles for v in violations(json.loads(encode_ninjs(article)))] == []


@pytest.mark.skipif(not SHARED.exists(), reason=NO_CORPUS)
async def test_articles_of_corpus_are_valid(settings: Settings, tmp_path: Path) -> None:
    async with desk(settings) as broker:
        for path in corpus_files(tmp_path):
            await ingest_file(broker, path, IngestOptions("source:corpus"))
        await settled(broker, {})
    articles: list[Article] = await everything(settings, ARTICLES.name)
    assert len(articles) > 2 * PAGES
    assert [v for article in articles for v in violations(json.loads(encode_ninjs(article)))] == []
