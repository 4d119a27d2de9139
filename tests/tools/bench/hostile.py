"""A thousand good feeds beside hostile ones: punctuality, latency and memory, with and without them.

python -m tests.tools.bench.hostile [MINUTES WITH] [MINUTES WITHOUT] [INTERVAL S] [GOOD FEEDS] [WARM-UP S]

The defaults are 20, 5, 60, 1,000 and 150; it is no part of `make bench`. Only times after the warm-up count for latency:
all feeds are new at the start, and their first items wait in the desk. Each hostile feed repeats one attack of
../shared/cases/security or of `crowd`, with new items at each poll.
"""

import asyncio
import contextlib
import itertools
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from aiohttp import web

from streams.config.settings import Settings
from streams.config.sources import CONFIG_VARIABLE, ENV_PREFIX
from streams.records import Article, PollResult
from streams.subscribe import subscribe
from streams.valkey.server import die_with_parent
from tests.conftest import ROOT
from tests.support.feed_server import rss, with_etag
from tests.tools.bench.common import run, server
from tests.tools.bench.poll import cpu_s
from workers.counters import read_counters
from workers.demo.clutter import body
from workers.demo.stories import story
from workers.poller.registry import FeedRegistry
from workers.services import connect
from workers.supervisor import to_environ

GOOD, A_HOST, HOSTILE_SHARE = int(os.environ.get("GOOD_FEEDS", "1000")), 4, 0.05
PORT = 18_766
CHANGES = 4  # intervals between two changes of a good feed
SAMPLE_S = 10.0
TEXT = "The harbour authority said on Tuesday that seventy six swans had been counted in the bay."
Answer = tuple[bytes, str, Mapping[str, str]]  # body, media type, headers


def good_urls() -> list[str]:
    return [f"http://127.1.{n // A_HOST // 250}.{n // A_HOST % 250 + 1}:{PORT}/good/{n}" for n in range(GOOD)]


def hostile_urls() -> list[str]:
    ways = itertools.cycle(WAYS)
    count = round(HOSTILE_SHARE * GOOD / (1 - HOSTILE_SHARE))
    return [f"http://127.2.0.{n + 1}:{PORT}/{next(ways)}/{n}" for n in range(count)]


# -- attacks --------------------------------------------------------------------------------------------------


def _rss(items: list[tuple[str, str, str]]) -> Answer:
    return rss(items), "application/rss+xml", {}


def _links() -> Iterator[str]:
    """Yield links that no poll has seen."""
    return (f"https://hostile.example/{random.randrange(10**12)}" for _ in itertools.count())


def _bodies(text: str, count: int) -> Answer:
    return _rss([(link, f"Story {link[-6:]}", text) for link in itertools.islice(_links(), count)])


def _json(items: list[dict[str, Any]]) -> Answer:
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "Hostile", "items": items}
    return json.dumps(feed).encode(), "application/feed+json", {}


def _list(count: int) -> str:
    return f"<ul>{''.join(f'<li><a href=http://x/{n}>Headline {n} of a story</a></li>' for n in range(count))}</ul>"


def _pages(host: str) -> Answer:
    return _rss([(f"http://{host}/page/{random.randrange(10**9)}", "Page", f"<p>{TEXT}</p>") for _ in range(20)])


def _stolen() -> Answer:
    """Offer the links of good feeds with another text."""
    turn = int(time.time() // 240)
    return _rss(
        [(f"http://good.example/{n}/{turn - 1}", "Trusted Bank Times", "<p>Send money.</p>") for n in range(50)]
    )


def _control() -> Answer:
    forged = "\n2026-11-26 00:00:00,000 CRITICAL FORGED \x1b]0;PWNED\x07"
    return _json([{"id": f"{n}{random.random()}{forged}", "title": f"T{n}", "content_text": TEXT} for n in range(20)])


def _script_links() -> Answer:
    schemes = ("javascript:alert(1)", "data:text/html,x", "vbscript:x", "java\nscript:alert(1)")
    return _json([
        {"id": str(random.random()), "url": url, "image": url, "title": "T", "content_html": f"<a href='{url}'>{TEXT}</a>"}
        for url in schemes
    ])  # fmt: skip


def _malformed_links() -> Answer:
    document, kind, _ = _rss([("http://[::1", "T", TEXT), ("http://1.2.3.4Ff20127.0.0.1/", "U", TEXT)])
    return document, kind, {"Link": '<http://[::1>; rel="hub"'}


def _unreadable() -> Answer:
    return _json([{"summary": "", "tags": [str(random.random()) * 40]} for _ in range(5_000)])


def _large() -> Answer:
    return _json([
        {"id": str(random.random()), "title": "Large", "content_text": random.randbytes(300_000).hex()} for _ in range(11)
    ])  # fmt: skip


CAPITALS = f"<p>{'A' * 250} swans were counted.</p><p>{TEXT}</p>"
DNA = f"<p>{'GATTACA' * 400}</p><p>{'ACGT ' * 400}</p>"
ATTRIBUTES = f"<p {' '.join(f'a{n}=1' for n in range(28_000))}>x</p><p>{TEXT}</p>"
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>"
ANSWERS: dict[str, Callable[[str], Answer]] = {
    "capitals": lambda host: _bodies(CAPITALS, 60),
    "dna": lambda host: _bodies(DNA, 60),
    "lists": lambda host: _bodies(_list(9_000), 9),
    "attributes": lambda host: _bodies(ATTRIBUTES, 9),
    "nested": lambda host: _bodies("<div>" * 30_000 + TEXT, 9),
    "pages": _pages,
    "stolen": lambda host: _stolen(),
    "control": lambda host: _control(),
    "scripts": lambda host: _script_links(),
    "malformed": lambda host: _malformed_links(),
    "unreadable": lambda host: _unreadable(),
    "large": lambda host: _large(),
    "markup": lambda host: _rss([(next(_links()), escape(MARKUP), escape(MARKUP) + MARKUP)]),
    "garbage": lambda host: (os.urandom(20_000), "application/rss+xml", {}),
    "bomb": lambda host: (b"<rss><channel>" * 30_000, "application/rss+xml", {}),
    "categories": lambda host: (
        b"<rss><channel><item>" + b"<category>a</category>" * 60_000, "application/rss+xml", {},
    ),
}  # fmt: skip
WAYS = (*ANSWERS, "hangs", "drips", "endless", "redirects", "500")


# -- server ---------------------------------------------------------------------------------------------------


async def _good(request: web.Request) -> web.StreamResponse:
    number = int(request.match_info["n"])
    period_s = CHANGES * float(os.environ["INTERVAL_S"])
    turn = int(time.time() / period_s + number / GOOD)
    return with_etag(request, rss([_story(number, turn - n) for n in range(2)], title=f"Courier {number}"))


def _story(number: int, turn: int) -> tuple[str, str, str]:
    told = story(number * 7_919 + turn)
    return f"http://good.example/{number}/{turn}", f"{told.title} ({number}/{turn})", body(told, EXPLORE)


EXPLORE = [story(n) for n in range(1, 12)]


async def _hostile(request: web.Request) -> web.StreamResponse:
    way = request.match_info["way"]
    if way == "hangs":
        await asyncio.sleep(60)
    if way in ("drips", "endless"):
        return await _endless(request, b"<rss>" * (1 if way == "drips" else 20_000), 1.0 if way == "drips" else 0.05)
    if way == "redirects":
        raise web.HTTPFound(f"/redirects/{random.randrange(10**9)}")
    if way not in ANSWERS:
        return web.Response(status=500)
    document, kind, headers = ANSWERS[way](request.host)
    return web.Response(body=document, headers={"Content-Type": kind, **headers})


async def _endless(request: web.Request, part: bytes, pause_s: float) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):  # the poller closes such connections
        while True:
            await response.write(part)
            await asyncio.sleep(pause_s)
    return response


async def _page(request: web.Request) -> web.StreamResponse:
    return web.Response(body=b"<html><body>" + b"<!--" * (1 << 18), content_type="text/html")


async def _robots(request: web.Request) -> web.StreamResponse:
    rules = "\n".join(f"Disallow: /*a*{n}*b" for n in range(25_000))
    return web.Response(text=f"User-agent: *\n{rules}\n")


def serve() -> None:
    """Serve all feeds."""
    app = web.Application()
    app.router.add_get("/good/{n}", _good)
    app.router.add_get("/page/{n}", _page)
    app.router.add_get("/robots.txt", _robots)
    app.router.add_get("/{way}/{n}", _hostile)
    web.run_app(app, host="0.0.0.0", port=PORT, print=None, access_log=None)


# -- measurement ----------------------------------------------------------------------------------------------


def descendants(pid: int) -> list[int]:
    """Return *pid* and the ids of all its descendants."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(d for child in children for d in descendants(int(child)))]


def pss_mb(pids: list[int]) -> float:
    """Return the proportional memory of processes: pages that they share count once."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return round(total / 1024, 1)


class Sampler:
    """Memory and CPU of the workers over time."""

    def __init__(self, workers: Mapping[str, int]) -> None:
        self.workers = workers
        self.mb: dict[str, list[float]] = defaultdict(list)

    def sample(self) -> None:
        for name, pid in self.workers.items():
            self.mb[name].append(pss_mb(descendants(pid)))

    def report(self) -> dict[str, Any]:
        """Return the mean of each third of the time after the first, and the maximum."""
        out = {}
        for name, values in self.mb.items():
            third = max(1, len(values) // 3)
            parts = [values[third : 2 * third], values[2 * third :]]
            out[name] = [*(round(statistics.mean(part or values), 1) for part in parts), max(values)]
        return out


async def observe_latency(settings: Settings, good: set[str], began_s: float, out: dict[str, list[float]]) -> None:
    """Collect the seconds from the poll to the article of good feeds, and the articles under links of other feeds."""
    async for article in subscribe("articles", start="start", settings=settings):
        assert isinstance(article, Article)
        if article.feed in good and article.fetched_at is not None:
            if article.fetched_at.timestamp() > began_s:
                out["latency_s"].append(time.time() - article.fetched_at.timestamp())
        elif article.url.startswith("http://good.example/") and article.revision > 1:
            out["stolen"].append(1.0)


async def observe(settings: Settings, minutes: float, urls: list[str], environ: dict[str, str]) -> dict[str, Any]:
    broker = await connect(settings, settings.broker_url)
    await FeedRegistry(broker.state).add([(url, "") for url in urls])
    good = set(good_urls())
    began_s = time.time()
    processes = {
        role: subprocess.Popen(
            [sys.executable, "-m", "workers.cli", role], env=environ, cwd=ROOT, preexec_fn=die_with_parent
        )
        for role in ("poll", "desk")
    }
    sampler = Sampler({role: process.pid for role, process in processes.items()})
    articles: dict[str, list[float]] = defaultdict(list)
    reading = asyncio.create_task(observe_latency(settings, good, began_s + float(environ["WARM_UP_S"]), articles))
    try:
        while time.time() - began_s < minutes * 60:
            await asyncio.sleep(SAMPLE_S)
            sampler.sample()
            assert all(process.poll() is None for process in processes.values()), "a worker ended"
        used_s = {role: round(sum(map(cpu_s, descendants(p.pid))), 1) for role, p in processes.items()}
    finally:
        reading.cancel()
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            process.wait(60)
    polls = await _polls(settings, good, began_s, float(environ["INTERVAL_S"]))
    counters = await read_counters(broker.state)
    memory = await broker.state.info("memory")
    await broker.close()
    return {
        "minutes": minutes, "feeds": len(urls), **polls, **_latency(articles), "desk": counters["desk"],
        "mb": sampler.report(), "valkey_mb": round(int(memory["used_memory"]) / 1e6, 1), "cpu_s": used_s,
        "load": os.getloadavg(),
    }  # fmt: skip


def _latency(articles: dict[str, list[float]]) -> dict[str, Any]:
    latencies = sorted(articles["latency_s"])
    shares = (0.5, 0.9, 0.99, 0.999)
    return {
        "good_articles": len(latencies), "stolen": len(articles["stolen"]),
        "latency_s": {f"{q:g}": round(latencies[int(len(latencies) * q)], 3) for q in shares} if latencies else {},
    }  # fmt: skip


async def _polls(settings: Settings, good: set[str], began_s: float, interval_s: float) -> dict[str, Any]:
    times: dict[str, list[float]] = defaultdict(list)
    failed: Counter[str] = Counter()
    async for poll in subscribe("polls", start="start", follow=False, settings=settings):
        assert isinstance(poll, PollResult)
        if poll.feed in good:
            times[poll.feed].append(poll.started_at.timestamp())
            failed[poll.error_kind] += poll.outcome == "failed"
    gaps = sorted(b - a for seen in times.values() for a, b in itertools.pairwise(seen))
    end_s = max((seen[-1] for seen in times.values()), default=began_s)
    return {
        "good_polls": sum(map(len, times.values())), "never_polled": len(good) - len(times),
        "failed": {kind: n for kind, n in failed.items() if n},
        "gaps_over_twice_the_interval": sum(gap > 2 * interval_s for gap in gaps),
        "overdue_at_the_end": sum(end_s - seen[-1] > 2 * interval_s for seen in times.values()),
        "gap_s": {"p50": round(gaps[len(gaps) // 2], 1), "max": round(gaps[-1], 1)} if gaps else {},
    }  # fmt: skip


def measure(minutes: float, interval_s: float, *, hostile: bool) -> dict[str, Any]:
    """Return the figures of one run on a fresh server."""
    urls = good_urls() + (hostile_urls() if hostile else [])
    addresses = sorted({url.split("/")[2] for url in urls})
    with server(
        poll_interval_s=interval_s, allowed_private_hosts=",".join(addresses), host_delay_s=1.0, valkey_memory_mb=2048
    ) as settings:
        config = settings.data_dir / "bench.toml"
        config.write_text('[[feeds]]\nurl = "*/pages/*"\nfull_text = true\n')
        environ = {
            **os.environ, **to_environ(settings), f"{ENV_PREFIX}LOG_LEVEL": "ERROR", CONFIG_VARIABLE: str(config),
            "INTERVAL_S": str(interval_s), "WARM_UP_S": os.environ["WARM_UP_S"],
        }  # fmt: skip
        out: dict[str, Any] = run(lambda: observe(settings, minutes, urls, environ))
    return out


def main(minutes_with: float, minutes_without: float, interval_s: float) -> None:
    """Print the figures without and with hostile feeds."""
    environ = {**os.environ, "INTERVAL_S": str(interval_s)}
    command = [sys.executable, "-m", "tests.tools.bench.hostile", "serve"]
    with subprocess.Popen(command, env=environ, preexec_fn=die_with_parent) as hosts:
        wait_until_served(hosts)
        for hostile, minutes in ((False, minutes_without), (True, minutes_with)):
            if minutes:
                figures = measure(minutes, interval_s, hostile=hostile)
                print(json.dumps({"hostile": hostile, "interval_s": interval_s, **figures}), flush=True)
        hosts.terminate()


def wait_until_served(hosts: "subprocess.Popen[bytes]") -> None:
    """Wait until the hosts respond: failures of the first polls would count as an outage of the network."""
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s:
        time.sleep(0.5)
        assert hosts.poll() is None, f"the hosts have ended; is port {PORT} in use?"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", PORT), 1):
            return
    raise AssertionError("the hosts do not respond")


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    elif len(sys.argv) > 4:  # the number of feeds is a constant of this module
        os.environ |= {"GOOD_FEEDS": sys.argv[4], "WARM_UP_S": (*sys.argv[5:], "150")[0]}
        os.execv(sys.executable, [sys.executable, "-m", "tests.tools.bench.hostile", *sys.argv[1:4]])
    else:
        os.environ.setdefault("WARM_UP_S", "150")
        given = [float(argument) for argument in sys.argv[1:]]
        main(*(given + [20.0, 5.0, 60.0][len(given) :]))
