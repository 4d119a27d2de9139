"""Write the fixture of the present version: a small data directory, and the messages of all its topics.

    python -m tests.tools.fixture    write tests/fixtures/v<version>; refuses to overwrite a fixture

The data directory is written by a real Valkey, poller and desk, which read invented feeds through a local proxy.
`tests/test_upgrade.py` opens all fixtures. CONTRIBUTING.md has the rule for new ones.
"""

import asyncio
import json
import shutil
import socket
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from streams.brokers import open_broker
from streams.brokers.base import Broker, ConsumedMessage, OutgoingMessage
from streams.config.settings import Settings
from streams.config.tables import FeedOptions, Route
from streams.start import Start
from streams.subscribe import Subscription
from streams.topics import ARTICLES, BUILTIN_TOPICS, ITEMS, resolve_topic, route_topic
from streams.valkey.aof_integrity import RECORD, read_record
from streams.valkey.server import EmbeddedValkey
from streams.version import version
from tests.support.feed_server import FeedServer, rss
from tests.support.pipeline import BODY, MORE, everything, explore, newsdesk, settled
from workers import dead_letters
from workers.counters import read_counters
from workers.poller.registry import FeedRegistry

FIXTURES = Path(__file__).parents[1] / "fixtures"
ROUTE = Route("harbours", language=("en",))
COURIER, GAZETTE, MISSING, PAUSED = (
    f"http://{name}.example/feed.xml" for name in ("courier", "gazette", "gone", "old")
)
LINK = "http://courier.example/news/{}"
SALT = f"""{BODY}{MORE}<p>The engineer Ida Marrow had kept the plans of the sluice in her kitchen for six winters.</p>
<p>The first barge carried forty sacks of salt, a piano and the mayor of Fernwick, who was seasick.</p>"""
BRIDGE = """<p>The city of Fernwick will close its oldest bridge for repairs in March.</p>
<p>A ferry with eleven seats will cross the river every quarter of an hour until the stones are dry again.</p>"""
CORRECTION = "<p>Correction: the ferry has twelve seats.</p>"
PAGE = """<html><head><title>Bees</title></head><body><nav><a href="/">Home</a> <a href="/world">World</a></nav><article>
<h1>Bees on the library roof</h1><p>Two hives stand on the roof of the library since the spring, between the chimneys.</p>
<p>The librarian Oskar Lund reads to the bees on Sundays; the honey pays for the repair of old atlases.</p></article></body></html>"""


def feed(title: str, *items: tuple[str, str, str]) -> bytes:
    document = rss(items, title).replace(b"<channel>", b"<channel><language>en</language>")
    return document.replace(b"<guid>", b"<pubDate>Mon, 05 Jan 2026 10:00:00 GMT</pubDate><guid>")


def courier(bridge: str) -> bytes:
    """Return a feed with a link list, an article that will be revised, and one with a page."""
    return feed(
        "The Test Courier", (LINK.format("salt-canal"), "Salt canal reopens", SALT + explore("Tides", "Mills")),
        (LINK.format("bridge"), "Fernwick closes its oldest bridge", bridge),
        (LINK.format("bees"), "Bees on the library roof", "<p>A summary.</p>"),
    )  # fmt: skip


def gazette() -> bytes:
    """Return a feed with a near-duplicate, and an entry that is too long."""
    return feed(
        "The Test Gazette", ("http://gazette.example/9", "A canal of salt opens again", SALT),
        ("http://gazette.example/10", "Minutes of the council", "<p>" + "The council met. " * 70_000 + "</p>"),
    )  # fmt: skip


async def write_data(settings: Settings) -> dict[str, Any]:
    """Run a poller and a desk on invented feeds; return the expectations of the test."""
    async with FeedServer() as server:
        options = FeedOptions("http://*.example/*", proxy=server.url.rstrip("/"), full_text=True)
        settings = replace(settings, feeds=(options,), routes=(ROUTE,))
        bodies = {"courier.example": courier(BRIDGE), "gazette.example": gazette()}
        server.answers["feed.xml"] = lambda request: bodies.get(request.headers["Host"]) or page("", 404)
        server.answers["news/bees"] = lambda request: page(PAGE)
        async with newsdesk(settings, server) as broker:
            registry = FeedRegistry(broker.state)
            await registry.add([(COURIER, "news/harbours"), (MISSING, "")])
            await settled(broker, {"new": 3})
            bodies["courier.example"] = courier(BRIDGE + CORRECTION)
            await registry.add([(GAZETTE, "news")])
            await broker.publish([OutgoingMessage(ITEMS.name, b"malformed", b"{")])
            await settled(broker, {"new": 4, "revised": 1, "failed": 1})
            await registry.add([(PAUSED, "")])
            await registry.set_paused([PAUSED], True)
            await write_sink_letters(broker)
            committed = await commit_some(settings)
        return {**await expectations(settings), "committed": committed}


async def write_sink_letters(broker: Broker) -> None:
    """Write two dead letters of sinks; replay the first and discard the second."""
    article, *_ = await messages_of(broker, ARTICLES.name)
    await broker.publish([dead_letters.from_sink(sink, article, "HTTP 400", 3) for sink in ("mail", "archive")])
    letters = {pending.letter.sink: pending for pending in await dead_letters.select(broker, [])}
    await dead_letters.replay(broker, letters["mail"])
    await dead_letters.discard(broker, letters["archive"])


async def commit_some(settings: Settings) -> int:
    """Commit some articles for the group `reader`; return their number."""
    async with Subscription(group="reader", settings=settings) as articles:
        batch = await anext(articles.batches(2))
        await articles.commit()
    return len(batch)


def page(text: str, status: int = 200) -> Any:
    from aiohttp import web

    return web.Response(text=text, content_type="text/html", status=status)


async def messages_of(broker: Broker, topic: str) -> list[ConsumedMessage]:
    """Return all messages of *topic*."""
    reader, messages = await broker.open_reader(resolve_topic(topic), "", Start.EARLIEST), list[ConsumedMessage]()
    while batch := await reader.read(0.1):
        messages += batch
    await reader.close()
    return messages


async def expectations(settings: Settings) -> dict[str, Any]:
    broker = open_broker(settings)
    try:
        feeds = await FeedRegistry(broker.state).all()
        return {
            "counters": await read_counters(broker.state),
            "feeds": {feed.url: feed.items_published for feed in feeds},
            "articles": sorted([a.id, a.revision] for a in await everything(settings, "articles")),
            "dead_letters": [pending.name for pending in await dead_letters.select(broker, [])],
        }
    finally:
        await broker.close()


async def write_messages(settings: Settings, path: Path) -> None:
    """Write all messages as JSON lines, with the exact text of each value."""
    broker = open_broker(settings)
    topics = [topic.name for topic in (*BUILTIN_TOPICS, route_topic(ROUTE.name))]
    with path.open("w", encoding="utf-8") as file:
        for topic in topics:
            for message in await messages_of(broker, topic):
                row = {"topic": topic, "key": message.key.decode(), "value": message.value.decode()}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    await broker.close()


def write_fixture(folder: Path) -> None:
    """Write the fixture into *folder*, without sockets, logs and names of this machine."""
    socket.gethostname = lambda: "newsroom"  # it is part of the names of group members
    with tempfile.TemporaryDirectory() as temporary:
        data_dir = Path(temporary) / "data"
        settings = Settings(data_dir=data_dir, partitions=2, poll_interval_s=3600.0)
        valkey = EmbeddedValkey(settings)
        valkey.start()
        try:
            settings = replace(settings, broker_url=valkey.url)
            folder.mkdir(parents=True)
            expected = asyncio.run(write_data(settings))
            asyncio.run(write_messages(settings, folder / "messages.jsonl"))
        finally:
            valkey.stop()
        (data_dir / "web.token").write_text("invented-token-of-the-fixture", "ascii")
        ignore = shutil.ignore_patterns("*.log", "*.sock", "lock", "log")
        shutil.copytree(data_dir, folder / "data", ignore=ignore)
        if record := read_record(data_dir / "valkey"):
            (folder / "data" / RECORD).write_bytes(msgspec.json.encode(msgspec.structs.replace(record, boot_id="")))
        (folder / "expected.json").write_bytes(msgspec.json.format(msgspec.json.encode(expected)) + b"\n")


def main() -> None:
    folder = FIXTURES / f"v{version().replace('.', '_')}"
    if folder.exists():
        sys.exit(f"fixture exists: {folder}; a released version keeps its fixture, see CONTRIBUTING.md")
    write_fixture(folder)
    print(f"written: {folder} ({sum(path.stat().st_size for path in folder.rglob('*') if path.is_file()):,} bytes)")


if __name__ == "__main__":
    main()
