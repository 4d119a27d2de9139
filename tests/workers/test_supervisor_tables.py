"""Reloads of `copydesk up` that remove or add the tables of a worker."""

import os
import signal
from pathlib import Path

from streams.config.settings import Settings
from streams.valkey.server import socket_url
from tests.conftest import until
from tests.support.up import output, pids, up
from workers.heartbeats import read_workers
from workers.services import connect

SINK = '[[sinks]]\nname = "files"\ntype = "jsonl"\npath = "articles.jsonl"\n'


async def test_reload_reports_only_its_workers(tmp_path: Path) -> None:
    config, data_dir = tmp_path / "copydesk.toml", tmp_path / "copydesk-data"
    config.write_text(SINK)
    with up(tmp_path, "--demo", "off", "--shutdown-timeout-s", "0.5") as process:
        await until(lambda: "copydesk is up" in output(tmp_path))
        broker = await connect(Settings(data_dir=data_dir), socket_url(data_dir))

        async def names() -> set[str]:
            return {worker.name for worker in await read_workers(broker.state)}

        async def reload(text: str) -> set[str]:
            count = output(tmp_path).count("settings reloaded")
            config.write_text(text)
            process.send_signal(signal.SIGHUP)
            await until(lambda: output(tmp_path).count("settings reloaded") > count)
            return await names()

        assert "sink" in await names()
        [pid] = pids(tmp_path, "workers.cli", "sink")
        os.kill(pid, signal.SIGSTOP)  # it has to be killed, so it leaves its entry
        assert "sink" not in await reload("")
        (data_dir / "log" / "sink.out").unlink()
        (data_dir / "log" / "sink.out").mkdir()  # it cannot be started, so it writes no entry
        assert "sink" in await reload(SINK)
        await broker.close()
