"""Short form of the simulation; `make simulate` runs the long one. A failure prints the command that replays it.

Each test starts a process: the order of sets of strings must be the same in each run (PYTHONHASHSEED).
"""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.faults.checker import FIGURES
from tests.simulation.bugs import BUGS
from tests.simulation.chaos import KINDS
from tests.simulation.checks import MORE_FIGURES

# Pauses make it slow, as a busy machine does, and take no CPU time. The timer counts the CPU time of the process.
SLOW = (
    "-c",
    "import signal, sys, time; from tests.simulation.__main__ import main;"
    "signal.signal(signal.SIGVTALRM, lambda *_: time.sleep(0.02));"
    "signal.setitimer(signal.ITIMER_VIRTUAL, 0.004, 0.004); code = main();"
    "signal.setitimer(signal.ITIMER_VIRTUAL, 0); sys.exit(code)",
)


def simulation(*args: str, program: tuple[str, ...] = ("-m", "tests.simulation")) -> tuple[int, list[dict[str, Any]]]:
    """Return the exit code of the simulation, and its rows. Without the variable it would start itself again."""
    environ = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run([sys.executable, *program, *args], cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.stdout, done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_simulation_of_both_brokers_finds_nothing() -> None:
    code, rows = simulation("--steps", "60000")
    assert code == 0, rows
    assert rows[-1]["articles"] > 100
    assert rows[-1]["deliveries"] > 300
    assert rows[-1]["faults"] > 20


def test_same_seed_repeats_same_steps() -> None:
    seed = ("--seed", "5", "--steps", "1000")
    (_, first), (_, second) = simulation(*seed), simulation(*seed, "--broker", "streams", program=SLOW)
    traces = {row["broker"]: row["trace"] for row in first}
    assert [row["trace"] for row in second] == [traces["streams"]]  # at a fifth of the speed
    assert len(set(traces.values())) == 2


@pytest.mark.parametrize("bug", ["half_cleaned", "poison_drops_batch"])
def test_simulation_finds_planted_bug(bug: str) -> None:
    code, rows = simulation("--bug", bug, "--broker", "memory")
    assert code == 0, rows
    assert BUGS[bug].figures & rows[0]["violations"].keys()


@pytest.mark.faults
def test_simulation_finds_all_planted_bugs() -> None:
    code, rows = simulation("--bug", "all")
    assert code == 0, rows


def test_planted_bugs_cover_figures_and_faults() -> None:
    figures = {figure for bug in BUGS.values() for figure in bug.figures}
    assert {*FIGURES, *MORE_FIGURES} - figures <= {"both", "bug", "tail"}  # `both` and `tail`: tests/faults
    faults = {kind.partition(":")[0] for bug in BUGS.values() for kind in bug.scene.kinds}
    assert set(KINDS) - faults <= {"bad_feeds"}
