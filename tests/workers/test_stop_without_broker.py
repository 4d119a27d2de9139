"""A worker whose broker is gone ends at a stop signal, for example after `kill -9` of `copydesk up`."""

import os
import signal
from pathlib import Path

from streams.config.settings import Settings
from streams.valkey.server import EmbeddedValkey
from tests.conftest import ROOT, until
from workers.supervisor import WorkerProcess


async def test_desk_without_broker_ends_at_stop(tmp_path: Path) -> None:
    valkey = EmbeddedValkey(Settings(data_dir=tmp_path / "data"))
    valkey.start()
    assert valkey.process is not None
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "COPYDESK_SHUTDOWN_TIMEOUT_S": "0.5"}
    worker = WorkerProcess("desk-1", ["desk", "--broker-url", valkey.url], environ, tmp_path)
    worker.start()
    process = worker.process
    assert process is not None
    try:
        await until(lambda: worker.log_path.exists() and "desk ready" in worker.log_path.read_text())
        valkey.process.kill()
        valkey.process.wait()
        await until(lambda: "broker unavailable" in worker.log_path.read_text())
        process.send_signal(signal.SIGTERM)
        await until(lambda: process.poll() is not None)
    finally:
        process.kill()
        valkey.process.kill()
