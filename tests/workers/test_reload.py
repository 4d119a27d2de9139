"""Reload on SIGHUP, and notifications to systemd."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from streams.config.settings import Settings
from tests.conftest import ROOT, until
from workers.notify import notify, watchdog_interval_s, watchdog_task
from workers.reload import has_lost_terminal

VALID = '[[feeds]]\nurl = "https://a.example/*"\n'
INVALID = 'poll_interval_s = 900\n[[feeds]]\nurl = "https://a.example/*"\nunknown = 1\n'


@contextmanager
def running(folder: Path, *words: str, **environ: str) -> Generator["subprocess.Popen[bytes]", None, None]:
    """Run a command whose output goes to `folder/out`; end it in order."""
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "workers.cli", *words], cwd=folder, stdin=subprocess.DEVNULL, stdout=out,
            stderr=subprocess.STDOUT, env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        )  # fmt: skip
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0, (folder / "out").read_text()
    finally:
        process.kill()
        process.wait()


def count(folder: Path, text: str) -> int:
    return (folder / "out").read_text().count(text)


def child(pid: int, command: str) -> int:
    """Return the process id of the child of *pid* that runs `copydesk COMMAND`."""
    for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if command in Path(f"/proc/{number}/cmdline").read_text().split("\0"):
            return int(number)
    raise LookupError(f"no child {command} of {pid}")


@pytest.mark.parametrize("role", ["poll", "desk"])
async def test_service_reloads_in_place(role: str, settings: Settings, tmp_path: Path) -> None:
    config, ready = tmp_path / "copydesk.toml", {"poll": "poller ready", "desk": "desk ready"}[role]
    config.write_text(VALID)
    with running(tmp_path, role, "--broker-url", settings.broker_url) as process:
        await until(lambda: count(tmp_path, ready) == 1, what=ready)
        config.write_text(INVALID)
        process.send_signal(signal.SIGHUP)
        await until(lambda: count(tmp_path, "reload failed"), what="a refused reload")
        assert "copydesk.toml:4" in (tmp_path / "out").read_text() or "line 4" in (tmp_path / "out").read_text()
        config.write_text(VALID)
        process.send_signal(signal.SIGHUP)
        await until(lambda: count(tmp_path, ready) == 2, what=f"{ready} again")
        assert process.poll() is None
        assert count(tmp_path, "settings reloaded") == 1


async def test_up_reloads_its_workers(tmp_path: Path) -> None:
    config = tmp_path / "copydesk.toml"
    config.write_text("")
    with running(tmp_path, "up", "--demo", "off", "--web-port", "0") as process:
        await until(lambda: count(tmp_path, "copydesk is up"), what="the banner")
        config.write_text(INVALID)
        process.send_signal(signal.SIGHUP)
        await until(lambda: count(tmp_path, "settings not reloaded"), what="a refused reload")
        config.write_text(VALID + '[[routes]]\nname = "harbours"\nkeyword = "harbour"\n')
        process.send_signal(signal.SIGHUP)
        await until(lambda: count(tmp_path, "settings reloaded: 1 [[feeds]], 1 [[routes]]"), what="a reload")
        assert process.poll() is None
    assert count(tmp_path, "Traceback") == 0
    assert count(tmp_path, "worker died") == 0


async def test_killed_worker_restarts_beside_invalid_file(tmp_path: Path) -> None:
    config, log = tmp_path / "copydesk.toml", tmp_path / "copydesk-data" / "log" / "desk-1.log"
    config.write_text(VALID)
    with running(tmp_path, "up", "--demo", "off", "--web-port", "0") as process:
        await until(lambda: log.exists() and log.read_text().count("desk ready") == 1, what="a desk")
        config.write_text(INVALID)
        os.kill(child(process.pid, "desk"), signal.SIGKILL)
        await until(lambda: log.read_text().count("desk ready") == 2, what="another desk")
        assert count(tmp_path, "worker died") == 1
        assert (tmp_path / "copydesk-data" / "workers.toml").stat().st_mode & 0o777 == 0o600


def test_hangup_of_closed_terminal_is_recognised() -> None:
    assert not has_lost_terminal(False)
    script = "import sys; from workers.reload import has_lost_terminal; sys.exit(has_lost_terminal(True))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, start_new_session=True)
    assert done.returncode == 1  # a new session has no terminal


async def test_notifications_reach_the_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        receiver.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        monkeypatch.setenv("WATCHDOG_USEC", "2000")
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
        notify("READY=1")
        assert receiver.recv(100) == b"READY=1"
        notify("RELOADING=1")
        assert receiver.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        pinging = asyncio.create_task(watchdog_task())
        for _ in range(2):
            assert await asyncio.get_running_loop().sock_recv(receiver, 100) == b"WATCHDOG=1"
        pinging.cancel()
        monkeypatch.setenv("WATCHDOG_PID", "1")
        assert watchdog_interval_s() == 0
    notify("READY=1")  # a socket without a receiver is no failure


def test_service_without_systemd_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    notify("READY=1")
    assert watchdog_interval_s() == 0


async def test_poller_notifies_readiness(settings: Settings, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.setblocking(False)
        with running(
            tmp_path, "poll", "--broker-url", settings.broker_url, NOTIFY_SOCKET=str(tmp_path / "notify")
        ):  # fmt: skip
            assert await asyncio.get_running_loop().sock_recv(receiver, 100) == b"READY=1"
        assert await asyncio.get_running_loop().sock_recv(receiver, 100) == b"STOPPING=1"


@pytest.mark.parametrize("unit", ["copydesk.service", "copydesk@.service"])
def test_units_use_notify_watchdog_and_reload(unit: str) -> None:
    text = (ROOT / "examples" / "systemd" / unit).read_text("utf-8")
    for line in ("Type=notify", "WatchdogSec=", "ExecReload=/bin/kill -HUP $MAINPID"):
        assert f"\n{line}" in text


def test_second_reload_does_not_end_the_process() -> None:
    program = """
import signal, time
from streams.config.settings import load_settings
from workers.reload import Reloader

received = []
signal.signal(signal.SIGTERM, lambda *_: received.append(1))
reloader = Reloader(lambda: None or object())
reloader.request()
reloader.request()
print(len(received))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1"], done.stderr
