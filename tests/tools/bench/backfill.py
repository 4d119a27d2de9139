"""Latency of live items with and without a backfill, and the throughput of a WARC file. Two desks, on Valkey.

python -m tests.tools.bench.backfill [PAGES [ROUNDS]]      default: 2,000 and 6

Each round has one window without and one with the backfill, so that other load of the machine meets both. CPU time is
that of ingest, desks and server.
"""

import asyncio
import gzip
import json
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from streams.brokers.base import Broker
from streams.codec import decode
from streams.config.settings import Settings
from streams.records import Article, Item
from streams.start import Start
from streams.topics import ARCHIVE_ITEMS, ARTICLES, DESK_GROUP, ITEMS
from tests.support.archives import page_record
from tests.support.stories import story
from tests.tools.bench.common import run, server
from tests.tools.bench.push import process
from workers.intake.ingest import IngestOptions, ingest_file
from workers.intake.publish import publish
from workers.intake.pushed_items import to_item
from workers.services import connect

DESKS, WINDOW_S, LIVE_EVERY_S = 2, 15.0, 0.1
OLD = datetime(2019, 5, 1, tzinfo=UTC)
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
MENU = "".join(f'<li><a href="/section/{n}">Section {n}</a></li>' for n in range(60))


def page(number: int) -> str:
    """Return an article page of about 20 kB with menus, a list of links and a footer."""
    title, text = story(number, 8)
    paragraphs = "".join(f"<p>{sentence}.</p>" for sentence in text.split(". "))
    links = "".join(f'<li><a href="/s/{number + n}">{story(number + n, 1)[0]}</a></li>' for n in range(1, 30))
    return (
        f"<!doctype html><html><head><title>{title}</title></head><body><nav><ul>{MENU}</ul></nav><main><article>"
        f"<h1>{title}</h1>{paragraphs}</article><aside><h3>Explore</h3><ul>{links}</ul></aside></main>"
        f"<footer><ul>{MENU}</ul><p>© 2019 Courier</p></footer></body></html>"
    )


def write_warc(path: Path, first: int, count: int) -> None:
    """Write *count* generated pages as WARC.gz, compressed by record."""
    with path.open("wb") as file:
        for number in range(first, first + count):
            url, captured = f"https://courier.example/archive/{number}", OLD + timedelta(minutes=number)
            record = page_record(url, page(number).encode(), captured, "text/html; charset=utf-8")
            file.write(gzip.compress(record, 6))


def live_item(number: int) -> Item:
    title, text = story(1_000_000 + number, 4)
    row = {"url": f"https://live.example/{number}", "title": title, "content_html": f"<p>{text}</p>"}
    return to_item(row, "source:live", datetime.now(UTC))


def cpu_s(pids: list[int]) -> float:
    """Return the CPU seconds of processes."""
    fields = [Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split() for pid in pids]
    return sum(int(f[11]) + int(f[12]) for f in fields) / CLOCK_TICKS


async def live_window(broker: Broker, first: int, end_s: float) -> int:
    """Push a live item every LIVE_EVERY_S until *end_s* of the loop; return the next number."""
    loop, number = asyncio.get_running_loop(), first
    while loop.time() < end_s:
        await publish(broker, [live_item(number)])
        number += 1
        await asyncio.sleep(LIVE_EVERY_S)
    while await broker.lag(ITEMS.name, DESK_GROUP):
        await asyncio.sleep(0.05)
    return number


async def latencies_ms(broker: Broker) -> dict[str, list[tuple[float, float]]]:
    """Return (time of arrival, latency) of each article by topic of its item."""
    rows: dict[str, list[tuple[float, float]]] = {ITEMS.name: [], ARCHIVE_ITEMS.name: []}
    reader = await broker.open_reader(ARTICLES, "", Start.EARLIEST)
    while (batch := await reader.read(0.2)) or not await reader.at_end():
        for message in batch:
            article = decode(message.value, Article)
            if article.source and article.fetched_at:
                fetched_s = article.fetched_at.timestamp()
                rows[article.source.topic].append((fetched_s, 1000 * (message.time_s - fetched_s)))
    await reader.close()
    return rows


def percentiles(values: list[float]) -> dict[str, float]:
    values = sorted(values)
    at = {f"p{p}": round(values[min(len(values) - 1, len(values) * p // 100)], 1) for p in (50, 90, 99)}
    return {"items": len(values), **at}


async def measure_latency(settings: Settings, rounds: int) -> dict[str, Any]:
    broker = await connect(settings, settings.broker_url)
    desks = [process("desk", settings) for _ in range(DESKS)]
    loop, number, spans = asyncio.get_running_loop(), 0, dict[str, list[tuple[float, float]]](alone=[], backfill=[])
    path = settings.data_dir / "archive.warc.gz"
    write_warc(path, 0, 200 * rounds * int(WINDOW_S))
    try:
        number = await live_window(broker, number, loop.time() + 8)  # warm up: imports, models
        for round_ in range(rounds):
            begin = datetime.now(UTC).timestamp()
            number = await live_window(broker, number, loop.time() + WINDOW_S)
            spans["alone"].append((begin, datetime.now(UTC).timestamp()))
            ingest = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "workers.cli", "ingest", str(path), env={**os.environ, **_environ(settings)},
                stdout=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            while not await broker.lag(ARCHIVE_ITEMS.name, DESK_GROUP):
                await asyncio.sleep(0.1)
            begin = datetime.now(UTC).timestamp()
            number = await live_window(broker, number, loop.time() + WINDOW_S)
            spans["backfill"].append((begin, datetime.now(UTC).timestamp()))
            ingest.send_signal(signal.SIGKILL)
            await ingest.wait()
            while await broker.lag(ARCHIVE_ITEMS.name, DESK_GROUP):
                await asyncio.sleep(0.1)
            print(f"round {round_ + 1}", file=sys.stderr, flush=True)
        rows = await latencies_ms(broker)
    finally:
        for desk in desks:
            desk.terminate()
            desk.wait(30)
        await broker.close()
    live = {
        name: percentiles([ms for s, ms in rows[ITEMS.name] if any(a <= s <= b for a, b in windows)])
        for name, windows in spans.items()
    }
    ratio = round(live["backfill"]["p99"] / live["alone"]["p99"], 2)
    return {"live_ms": live, "p99_ratio": ratio, "archive_pages": len(rows[ARCHIVE_ITEMS.name])}


async def measure_throughput(settings: Settings, pages: int) -> dict[str, Any]:
    broker = await connect(settings, settings.broker_url)
    desks = [process("desk", settings) for _ in range(DESKS)]
    server_pid = (await broker.state.info("server"))["process_id"]
    path = settings.data_dir / "archive.warc.gz"
    write_warc(path, 0, pages)
    try:
        while not await broker.state.hkeys("copydesk:leases:copydesk.desk"):
            await asyncio.sleep(0.1)
        pids = [*(desk.pid for desk in desks), server_pid, os.getpid()]
        loop, before_s, begin_s = asyncio.get_running_loop(), cpu_s(pids), asyncio.get_running_loop().time()
        peak = 0
        sending = asyncio.create_task(ingest_file(broker, path, IngestOptions("source:archive")))
        while not sending.done() or await broker.lag(ARCHIVE_ITEMS.name, DESK_GROUP):
            peak = max(peak, await broker.lag(ARCHIVE_ITEMS.name, DESK_GROUP))
            await asyncio.sleep(0.2)
        await sending
        wall_s, used_s = loop.time() - begin_s, cpu_s(pids) - before_s
        articles = len((await latencies_ms(broker))[ARCHIVE_ITEMS.name])
    finally:
        for desk in desks:
            desk.terminate()
            desk.wait(30)
        await broker.close()
    return {
        "pages": pages, "articles": articles, "page_bytes": len(page(0)), "warc_bytes": path.stat().st_size,
        "cpu_ms_per_page": round(1000 * used_s / pages, 1), "pages_per_cpu_s": round(pages / used_s, 1),
        "pages_per_s": round(pages / wall_s, 1), "most_waiting": peak,
    }  # fmt: skip


def _environ(settings: Settings) -> dict[str, str]:
    from workers.supervisor import to_environ

    return to_environ(settings)


def main() -> None:
    pages, rounds = (int(value) for value in (*sys.argv[1:], *("2000", "6")[len(sys.argv) - 1 :]))
    with server(valkey_memory_mb=1024) as settings:
        print(json.dumps({"throughput": run(lambda: measure_throughput(settings, pages))}), flush=True)
    with server(valkey_memory_mb=1024) as settings:
        print(json.dumps({"latency": run(lambda: measure_latency(settings, rounds))}), flush=True)


if __name__ == "__main__":
    main()
