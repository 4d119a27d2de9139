"""The fork server of commands: the processes that it forks are like those that an interpreter starts."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import DEADLINE_S, ROOT, until
from tests.support.fork_server import is_running, run_module, start_module

ENVIRON = {"PYTHONPATH": str(ROOT), "A": "b"}


def run(folder: Path, code: str, *arguments: str, timeout: float = DEADLINE_S) -> "subprocess.CompletedProcess[str]":
    """Run *code* in a process of the fork server."""
    (folder / "program.py").write_text(code)
    return run_module("program", *arguments, cwd=folder, environ=ENVIRON, timeout=timeout, input="in")


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("nonsense",), ("status",), ("url", "mailto:a@b")])
def test_fork_server_command_equals_started_command(arguments: tuple[str, ...], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "workers.cli", *arguments]
    started = subprocess.run(command, cwd=tmp_path, env=ENVIRON, capture_output=True, text=True, check=False)
    forked = run_module("workers.cli", *arguments, cwd=tmp_path, environ=ENVIRON, timeout=DEADLINE_S)
    assert (forked.returncode, forked.stdout, forked.stderr) == (started.returncode, started.stdout, started.stderr)


def test_fork_server_process_has_its_own_state(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "print(sys.argv[1:], os.getcwd(), sorted(os.environ), sys.stdin.read(), __name__, oct(os.umask(0)))\n"
        "print('error', file=sys.stderr)"
    )
    old = os.umask(0o027)
    try:
        done = run(tmp_path, code, "x", "y")
    finally:
        os.umask(old)
    assert done.stdout == f"['x', 'y'] {tmp_path} ['A', 'PYTHONPATH'] in __main__ 0o27\n"
    assert (done.returncode, done.stderr) == (0, "error\n")


@pytest.mark.parametrize(
    ("code", "returncode", "stderr"),
    [
        ("raise SystemExit", 0, ""), ("raise SystemExit(7)", 7, ""), ("raise SystemExit('bad')", 1, "bad\n"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero\n"), ("import os; os.kill(os.getpid(), 9)", -9, ""),
        ("import threading; threading.Timer(.1, print, ['late']).start()", 0, ""),
    ],
)  # fmt: skip
def test_fork_server_reports_exit_code(code: str, returncode: int, stderr: str, tmp_path: Path) -> None:
    done = run(tmp_path, code)
    assert (done.returncode, done.stderr[-len(stderr) :] if stderr else done.stderr) == (returncode, stderr)
    assert done.stdout == ("late\n" if "late" in code else "")


def test_fork_server_process_of_timeout_is_killed(tmp_path: Path) -> None:
    code = "import os, pathlib, time; pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(600)"
    with pytest.raises(TimeoutError):
        run(tmp_path, code, timeout=2)
    assert not (tmp_path / "pid").exists() or not is_running((tmp_path / "pid").read_text())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
async def test_killed_parent_of_command_counts_as_kill(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import os, time; print(os.getppid(), flush=True); time.sleep(600)")
    with (tmp_path / "out").open("w+b") as out:
        command = start_module("program", cwd=tmp_path, environ=ENVIRON, stdout=out)
        await until(lambda: (tmp_path / "out").read_text().endswith("\n"))
        os.kill(int((tmp_path / "out").read_text()), signal.SIGKILL)
        assert command.wait(DEADLINE_S) == -signal.SIGKILL
        assert command.poll() == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
async def test_fork_server_ends_with_its_tests(tmp_path: Path) -> None:
    """The test process is killed while a command runs."""
    (tmp_path / "program.py").write_text(
        "import os, time; print(os.getpid(), os.getppid(), flush=True); time.sleep(600)"
    )
    code = (
        "import sys, os\n"
        "from tests.support.fork_server import Command, Request\n"
        f"Command(Request('program', [], {str(tmp_path)!r}, {{}}, 0o022), (0, 1, 2)).wait()"
    )
    tests = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert tests.stdout is not None
    pids = tests.stdout.readline().split()
    assert len(pids) == 2
    tests.send_signal(signal.SIGKILL)
    await until(lambda: not any(map(is_running, pids)), what="processes ended")
    tests.wait()
    tests.stdout.close()
