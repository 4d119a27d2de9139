"""Rate and CPU of POST /items in batches of 100 from four clients, without a desk: web server and Valkey as processes.

python -m tests.tools.bench.items_api [BATCHES]      default: 60
"""

import asyncio
import json
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp

from streams.config.settings import Settings
from tests.support.ports import free_port
from tests.support.stories import story
from tests.tools.bench.backfill import cpu_s
from tests.tools.bench.common import run, server
from tests.tools.bench.push import process
from workers.services import connect

BATCH, CLIENTS = 100, 4


def rows(first: int) -> bytes:
    """Return a batch of items with texts of about 2 kB."""
    items = []
    for number in range(first, first + BATCH):
        title, text = story(number, 8)
        url = f"https://courier.example/{number}"
        items.append(
            {"url": url, "title": title, "date_published": "2026-11-26T10:00:00Z", "content_html": f"<p>{text}</p>"}
        )
    return json.dumps(items).encode()


def memory_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


async def post_all(http: aiohttp.ClientSession, url: str, bodies: list[bytes], statuses: list[int]) -> None:
    """Post *bodies* one after another; add the status of each."""
    for body in bodies:
        async with http.post(url, data=body) as response:
            statuses.append(response.status)


async def measured(settings: Settings, batches: int) -> dict[str, Any]:
    port = free_port()
    settings = replace(settings, web_port=port, push_items_per_minute=10_000_000, max_desk_lag=10_000_000)
    broker = await connect(settings, settings.broker_url)
    web = process("web", settings)
    bodies = [rows(BATCH * n) for n in range(batches)]
    token_path = settings.data_dir / "web.token"
    url = f"http://127.0.0.1:{port}/items?source=bench"
    try:
        while not token_path.exists():
            await asyncio.sleep(0.1)
        headers = {"X-Copydesk-Token": token_path.read_text().strip(), "Content-Type": "application/json"}
        async with aiohttp.ClientSession(headers=headers) as http:
            for _ in range(600):
                try:
                    async with http.post(url, data=rows(10_000_000)) as response:
                        assert response.status == 202, await response.text()
                        break
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.1)
            server_pid = (await broker.state.info("server"))["process_id"]
            before_s, begin_s = (cpu_s([web.pid]), cpu_s([server_pid])), time.monotonic()
            statuses: list[int] = []
            await asyncio.gather(*(post_all(http, url, bodies[n::CLIENTS], statuses) for n in range(CLIENTS)))
            wall_s = time.monotonic() - begin_s
            web_s, valkey_s = cpu_s([web.pid]) - before_s[0], cpu_s([server_pid]) - before_s[1]
        peak = memory_mb(web.pid)
    finally:
        web.terminate()
        web.wait(30)
        await broker.close()
    count = BATCH * batches
    return {
        "items": count, "accepted": statuses.count(202) * BATCH, "bytes_per_item": len(bodies[0]) // BATCH,
        "web_cpu_ms": round(1000 * web_s / count, 3), "valkey_cpu_ms": round(1000 * valkey_s / count, 3),
        "items_per_cpu_s": round(count / (web_s + valkey_s)), "items_per_s": round(count / wall_s), "web_mb": round(peak),
        "client_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }  # fmt: skip


def main() -> None:
    batches = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    with server(valkey_memory_mb=1024) as settings:
        print(json.dumps(run(lambda: measured(settings, batches))))


if __name__ == "__main__":
    main()
