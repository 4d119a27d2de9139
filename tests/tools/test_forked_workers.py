"""Workers are forks of a template that has imported the tests; a worker that ends is replaced."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import DEADLINE_S, ROOT

CONFTEST = "from tests.tools.forked_workers import pytest_xdist_setupnodes\n"
TESTS = """
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
with (FOLDER / "imports").open("a") as file:
    print(os.getpid(), file=file)


@pytest.mark.parametrize("number", range(8))
def test_processes(number):
    with (FOLDER / "workers").open("a") as file:
        print(os.getpid(), os.getppid(), os.environ["PYTEST_XDIST_WORKER"], file=file)
    assert signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL
    assert subprocess.run([sys.executable, "-c", "raise SystemExit(3)"]).returncode == 3


def test_output():
    print("text of the worker")
    assert False


def test_crash():
    os._exit(4)
"""


def test_forked_workers_run_tests_and_end(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_invented.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "2", "-p", "no:cacheprovider", "-c", "/dev/null", str(tmp_path)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=DEADLINE_S,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 failed, 8 passed" in done.stdout
    assert "text of the worker" in done.stdout
    assert "crashed while running 'test_invented.py::test_crash'" in done.stdout
    [template] = (tmp_path / "imports").read_text().split()
    workers = {tuple(line.split()) for line in (tmp_path / "workers").read_text().splitlines()}
    assert {parent for _, parent, _ in workers} == {template}
    assert {worker for _, _, worker in workers} >= {"gw0", "gw1"}
    assert not any(Path(f"/proc/{pid}").exists() for pid in (template, *(pid for pid, _, _ in workers)))
