"""The parsers as processes: what they give back, and what they survive."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.config.settings import Settings
from streams.errors import UnreadableError
from tests.conftest import DEADLINE_S, ROOT
from tests.support.feed_server import FeedServer, rss
from workers.http.client import HttpClient
from workers.poller.discovery import discover, feed_links
from workers.poller.formats.feedparser_xml import MAX_CATEGORIES, MAX_ITEMS, MAX_TITLE_CHARS, parse_feed
from workers.poller.new_items import find_new_items
from workers.poller.parser_pool import ParseRequest, ParserPool

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
GOOD = rss([("https://a.example/1", "One", "<p>Text</p>")])


def document(body: bytes) -> ParseRequest:
    return ParseRequest(body, "https://a.example/feed", "application/rss+xml", NOW, "p1")


def test_a_document_that_takes_too_long_is_ended_and_the_next_one_is_read() -> None:
    async def go() -> None:
        async with ParserPool(1) as parsers:
            endless = b"<rss><channel><item>" + b"<category>a</category>" * 200_000
            with pytest.raises(UnreadableError, match="more than 5 s of CPU") as refused:
                await parsers.parse(document(endless))
            assert refused.value.code == "too_slow"
            assert (await parsers.parse(document(GOOD))).items[0].title == "One"

    asyncio.run(go())


def test_slow_parser_is_ended_by_cpu_time_only() -> None:
    """The machine may be so busy that 5 s of CPU time take minutes: a document is refused for its own cost."""

    async def go() -> None:
        async with ParserPool(1, idle_s=2.0) as parsers:  # less than the document takes
            endless = b"<rss><channel><item>" + b"<category>a</category>" * 200_000
            with pytest.raises(UnreadableError, match="more than 5 s of CPU"):
                await parsers.parse(document(endless))

    asyncio.run(go())


def test_hung_parser_is_ended_and_replaced() -> None:
    async def go() -> None:
        async with ParserPool(1) as parsers:
            await parsers.parse(document(GOOD))
            parsers.idle_s = 0.5
            [parser] = parsers._idle
            os.kill(parser.process.pid, signal.SIGSTOP)
            with pytest.raises(UnreadableError, match="no CPU time for 0.5 s") as refused:
                await parsers.parse(document(GOOD))
            assert refused.value.code == "too_slow"
            assert parser.process.returncode == -signal.SIGKILL
        async with ParserPool(1) as parsers:
            assert (await parsers.parse(document(GOOD))).items[0].title == "One"

    asyncio.run(go())


def test_items_that_are_known_come_back_without_their_text() -> None:
    two = rss([("https://a.example/2", "Two", "<p>More</p>"), ("https://a.example/1", "One", "<p>Text</p>")])

    async def go() -> None:
        async with ParserPool(1) as parsers:
            _, known = find_new_items((await parsers.parse(document(GOOD))).items, b"")
            feed = await parsers.parse(msgspec.structs.replace(document(two), known=known))
            whole = await parsers.parse(document(two))
            assert [bool(item.summary) for item in feed.items] == [True, False]
            assert feed.items[0] == whole.items[0]
            assert find_new_items(feed.items, known) == find_new_items(whole.items, known)

    asyncio.run(go())


def test_a_parser_that_dies_takes_nothing_with_it() -> None:
    async def go() -> None:
        async with ParserPool(1) as parsers:
            first = await parsers.parse(document(GOOD))
            [parser] = parsers._idle
            os.kill(parser.process.pid, signal.SIGSEGV)
            with pytest.raises(UnreadableError, match="broke down"):
                await parsers.parse(document(GOOD))
            assert await parsers.parse(document(GOOD)) == first

    asyncio.run(go())


@pytest.mark.parametrize("deed", ["open('/etc/hostname')", "socket.socket()", "bytearray(1 << 29)"])
def test_a_parser_can_open_nothing_and_grow_little(deed: str) -> None:
    code = f"import socket\nfrom workers.poller import parser_pool\nparser_pool.drop_privileges()\ntry:\n    {deed}\nexcept (OSError, MemoryError) as exc:\n    print('refused')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.stdout.strip() == "refused", done.stderr


def test_a_parser_may_not_grow_more_because_who_started_it_is_big() -> None:
    big = b"." * (600 << 20)
    test_a_parser_can_open_nothing_and_grow_little("bytearray(1 << 29)")
    assert len(big) == 600 << 20


def test_what_describes_a_picture_is_no_body() -> None:
    media = 'xmlns:media="http://search.yahoo.com/mrss/"'
    both = f"<rss version='2.0' {media}><channel><item><title>t</title><media:description>A picture</media:description><description>The story</description></item><item><title>u</title><media:group><media:description>Only this</media:description></media:group></item></channel></rss>"
    first, second = parse_feed(both.encode(), "https://a.example/f", fetched_at=NOW).items
    assert [first.summary and first.summary.value, first.content] == ["The story", ()]
    assert second.summary is not None
    assert second.summary.value == "Only this"


def test_items_beyond_the_first_thousands_are_left_out_and_told() -> None:
    items = "".join(f"<item><title>{n}</title><link>https://a.example/{n}</link></item>" for n in range(MAX_ITEMS + 30))
    feed = parse_feed(
        f"<rss version='2.0'><channel>{items}</channel></rss>".encode(), "https://a.example/f", fetched_at=NOW
    )
    assert len(feed.items) == MAX_ITEMS
    assert feed.warning == f"30 items beyond the first {MAX_ITEMS} were left out"


def test_what_is_endless_is_cut() -> None:
    tags = "".join(f"<category>c{n}</category>" for n in range(20_000))
    guids = [f"<guid isPermaLink='false'>{'g' * 100_000}{n}</guid>" for n in range(2)]
    body = "".join(f"<item><title>{'T' * 5000}</title>{guid}{tags}</item>" for guid in guids)
    one, two = parse_feed(
        f"<rss version='2.0'><channel>{body}</channel></rss>".encode(), "https://a.example/f", fetched_at=NOW
    ).items
    assert len(one.title) == MAX_TITLE_CHARS
    assert one.title.endswith("T…")
    assert len(one.categories) == MAX_CATEGORIES
    assert one.identity_key != two.identity_key
    assert len(one.identity_key) < 300


JSON: dict[str, Any] = {
    "version": "https://jsonfeed.org/version/1.1", "title": "The Lanthe Courier", "home_page_url": "https://a.example/",
    "language": "en-GB", "authors": [{"name": "Ida Marrow"}], "hubs": [{"type": "WebSub", "url": "https://hub.example/"}],
    "items": [
        {"id": "1", "url": "https://a.example/1", "title": "One", "content_html": "<p>Text</p>", "content_text": "Text",
         "summary": "Short", "date_published": "2026-01-05T09:00:00+01:00", "tags": ["World", 3], "image": "https://a.example/i.jpg",
         "attachments": [{"url": "https://a.example/a.mp3", "mime_type": "audio/mpeg", "size_in_bytes": 12}]},
        {"id": 2, "content_text": "Only text", "author": {"name": "Tomas Velk"}},
        "nonsense",
    ],
}  # fmt: skip


def test_a_json_feed() -> None:
    feed = parse_feed(json.dumps(JSON).encode(), "https://a.example/f", fetched_at=NOW)
    one, two = feed.items
    assert (feed.title, feed.language, feed.hub) == ("The Lanthe Courier", "en-GB", "https://hub.example/")
    assert (one.identity_key, one.title, one.authors, one.categories) == (
        "a.example/1",
        "One",
        ("Ida Marrow",),
        ("World",),
    )
    assert one.published == datetime(2026, 1, 5, 8, tzinfo=UTC)
    assert (one.content[0].value, one.content[0].type) == ("<p>Text</p>", "text/html")
    assert (one.enclosures[0].length, one.image_url) == (12, "https://a.example/i.jpg")
    assert (two.guid, two.authors, two.content[0].type) == ("2", ("Tomas Velk",), "text/plain")


@pytest.mark.parametrize(
    ("page", "links"),
    [
        ("", []),
        ('<link rel="alternate" type="application/rss+xml" href="/f">', ["https://a.example/f"]),
        ('<LINK REL="Alternate home" TYPE="application/atom+xml; charset=utf-8" HREF="f">', ["https://a.example/x/f"]),
        (
            '<base href="https://b.example/"><link rel=alternate type=application/feed+json href=f>',
            ["https://b.example/f"],
        ),
        ('<link rel="alternate" hreflang="de" href="/de"><link rel="stylesheet" type="text/xml" href="/s">', []),
    ],
)
def test_the_feeds_that_a_page_names(page: str, links: list[str]) -> None:
    assert feed_links(page, "https://a.example/x/y") == links


def test_discovery(settings: Settings) -> None:
    async def go() -> None:
        async with FeedServer() as server, HttpClient(settings) as fetcher, ParserPool(1) as parsers:
            server.answers["named"] = b"<html><link rel=alternate type=application/rss+xml href=/news.xml></html>"
            server.answers["silent"] = b"<html><p>Hello</p></html>"
            server.answers["news.xml"] = server.answers["rss.xml"] = GOOD

            async def found(path: str) -> list[tuple[str, int]]:
                feeds = await discover(fetcher, parsers, server.url + path)
                return [(url.removeprefix(server.url), len(feed.items)) for url, feed in feeds]

            assert await found("named") == [("news.xml", 1)]
            assert await found("silent") == [("rss.xml", 1)]
            assert await found("news.xml") == [("news.xml", 1)]

    asyncio.run(go())


def test_a_parser_does_not_mind_what_happens_in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """feedparser tries an import with each document, and Python looks into a folder anew when that has changed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    async def go() -> None:
        async with ParserPool(1) as parsers:
            first = await parsers.parse(document(GOOD))
            (tmp_path / "new").write_text("")
            os.utime(tmp_path, (1, 1))
            assert await parsers.parse(document(GOOD)) == first

    asyncio.run(go())


def test_nobody_waits_for_a_suspect() -> None:
    async def go() -> None:
        async with ParserPool(1) as parsers:
            endless = b"<rss><channel><item>" + b"<category>a</category>" * 200_000
            slow = asyncio.create_task(parsers.parse(document(endless), suspect=True))
            await asyncio.sleep(0)
            assert (await parsers.parse(document(GOOD))).items[0].title == "One"
            assert not slow.done()
            slow.cancel()

    asyncio.run(go())
