"""Cleaning processes: their results, limits and failures."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.codec import decode, encode
from streams.errors import UnavailableError, UnreadableError
from streams.records import FullTextPage, Item
from tests.conftest import until
from tests.support.cleaning import CLEANERS, STORY, make_item
from workers.clean.cleaner import CleanedContent
from workers.clean.site_facts import SiteFacts, line_key
from workers.desk.article import clean_item, item_blocks
from workers.desk.batch import CleaningError
from workers.desk.cleaning_job import CleaningJob
from workers.desk.cleaning_pool import CleaningPool


async def clean_all(pool: CleaningPool, *items: Item) -> list[CleanedContent | Exception | None]:
    """Return the content of each item, its error, or None if it is slow."""
    jobs = [pool.prepare(encode(item)) for item in items]
    return [await _result(pool, job) for job in jobs]


async def _result(pool: CleaningPool, job: CleaningJob) -> CleanedContent | Exception | None:
    try:
        if not await pool.settle(job):
            return None
        job.line_keys()
        pool.clean(job, SiteFacts())
        return job.content() if await pool.settle(job) else None
    except (CleaningError, UnreadableError) as exc:
        return exc


@asynccontextmanager
async def open_pool(count: int = 1, limit_s: float = 2.5) -> AsyncGenerator[CleaningPool, None]:
    async with CleaningPool(count, limit_s, CLEANERS) as pool:
        yield pool


async def test_pool_returns_contents_of_the_desk() -> None:
    page = FullTextPage("https://a.example/9", f"<html><body><article>{STORY * 9}</article></body></html>")
    dump = "\n".join(["Swans", "By Ann Lee", *["The board counted the swans on Monday."] * 9, "Read more"])
    items = [*map(make_item, range(40)), make_item(40, page=page), make_item(41, text_dump=dump)]
    async with open_pool(2) as pool:
        contents = await clean_all(pool, *items)
    assert contents == [clean_item(item, item_blocks(item), SiteFacts()).rendered() for item in items]


async def test_pool_uses_the_site_facts() -> None:
    body = STORY + "<p>Subscribe to the daily letter of the harbour board</p>"
    item = make_item(1, body=body)
    key = line_key("Subscribe to the daily letter of the harbour board")
    facts = SiteFacts(frozenset(), {key: 9}, 10)
    async with open_pool() as pool:
        job = pool.prepare(encode(item))
        await pool.settle(job)
        assert key in job.line_keys()
        pool.clean(job, facts)
        await pool.settle(job)
    assert job.content() == clean_item(item, item_blocks(item), facts).rendered()


async def test_hang_in_c_is_ended_within_the_budget() -> None:
    """No Python signal handler runs in C code."""
    async with open_pool(limit_s=0.5) as pool:
        job = pool.prepare(encode(make_item(1, "Hang")))
        await pool.settle(job)
        pool.clean(job, SiteFacts())
        assert not await pool.settle(job)
        await until(lambda: job.is_finished)
        with pytest.raises(CleaningError, match="longer than 0.5 s of CPU time") as caught:
            job.content()
    assert (caught.value.kind, job.attempts) == ("timeout", 2)


async def test_other_items_do_not_wait_for_slow() -> None:
    items = [make_item(n, "Hang" if n == 3 else "Swans") for n in range(30)]
    async with open_pool(limit_s=600.0) as pool:  # the slow item would take ten minutes
        contents = await clean_all(pool, *items)
    assert [n for n, content in enumerate(contents) if not isinstance(content, CleanedContent)] == [3]


async def test_slow_item_finishes_in_the_slow_lane() -> None:
    async with open_pool() as pool:
        jobs = [pool.prepare(encode(make_item(n, "Slow"))) for n in range(3)]
        for job in jobs:
            await pool.settle(job)
            pool.clean(job, SiteFacts())
        await until(lambda: all(job.is_finished for job in jobs))
        assert [job.content().title or "Swans" for job in jobs]


@pytest.mark.parametrize(
    ("title", "kind", "error"),
    [
        ("Abort", "crash", "crashed"), ("Bug", "bug", "KeyError"), ("File", "bug", "OSError"),
        ("Socket", "bug", "OSError"), ("Memory", "bug", "MemoryError"),
    ],
)  # fmt: skip
async def test_failure_affects_one_item(title: str, kind: str, error: str) -> None:
    async with open_pool() as pool:
        first, failed, last = await clean_all(pool, make_item(1), make_item(2, title), make_item(3))
    assert isinstance(first, CleanedContent)
    assert isinstance(last, CleanedContent)
    assert isinstance(failed, CleaningError)
    assert failed.kind == kind
    assert error in str(failed)


async def test_malformed_item_is_unreadable() -> None:
    async with open_pool() as pool:
        job = pool.prepare(b'{"feed": 7}')
        await pool.settle(job)
        with pytest.raises(UnreadableError):
            job.line_keys()


async def test_killed_process_is_replaced() -> None:
    async with open_pool() as pool:
        await clean_all(pool, make_item(1))
        [process] = pool._processes
        os.kill(process.pid, signal.SIGKILL)
        [content] = await clean_all(pool, make_item(2))
    assert isinstance(content, CleanedContent)


async def test_killed_fork_server_is_replaced() -> None:
    async with open_pool() as pool:
        await clean_all(pool, make_item(1))
        fork_server = pool._fork_server._process
        assert fork_server is not None
        fork_server.kill()
        fork_server.wait()
        results: list[Any] = []

        async def is_cleaned() -> bool:
            try:
                results[:] = await clean_all(pool, make_item(2))
            except UnavailableError:  # the desk retries
                return False
            return True

        await until(is_cleaned)
    assert isinstance(results[0], CleanedContent)


async def test_pool_leaves_no_process_behind() -> None:
    async with open_pool(2) as pool:
        await clean_all(pool, *map(make_item, range(30)))
        pids = [process.pid for process in pool._processes]
        assert all(Path(f"/proc/{pid}").exists() for pid in pids)
    await until(lambda: not any(_is_running(pid) for pid in pids))


def _is_running(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


async def test_process_forgets_abandoned_blocks() -> None:
    async with open_pool() as pool:
        jobs = [pool.prepare(encode(make_item(n))) for n in range(8)]
        await asyncio.gather(*(pool.settle(job) for job in jobs))
        pool.forget(jobs)
        assert isinstance((await clean_all(pool, make_item(9)))[0], CleanedContent)
        assert list(pool._active) == [9]


def test_records_survive_the_frames() -> None:
    content = CleanedContent(title="T", paragraphs=("a", "b"), html="<p>a</p>", word_count=2)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(content), type=CleanedContent) == content
    assert decode(encode(make_item(1)), Item).title == "Swans 1"


async def test_limit_holds_after_the_desk_ignored_its_signal() -> None:
    """`cpu_deadline` leaves SIGPROF ignored, and a new process inherits that."""
    before = signal.signal(signal.SIGPROF, signal.SIG_IGN)
    try:
        async with open_pool(limit_s=0.3) as pool:
            [failed] = await clean_all(pool, make_item(1, "Hang"))
            assert failed is None or isinstance(failed, CleaningError)
            await until(lambda: all(job.is_finished for job in pool._active.values()))
    finally:
        signal.signal(signal.SIGPROF, before)


async def test_closed_pool_starts_no_process() -> None:
    """A request that is not dispatched yet when the pool closes starts no fork server."""
    async with open_pool() as pool:
        pool.prepare(encode(make_item(1)))
    for _ in range(10):
        await asyncio.sleep(0)
    assert pool._fork_server._process is None


async def test_closed_pool_has_ended_its_slow_lane() -> None:
    async with open_pool() as pool:
        pool.prepare(encode(make_item(1)), is_slow=True)
        lane = pool._slow_lane
        await asyncio.sleep(0)
    assert lane is not None
    assert lane.done()


async def test_closed_pool_drops_unsent_items() -> None:
    """A killed process reads no more: the connection must not wait for it."""
    async with open_pool() as pool:
        assert await pool.settle(pool.prepare(encode(make_item(1))))
        [process] = pool._processes
        os.kill(process.pid, signal.SIGSTOP)
        process._writer.write(b"0" * 10_000_000)
        connection = process._writer.transport.get_extra_info("socket")
    assert connection.fileno() == -1
