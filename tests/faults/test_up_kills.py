"""`copydesk up` that is killed in its first start, interrupted many times, or started twice."""

import asyncio
import os
import random
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from streams.valkey.server import is_responding
from tests.conftest import DEADLINE_S, copydesk, until
from tests.support.fork_server import start_module
from tests.support.up import output, pids, up

DATA = "copydesk-data"
KILLS = 10
FIRST_START_S = 1.5  # a first start takes about so long
FLAGS = ("--web-port", "0", "--demo-interval-s", "1")


async def kill_first_start(folder: Path, delay_s: float, *, with_server: bool) -> None:
    """Start `copydesk up` in the empty *folder*, and kill it after *delay_s*, perhaps after its server."""
    with (folder / "up.out").open("ab") as log:
        process = start_module("workers.cli", "up", *FLAGS, cwd=folder, stdout=log, stderr=log)
    await asyncio.sleep(delay_s)
    for pid in pids(folder, "valkey-server") if with_server else ():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.kill()
    process.wait(DEADLINE_S)


@pytest.mark.faults
async def test_up_killed_in_first_start_starts_again(tmp_path: Path) -> None:
    rnd = random.Random(3)
    for number in range(KILLS):
        folder = tmp_path / str(number)
        folder.mkdir()
        await kill_first_start(folder, rnd.uniform(0.0, FIRST_START_S), with_server=rnd.random() < 0.6)
        with up(folder):
            await until(lambda folder=folder: "●" in output(folder), what="a first article shown")  # type: ignore[misc]


async def test_second_up_is_refused_and_first_continues(tmp_path: Path) -> None:
    with up(tmp_path) as first:
        await until(lambda: is_responding(tmp_path / DATA))
        refused = await asyncio.to_thread(copydesk, "up", *FLAGS, cwd=tmp_path, check=2)
        assert f"in use by process {first.pid}" in refused.stderr
        assert first.poll() is None
        await until(lambda: "●" in output(tmp_path), what="a first article shown")


async def test_repeated_stop_signals_leave_no_process(tmp_path: Path) -> None:
    with up(tmp_path) as process:
        await until(lambda: "●" in output(tmp_path), what="a first article shown")
        for _ in range(6):
            process.terminate()
            await asyncio.sleep(0.02)
        await asyncio.to_thread(process.wait, DEADLINE_S)
        await until(lambda: not pids(tmp_path, "workers.cli") and not pids(tmp_path, "valkey-server"))
    with up(tmp_path):
        await until(lambda: is_responding(tmp_path / DATA))
