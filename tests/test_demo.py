"""Demo newsroom: its sentences do not repeat, because the cleaner removes repeated ones; slow pollers miss no story."""

import asyncio
from collections import Counter
from pathlib import Path

import aiohttp
import feedparser

from streams.config.settings import Settings
from streams.records import Article
from tests.support.pipeline import desk, everything, settled
from workers.demo.newsroom import WINDOW, Newsroom
from workers.demo.pushed import REASON, push_examples
from workers.demo.stories import story


def test_demo_sentences_rarely_repeat() -> None:
    stories = map(story, range(600))
    occurrences = Counter((s.outlet.slug, paragraph) for s in stories for paragraph in s.paragraphs)
    assert max(occurrences.values()) <= 3
    assert story(7) == story(7)
    assert story(7, revision=2).title != story(7).title or story(7, revision=2).paragraphs != story(7).paragraphs


async def test_unread_stories_stay_in_their_feeds(tmp_path: Path) -> None:
    """A slow poller sees each story, and each first revision before its correction."""
    newsroom = Newsroom(tmp_path, pace_s=0.001, edit_after_s=0.0)
    await newsroom.open()
    etags = dict.fromkeys(newsroom.feed_urls, "")
    offered: set[tuple[str, str]] = set()
    async with aiohttp.ClientSession() as http:
        while len(newsroom.ledger) < 4 * WINDOW:
            await asyncio.sleep(0.2)  # enough time for 200 stories at this pace
            for url in newsroom.feed_urls[:-1]:
                async with http.get(url, headers={"If-None-Match": etags[url]}) as response:
                    etags[url] = response.headers["ETag"]
                    feed = feedparser.parse(await response.read()) if response.status == 200 else {"entries": []}
                    offered |= {(entry["link"].partition("?")[0], entry["title"]) for entry in feed["entries"]}
    await newsroom.close()
    unread = set(newsroom.ledger[-WINDOW:])
    expected = {(s.url, s.title) for p in newsroom.ledger if p not in unread for s in [story(p.number, p.revision)]}
    assert any(p.revision == 2 for p in newsroom.ledger)
    assert expected <= offered


async def test_demo_pushes_two_items_and_withdraws_one(settings: Settings) -> None:
    async with desk(settings) as broker:
        for _ in range(2):  # a restart sends nothing again
            await push_examples(broker, withdraw_after_s=0.0)
        counters = await settled(broker, {"new": 2, "revised": 1})
        assert counters["intake"]["new"] == 3
    articles: list[Article] = await everything(settings, "articles")
    assert sorted((a.publisher, a.revision, a.withdrawn) for a in articles) == [
        ("Demo Desk", 1, ""), ("Demo Desk", 1, ""), ("Demo Desk", 2, REASON),
    ]  # fmt: skip
