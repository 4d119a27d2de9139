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
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.config.settings import Settings
from streams.config.sources import CONFIG_VARIABLE, ENV_PREFIX
from streams.records import PollResult
from streams.subscribe import subscribe
from streams.valkey.server import die_with_parent
from tests.conftest import ROOT
from tests.tools.bench.common import run, server
from tests.tools.bench.hostile_feeds import PORT, good_urls, hostile_urls, serve
from tests.tools.bench.item_times import ArticleTimes, memory_by_key, quantiles, worst
from tests.tools.bench.poll import cpu_s
from workers.counters import read_counters
from workers.poller.registry import FeedRegistry
from workers.services import connect
from workers.supervisor import to_environ

SAMPLE_S = 10.0


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
        self.processes_mb: dict[str, list[float]] = {}

    def sample(self) -> None:
        for name, pid in self.workers.items():
            self.processes_mb[name] = [pss_mb([process]) for process in descendants(pid)]
            self.mb[name].append(round(sum(self.processes_mb[name]), 1))

    def report(self) -> dict[str, Any]:
        """Return the mean of each third of the time after the first, the maximum, and MB a minute in the last half.

        *processes_mb*: the memory of each process at the last sample, the worker's own first.
        """
        out: dict[str, Any] = {}
        for name, values in self.mb.items():
            third, half = max(1, len(values) // 3), values[len(values) // 2 :]
            parts = [values[third : 2 * third], values[2 * third :]]
            slope = statistics.linear_regression(range(len(half)), half).slope if len(half) > 1 else 0.0
            out[name] = {
                "thirds": [round(statistics.mean(part or values), 1) for part in parts], "max": max(values),
                "growth_a_minute": round(slope * 60 / SAMPLE_S, 2),
                "processes_mb": self.processes_mb[name],
            }  # fmt: skip
        return out


async def observe(settings: Settings, minutes: float, urls: list[str], environ: dict[str, str]) -> dict[str, Any]:
    broker = await connect(settings, settings.broker_url)
    assert isinstance(broker, RedisStreamsBroker)
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
    articles = ArticleTimes(good, began_s + float(environ["WARM_UP_S"]))
    reading = asyncio.create_task(articles.read(settings))
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
    times, by_key = await articles.times(broker), await memory_by_key(broker)
    await broker.close()
    return {
        "minutes": minutes, "feeds": len(urls), **polls, "good_articles": len(times), "stolen": articles.stolen,
        "latency_s": quantiles(times), "worst": worst(times), "desk": counters["desk"], "mb": sampler.report(),
        "valkey_mb": round(int(memory["used_memory"]) / 1e6, 1), "valkey_mb_by_key": by_key, "cpu_s": used_s,
        "load": os.getloadavg(),
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
