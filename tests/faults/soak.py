"""`make soak`: hours of steady load with occasional faults, and the growth of each untouched process.

make soak ARGS="--hours 4"                    embedded
make soak ARGS="--hours 4 --kafka 4.4.0"      a cluster of three nodes of this version

Prints a JSON line every five minutes: memory, descriptors, threads and tasks of each surviving process. The last line
holds the checker's figures and the growth per hour: least squares, without the first quarter. SIGTERM ends the
faults early: the last line follows. A desk remembers the items of an hour, so a shorter run shows that growth, too.
"""

import argparse
import asyncio
import json
import random
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.faults.__main__ import first_articles, outcome, run_loop
from tests.faults.fleet import Fleet, Part
from tests.faults.ledger_server import TruthServer
from tests.faults.schedule import EMBEDDED, KAFKA, break_things
from tests.support.kafka import Cluster

STEADY = ("poller-3", "desk-3")
SAMPLE_S = 300.0
ITEMS_PER_DAY = 10_000_000  # of a feed: the default of 5,000 ends after an hour
FEEDS, NEWS = 6, 10  # each offer has ten new stories and two or three revised ones


def usage(pid: int) -> dict[str, int]:
    """Return kB of memory (shared pages proportionally), descriptors and threads of process *pid*."""
    proc = Path(f"/proc/{pid}")
    pss = next(row for row in (proc / "smaps_rollup").read_text().splitlines() if row.startswith("Pss:"))
    threads = next(row for row in (proc / "status").read_text().splitlines() if row.startswith("Threads:"))
    files = len(list((proc / "fd").iterdir()))
    return {"kb": int(pss.split()[1]), "files": files, "threads": int(threads.split()[1])}


async def tasks(part: Part) -> int:
    """Return the number of asyncio tasks, from the log that SIGUSR1 causes."""
    log = part.folder / f"{part.name}.log"
    before = log.stat().st_size
    part.signal(signal.SIGUSR1)
    await asyncio.sleep(2.0)
    with log.open("rb") as file:
        file.seek(before)
        return file.read().count(b"task running")


async def sample(fleet: Fleet) -> dict[str, Any]:
    """Return the resources of each process that was never killed, and of the state server."""
    rows: dict[str, Any] = {}
    for name in (*STEADY, "tail"):
        process = fleet.parts[name].process
        assert process is not None
        rows[name] = {"pid": process.pid, **usage(process.pid)}
        if name in STEADY:
            rows[name]["tasks"] = await tasks(fleet.parts[name])
    info = await fleet.broker.state.info("memory")
    rows["valkey"] = {"kb": info["used_memory"] // 1024, "offered": sum(map(len, fleet.truth.ledger.values()))}
    return rows


def slopes(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Return the growth per hour of each figure of each process, without the first quarter: three of four hours."""
    rows = rows[max(1, len(rows) // 4) :]
    hours = [row["minute"] / 60 for row in rows]
    out: dict[str, dict[str, float]] = {}
    for name in (*STEADY, "tail", "valkey"):
        figures = [key for key in rows[0][name] if key not in ("pid", "offered")]
        out[name] = {f: round(_slope(hours, [row[name][f] for row in rows]), 2) for f in figures}
    return out


def _slope(x: list[float], y: list[float]) -> float:
    return statistics.linear_regression(x, y).slope if len(x) > 1 else 0.0


async def soak(hours: float, rate: float, pace_s: float, kafka: str, seed: int) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="copydesk-soak-"))
    cluster = Cluster(kafka, 3) if kafka else None
    try:
        if cluster:
            cluster.start()
        pause_s = FEEDS * (NEWS + 2.4) / rate
        async with TruthServer(seed, FEEDS, NEWS, 0.01, pause_s) as truth:
            fleet = Fleet(
                folder,
                truth,
                cluster=cluster,
                steady=STEADY,
                poll_interval_s=0.25,
                max_feed_items_per_day=ITEMS_PER_DAY,
            )
            await fleet.start()
            try:
                await first_articles(fleet)
                rows, faults = await _keep_on(fleet, hours, pace_s, seed)
                settled = await fleet.settle(180.0)
                result = await outcome(fleet, settled, 60.0)
            finally:
                await fleet.stop()
    finally:
        if cluster:
            cluster.stop()
    return {
        "hours": round(rows[-1]["minute"] / 60, 2),
        "faults": dict(faults),
        "slopes_an_hour": slopes(rows),
        "last": rows[-1],
        **result,
    }


async def _keep_on(fleet: Fleet, hours: float, pace_s: float, seed: int) -> tuple[list[dict[str, Any]], Counter[str]]:
    started_s, rows, faults = time.monotonic(), [], Counter[str]()
    rnd = random.Random(seed)
    kinds = KAFKA if fleet.cluster else EMBEDDED
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    while (passed_s := time.monotonic() - started_s) < hours * 3600 and not ended.is_set():
        faults += await break_things(fleet, rnd.randrange(1 << 30), max(1, int(SAMPLE_S / pace_s)), kinds, pace_s)
        await asyncio.sleep(5.0)  # killed processes are back by then
        try:
            rows.append({"minute": round(passed_s / 60, 1), **await sample(fleet)})
            print(json.dumps(rows[-1]), flush=True)
        except Exception as exc:  # noqa: BLE001 - a process that just died is in the next sample
            print(json.dumps({"minute": round(passed_s / 60, 1), "error": str(exc)}), flush=True)
    return rows, faults


def main() -> int:
    parser = argparse.ArgumentParser("make soak")
    parser.add_argument("--hours", type=float, default=4.0)
    parser.add_argument("--rate", type=float, default=50.0, help="items a second")
    parser.add_argument("--pace-s", type=float, default=60.0, help="between two faults")
    parser.add_argument("--kafka", default="", metavar="VERSION")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    result = run_loop(soak(args.hours, args.rate, args.pace_s, args.kafka, args.seed))
    print(json.dumps(result))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
