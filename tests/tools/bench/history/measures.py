"""The measures of the benchmarks over time: a unit of work, its floor, and a peer, in one process each time."""

import importlib.util
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from xml.parsers import expat

from streams.codec import decode, encode
from streams.records import Item
from tests.tools.bench import desk_cost, desk_items, kafka, poll_cost, transport
from tests.tools.bench.common import run, server
from tests.tools.bench.history.record import Figures
from tests.tools.bench.history.titles import TITLES
from tests.tools.bench.poll import document
from workers.clean.html_parser import parse_html
from workers.poller.formats import parse_feed

ITEMS, FEEDS = 800, 60


def cpu_us(work: Callable[[], object], count: int) -> float:
    """Return the CPU time of *work* in microseconds, divided by *count*."""
    start_s = time.process_time()
    work()
    return 1e6 * (time.process_time() - start_s) / count


def valkey_agent() -> Figures:
    costs = []
    for work in (transport.agent, transport.floor):
        with server(partitions=4) as settings:
            costs.append(run(lambda work=work, settings=settings: work(settings))["cpu_us"])  # type: ignore[misc]
    return Figures(*costs)


def kafka_agent() -> Figures:
    results = kafka.measure()
    return Figures(*(results[name]["cpu_us"] for name in ("agent", "plain", "plain_transactions")))


def desk_item() -> Figures:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = desk_items.write_items(desk_items.invented_items(ITEMS), folder / "items.jsonl", ITEMS)
        with server(partitions=1, desk_batch_size=100) as settings:
            figures = run(lambda: desk_cost.work(settings, path, folder, "agent", 100))
        rows = path.read_bytes().splitlines()
    texts = [decode(row, Item).content[0].value for row in rows]
    floor = cpu_us(lambda: [_least_desk(row) for row in rows], len(rows))
    return Figures(figures["together_us"], floor, trafilatura_us(texts))


def _least_desk(row: bytes) -> bytes:
    item = decode(row, Item)
    parse_html(item.content[0].value)
    return encode(item)


def trafilatura_us(texts: Sequence[str]) -> float:
    """Return the time of trafilatura for a text, 0 if it is not installed."""
    if importlib.util.find_spec("trafilatura") is None:
        return 0.0
    import trafilatura

    return cpu_us(lambda: [trafilatura.extract(f"<html><body>{text}</body></html>") for text in texts], len(texts))


def poll() -> Figures:
    with server(**poll_cost.SETTINGS) as settings:
        costs = run(lambda: poll_cost.measure(settings))
    return Figures(costs["own"], costs["floor"])


def feed_document() -> Figures:
    import feedparser

    documents, now = [document(n) for n in range(FEEDS)], datetime.now(UTC)
    own = cpu_us(lambda: [parse_feed(body, "https://courier.example/f", fetched_at=now) for body in documents], FEEDS)
    floor = cpu_us(lambda: [expat.ParserCreate().Parse(body, True) for body in documents], FEEDS)
    return Figures(own, floor, cpu_us(lambda: [feedparser.parse(body) for body in documents], FEEDS))


RUNS: Mapping[str, Callable[[], Figures]] = {
    "agent on Valkey": valkey_agent,
    "item in the desk": desk_item,
    "poll, not modified": poll,
    "feed document": feed_document,
    "agent on Kafka": kafka_agent,
}
assert RUNS.keys() == TITLES.keys()
DEFAULT = [name for name in RUNS if name != "agent on Kafka" or shutil.which("java")]
