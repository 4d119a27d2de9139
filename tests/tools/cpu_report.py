"""CPU time of tests, per file and per test: `pytest -p tests.tools.cpu_report --cpu-report FILE`.

A test's CPU time covers the test process, its ended children and its running descendants, for example servers. A fixture
of the module or session counts for the first test that uses it. Its waiting time is the wall time less the CPU time and
the time in which running processes were ready but had no core; see proc_pid_schedstat(5). On a busy machine the waiting
time is too long, because the delays of ended processes are unknown.

FILE gets one line per test, sorted by CPU time: CPU seconds, wall seconds, waiting seconds, started processes, worker,
seconds from the start of the session, test id. The summary prints sums of the files.
"""

import os
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

PROPERTY = "cpu_report"
STARTS = frozenset({"subprocess.Popen", "os.fork"})
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
FILES = 40  # in the summary


class Cost(NamedTuple):
    """CPU seconds, wall seconds, waiting seconds and started processes."""

    cpu_s: float
    wall_s: float
    waiting_s: float
    processes: int

    def plus(self, other: "Cost") -> "Cost":
        return Cost(*(a + b for a, b in zip(self, other, strict=True)))  # type: ignore[arg-type]


class Run(NamedTuple):
    """The cost of a test, the parallel worker that ran it, and its start in seconds from that of the session."""

    cost: Cost
    worker: str
    start_s: float


NOTHING = Cost(0.0, 0.0, 0.0, 0)


def descendants(pid: int) -> Iterator[int]:
    """Yield the running descendants of a process. A process may end meanwhile."""
    try:
        lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return
    for child in map(int, " ".join(lists).split()):
        yield child
        yield from descendants(child)


def process_cpu_s(pid: int) -> float:
    """Return the CPU time of a running process and of its ended children; see proc_pid_stat(5)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) * TICK_S


def tree_cpu_s() -> float:
    """Return the CPU time that this process and all its descendants have used."""
    ours = [resource.getrusage(usage) for usage in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in ours) + sum(map(process_cpu_s, descendants(os.getpid())))


def tree_delay_s() -> float:
    """Return the time in which the running threads of this process and its descendants were ready to run."""
    out_ns = 0
    for pid in (os.getpid(), *descendants(os.getpid())):
        for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                out_ns += int(path.read_text().split()[1])
            except (OSError, IndexError):  # the thread has ended
                continue
    return out_ns / 1e9


class Meter:
    """Measures each test in the process that runs it; the report of the teardown carries the result."""

    def __init__(self) -> None:
        self.processes = 0
        self.begin, self.delay_s = NOTHING, 0.0
        sys.addaudithook(self.audit)

    def audit(self, event: str, _: tuple[Any, ...]) -> None:
        self.processes += event in STARTS

    def pytest_runtest_logstart(self) -> None:
        self.begin, self.delay_s = Cost(tree_cpu_s(), time.monotonic(), 0.0, self.processes), tree_delay_s()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, call: "pytest.CallInfo[None]") -> Any:
        report = yield
        if call.when == "teardown":
            end = Cost(tree_cpu_s(), time.monotonic(), 0.0, self.processes)
            cpu_s, wall_s, _, processes = (now - then for now, then in zip(end, self.begin, strict=True))
            waiting_s = max(0.0, wall_s - cpu_s - max(0.0, tree_delay_s() - self.delay_s))
            report.user_properties.append((PROPERTY, [cpu_s, wall_s, waiting_s, processes, self.begin.wall_s]))
        return report


class Report:
    """Collects the measurements; with pytest-xdist, those of all workers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.runs: dict[str, Run] = {}
        self.start_s = time.monotonic()  # all processes of a machine share this clock

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if name == PROPERTY and report.when == "teardown":
                *cost, start_s = cast(tuple[float, float, float, int, float], value)
                worker = getattr(getattr(report, "node", None), "gateway", None)
                name = worker.id if worker is not None else "main"
                self.runs[report.nodeid] = Run(Cost(*cost), name, start_s - self.start_s)  # type: ignore[arg-type]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        costs = {test: run.cost for test, run in self.runs.items()}
        self.path.write_text("".join(f"{row(self.runs[test])} {test}\n" for test, _ in by_cpu(costs)), "utf-8")
        files = per_file(costs)
        terminalreporter.section("CPU time of tests: CPU s, wall s, waiting s, processes")
        for name, cost in by_cpu(files)[:FILES]:
            terminalreporter.write_line(f"{line(cost)} {name}")
        terminalreporter.write_line(f"{line(total(files.values()))} sum of {len(files)} files; {self.path}")


def per_file(costs: dict[str, Cost]) -> dict[str, Cost]:
    files: dict[str, Cost] = defaultdict(lambda: NOTHING)
    for test, cost in costs.items():
        name = test.partition("::")[0]
        files[name] = files[name].plus(cost)
    return files


def total(costs: Iterable[Cost]) -> Cost:
    out = NOTHING
    for cost in costs:
        out = out.plus(cost)
    return out


def by_cpu(costs: dict[str, Cost]) -> list[tuple[str, Cost]]:
    return sorted(costs.items(), key=lambda entry: -entry[1].cpu_s)


def line(cost: Cost) -> str:
    return f"{cost.cpu_s:8.2f} {cost.wall_s:8.2f} {cost.waiting_s:8.2f} {cost.processes:4}"


def row(run: Run) -> str:
    return f"{line(run.cost)} {run.worker:4} {run.start_s:7.1f}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cpu-report", type=Path, metavar="FILE", help="write the CPU time of each test to FILE")


def pytest_configure(config: pytest.Config) -> None:
    if path := config.getoption("--cpu-report"):
        if not hasattr(config, "workerinput"):
            config.pluginmanager.register(Report(Path(path)), "CPU report")
        if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
            config.pluginmanager.register(Meter(), "CPU meter")
