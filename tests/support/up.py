"""`copydesk up` as a process."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import DEADLINE_S, ROOT

PACE_S = 0.25


@contextmanager
def up(folder: Path, *flags: str, port: int = 0) -> Generator["subprocess.Popen[str]", None, None]:
    """Run `copydesk up` in *folder* during the block."""
    log = (folder / "up.out").open("a")
    process = subprocess.Popen(
        [sys.executable, "-m", "workers.cli", "up", "--web-port", str(port), "--demo-interval-s", str(PACE_S), *flags],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=log, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
        log.close()


def output(folder: Path) -> str:
    return (folder / "up.out").read_text("utf-8")


def pids(folder: Path, *words: str) -> list[int]:
    """Return the ids of processes in *folder* that have all *words* on their command line."""
    matching = []
    for proc in Path("/proc").iterdir():
        if proc.name.isdecimal():
            try:
                # Valkey overwrites its arguments by a title with spaces.
                arguments = re.split(r"[\0 ]", (proc / "cmdline").read_bytes().decode("utf-8", "replace"))
                names = {Path(argument).name for argument in arguments}
                cwd = str((proc / "cwd").readlink())
            except OSError:
                continue
            if all(word in names for word in words) and cwd.startswith(str(folder)):
                matching.append(int(proc.name))
    return matching
