"""Parser processes: their results, limits and failures."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from streams.errors import UnreadableError
from tests.conftest import DEADLINE_S, ROOT, until
from tests.support.feed_server import rss
from workers.poller.parser_pool import IDLE_S, ParseRequest, ParserPool

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
GOOD = rss([("https://a.example/1", "One", "<p>Text</p>")])


def request(body: bytes) -> ParseRequest:
    return ParseRequest(body, "https://a.example/feed", "application/rss+xml", NOW, "p1")


async def test_slow_document_fails_by_cpu_time_only() -> None:
    """On a busy machine 5 s of CPU time may take minutes, so wall-clock time must not count."""
    async with ParserPool(1, idle_s=2.0) as parsers:  # less than the time for the document
        endless = b"<rss><channel><item>" + b"<category>a</category>" * 800_000
        with pytest.raises(UnreadableError, match="more than 5 s of CPU") as caught:
            await parsers.parse(request(endless))
        assert caught.value.code == "too_slow"
        parsers.idle_s = IDLE_S
        assert (await parsers.parse(request(GOOD))).new_items[0].title == "One"


async def test_hung_parser_is_ended_and_replaced() -> None:
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


async def test_killed_parser_is_no_slow_document() -> None:
    """The kernel's out-of-memory killer sends SIGKILL; the limit of CPU time sends SIGXCPU."""
    async with ParserPool(1) as parsers:
        await parsers.parse(request(GOOD))
        [parser] = parsers._idle
        os.kill(parser.process.pid, signal.SIGSTOP)  # else the pool may see its end first, and start another
        sent = asyncio.create_task(parsers.parse(request(GOOD)))
        await until(lambda: parser._is_busy, what="the document at the process")
        os.kill(parser.process.pid, signal.SIGKILL)
        with pytest.raises(UnreadableError, match=r"parser process killed \(SIGKILL, .*memory") as caught:
            await sent
        assert caught.value.code == "parse_crash"


async def test_parser_without_files_reads_zone_names() -> None:
    async with ParserPool(1) as parsers:
        date = b"<pubDate>Sun, 05 Jan 2025 15:30:00 Europe/Berlin</pubDate></item>"
        update = await parsers.parse(request(GOOD.replace(b"</item>", date)))
        assert update.new_items[0].published == datetime(2025, 1, 5, 14, 30, tzinfo=UTC)


async def test_parser_returns_new_items_only() -> None:
    two = rss([("https://a.example/2", "Two", "<p>More</p>"), ("https://a.example/1", "One", "<p>Text</p>")])
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


@pytest.mark.parametrize("encoding", ["utf-32", "utf-32-be", "utf-32-le"])
async def test_parser_reads_utf_32(encoding: str) -> None:
    """A parser process can't import a codec when it meets one."""
    body = GOOD.decode().replace("?>", ' encoding="utf-32"?>', 1).encode(encoding)
    async with ParserPool(1) as parsers:
        update = await parsers.parse(request(body))
        assert [item.title for item in update.new_items] == ["One"]


async def test_pool_survives_crashed_parser() -> None:
    async with ParserPool(1) as parsers:
        first = await parsers.parse(request(GOOD))
        [parser] = parsers._idle
        os.kill(parser.process.pid, signal.SIGSEGV)
        with pytest.raises(UnreadableError, match="crashed"):
            await parsers.parse(request(GOOD))
        assert await parsers.parse(request(GOOD)) == first


@pytest.mark.parametrize("statement", ["open('/etc/hostname')", "socket.socket()", "bytearray(1 << 29)"])
def test_parser_cannot_open_files_or_grow(statement: str) -> None:
    code = f"import socket\nfrom workers.poller import parser_pool\nparser_pool.drop_privileges()\ntry:\n    {statement}\nexcept (OSError, MemoryError) as exc:\n    print('refused')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.stdout.strip() == "refused", done.stderr


def test_memory_limit_ignores_size_of_parent() -> None:
    big = b"." * (600 << 20)
    test_parser_cannot_open_files_or_grow("bytearray(1 << 29)")
    assert len(big) == 600 << 20


async def test_parser_ignores_changes_in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """feedparser tries an import for each document, and Python lists a folder again after a change."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    async with ParserPool(1) as parsers:
        first = await parsers.parse(request(GOOD))
        (tmp_path / "new").write_text("")
        os.utime(tmp_path, (1, 1))
        assert await parsers.parse(request(GOOD)) == first


async def test_quarantined_document_does_not_block_pool() -> None:
    async with ParserPool(1) as parsers:
        endless = b"<rss><channel><item>" + b"<category>a</category>" * 800_000
        slow = asyncio.create_task(parsers.parse(request(endless), is_suspect=True))
        await asyncio.sleep(0)
        assert (await parsers.parse(request(GOOD))).new_items[0].title == "One"
        assert not slow.done()
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)  # it ends its process


async def test_ended_pool_leaves_no_open_transport() -> None:
    """An open one would be reported by its destructor, after the end of the event loop."""
    async with ParserPool(1) as parsers:
        await parsers.parse(request(GOOD))
        [parser] = parsers._idle
    assert parser.process._transport.is_closing()  # type: ignore[attr-defined]
