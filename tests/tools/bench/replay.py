"""Captures of real feeds, replayed in order through a loopback server into poller and desk; the counters must balance."""

import asyncio
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import web

from streams.config.settings import Settings
from streams.subscribe import subscribe
from streams.topics import DESK_GROUP, ITEMS
from tests.support.feed_server import FeedServer
from tests.tools.bench import links
from tests.tools.bench.common import Stopwatch, run, server
from workers.counters import is_consistent, read_counters
from workers.desk.desk import create_desk
from workers.poller.poller import Poller
from workers.poller.registry import FeedRegistry
from workers.services import connect

SHARED = Path(__file__).parents[4] / "shared"


async def work(settings: Settings, folder: Path) -> dict[str, Any]:
    settings = replace(settings, poll_interval_s=0.01)
    captures = {d.name: sorted(d.glob("*.xml"), key=lambda p: int(p.stem)) for d in (folder / "rw_series").iterdir()}
    served = dict.fromkeys(captures, 0)

    def replaying(name: str) -> Any:
        def answer(request: web.Request) -> bytes:
            served[name] += 1
            return captures[name][min(served[name], len(captures[name])) - 1].read_bytes()

        return answer

    broker = await connect(settings, settings.broker_url)
    desk = create_desk(settings, broker, url=settings.broker_url)
    poller = Poller(settings, broker, DESK_GROUP)
    watch = Stopwatch()
    async with FeedServer() as feeds:
        for name in captures:
            feeds.answers[name] = replaying(name)
        await FeedRegistry(broker.state).add([(feeds.url + name, "") for name in captures])
        await desk.start()
        polling = asyncio.create_task(poller.run())
        end = time.monotonic() + 1200
        while not all(served[n] > len(c) for n, c in captures.items()) or await broker.lag(ITEMS.name, DESK_GROUP):
            assert time.monotonic() < end
            await asyncio.sleep(0.1)
        poller.stop()
        await polling
    counters = await read_counters(broker.state)
    published = [a async for a in subscribe("articles", follow=False, settings=settings)]
    articles = [(a.id, a.revision) for a in published]
    dead = [x async for x in subscribe("dead-letters", follow=False, settings=settings)]
    await desk.stop()
    await broker.close()
    count = sum(map(len, captures.values()))
    return {
        "captures": count, "counters": counters, "counters_consistent": is_consistent(counters), "articles": len(articles),
        "repeated": len(articles) - len(set(articles)), "dead_letters": len(dead),
        "all_items_received": counters["poll"]["new"] == counters["desk"]["received"],
        "accounted": len(articles) == counters["desk"]["new"] + counters["desk"]["revised"],
        "near_duplicates": links.measured(published), "per_capture": watch.per_item(count),
    }  # fmt: skip


def measure() -> dict[str, Any]:
    """Return the totals; needs the corpus beside the project."""
    with tempfile.TemporaryDirectory() as unpacked, server() as settings:
        subprocess.run(["tar", "xJf", str(SHARED / "corpus" / "feeds.tar.xz"), "-C", unpacked], check=True)
        out: dict[str, Any] = run(lambda: work(settings, Path(unpacked)))
    return out
