"""Benchmarks over time: CPU time of the main units of work, with floor and peer of the same run, by commit.

python -m tests.tools.bench.history run [MEASURE...]     measure; the record goes to bench-results/COMMIT.json
python -m tests.tools.bench.history add [FILE]           add the newest record, or FILE, to the history
python -m tests.tools.bench.history compare [FILE]       compare it with the history; exit code 1 if a ratio is worse

`make bench-history` is `run` and `add`, `make bench-compare` is `run` and `compare`. MEASURE: see `measures.py`; all but
those that need Java without one. The docs draw a chart of each measure from the history.
"""

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tests.conftest import ROOT
from tests.tools.bench.history.measures import DEFAULT, RUNS
from tests.tools.bench.history.record import Figures, Record, append, compare, middle, read_records, report

RESULTS = ROOT / "bench-results" / "history"
ROUNDS = 3


def commit() -> str:
    """Return the short name of the commit, with a plus sign if files differ from it."""
    if "GITHUB_SHA" in os.environ:
        return os.environ["GITHUB_SHA"][:7]
    command = ["git", "describe", "--always", "--abbrev=7", "--exclude=*", "--dirty=+"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def machine() -> str:
    """Return the architecture, the model of the processor, and the number of cores that the process may use."""
    rows = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((row.partition(":")[2].strip() for row in rows if row.startswith("model name")), "")
    return ", ".join(filter(None, (platform.machine(), model, f"{len(os.sched_getaffinity(0))} cores")))


def run(names: Sequence[str]) -> Path:
    """Measure, and return the file of the record. The rounds of all measures alternate."""
    chosen = names or DEFAULT
    rounds: dict[str, list[Figures]] = {name: [] for name in chosen}
    for _ in range(ROUNDS):
        for name in chosen:
            figures = RUNS[name]()
            rounds[name].append(figures)
            print(f"{name}: {figures.own:.1f} µs, floor {figures.floor:.1f} µs, peer {figures.peer:.1f} µs", flush=True)
    time, python = datetime.now(UTC).isoformat(timespec="seconds"), platform.python_version()
    figures_by_name = {name: middle(figures) for name, figures in rounds.items()}
    record = Record(commit(), time, machine(), python, round(os.getloadavg()[0], 1), figures_by_name)
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{time.replace(':', '')}-{record.commit}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1))
    return path


def newest(names: Sequence[str]) -> Record:
    """Return the record in the named file, else in the newest one. Raises SystemExit without any."""
    paths = [Path(name) for name in names] or sorted(RESULTS.glob("*.json"))
    if not paths:
        raise SystemExit("no record; run `make bench-history`")
    return msgspec.json.decode(paths[-1].read_bytes(), type=Record)


def main(command: str = "", *names: str) -> int:
    """Run a command; return the exit code."""
    if command == "run":
        print(run(names))
        return 0
    if command == "add":
        append(newest(names))
        return 0
    if command == "compare":
        changes = compare(newest(names), read_records())
        print(report(changes) or "no earlier record of these measures")
        return int(any(change.is_worse for change in changes))
    raise SystemExit(__doc__)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
