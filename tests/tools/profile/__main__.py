"""`make profile`: flame graphs of desk, poller and parser by py-spy, and the table of their costs in the docs.

make profile                            all programs, on captures of real feeds and on the demo newsroom
make profile ARGS="desk captures"       one program, one input; the table keeps the other figures

Flame graphs (`PROGRAM-INPUT.svg`) and samples are in build/profile, the figures in build/profile/costs.json.
docs/explanation/costs.md is written from these. Captures need ../shared.
"""

import json
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.tools.bench.desk_items import SHARED
from tests.tools.profile.page import page
from tests.tools.profile.stages import RULES, shares

ROOT = Path(__file__).parents[3]
FOLDER, PAGE = ROOT / "build" / "profile", ROOT / "docs" / "explanation" / "costs.md"
SOURCES = ("captures", "demo")
RATE = 100  # samples a second


def record(program: str, source: str, outputs: Mapping[str, Path]) -> dict[str, Any]:
    """Run a workload, write its samples in each form of py-spy to *outputs*, and return its figures."""
    command = [sys.executable, "-m", "tests.tools.profile.workloads", program, source, str(FOLDER)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as workload:
        assert workload.stdin is not None and workload.stdout is not None
        if workload.stdout.readline() != "ready\n":
            raise SystemExit(f"workload failed: {program} {source}; run it alone to see why")
        spies = [spy_on(workload.pid, form, path) for form, path in outputs.items()]
        workload.stdin.write("\n")
        workload.stdin.flush()
        figures: dict[str, Any] = json.loads(workload.stdout.readline())
        for spy in spies:
            spy.communicate()
    return figures


def spy_on(pid: int, form: str, out: Path) -> "subprocess.Popen[str]":
    """Start py-spy. It does not stop the process, so it costs that hardly anything, also on a busy machine."""
    spy = subprocess.Popen(
        [str(Path(sys.executable).with_name("py-spy")), "record", "--pid", str(pid), "--rate", str(RATE),
         "--nonblocking", "--full-filenames", "--format", form, "--output", str(out)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert spy.stdout is not None
    if "Sampling process" not in (line := spy.stdout.readline()):
        raise SystemExit(f"py-spy failed: {line.strip()}; it may need root, or CAP_SYS_PTRACE in a container")
    return spy


def profile(program: str, source: str) -> dict[str, Any]:
    """Write the flame graph and the samples of a program; return its figures with the share of each stage."""
    samples, graph = (FOLDER / f"{program}-{source}{suffix}" for suffix in (".txt", ".svg"))
    figures = record(program, source, {"raw": samples, "flamegraph": graph})
    return figures | {"stages": shares(samples.read_text("utf-8").splitlines(), RULES[program])}


def main(wanted: list[str]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    store = FOLDER / "costs.json"
    costs: dict[str, Any] = json.loads(store.read_text()) if store.exists() else {}
    programs = [name for name in RULES if name in wanted] or list(RULES)
    sources = [name for name in SOURCES if name in wanted] or SOURCES
    for program in programs:
        for source in sources:
            if source == "captures" and not SHARED.exists():
                print(f"captures left out: {SHARED} is missing", file=sys.stderr)
                continue
            costs[f"{program} {source}"] = profile(program, source)
            print(json.dumps({f"{program} {source}": costs[f"{program} {source}"]}, indent=1), flush=True)
            costs["machine"] = f"{platform.machine()}, Python {platform.python_version()}"
            costs["date"] = f"{datetime.now(UTC):%Y-%m-%d}"
            store.write_text(json.dumps(costs, indent=1))
            PAGE.write_text(page(costs))


if __name__ == "__main__":
    main(sys.argv[1:])
