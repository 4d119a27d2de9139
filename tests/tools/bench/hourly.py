"""200,000 feeds, polled hourly: CPU time of poller, parsers and Valkey, and delays of the polls.

python -m tests.tools.bench.hourly [MINUTES] [SHARE OF CHANGED DOCUMENTS]     30 minutes and .1, not part of `make bench`
"""

import asyncio
import json
import os
import random
import secrets
import subprocess
import sys
import time
from typing import Any

import msgspec

from streams.config.settings import Settings
from streams.config.sources import ENV_PREFIX
from streams.records import PollResult
from streams.subscribe import subscribe
from streams.valkey.server import die_with_parent
from tests.conftest import ROOT
from tests.tools.bench.common import run, server
from tests.tools.bench.poll import cpu_s, document
from tests.tools.bench.up import family
from workers.poller.registry import DUE_HOSTS, FEEDS, HOST_FEEDS, FeedState, feed_id, host_key
from workers.poller.schedule import initial_history
from workers.services import connect
from workers.supervisor import to_environ

FEEDS_COUNT, HOSTS, INTERVAL_S, BATCH = 200_000, 1_000, 3_600.0, 2_000
PORT = 18_766
MAX_DELAY_S = 60.0
ETAG = '"0123456789abcdef"'


def address(n: int) -> str:
    return f"127.1.{n // 250}.{n % 250 + 1}"


class FeedProtocol(asyncio.Protocol):
    """Answers 304 to conditional requests, and a document with a new item to a share of them."""

    changed = 0.0
    documents: tuple[bytes, ...] = ()

    def connection_made(self, transport: Any) -> None:
        self.transport, self.data = transport, b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        while b"\r\n\r\n" in self.data:
            head, _, self.data = self.data.partition(b"\r\n\r\n")
            self.transport.write(self.respond(head))

    def respond(self, head: bytes) -> bytes:
        """Return the response to a request with *head*."""
        if b"if-none-match" in head.lower() and random.random() >= self.changed:
            return f"HTTP/1.1 304 Not Modified\r\nETag: {ETAG}\r\n\r\n".encode()
        body = random.choice(self.documents)
        fields = f"Content-Type: application/rss+xml\r\nETag: {ETAG}\r\nContent-Length: {len(body)}"
        return f"HTTP/1.1 200 OK\r\n{fields}\r\n\r\n".encode() + body


async def serve() -> None:
    """Serve all hosts until the process is ended."""
    FeedProtocol.documents = tuple(document(n) for n in range(40))
    FeedProtocol.changed = float(sys.argv[2])
    await asyncio.get_running_loop().create_server(FeedProtocol, "0.0.0.0", PORT)
    await asyncio.Event().wait()


async def register(
    state: Any, count: int = FEEDS_COUNT, interval_s: float = INTERVAL_S, port: int = PORT
) -> dict[str, float]:
    """Register feeds as polled once, due at random times of the next interval; return their due times."""
    rnd, before_s = random.Random(5), time.time() - 60
    history = initial_history(before_s - 86_400, [before_s - 90_000 - 3_600 * k for k in range(33)])
    urls = [f"http://{address(n % HOSTS)}:{port}/{n}" for n in range(count)]
    for n in range(0, count, BATCH):
        states = [
            FeedState(
                url, "world", title="The Courier", etag=ETAG, body_hash=secrets.token_hex(8), polled_s=before_s,
                fetched_s=before_s, status=200, polls=1, document_items=33, history=history,
            )
            for url in urls[n : n + BATCH]
        ]  # fmt: skip
        await state.hset(FEEDS, mapping={feed_id(known.url): msgspec.json.encode(known) for known in states})
    begin_s = time.time() + 20
    due = {url: begin_s + rnd.random() * interval_s for url in urls}
    hosts: dict[str, dict[bytes, float]] = {}
    for url, due_s in due.items():
        hosts.setdefault(host_key(url), {})[feed_id(url)] = due_s
    for host, feeds in hosts.items():
        await state.zadd(HOST_FEEDS + host, feeds)
    await state.zadd(DUE_HOSTS, {host: min(feeds.values()) for host, feeds in hosts.items()})
    return due


async def measure(settings: Settings, minutes: float) -> dict[str, Any]:
    broker = await connect(settings, settings.broker_url)
    due = await register(broker.state)
    valkey = int((await broker.state.info("server"))["process_id"])
    environ = {**os.environ, **to_environ(settings), f"{ENV_PREFIX}LOG_FILE": str(settings.data_dir / "poller.log")}
    poller = subprocess.Popen(
        [sys.executable, "-m", "workers.cli", "poll"], env=environ, cwd=ROOT, preexec_fn=die_with_parent
    )
    try:
        await asyncio.sleep(30)
        before, began_s = _cpu(poller.pid, valkey), time.monotonic()
        await asyncio.sleep(minutes * 60)
        after, wall_s = _cpu(poller.pid, valkey), time.monotonic() - began_s
        used_mb = round(int((await broker.state.info("memory"))["used_memory"]) / 1e6)
    finally:
        stopped_s = time.time()
        poller.terminate()
        poller.wait(30)
    figures = await delays(settings, due, stopped_s)
    await broker.close()
    return {
        "minutes": minutes, "polls_per_s": round(sum(figures["polls"].values()) / (wall_s + 30), 1),
        "cores": {name: round((after[name] - before[name]) / wall_s, 4) for name in after},
        **figures, "valkey_mb": used_mb,
    }  # fmt: skip


async def delays(settings: Settings, due: dict[str, float], stopped_s: float) -> dict[str, Any]:
    """Return the outcomes of all polls, and the delays of each feed's first poll; *due*: their times."""
    late, outcomes, worst = [], dict[str, int](), dict[int, float]()
    begin_s = min(due.values())
    async for poll in subscribe("polls", start="start", follow=False, settings=settings):
        assert isinstance(poll, PollResult)
        outcomes[poll.outcome] = outcomes.get(poll.outcome, 0) + 1
        if (due_s := due.pop(poll.feed, None)) is not None:
            late.append(poll.started_at.timestamp() - due_s)
            minute = int((due_s - begin_s) // 60)
            worst[minute] = max(round(late[-1], 1), worst.get(minute, 0.0))
    overdue = sum(due_s < stopped_s - MAX_DELAY_S for due_s in due.values())
    late.sort()
    return {
        "polls": outcomes,
        "late_s": {q: round(late[min(len(late) - 1, int(len(late) * q))], 2) for q in (0.5, 0.99, 0.999, 1.0)},
        "latest_s_by_minute": worst, "overdue": overdue,
    }  # fmt: skip


def _cpu(poller: int, valkey: int) -> dict[str, float]:
    parsers = [pid for pid in family(poller) if pid != poller]
    return {"poller": cpu_s(poller), "parsers": sum(map(cpu_s, parsers)), "valkey": cpu_s(valkey)}


def main(minutes: float, changed: float) -> None:
    """Print the figures of a run."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.tools.bench.hourly", "serve", str(changed)], preexec_fn=die_with_parent
    ) as hosts:
        with server(
            poll_interval_s=INTERVAL_S, allowed_private_hosts=",".join(f"{address(n)}:*" for n in range(HOSTS)),
            host_delay_s=1.0, max_desk_lag=10**9, valkey_memory_mb=4096,
        ) as settings:  # fmt: skip
            print(json.dumps(run(lambda: measure(settings, minutes))), flush=True)
        hosts.terminate()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        import uvloop

        uvloop.run(serve())
    else:
        given = [float(value) for value in sys.argv[1:]]
        main(*(given + [30.0, 0.1][len(given) :]))
