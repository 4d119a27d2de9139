"""`copydesk up` as a process."""

import re
import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import DEADLINE_S
from tests.support.fork_server import Command, start_module

PACE_S = 0.25


@contextmanager
def up(folder: Path, *flags: str, port: int = 0) -> Generator[Command, None, None]:
    """Run `copydesk up` in *folder* during the block."""
    options = ("--web-port", str(port), "--demo-interval-s", str(PACE_S), *flags)
    with (folder / "up.out").open("ab") as log:
        process = start_module("workers.cli", "up", *options, cwd=folder, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(DEADLINE_S)
        except TimeoutError:
            process.kill()
            process.wait()
            raise


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
