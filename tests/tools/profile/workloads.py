"""Programs to profile: the desk, the poller or a parser, on captures of real feeds or on the demo newsroom.

python -m tests.tools.profile.workloads PROGRAM INPUT FOLDER

It prints `ready`, waits for a line on standard input, works, and prints its figures as JSON.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from streams.brokers.base import Broker, ConsumedMessage, OutgoingMessage
from streams.config.settings import Settings
from streams.topics import DESK_GROUP, ITEMS
from tests.support.feed_server import FeedServer
from tests.tools.bench import desk_items
from tests.tools.bench.common import run, server
from tests.tools.bench.desk_cost import server_cpu_s
from workers.desk.desk import Desk, create_desk
from workers.logging_setup import configure_logging
from workers.poller.parser_pool import ParseRequest, _parse
from workers.poller.poller import Poller
from workers.poller.registry import FeedRegistry
from workers.services import connect

WARM_UP = 60
MAX_ITEMS, DEMO_ROUNDS = 1_500, 25
COUNTS = {"captures": 300, "demo": 150}  # documents
Work = Callable[[], Awaitable[int]]


def documents(source: str, folder: Path) -> Iterator[tuple[str, datetime, bytes]]:
    """Yield (feed, time, document) in order."""
    if source == "captures":
        yield from desk_items.capture_documents(desk_items.unpack_captures(folder))
        return
    for url, at, body in desk_items.demo_documents(COUNTS["demo"]):
        yield url.removeprefix("https://").partition(".")[0], at, body


def items(source: str, folder: Path) -> Path:
    """Return the file of items."""
    if source == "captures":
        series = desk_items.unpack_captures(folder)
        return desk_items.write_items(desk_items.capture_items(series), folder / "captures.jsonl", MAX_ITEMS)
    return desk_items.write_items(desk_items.demo_items(DEMO_ROUNDS), folder / "demo.jsonl")


def wait_for_profiler() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


async def measured(broker: Broker, work: Work) -> dict[str, Any]:
    """Return the figures of *work*, which returns its number of items or documents."""
    wait_for_profiler()
    before = time.process_time(), await server_cpu_s(broker)
    count = await work()
    cpu_s, server_s = time.process_time() - before[0], await server_cpu_s(broker) - before[1]
    return {"count": count, "cpu_us": round(1e6 * cpu_s / count, 1), "valkey_us": round(1e6 * server_s / count, 1)}


async def desk(settings: Settings, source: str, folder: Path) -> dict[str, Any]:
    """Measure the agent of the desk, cleaning in its process."""
    broker = await connect(settings, settings.broker_url)
    rows = items(source, folder).read_bytes().splitlines()
    for start in range(0, len(rows), 200):
        batch = [
            (msgspec.json.decode(row)["identity_key"].encode("utf-8", "replace"), row)
            for row in rows[start : start + 200]
        ]
        await broker.publish([OutgoingMessage(ITEMS.name, key, row) for key, row in batch])

    first = [ConsumedMessage(ITEMS.name, 0, n, 0.0, b"", row, ()) for n, row in enumerate(rows[:WARM_UP])]
    await Desk(settings, broker).handle(first)  # imports numpy, structlog and the models; the result is dropped
    app = create_desk(settings, broker, url=settings.broker_url)

    async def work() -> int:
        await app.start()
        while await broker.lag(ITEMS.name, DESK_GROUP):
            await asyncio.sleep(0.25)
        return len(rows)

    figures = await measured(broker, work)
    await app.stop()
    await broker.close()
    return figures


async def poller(settings: Settings, source: str, folder: Path) -> dict[str, Any]:
    """Measure the poller without its parsers; another process serves the documents."""
    broker = await connect(settings, settings.broker_url)
    command = [sys.executable, "-m", "tests.tools.profile.workloads", "serve", source, str(folder)]
    feeds = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert feeds.stdout is not None
    url, *names = feeds.stdout.readline().split()
    await FeedRegistry(broker.state).add([(url + name, "") for name in names])
    polling = Poller(replace(settings, poll_interval_s=0.01), broker, DESK_GROUP)

    async def work() -> int:
        task = asyncio.create_task(polling.run())
        line = await asyncio.to_thread(feeds.stdout.readline)  # type: ignore[union-attr]
        polling.stop()
        await task
        return int(line)

    try:
        return await measured(broker, work)
    finally:
        feeds.kill()


async def serve(source: str, folder: Path) -> None:
    """Serve each document once, in order of its feed; print the URL, and the number of documents after the last."""
    rows: dict[str, list[bytes]] = {}
    for name, _, body in islice(documents(source, folder), COUNTS[source]):
        rows.setdefault(name, []).append(body)
    total, remaining = sum(map(len, rows.values())), {name: iter(bodies) for name, bodies in rows.items()}
    last, ended = {name: bodies[-1] for name, bodies in rows.items()}, set[str]()

    def answer(name: str, request: web.Request) -> bytes:
        body = next(remaining[name], None)
        if body is None and name not in ended:
            ended.add(name)
            if len(ended) == len(rows):
                print(total, flush=True)
        return body or last[name]

    async with FeedServer() as feeds:
        for name in rows:
            feeds.answers[name] = lambda request, name=name: answer(name, request)  # type: ignore[misc]
        print(feeds.url, *rows, flush=True)
        await asyncio.sleep(900)


def parser(source: str, folder: Path) -> dict[str, Any]:
    """Measure the work of a parser process, without its exchange with the poller."""
    rows = list(islice(documents(source, folder), COUNTS[source]))
    known: dict[str, bytes] = {}
    _parse(ParseRequest(rows[0][2], "https://a.example/f", "text/xml", datetime.now(UTC), ""))
    wait_for_profiler()
    before_s = time.process_time()
    for name, at, body in rows:
        response = _parse(ParseRequest(body, f"https://{name}.example/f", "text/xml", at, "", known.get(name, b"")))
        if response.update is not None:
            known[name] = response.update.known_items
    return {"count": len(rows), "cpu_us": round(1e6 * (time.process_time() - before_s) / len(rows), 1)}


def main(program: str, source: str, folder: str) -> None:
    path = Path(folder)
    if program == "serve":
        return run(lambda: serve(source, path))
    if program == "parser":
        print(json.dumps(parser(source, path)), flush=True)
    else:
        configure_logging("INFO", str(path / "log"))
        with server(partitions=1) as settings:
            work = desk if program == "desk" else poller
            print(json.dumps(run(lambda: work(settings, source, path))), flush=True)
    os._exit(0)  # the profiler sees no more


if __name__ == "__main__":
    main(*sys.argv[1:])
