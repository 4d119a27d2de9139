"""Demo newsroom: its sentences do not repeat, because the cleaner removes repeated ones; slow pollers miss no story."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import feedparser
import pytest

from streams.config.settings import Settings, load_settings
from streams.config.tables import Route
from streams.records import Article
from tests.conftest import until
from tests.support.pipeline import desk, everything, settled
from workers.clean.cleaner import clean
from workers.clean.corrections import find_correction
from workers.demo.clutter import body
from workers.demo.demo import Demo
from workers.demo.newsroom import OPENING, WINDOW, Newsroom
from workers.demo.pushed import REASON, push_examples
from workers.demo.route import ROUTE, TABLE, with_demo_route
from workers.demo.stories import AGENCY, reprints, story
from workers.intake.publish import publish
from workers.intake.pushed_items import source_url, to_item
from workers.poller.registry import FeedRegistry


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
        counters = await settled(broker, {"new": 3, "revised": 1})
        assert (counters["intake"]["new"], counters["intake"]["failed"]) == (4, 1)
    articles: list[Article] = await everything(settings, "articles")
    assert sorted((a.publisher, a.revision, a.withdrawn) for a in articles) == [
        ("Demo Desk", 1, ""), ("Demo Desk", 1, ""), ("Demo Desk", 2, REASON), ("The Vale Reader", 1, ""),
    ]  # fmt: skip
    [dump] = [a for a in articles if a.publisher == "The Vale Reader"]
    assert dump.title == "Bell foundry of Skelby Down casts its last bell"
    assert len(dump.paragraphs) == 3
    assert any("night-tram" in block.text + block.label for block in dump.removed)
    [letter] = await everything(settings, "dead-letters")
    assert letter.feed == "source:demo-desk"


@pytest.mark.parametrize("revision", [1, 2])
def test_demo_clutter_is_removed(revision: int) -> None:
    """The cleaner removes every kind of clutter in every language, and keeps every sentence."""
    stories = [story(number, revision) for number in range(200)]
    for each in stories:
        others = [other for other in stories[each.number % 100 :][:40] if other.outlet == each.outlet]
        content = clean(body(each, others), "html", title=each.title, url=each.url)
        assert content.paragraphs == each.paragraphs, (each.number, each.outlet.slug)


def test_demo_corrections_are_recognised() -> None:
    stories = [story(number, 2) for number in range(60)]
    assert all(find_correction(each.paragraphs, []) for each in stories)


def test_demo_has_several_languages_and_clutter() -> None:
    languages = Counter(story(number).outlet.language for number in range(200))
    assert len(languages) == 4
    assert min(languages.values()) >= 15
    assert languages["en"] > 80


async def test_papers_print_stories_of_the_agency(settings: Settings) -> None:
    """A story of the agency comes as an original and three copies, whose similarity is below 100 %."""
    original = next(s for s in map(story, range(100)) if reprints(s))
    now = datetime.now(UTC)
    async with desk(settings) as broker:
        for each in (original, *reprints(original)):
            row = {"url": each.url, "title": each.title, "publisher": each.outlet.name, "content_html": body(each, [])}
            await publish(broker, [to_item(row, source_url(each.outlet.slug), now)])
            await settled(broker, {"new": 1})
    articles: list[Article] = await everything(settings, "articles")
    [first] = [a for a in articles if a.publisher == AGENCY.name]
    copies = [a for a in articles if a.publisher != AGENCY.name]
    assert len(copies) == 3
    assert {a.story_id for a in articles} == {first.story_id}
    assert all(a.duplicate_of and 0.85 < a.similarity < 1 for a in copies)


def test_demo_route_keeps_routes_of_the_user(settings: Settings) -> None:
    assert with_demo_route(settings).routes == (ROUTE,)
    own = replace(settings, routes=(Route(name="world", language=("en",)),))
    assert with_demo_route(own) == own


def test_demo_route_is_valid_in_copydesk_toml(tmp_path: Path) -> None:
    path = tmp_path / "copydesk.toml"
    path.write_text(TABLE, "utf-8")
    assert load_settings(environ={"COPYDESK_CONFIG": str(path)}).routes == (ROUTE,)


async def test_published_stories_stay_unchanged_in_their_feed(tmp_path: Path) -> None:
    """New stories change no item of older ones: otherwise each poll would read all of them again."""
    newsroom = Newsroom(tmp_path, pace_s=0.001, edit_after_s=1e9)
    await newsroom.open()
    url, versions = newsroom.feed_urls[0], dict[str, set[str]]()
    async with aiohttp.ClientSession() as http:
        for _ in range(10):
            before = len(newsroom.ledger)
            async with http.get(url) as response:
                entries = feedparser.parse(await response.read())["entries"]
            for entry in entries:
                versions.setdefault(entry["link"], set()).add(entry["content"][0]["value"])
            await until(lambda n=before: len(newsroom.ledger) > n or len(newsroom.ledger) >= WINDOW)  # type: ignore[misc]
    await newsroom.close()
    assert len(versions) > 2
    assert all("Explore" in text or "Most read" in text for texts in versions.values() for text in texts)
    assert {len(texts) for texts in versions.values()} == {1}


@pytest.mark.parametrize("rest", ["[21, 1, 17", "[21, 1, 17[22, 1, 1.7e9]\n", "[21]", "\0" * 9])
async def test_newsroom_starts_after_an_incomplete_line(rest: str, tmp_path: Path) -> None:
    """A kill within a write leaves a part of a line, to which an earlier version appended the next line."""
    for extra in (rest, ""):
        newsroom = Newsroom(tmp_path, pace_s=3600.0)
        await newsroom.open()
        await newsroom.close()
        with (tmp_path / "ledger.jsonl").open("a") as file:
            file.write(extra)
    newsroom = Newsroom(tmp_path, pace_s=0.001)
    await newsroom.open()
    await until(lambda: len(newsroom.ledger) > OPENING)
    await newsroom.close()
    again = Newsroom(tmp_path, pace_s=3600.0)
    await again.open()
    await again.close()
    assert again.ledger == newsroom.ledger
    assert [p.number for p in again.ledger if p.revision == 1] == list(range(1, len(again.ledger) + 1))


async def test_start_without_feeds_names_next_step(settings: Settings) -> None:
    off = replace(settings, demo="off")
    async with desk(settings) as broker:
        feeds, demo = FeedRegistry(broker.state), Demo()
        await demo.open(off, feeds)
        assert "copydesk feeds add https://" in demo.notice("copydesk", off)
        await feeds.add([("https://courier.example/f", "")])
        await demo.open(off, feeds)
        assert demo.notice("copydesk", off) == ""
