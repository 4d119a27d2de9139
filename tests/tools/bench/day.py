"""A day of Media Cloud at ten times its pace, on loopback: 500,000 stories in 180,000 feeds.

python -m tests.tools.bench.day [MINUTES] [FRACTION]     60 minutes and 1: all feeds, not part of `make bench`

Source: mediacloud.org, about 500,000 stories a day from 180,000 feeds. Each feed is polled six times a day, so that 46 %
of its polls find a new story of 200 words. FRACTION divides feeds and stories alike. One poller, one desk and an embedded
Valkey with `fsync` work; one further process serves all feeds. The items queue must not grow.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from functools import partial
from typing import Any, ClassVar

from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.config.sources import ENV_PREFIX
from streams.topics import ARTICLES, DAY_S, DESK_GROUP, ITEMS
from streams.valkey.server import die_with_parent
from tests.conftest import ROOT
from tests.support.feed_server import rss
from tests.tools.bench.common import run, server
from tests.tools.bench.hourly import ETAG, HOSTS, FeedProtocol, address, delays, register
from tests.tools.bench.poll import cpu_s
from tests.tools.bench.up import family
from workers.counters import read_counters
from workers.services import connect
from workers.supervisor import to_environ

STORIES, FEEDS, POLLS_A_DAY, PACE = 500_000, 180_000, 6, 10
INTERVAL_S = DAY_S / POLLS_A_DAY / PACE
NEW_SHARE = STORIES / FEEDS / POLLS_A_DAY  # of the polls
PORT, DOCUMENT_STORIES, STORY_WORDS = 18_767, 10, 200
SYLLABLES = "ka lo mi ra ten sul var deg hon pil or ush bek nam tir gol".split()


def vocabulary() -> list[str]:
    """Return 4,096 invented words."""
    return [first + second + third for first in SYLLABLES for second in SYLLABLES for third in SYLLABLES]


class DayProtocol(FeedProtocol):
    """Answers 304, or to a share of the requests a document with one more story than before."""

    words = vocabulary()
    stories: ClassVar[dict[bytes, int]] = {}  # by path

    def respond(self, head: bytes) -> bytes:
        path = head.split(b" ", 2)[1]
        if random.random() >= NEW_SHARE:
            return f"HTTP/1.1 304 Not Modified\r\nETag: {ETAG}\r\n\r\n".encode()
        count = self.stories[path] = self.stories.get(path, 0) + 1
        name = path[1:].decode()
        body = rss([self.story(name, n) for n in range(count, max(0, count - DOCUMENT_STORIES), -1)])
        fields = f"Content-Type: application/rss+xml\r\nETag: {ETAG}\r\nContent-Length: {len(body)}"
        return f"HTTP/1.1 200 OK\r\n{fields}\r\n\r\n".encode() + body

    def story(self, feed: str, number: int) -> tuple[str, str, str]:
        """Return URL, title and text of a story, the same at each request."""
        chosen = random.Random(f"{feed} {number}").choices(self.words, k=STORY_WORDS + 8)
        title, text = " ".join(chosen[:8]).capitalize(), " ".join(chosen[8:]).capitalize()
        return f"https://courier-{feed}.example/{number}", title, f"<p>{text}.</p>"


async def serve() -> None:
    """Serve all hosts until the process is ended."""
    await asyncio.get_running_loop().create_server(DayProtocol, "0.0.0.0", PORT)
    await asyncio.Event().wait()


def start(settings: Settings, role: str) -> "subprocess.Popen[bytes]":
    environ = {**os.environ, **to_environ(settings), f"{ENV_PREFIX}LOG_FILE": str(settings.data_dir / f"{role}.log")}
    command = [sys.executable, "-m", "workers.cli", role]
    return subprocess.Popen(command, env=environ, cwd=ROOT, preexec_fn=die_with_parent)


def cores(pids: dict[str, int]) -> dict[str, float]:
    """Return the CPU seconds of each process with its children."""
    return {name: sum(map(cpu_s, family(pid))) for name, pid in pids.items()}


async def watch(broker: Broker, minutes: float) -> list[dict[str, int]]:
    """Return the lag of the desk and the number of articles at the end of each minute."""
    rows = []
    for _ in range(round(minutes)):
        await asyncio.sleep(60)
        lag, articles = await broker.lag(ITEMS.name, DESK_GROUP), await broker.message_count(ARTICLES.name)
        rows.append({"lag": lag, "articles": articles})
        print(json.dumps(rows[-1]), flush=True)
    return rows


async def measure(settings: Settings, minutes: float, fraction: float) -> dict[str, Any]:
    broker = await connect(settings, settings.broker_url)
    due = await register(broker.state, round(FEEDS * fraction), INTERVAL_S, PORT)
    processes = {role: start(settings, role) for role in ("poll", "desk")}
    try:
        await asyncio.sleep(30)
        pids = {role: process.pid for role, process in processes.items()}
        pids["valkey"] = int((await broker.state.info("server"))["process_id"])
        before, began_s = cores(pids), time.monotonic()
        rows = await watch(broker, minutes)
        spent, wall_s = cores(pids), time.monotonic() - began_s
    finally:
        stopped_s = time.time()
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            process.wait(60)
    figures = await delays(settings, due, stopped_s)
    counters = (await read_counters(broker.state))["desk"]
    await broker.close()
    return {
        "minutes": minutes, "fraction": fraction, "stories_per_s": round(rows[-1]["articles"] / (wall_s + 30), 1),
        "cores": {name: round((spent[name] - before[name]) / wall_s, 3) for name in spent},
        "lag": [row["lag"] for row in rows], "desk": counters, **figures,
    }  # fmt: skip


def main(minutes: float = 60.0, fraction: float = 1.0) -> None:
    """Print the figures of a run."""
    command = [sys.executable, "-m", "tests.tools.bench.day", "serve"]
    hosts = ",".join(f"{address(n)}:*" for n in range(HOSTS))
    with subprocess.Popen(command, cwd=ROOT, preexec_fn=die_with_parent) as feeds:
        with server(
            poll_interval_s=INTERVAL_S, allowed_private_hosts=hosts, host_delay_s=1.0, valkey_memory_mb=4096
        ) as settings:
            print(json.dumps(run(partial(measure, settings, minutes, fraction))), flush=True)
        feeds.terminate()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        import uvloop

        uvloop.run(serve())
    else:
        main(*map(float, sys.argv[1:]))
