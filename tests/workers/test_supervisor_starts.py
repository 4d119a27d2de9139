"""Processes of `copydesk up` that cannot be started: a missing resource ends no other process."""

import os
import signal
from pathlib import Path

from tests.conftest import ROOT, until
from tests.support.up import output, pids, up
from workers.supervisor import WorkerProcess


async def test_failed_restart_of_worker_is_retried(tmp_path: Path) -> None:
    waiting = ["poll", "--broker-url", "valkey://127.0.0.1:1"]  # it waits for its broker
    worker = WorkerProcess("poller", waiting, {**os.environ, "PYTHONPATH": str(ROOT)}, tmp_path)
    worker.start()
    assert worker.process is not None
    worker.process.kill()
    worker.process.wait()
    out = tmp_path / "poller.out"
    out.unlink()
    out.mkdir()  # the output file cannot be opened, also by root
    assert "worker died: poller (signal 9" in worker.restart_if_dead()
    message = await until(worker.restart_if_dead)
    assert message.startswith("worker not started: poller ([Errno 21] Is a directory"), message
    out.rmdir()
    await until(lambda: not worker.restart_if_dead() and worker.process)
    worker.process.kill()
    worker.process.wait()


async def test_failed_start_at_reload_is_retried(tmp_path: Path) -> None:
    out = tmp_path / "copydesk-data" / "log" / "desk-1.out"
    with up(tmp_path, "--demo", "off") as process:
        await until(lambda: "copydesk is up" in output(tmp_path))
        out.unlink()
        out.mkdir()
        process.send_signal(signal.SIGHUP)
        await until(lambda: "worker not started: desk-1" in output(tmp_path))
        await until(lambda: "settings reloaded" in output(tmp_path))
        assert not pids(tmp_path, "workers.cli", "desk")
        out.rmdir()
        await until(lambda: pids(tmp_path, "workers.cli", "desk"))
    assert "Traceback" not in output(tmp_path)
