"""The page in Chromium with 10,000 articles and 10,000 feeds: time to the first row, memory, searches.

python -m tests.tools.bench.web_page
"""

import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.topics import DESK_GROUP
from streams.valkey.server import EmbeddedValkey
from tests.conftest import until
from tests.support.browser import Browser, Chromium, chromium_path
from tests.support.site import NOW, article, publish
from workers.poller.registry import FeedRegistry
from workers.search.tables import file_path
from workers.services import connect
from workers.web.server import WebServer

ARTICLES = FEEDS = 10_000
BATCH = 200
WORDS = "harbour board canal ferry storm council market school bridge river minister vote price energy court".split()
# Records the time from the start of the navigation to the first row of a list.
OBSERVER = """
new MutationObserver((_, observer) => {
  if (!document.querySelector('#articles > li, #feeds > tr')) return;
  window.firstRowMs = performance.now();
  observer.disconnect();
}).observe(document, { childList: true, subtree: true });
"""


def text(n: int) -> str:
    return " ".join(WORDS[(n * 7 + k * k) % len(WORDS)] for k in range(60)) + "."


async def fill_articles(broker: Broker, first: int, count: int) -> None:
    """Publish *count* articles of 300 words."""
    for start in range(first, first + count, BATCH):
        batch = [
            replace(article(n), title=f"Story {n}: {text(n)[:40]}", paragraphs=tuple(text(n + k) for k in range(5)),
                    publisher=f"Publisher {n % 40}", language="en", fetched_at=NOW)
            for n in range(start, start + BATCH)
        ]  # fmt: skip
        await publish(broker, *batch)


async def first_row_ms(page: Browser, url: str) -> float:
    await page.goto(url)
    return round(float(await until(lambda: page.evaluate("window.firstRowMs"))))


async def cpu_ms(page: Browser) -> tuple[float, float]:
    """Return the CPU time of the page's process, and of this process with the server. The load changes neither."""
    metrics = {metric["name"]: metric["value"] for metric in (await page.ask("Performance.getMetrics"))["metrics"]}
    return 1000 * metrics["ProcessTime"], 1000 * time.process_time()


async def first_rows(page: Browser, urls: Sequence[str]) -> dict[str, list[int]]:
    """Return for each of *urls* the time to the first row, and the CPU time of page and server until then."""
    out: dict[str, list[int]] = {"wall_ms": [], "page_cpu_ms": [], "server_cpu_ms": []}
    for url in urls:
        before = await cpu_ms(page)
        out["wall_ms"].append(round(await first_row_ms(page, url)))
        page_ms, server_ms = await cpu_ms(page)
        out["page_cpu_ms"].append(round(page_ms - before[0]))
        out["server_cpu_ms"].append(round(server_ms - before[1]))
    return out


async def heap_mb(page: Browser) -> float:
    await page.ask("HeapProfiler.collectGarbage")
    return round((await page.ask("Runtime.getHeapUsage"))["usedSize"] / 1e6, 1)


async def measure_page(page: Browser, broker: Broker, server: WebServer) -> dict[str, Any]:
    """Return the figures of the list and of the feeds."""
    await page.ask("Page.enable")
    await page.ask("Page.addScriptToEvaluateOnNewDocument", source=OBSERVER)
    await page.ask("Performance.enable")
    out: dict[str, Any] = {"first_article": await first_rows(page, [server.url] * 5)}
    out["heap_mb_at_first"] = await heap_mb(page)
    began_s = time.perf_counter()
    await fill_articles(broker, ARTICLES, ARTICLES)
    newest = f"document.querySelector('#articles h2')?.textContent.startsWith('Story {2 * ARTICLES - 1}:')"
    await until(lambda: page.evaluate(f"Boolean({newest}) || document.querySelectorAll('#articles > li').length > 199"))
    out["stream_of_10000_s"] = round(time.perf_counter() - began_s, 1)
    out["heap_mb_after_stream"] = await heap_mb(page)
    out["rows_after_stream"] = await page.evaluate("document.querySelectorAll('#articles > li').length")
    sorts = ("health", "title", "rate")
    out["first_feed"] = await first_rows(page, [f"{server.url}feeds?sort={sort}" for sort in sorts])
    out["heap_mb_of_feeds"] = await heap_mb(page)
    out["rows_of_feeds"] = await page.evaluate("document.querySelectorAll('#feeds > tr').length")
    out["height_of_feeds_px"] = await page.evaluate("document.documentElement.scrollHeight")
    await asyncio.sleep(30)  # six refreshes of the list
    out["heap_mb_of_feeds_after_30_s"] = await heap_mb(page)
    for name, path in (
        ("search_ms", "articles?q=canal+ferry"),
        ("feeds_ms", "feeds?q=publisher-77"),
        ("summary_ms", "summary.json"),
    ):
        expression = f"(async () => {{ const t = performance.now(); await (await fetch('/{path}')).json(); return performance.now() - t; }})()"
        out[name] = [round(await page.evaluate(expression)) for _ in range(5)]
    # A burst may end the connection of a browser that is too slow, which resumes: no other error is allowed.
    assert [error for error in page.errors if "ERR_INCOMPLETE_CHUNKED_ENCODING" not in error] == []
    return out


async def main() -> None:
    """Print the figures as JSON."""
    program = chromium_path()
    assert program, "Chromium not found"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        settings = Settings(data_dir=Path(folder) / "data", web_port=0, valkey_fsync="everysec")
        valkey = EmbeddedValkey(settings)
        valkey.start()
        broker = await connect(settings, valkey.url)
        await FeedRegistry(broker.state).add(
            [(f"https://publisher-{n}.example/feed.xml", f"f{n % 9}") for n in range(FEEDS)]
        )
        await fill_articles(broker, 0, ARTICLES)
        server = WebServer(settings, broker, DESK_GROUP)
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        await server.start()
        await server.index.follower.is_caught_up.wait()
        out: dict[str, Any] = {
            "index_s": round(time.perf_counter() - began_s, 1),
            "index_cpu_s": round(time.process_time() - began_cpu_s, 1),
        }
        try:
            chromium = Chromium(program, Path(folder))
            async with chromium.page() as page:
                out |= await measure_page(page, broker, server)
            chromium.stop()
            out["index_mb"] = round(file_path(server.settings).stat().st_size / 1e6, 1)
        finally:
            await server.stop()
            await broker.close()
            valkey.stop()
    print(json.dumps(out, indent=1))


if __name__ == "__main__":
    asyncio.run(main())
