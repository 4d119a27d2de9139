"""The demo's stories: told without repeating themselves, for what a site repeats is taken for clutter."""

import asyncio
from collections import Counter
from pathlib import Path

import aiohttp
import feedparser

from workers.demo.newsroom import WINDOW, Newsroom
from workers.demo.stories import story


def test_no_outlet_says_a_thing_often() -> None:
    said = Counter((one.outlet.slug, paragraph) for one in map(story, range(600)) for paragraph in one.paragraphs)
    assert max(said.values()) <= 3
    assert story(7) == story(7)
    assert story(7, revision=2).title != story(7).title or story(7, revision=2).paragraphs != story(7).paragraphs


def test_unread_stories_stay_in_their_feeds(tmp_path: Path) -> None:
    """However slow the poller is, it sees each story, and each first version before its correction."""

    async def go() -> None:
        room = Newsroom(tmp_path, pace_s=0.001, edit_after_s=0.0)
        await room.open()
        etags = dict.fromkeys(room.feed_urls, "")
        offered: set[tuple[str, str]] = set()
        async with aiohttp.ClientSession() as http:
            while len(room.ledger) < 4 * WINDOW:
                await asyncio.sleep(0.2)  # time for two hundred stories, were they not held back
                for url in room.feed_urls[:-1]:
                    async with http.get(url, headers={"If-None-Match": etags[url]}) as answer:
                        etags[url] = answer.headers["ETag"]
                        feed = feedparser.parse(await answer.read()) if answer.status == 200 else {"entries": []}
                        offered |= {(entry["link"].partition("?")[0], entry["title"]) for entry in feed["entries"]}
        await room.close()
        unread = set(room.ledger[-WINDOW:])
        wanted = {(s.url, s.title) for p in room.ledger if p not in unread for s in [story(p.number, p.revision)]}
        assert any(p.revision == 2 for p in room.ledger)
        assert wanted <= offered

    asyncio.run(go())
