"""Parser processes: their results, limits and failures; JSON Feed; discovery."""

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
from workers.poller.formats import parse_feed
from workers.poller.formats.expat_namespaces import MAX_CATEGORIES
from workers.poller.formats.to_item import MAX_ITEMS, MAX_TITLE_CHARS
from workers.poller.parser_pool import ParseRequest, ParserPool

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
GOOD = rss([("https://a.example/1", "One", "<p>Text</p>")])


def request(body: bytes) -> ParseRequest:
    return ParseRequest(body, "https://a.example/feed", "application/rss+xml", NOW, "p1")


def test_slow_document_fails_and_next_is_parsed() -> None:
    async def go() -> None:
        async with ParserPool(1) as parsers:
            endless = b"<rss><channel><item>" + b"<category>a</category>" * 200_000
            with pytest.raises(UnreadableError, match="more than 5 s of CPU") as caught:
                await parsers.parse(request(endless))
            assert caught.value.code == "too_slow"
            assert (await parsers.parse(request(GOOD))).new_items[0].title == "One"

    asyncio.run(go())


def test_slow_parser_is_ended_by_cpu_time_only() -> None:
    """On a busy machine 5 s of CPU time may take minutes, so wall-clock time must not count."""

    async def go() -> None:
        async with ParserPool(1, idle_s=2.0) as parsers:  # less than the time for the document
            endless = b"<rss><channel><item>" + b"<category>a</category>" * 200_000
            with pytest.raises(UnreadableError, match="more than 5 s of CPU"):
                await parsers.parse(request(endless))

    asyncio.run(go())


def test_hung_parser_is_ended_and_replaced() -> None:
    async def go() -> None:
        async with ParserPool(1) as parsers:
            await parsers.parse(request(GOOD))
            parsers.idle_s = 0.5
            [parser] = parsers._idle
            os.kill(parser.process.pid, signal.SIGSTOP)
            with pytest.raises(UnreadableError, match="no CPU time for 0.5 s") as caught:
                await parsers.parse(request(GOOD))
            assert caught.value.code == "too_slow"
            assert parser.process.returncode == -signal.SIGKILL
        async with ParserPool(1) as parsers:
            assert (await parsers.parse(request(GOOD))).new_items[0].title == "One"

    asyncio.run(go())


def test_parser_returns_new_items_only() -> None:
    two = rss([("https://a.example/2", "Two", "<p>More</p>"), ("https://a.example/1", "One", "<p>Text</p>")])

    async def go() -> None:
        async with ParserPool(1) as parsers:
            first = await parsers.parse(request(GOOD))
            update = await parsers.parse(msgspec.structs.replace(request(two), known_items=first.known_items))
            complete = await parsers.parse(request(two))
            assert (first.unchanged, update.unchanged, complete.unchanged) == (0, 1, 0)
            assert update.new_items == complete.new_items[:1]
            assert update.known_items == complete.known_items
            partial = msgspec.structs.replace(request(GOOD), known_items=update.known_items, is_partial=True)
            push = await parsers.parse(partial)
            assert (push.new_items, push.unchanged, len(push.known_items)) == ((), 1, len(update.known_items))

    asyncio.run(go())


def test_pool_survives_crashed_parser() -> None:
    async def go() -> None:
        async with ParserPool(1) as parsers:
            first = await parsers.parse(request(GOOD))
            [parser] = parsers._idle
            os.kill(parser.process.pid, signal.SIGSEGV)
            with pytest.raises(UnreadableError, match="crashed"):
                await parsers.parse(request(GOOD))
            assert await parsers.parse(request(GOOD)) == first

    asyncio.run(go())


@pytest.mark.parametrize("statement", ["open('/etc/hostname')", "socket.socket()", "bytearray(1 << 29)"])
def test_parser_cannot_open_files_or_grow(statement: str) -> None:
    code = f"import socket\nfrom workers.poller import parser_pool\nparser_pool.drop_privileges()\ntry:\n    {statement}\nexcept (OSError, MemoryError) as exc:\n    print('refused')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.stdout.strip() == "refused", done.stderr


def test_memory_limit_ignores_size_of_parent() -> None:
    big = b"." * (600 << 20)
    test_parser_cannot_open_files_or_grow("bytearray(1 << 29)")
    assert len(big) == 600 << 20


def test_media_description_is_not_content() -> None:
    media = 'xmlns:media="http://search.yahoo.com/mrss/"'
    both = f"<rss version='2.0' {media}><channel><item><title>t</title><media:description>A picture</media:description><description>The story</description></item><item><title>u</title><media:group><media:description>Only this</media:description></media:group></item></channel></rss>"
    first, second = parse_feed(both.encode(), "https://a.example/f", fetched_at=NOW).items
    assert [first.summary and first.summary.value, first.content] == ["The story", ()]
    assert second.summary is not None
    assert second.summary.value == "Only this"


def test_items_beyond_limit_are_omitted_with_warning() -> None:
    items = "".join(f"<item><title>{n}</title><link>https://a.example/{n}</link></item>" for n in range(MAX_ITEMS + 30))
    feed = parse_feed(
        f"<rss version='2.0'><channel>{items}</channel></rss>".encode(), "https://a.example/f", fetched_at=NOW
    )
    assert len(feed.items) == MAX_ITEMS
    assert feed.warning == f"30 items beyond the first {MAX_ITEMS} were left out"


def test_long_fields_are_truncated() -> None:
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


def test_json_feed_fields() -> None:
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
def test_feed_links_of_page(page: str, links: list[str]) -> None:
    assert feed_links(page, "https://a.example/x/y") == links


def test_discover_feeds_of_page(settings: Settings) -> None:
    async def go() -> None:
        async with FeedServer() as server, HttpClient(settings) as fetcher, ParserPool(1) as parsers:
            server.answers["named"] = b"<html><link rel=alternate type=application/rss+xml href=/news.xml></html>"
            server.answers["silent"] = b"<html><p>Hello</p></html>"
            server.answers["news.xml"] = server.answers["rss.xml"] = GOOD

            async def discovered(path: str) -> list[tuple[str, int]]:
                feeds = await discover(fetcher, parsers, server.url + path)
                return [(url.removeprefix(server.url), feed.document_items) for url, feed in feeds]

            assert await discovered("named") == [("news.xml", 1)]
            assert await discovered("silent") == [("rss.xml", 1)]
            assert await discovered("news.xml") == [("news.xml", 1)]

    asyncio.run(go())


def test_parser_ignores_changes_in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """feedparser tries an import for each document, and Python lists a folder again after a change."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    async def go() -> None:
        async with ParserPool(1) as parsers:
            first = await parsers.parse(request(GOOD))
            (tmp_path / "new").write_text("")
            os.utime(tmp_path, (1, 1))
            assert await parsers.parse(request(GOOD)) == first

    asyncio.run(go())


def test_quarantined_document_does_not_block_pool() -> None:
    async def go() -> None:
        async with ParserPool(1) as parsers:
            endless = b"<rss><channel><item>" + b"<category>a</category>" * 200_000
            slow = asyncio.create_task(parsers.parse(request(endless), is_suspect=True))
            await asyncio.sleep(0)
            assert (await parsers.parse(request(GOOD))).new_items[0].title == "One"
            assert not slow.done()
            slow.cancel()

    asyncio.run(go())
