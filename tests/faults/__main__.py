"""`make faults`: seeded runs, one JSON line each, and a summary. Exit code 1 for any loss, duplicate or corruption.

make faults ARGS="--runs 20 --faults 40"          embedded
make faults ARGS="--kafka 4.4.0 --runs 5"         a cluster of three nodes of this version
python -m tests.faults --kafka 4.4.0 --rebalances --pace-s 2.5     rebalances of the desks
python -m tests.faults --total FILE...            the sums of the lines of several commands
"""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from streams.exit_codes import ExitCode
from streams.subscribe import COMMIT_EVERY
from tests.faults.fleet import MEMBERS, SINKS, Fleet
from tests.faults.ledger_server import TruthServer
from tests.faults.schedule import EMBEDDED, KAFKA, QUICK, REBALANCES, break_things
from tests.support.kafka import Cluster

FAILED = 1  # exit code of an exception that nothing caught, and of a shutdown that timed out
ENDED_BY_COPYDESK = (ExitCode.SOFTWARE, ExitCode.TEMPFAIL)  # a bug, and a stall


def run_loop(main: Coroutine[Any, Any, Any]) -> Any:
    """Run *main* in uvloop where that is installed: all connections of a run pass through this process."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


async def run(
    seed: int, faults: int, *, kafka: str = "", pace_s: float = 0.5, bug: str = "", feeds: int = 6, news: int = 4,
    chaos: float = 0.05, kinds: Any = None, folder: Path | None = None, patience_s: float = 300.0,
    pause_s: float = 0.0, items: int = 0, articles: int = 0, clock: Path | None = None, **settings: Any,
) -> dict[str, Any]:  # fmt: skip
    """Return the report of a run; `ok` is true when the checker found no violation."""
    started_s = time.monotonic()
    directory = folder or Path(tempfile.mkdtemp(prefix="copydesk-faults-"))
    cluster = Cluster(kafka, 3) if kafka else None
    try:
        if cluster:
            cluster.start()
        async with TruthServer(seed, feeds, news, chaos, pause_s) as truth:
            fleet = Fleet(directory, truth, cluster=cluster, bug=bug, **settings)
            if clock:
                fleet.share_clock(clock)
            await fleet.start()
            try:
                await first_articles(fleet)
                done = await break_things(fleet, seed, faults, kinds or (KAFKA if kafka else EMBEDDED), pace_s, items)
                if articles:
                    fleet.heal()
                    await first_articles(fleet, articles)
                settled = await fleet.settle(patience_s)
                result = await outcome(fleet, settled, patience_s / 3)
            finally:
                await fleet.stop()
    finally:
        if cluster:
            cluster.stop()
    has_failed = any(FAILED in codes for codes in result["exits"].values())
    if result["ok"] and folder is None and not has_failed:  # else its logs are needed
        shutil.rmtree(directory, ignore_errors=True)
    else:
        result["folder"] = str(directory)
    return {"seed": seed, "faults": dict(done), "wall_s": round(time.monotonic() - started_s, 1), **result}


async def first_articles(fleet: Fleet, min_items: int = 50) -> None:
    """Wait until articles arrive: faults before the first article would test no recovery."""
    end_s = time.monotonic() + 300
    while (
        sum(feed.count for feed in fleet.truth.feeds) < min_items + len(fleet.truth.feeds) * fleet.truth.feeds[0].news
    ):
        if time.monotonic() > end_s:
            raise AssertionError("nothing flows, before any fault")
        await asyncio.sleep(0.1)


async def outcome(fleet: Fleet, settled: bool, patience_s: float) -> dict[str, Any]:
    report = await fleet.report()
    views = await _views(fleet, {(out.id, out.revision) for out in fleet.wire}, patience_s)
    is_stopped = any(code in ENDED_BY_COPYDESK for codes in fleet.exits.values() for code in codes)
    ok = report.ok and settled and not is_stopped and not any(views.values())
    return {
        "ok": ok, "settled": settled, "articles": report.articles, "offered": report.offered, "dead": report.dead,
        **report.figures, **views, "deliveries": fleet.deliveries, "repeats": fleet.repeats, "hits": dict(fleet.hits),
        "exits": fleet.exits, "max_stall_s": round(fleet.stalls.stall_s, 1),
        "max_stall_with_pauses_s": round(fleet.stalls.raw_stall_s, 1), "max_pause_s": round(fleet.stalls.pause_s, 1),
        "examples": report.examples, "counters": fleet.counters,
    }  # fmt: skip


async def _views(fleet: Fleet, wire: set[tuple[str, int]], patience_s: float) -> dict[str, int]:
    """Return the violations of the deliveries to the reader, the group and the webhook.

    *patience_s*: without a delivery, the rest counts as lost.
    """
    end_s, least = time.monotonic() + patience_s, 3 * len(wire) + 1
    while True:
        started_s = time.monotonic()
        received = await asyncio.to_thread(fleet.subscribers)  # large files: this process answers the webhook meanwhile
        group = [event for name in MEMBERS for event in received[name]]
        lacking = {"tail": received["tail"], "member": group, "hook": received["hook"]}
        lost = {f"{name}_lost": len(wire - set(events)) for name, events in lacking.items()}
        if sum(lost.values()) < least:  # deliveries go on
            end_s, least = time.monotonic() + patience_s, sum(lost.values())
        if not least or time.monotonic() > end_s:
            break
        await asyncio.sleep(max(0.2, time.monotonic() - started_s))
    fleet.deliveries = {"tail": len(received["tail"]), "member": len(group), "hook": len(received["hook"])}
    fleet.repeats = {"member": len(group) - len(set(group)), "hook": len(received["hook"]) - len(set(received["hook"]))}
    return lost | {
        "tail_dup": len(received["tail"]) - len(set(received["tail"])),
        "member_dup": excess(fleet.repeats["member"], COMMIT_EVERY, sum(fleet.hits[name] for name in MEMBERS)),
        "hook_dup": excess(fleet.repeats["hook"] - fleet.truth.unconfirmed_hooks, 2, sum(fleet.hits[name] for name in SINKS)),
        "member_order": sum(disorder(received[name]) for name in MEMBERS),
        "hook_order": disorder(received["hook"]),
    }  # fmt: skip


def excess(repeats: int, batch: int, faults: int) -> int:
    """Return the repeated records beyond one *batch* per fault: the unacknowledged ones."""
    return max(0, repeats - batch * faults)


def disorder(events: Sequence[tuple[str, int]]) -> int:
    """Return the number of revisions that came for the first time after a newer one."""
    newest: dict[str, int] = {}
    seen: set[tuple[str, int]] = set()
    count = 0
    for event in events:
        count += event not in seen and event[1] < newest.get(event[0], 0)
        seen.add(event)
        newest[event[0]] = max(event[1], newest.get(event[0], 0))
    return count


def totals(results: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the sums of the figures of runs, the longest stall, and the seeds that failed."""
    total: Counter[str] = Counter()
    stalls_s, failed = [0.0], []
    for result in results:
        numbers = {
            name: n for name, n in result.items() if isinstance(n, int) and name not in ("seed", "ok", "settled")
        }
        total.update(numbers)
        total["runs"] += 1
        total["all_faults"] += sum(result["faults"].values())
        total["all_deliveries"] += sum(result["deliveries"].values())
        stalls_s.append(result["max_stall_s"])
        failed += [] if result["ok"] else [result["seed"]]
    return {"failed": failed, "max_stall_s": max(stalls_s), **total}


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser("make faults")
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--faults", type=int, default=40)
    options.add_argument("--pace-s", type=float, default=0.5)
    options.add_argument("--feeds", type=int, default=6)
    options.add_argument("--news", type=int, default=20, help="new stories of each document")
    options.add_argument("--pause-s", type=float, default=0.0, help="between two documents of a feed, at least")
    options.add_argument("--items", type=int, default=0, help="that desks handle between two faults, at least")
    options.add_argument("--quick", action="store_const", const=QUICK, dest="kinds", help="no starts of processes")
    options.add_argument("--rebalances", action="store_const", const=REBALANCES, dest="kinds", help="with --kafka")
    options.add_argument("--kafka", default="", metavar="VERSION")
    options.add_argument("--total", nargs="+", type=Path, metavar="FILE", help="print the sums of earlier output")
    return options


def main() -> int:
    args = parser().parse_args()
    if args.total:
        rows = [json.loads(line) for path in args.total for line in path.read_text().splitlines()]
        results = [row for row in rows if "seed" in row]
    else:
        results = []
        for seed in range(args.seed, args.seed + args.runs):
            results.append(run_loop(
                run(
                    seed, args.faults, kafka=args.kafka, pace_s=args.pace_s, feeds=args.feeds, news=args.news,
                    kinds=args.kinds, pause_s=args.pause_s, items=args.items, is_forking=args.kinds is not REBALANCES,
                )
            ))  # fmt: skip
            print(json.dumps(results[-1]), flush=True)
    total = totals(results)
    print(json.dumps(total))
    return 1 if total["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
