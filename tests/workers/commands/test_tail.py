"""`copydesk tail` while its broker stops and comes back."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from streams.config.settings import Settings
from streams.exit_codes import ExitCode
from streams.valkey.server import EmbeddedValkey
from tests.conftest import DEADLINE_S, ROOT, until
from tests.support.subscribers import article, wire

MANY = 5_000  # more than a subscriber buffers


@pytest.fixture
def server(tmp_path: Path) -> Generator[EmbeddedValkey, None, None]:
    server = EmbeddedValkey(Settings(data_dir=tmp_path / "data", valkey_fsync="always"))
    server.start()
    yield server
    server.stop()


def start_tail(server: EmbeddedValkey, folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "workers.cli", "tail", "articles", "--broker-url", server.url, *arguments]
    with (folder / "errors").open("w") as errors:
        return subprocess.Popen(
            command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=errors,
            text=True,
        )  # fmt: skip


def kill(server: EmbeddedValkey) -> None:
    assert server.process is not None
    server.process.kill()
    server.process.wait()


async def publish(server: EmbeddedValkey, *ids: str) -> None:
    async with wire(Settings(broker_url=server.url, partitions=4)) as broker:
        await broker.publish([article(id_, 1) for id_ in ids])


def failures(folder: Path) -> list[str]:
    """Return the level of each failed read in the log."""
    lines = (folder / "errors").read_text().splitlines()
    return [line.split()[1] for line in lines if ": read failed: " in line]


async def test_tail_reports_outage_once_and_waits(server: EmbeddedValkey, tmp_path: Path) -> None:
    await publish(server, "before")
    process = start_tail(server, tmp_path, "--from", "start", "--log-level", "DEBUG")
    assert process.stdout is not None
    try:
        process.stdout.readline()
        kill(server)
        await until(lambda: len(failures(tmp_path)) >= 3)
        assert failures(tmp_path)[0] == "warning"
        assert set(failures(tmp_path)[1:]) == {"debug"}
        server.restart_if_dead()
        await publish(server, "after")
        assert process.stdout.readline()
        assert (
            'available again: topic=copydesk.articles failure="read failed" (seconds='
            in (tmp_path / "errors").read_text()
        )
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_S) == ExitCode.INTERRUPTED
    finally:
        process.kill()
        process.communicate()


async def test_tail_without_follow_exits_unreachable(server: EmbeddedValkey, tmp_path: Path) -> None:
    await publish(server, *(f"{n:0200}" for n in range(MANY)))
    process = start_tail(server, tmp_path, "--no-follow", "--json")
    assert process.stdout is not None
    try:
        process.stdout.readline()
        kill(server)  # the unread pipe stops tail before the end of the topic
        output, _ = process.communicate(timeout=DEADLINE_S)
        assert process.returncode == ExitCode.UNREACHABLE
        assert len(output.splitlines()) < MANY
        assert failures(tmp_path) == ["warning"]
        assert "copydesk: broker unavailable: " in (tmp_path / "errors").read_text()
    finally:
        process.kill()
        process.communicate()
