"""CPU of polls of 50 feeds at once on 50 hosts, without their parsers, beside bare aiohttp requests in the same process.

python -m tests.tools.bench.poll_cost [KIND]     KIND: `unmodified` (HTTP 304), `same` (the same body) or `changed`
"""

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp

from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.topics import DESK_GROUP
from streams.valkey.server import die_with_parent
from tests.conftest import ROOT
from tests.tools.bench.common import run, server
from tests.tools.bench.desk_cost import server_cpu_s
from tests.tools.bench.hourly import ETAG, FeedProtocol
from tests.tools.bench.poll import document
from workers.logging_setup import configure_logging
from workers.poller.poller import Poller
from workers.poller.registry import ClaimedFeed
from workers.services import connect

HOSTS, ROUNDS, DOCUMENTS = 50, 40, 40
HOST = "127.2.0.{}"
SETTINGS: dict[str, Any] = {
    "allowed_private_hosts": ",".join(f"{HOST.format(n + 1)}:*" for n in range(HOSTS)), "poll_interval_s": 0.001,
    "max_desk_lag": 10**9,
}  # fmt: skip


class KindProtocol(FeedProtocol):
    """Answers 304 to conditional requests, the same body without a validator, or another document each time."""

    kind = "unmodified"
    numbers = itertools.count()

    def respond(self, head: bytes) -> bytes:
        if self.kind == "unmodified" and b"if-none-match" in head.lower():
            return f"HTTP/1.1 304 Not Modified\r\nETag: {ETAG}\r\n\r\n".encode()
        body = self.documents[next(self.numbers) % len(self.documents) if self.kind == "changed" else 0]
        validator = f"ETag: {ETAG}\r\n" if self.kind == "unmodified" else ""
        fields = f"Content-Type: application/rss+xml\r\n{validator}Content-Length: {len(body)}"
        return f"HTTP/1.1 200 OK\r\n{fields}\r\n\r\n".encode() + body


async def serve(kind: str) -> None:
    """Serve all hosts on a free port, which is printed, until the process is ended."""
    KindProtocol.documents = tuple(document(n) for n in range(DOCUMENTS if kind == "changed" else 1))
    KindProtocol.kind = kind
    listening = await asyncio.get_running_loop().create_server(KindProtocol, "0.0.0.0", 0)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


@contextmanager
def hosts(kind: str) -> Iterator[list[str]]:
    """Yield the URLs of a feed on each host."""
    command = [sys.executable, "-m", "tests.tools.bench.poll_cost", "serve", kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, preexec_fn=die_with_parent) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield [f"http://{HOST.format(n + 1)}:{port}/feed" for n in range(HOSTS)]
        process.terminate()


async def cpu_us(broker: Broker, *works: Callable[[], Awaitable[object]]) -> list[dict[str, float]]:
    """Return for each of *works* the CPU microseconds of this process and of Valkey per poll. Their rounds alternate."""
    spent = [[0.0, 0.0] for _ in works]
    for number in range(ROUNDS + 1):
        for times_s, work in zip(spent, works, strict=True):
            valkey_s, start_s = await server_cpu_s(broker), time.process_time()
            await work()
            own_s, valkey_s = time.process_time() - start_s, await server_cpu_s(broker) - valkey_s
            if number:  # the first round is a warm-up
                times_s[0] += own_s
                times_s[1] += valkey_s
    return [
        {name: round(1e6 * s / HOSTS / ROUNDS, 1) for name, s in zip(("own", "valkey"), times_s, strict=True)}
        for times_s in spent
    ]


async def measure(settings: Settings, kind: str = "unmodified") -> dict[str, float]:
    """Return the microseconds of a poll with its claim, and of a bare request."""
    configure_logging("INFO", str(settings.data_dir / "poller.log"))
    broker = await connect(settings, settings.broker_url)
    poller = Poller(settings, broker, DESK_GROUP)
    with hosts(kind) as urls:
        await poller.feeds.add([(url, "") for url in urls])

        async def polls() -> None:
            claimed: list[ClaimedFeed] = []
            while len(claimed) < HOSTS:  # a feed is due a millisecond after its poll
                claimed += await poller.feeds.claim(HOSTS - len(claimed))
            await asyncio.gather(*(poller.poll(feed, poller.feeds.clock) for feed in claimed))

        async with poller.http, poller.parsers, aiohttp.ClientSession() as session:
            headers = {"If-None-Match": ETAG}

            async def request(url: str) -> None:
                async with session.get(url, headers=headers) as response:
                    await response.read()

            async def requests() -> None:
                await asyncio.gather(*map(request, urls))

            floor, costs = await cpu_us(broker, requests, polls)
        errors = {feed.error for feed in await poller.feeds.all()}
    await broker.close()
    assert errors == {""}, errors
    return {**costs, "floor": floor["own"]}


def main(kind: str = "unmodified") -> None:
    """Print the figures as JSON."""
    with server(**SETTINGS) as settings:
        print(json.dumps({kind: run(lambda: measure(settings, kind))}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        import uvloop

        uvloop.run(serve(sys.argv[2]))
    else:
        main(*sys.argv[1:])
