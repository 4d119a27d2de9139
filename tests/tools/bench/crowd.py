"""Ten thousand feeds on a thousand hosts, some of them hostile: punctuality, CPU and memory of polling.

python -m tests.tools.bench.crowd [MINUTES] [HOSTILE SHARE]      30 minutes and .05, not part of `make bench`
"""

import asyncio
import contextlib
import itertools
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from typing import Any

from aiohttp import web

from streams.config.settings import Settings
from streams.config.sources import ENV_PREFIX
from streams.records import PollResult
from streams.subscribe import subscribe
from streams.valkey.server import die_with_parent
from tests.conftest import ROOT
from tests.support.feed_server import with_etag
from tests.tools.bench.common import run, server
from tests.tools.bench.poll import cpu_s, document
from workers.poller.registry import FeedRegistry
from workers.services import connect
from workers.supervisor import to_environ

HOSTS, A_HOST, INTERVAL_S = 1_000, 10, 300.0
PORT = 18_765
CHANGES_S = 1_800.0  # mean interval between two changes of a feed
WAYS = ("hangs", "drips", "garbage", "bomb", "500", "endless", "redirects", "slow xml")


def address(n: int) -> str:
    return f"127.1.{n // 250}.{n % 250 + 1}"


def hosts() -> list[str]:
    return [f"{address(n)}:{PORT}" for n in range(HOSTS)]


def urls(hostile: float) -> dict[str, bool]:
    """Return URL → whether it is hostile; the same for every run."""
    rnd = random.Random(5)
    out = {}
    for host in hosts():
        bad = rnd.random() < hostile
        for n in range(A_HOST):
            out[f"http://{host}/{rnd.choice(WAYS) if bad else 'good'}/{n}"] = bad
    return out


async def _answer(request: web.Request) -> web.StreamResponse:
    way = request.match_info["way"]
    if way == "good":
        turn = int((time.monotonic() + hash(request.host + request.path) % CHANGES_S) // CHANGES_S)
        return with_etag(request, _documents[turn % len(_documents)])
    if way == "hangs":
        await asyncio.sleep(60)
    if way in ("drips", "endless"):
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):  # the poller closes such connections
            while True:
                await response.write(b"<rss>" * (1 if way == "drips" else 20_000))
                await asyncio.sleep(1 if way == "drips" else 0.05)
        return response
    if way == "redirects":
        raise web.HTTPFound(f"/redirects/{random.randrange(10**9)}")
    bodies = {
        "garbage": os.urandom(20_000),
        "bomb": b"<rss><channel>" * 30_000,
        "slow xml": b"<rss><channel><item>" + b"<category>a</category>" * 60_000,
    }
    return web.Response(body=bodies.get(way, b""), status=500 if way == "500" else 200)


_documents: list[bytes] = []


def serve() -> None:
    """Serve the thousand hosts."""
    _documents.extend(document(n, items=8) for n in range(8))
    app = web.Application()
    app.router.add_get("/{way}/{n}", _answer)
    web.run_app(app, host="0.0.0.0", port=PORT, print=None, access_log=None)


async def crowd(settings: Settings, minutes: float, hostile: float) -> dict[str, Any]:
    broker = await connect(settings, settings.broker_url)
    wanted, feeds = urls(hostile), FeedRegistry(broker.state)
    await feeds.add([(url, "") for url in wanted])
    environ = {**os.environ, **to_environ(settings), f"{ENV_PREFIX}LOG_LEVEL": "ERROR"}
    poller = subprocess.Popen(
        [sys.executable, "-m", "workers.cli", "poll"], env=environ, cwd=ROOT, preexec_fn=die_with_parent
    )
    began_s, samples = time.time(), []
    try:
        while time.time() - began_s < minutes * 60:
            await asyncio.sleep(10)
            samples.append((_rss_mb(poller.pid), cpu_s(poller.pid)))
            assert poller.poll() is None, "the poller died"
    finally:
        poller.terminate()
        poller.wait(30)
    times: dict[str, list[float]] = defaultdict(list)
    failed: Counter[str] = Counter()
    late, due = [], dict.fromkeys(wanted, began_s)
    async for poll in subscribe("polls", start="start", follow=False, settings=settings):
        assert isinstance(poll, PollResult)
        at = poll.started_at.timestamp()
        if not wanted[poll.feed] and poll.outcome == "failed":
            failed[poll.error_kind] += 1
        if not wanted[poll.feed]:
            times[poll.feed].append(at)
            if len(times[poll.feed]) > 1:  # all feeds are due at the start
                late.append(at - due[poll.feed])
        due[poll.feed] = poll.next_due.timestamp() if poll.next_due else at
    gaps = [b - a for seen in times.values() for a, b in itertools.pairwise(seen)]
    good = [url for url, bad in wanted.items() if not bad]
    late.sort()
    await broker.close()
    half = samples[len(samples) // 2 :]
    return {
        "minutes": minutes, "hostile": hostile, "polls_of_good": sum(map(len, times.values())),
        "good_never_polled": sum(url not in times for url in good), "good_failed": dict(failed), "gaps_over_twice_the_interval": sum(g > 2 * INTERVAL_S for g in gaps),
        "late_s": {q: round(late[int(len(late) * float(q))], 2) for q in ("0.5", "0.99", "0.999")} if late else {},
        "cores": round((samples[-1][1] - samples[0][1]) / (10 * (len(samples) - 1)), 3),
        "rss_mb": [samples[0][0], half[0][0], samples[-1][0]],
    }  # fmt: skip


def _rss_mb(pid: int) -> float:
    with open(f"/proc/{pid}/statm") as statm:  # noqa: PTH123
        return round(int(statm.read().split()[1]) * 4096 / 1e6, 1)


def main(minutes: float, hostile: float) -> None:
    """Print the figures of a run."""
    listed = ",".join(f"{address(n)}:*" for n in range(HOSTS))
    with subprocess.Popen(
        [sys.executable, "-m", "tests.tools.bench.crowd", "serve"], preexec_fn=die_with_parent
    ) as hosts_:
        with server(
            poll_interval_s=INTERVAL_S,
            allowed_private_hosts=listed,
            host_delay_s=1.0,
            lease_s=6.0,
            max_desk_lag=10**9,
            valkey_memory_mb=8192,
        ) as settings:
            print(json.dumps(run(lambda: crowd(settings, minutes, hostile))), flush=True)
        hosts_.terminate()


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        given = [float(a) for a in sys.argv[1:]]
        main(*(given + [30.0, 0.05][len(given) :]))
