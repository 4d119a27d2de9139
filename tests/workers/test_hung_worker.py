"""`copydesk up` ends a worker process that hangs."""

import io
import os
import signal
from pathlib import Path
from typing import Any

from streams.config.settings import Settings
from tests.conftest import ROOT, until
from workers.console import ConsoleReporter
from workers.supervisor import Supervisor, WorkerProcess


def row(age_s: float) -> list[dict[str, Any]]:
    return [{"name": "poller", "role": "poller", "heartbeat_age_s": age_s}]


async def test_silent_worker_is_killed_after_two_rounds(tmp_path: Path) -> None:
    supervisor = Supervisor(Settings(data_dir=tmp_path))
    supervisor.console = ConsoleReporter(out := io.StringIO())
    waiting = ["poll", "--broker-url", "valkey://127.0.0.1:1"]  # it waits for its broker
    worker = WorkerProcess("poller", waiting, {**os.environ, "PYTHONPATH": str(ROOT)}, tmp_path)
    worker.start()
    supervisor.workers = [worker]
    assert worker.process is not None
    supervisor.end_hung(row(500.0))
    supervisor.end_hung(row(500.0))
    assert worker.process.poll() is None, "a process that has just started is not killed"
    supervisor.hung_s = 0.0
    for age_s in (0.0, 500.0, 0.0, 500.0):  # heartbeats between the rounds
        supervisor.end_hung(row(age_s))
    assert worker.process.poll() is None
    supervisor.end_hung(row(500.0))
    process = worker.process
    await until(lambda: process.poll() is not None)
    assert process.returncode == -signal.SIGKILL
    assert "worker hung: poller" in out.getvalue()
    assert "signal 9" in worker.restart_if_dead()
