"""The CPU report counts test processes, their children and running servers, with and without parallel workers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import DEADLINE_S, ROOT

TESTS = """
import subprocess
import sys
import time

BURN = "import sys, time\\nwhile time.process_time() < 0.3: pass\\nprint(flush=True)\\nsys.stdin.read()"


def test_cheap():
    pass


def test_own():
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass


def test_ended_child():
    subprocess.run([sys.executable, "-c", BURN], input=b"", check=True)


def test_running_child():
    # The child ends when this process closes its end of the pipe.
    child = subprocess.Popen([sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdout.readline()


def test_after_running_child():
    pass


def test_waiting():
    time.sleep(0.5)
"""


@pytest.mark.parametrize("workers", [0, 1])
def test_cpu_report_counts_children(tmp_path: Path, workers: int) -> None:
    (tmp_path / "test_invented.py").write_text(TESTS)
    report = tmp_path / "report.txt"
    options = ["-p", "tests.tools.cpu_report", "--cpu-report", str(report), "-n", str(workers)]
    configuration = ["-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *configuration, str(tmp_path)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=DEADLINE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split() for line in report.read_text().splitlines()]
    cpu_s = {row[-1].partition("::")[2]: float(row[0]) for row in rows}
    waiting_s = {row[-1].partition("::")[2]: float(row[2]) for row in rows}
    processes = {row[-1].partition("::")[2]: int(row[3]) for row in rows}
    for test in ("test_own", "test_ended_child", "test_running_child"):
        assert cpu_s[test] >= 0.25, rows  # clock ticks of 10 ms round down
    for test in ("test_cheap", "test_after_running_child"):
        assert cpu_s[test] < 0.3, rows
    assert waiting_s["test_waiting"] >= 0.25, rows
    assert {row[4] for row in rows} == {"gw0" if workers else "main"}
    assert processes == {
        "test_cheap": 0, "test_own": 0, "test_ended_child": 1, "test_running_child": 1, "test_after_running_child": 0,
        "test_waiting": 0,
    }  # fmt: skip
    assert f"sum of 1 files; {report}" in done.stdout
