"""Server-Sent Events to many: the delay from publication to each of 500 subscribers, at 50 articles per second.

A subscriber is a socket that reads lines. One further subscriber reads nothing and must not delay the others.
"""

import asyncio
import os
import re
import subprocess
import sys
import time
from typing import Any

from streams.brokers.base import OutgoingMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.config.sources import ENV_PREFIX
from streams.records import Article
from streams.topics import ARTICLES
from streams.valkey.server import die_with_parent
from tests.conftest import ROOT
from tests.tools.bench.common import run, server
from tests.tools.bench.poll import cpu_s
from workers.services import connect
from workers.supervisor import to_environ

SUBSCRIBERS, A_SECOND, SECONDS = 500, 50, 20
TEXT = ("The harbour board reopened the salt canal on Monday, nine years after the flood closed it. " * 20,)
_SENT = re.compile(rb'"title":"(\d+\.\d+)"')


async def follow(port: int, late_s: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    writer.write(b"GET /topics/articles HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    try:
        while line := await reader.readline():
            if found := _SENT.search(line):
                late_s.append(time.time() - float(found[1]))
    except asyncio.CancelledError:
        writer.close()


async def measured(settings: Settings) -> dict[str, Any]:
    broker = await connect(settings, settings.broker_url)
    port = 30_000 + os.getpid() % 20_000
    environ = {
        **os.environ,
        **to_environ(settings),
        f"{ENV_PREFIX}WEB_PORT": str(port),
        f"{ENV_PREFIX}LOG_LEVEL": "ERROR",
    }
    web = subprocess.Popen(
        [sys.executable, "-m", "workers.cli", "web"], env=environ, cwd=ROOT, preexec_fn=die_with_parent
    )
    late_s: list[float] = []
    try:
        while True:
            try:
                _, idle = await asyncio.open_connection("127.0.0.1", port)
                break
            except OSError:
                await asyncio.sleep(0.1)
        idle.write(b"GET /topics/articles HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        idle.transport.pause_reading()  # type: ignore[attr-defined]
        tasks = [asyncio.create_task(follow(port, late_s)) for _ in range(SUBSCRIBERS)]
        await asyncio.sleep(3)
        cpu, began = cpu_s(web.pid), time.monotonic()
        for n in range(A_SECOND * SECONDS):
            made = Article(id=f"{n:020x}", revision=1, title=f"{time.time():.6f}", paragraphs=TEXT)
            await broker.publish([OutgoingMessage(ARTICLES.name, made.id.encode(), encode(made))])
            await asyncio.sleep(max(0.0, began + (n + 1) / A_SECOND - time.monotonic()))
        await asyncio.sleep(2)
        used, rss = cpu_s(web.pid) - cpu, _rss_mb(web.pid)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        web.terminate()
        web.wait(20)
        await broker.close()
    late_s.sort()
    return {
        "subscribers": SUBSCRIBERS, "articles_per_second": A_SECOND, "expected": SUBSCRIBERS * A_SECOND * SECONDS, "arrived": len(late_s),
        "late_ms": {q: round(1000 * late_s[int(len(late_s) * float(q))], 1) for q in ("0.5", "0.99", "0.999")},
        "web_cpu_us_per_event": round(1e6 * used / max(1, len(late_s)), 1), "web_cores": round(used / SECONDS, 2), "web_rss_mb": rss,
    }  # fmt: skip


def _rss_mb(pid: int) -> float:
    with open(f"/proc/{pid}/statm") as statm:  # noqa: PTH123
        return round(int(statm.read().split()[1]) * 4096 / 1e6, 1)


def measure() -> dict[str, Any]:
    """Return the delay of articles, and the CPU and memory of the web server."""
    with server() as settings:
        result: dict[str, Any] = run(lambda: measured(settings))
    return result


if __name__ == "__main__":
    import json

    print(json.dumps(measure(), indent=1))
