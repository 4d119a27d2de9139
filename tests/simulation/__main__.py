"""`make simulate`: seeds until the number of steps is reached, a summary, and each planted bug.

make simulate ARGS="--steps 1000000"
python -m tests.simulation --seed 7 --broker memory       one seed, for a replay
python -m tests.simulation --bug lease_not_checked        the first seed that finds this planted bug

Exit code 1 for any violation, and for a planted bug that no seed finds.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.simulation.bugs import BUGS
from tests.simulation.simulation import DEFAULT_SCENE, Result, Scene, default_parts, simulate

BROKERS = ("memory", "streams")
MAX_SEEDS = 150  # of a planted bug


def run_all(steps: int, first_seed: int, brokers: list[str]) -> bool:
    """Run seeds until *steps* callbacks have run; return whether no seed violated a check."""
    started_s, started_cpu_s = time.monotonic(), time.process_time()
    total: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    violations: Counter[str] = Counter()
    failed: list[str] = []
    for seed, broker in _seeds(first_seed, brokers):
        result = simulate(seed, default_parts, broker)
        figures = {name: getattr(result, name) for name in ("steps", "articles", "items", "deliveries")}
        total.update(figures)
        total["virtual_s"] += int(result.virtual_s)
        faults.update(result.faults)
        violations.update(result.violations)
        if not result.ok:
            failed.append(f"--seed {seed} --broker {broker}")
            _print(result, broker)
        print(f"{total['steps']:,} steps, {len(failed)} seeds failed", file=sys.stderr, flush=True)
        if total["steps"] >= steps:
            break
    print(json.dumps({
        **total, "faults": sum(faults.values()), "faults_by_type": faults, "violations": violations, "failed": failed,
        "wall_s": round(time.monotonic() - started_s, 1), "cpu_s": round(time.process_time() - started_cpu_s, 1),
    }))  # fmt: skip
    return not failed


def _seeds(first_seed: int, brokers: list[str]) -> Iterator[tuple[int, str]]:
    seed = first_seed
    while True:
        for broker in brokers:
            yield seed, broker
        seed += 1


def find_bug(name: str, broker: str, first_seed: int = 1) -> tuple[Result, int] | None:
    """Return the result of the first seed that finds a planted bug, and the number of seeds; None without any.

    The same seed must pass without the bug.
    """
    bug = BUGS[name]
    for seed in range(first_seed, first_seed + MAX_SEEDS):
        result = simulate(seed, bug.parts, broker, bug.scene)
        if any(result.violations[figure] for figure in bug.figures):
            control = simulate(seed, default_parts, broker, bug.scene)
            if not any(control.violations.values()):
                return result, seed - first_seed + 1
            _print(control, broker)
    return None


def find_bugs(names: list[str], brokers: list[str]) -> bool:
    """Return whether the simulation finds all planted bugs."""
    missed = []
    for name in names:
        for broker in [broker for broker in brokers if broker in BUGS[name].brokers]:
            found = find_bug(name, broker)
            violations = {figure: count for figure, count in found[0].violations.items() if count} if found else {}
            print(
                json.dumps({"bug": name, "broker": broker, "seeds": found and found[1], "violations": violations}),
                flush=True,
            )
            if not found:
                missed.append(f"{name} ({broker})")
    print(json.dumps({"bugs": len(names), "missed": missed}))
    return not missed


def _print(result: Result, broker: str) -> None:
    figures: dict[str, Any] = result._asdict() | {"broker": broker}
    figures["violations"] = {name: count for name, count in result.violations.items() if count}
    print(json.dumps(figures, default=str), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser("make simulate")
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--seed", type=int, help="run this seed only")
    parser.add_argument("--broker", choices=BROKERS, action="append")
    parser.add_argument("--bug", choices=[*BUGS, "all"], help="find a planted bug")
    args = parser.parse_args()
    brokers = args.broker or list(BROKERS)
    if args.bug:
        return 0 if find_bugs(list(BUGS) if args.bug == "all" else [args.bug], brokers) else 1
    if args.seed is not None:
        scene = Scene(min(args.steps, DEFAULT_SCENE.steps))
        results = [(simulate(args.seed, default_parts, broker, scene), broker) for broker in brokers]
        for result, broker in results:
            _print(result, broker)
        return 0 if all(result.ok for result, _ in results) else 1
    return 0 if run_all(args.steps, args.first_seed, brokers) else 1


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets of strings depends on it
        os.execve(
            sys.executable,
            [sys.executable, "-m", "tests.simulation", *sys.argv[1:]],
            {**os.environ, "PYTHONHASHSEED": "0"},
        )
    code = main()
    sys.stdout.flush()
    os._exit(code)  # killed processes must not run their `finally` blocks
