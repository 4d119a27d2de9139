"""Power cuts, full and failing disks: the server never starts with less data than it acknowledged, except with an error.

The tests are synchronous, as kills and files are. `asyncio.run` serves single visits to the server.
"""

import asyncio
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from streams.brokers.base import OutgoingMessage, RedisCommand
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.config.settings import Settings
from streams.errors import UnavailableError
from streams.topics import POLLS
from streams.valkey.aof_repair import find_damage, truncate
from streams.valkey.server import EmbeddedValkey, find_server_binary, is_responding
from tests.conftest import DEADLINE_S, until

DONE = "test:done"


def log_file(data_dir: Path) -> Path:
    return max((data_dir / "valkey" / "appendonlydir").glob("*.incr.aof"), key=lambda p: int(p.name.split(".")[-3]))


def steps_done(url: str) -> tuple[int, int]:
    """Return the number of steps in the state, and of messages in the topic."""

    async def go() -> tuple[int, int]:
        broker = RedisStreamsBroker(url)
        count = int(await broker.state.get(DONE) or 0)
        bounds = await broker.bounds([(POLLS.name, n) for n in range(await broker.partitions(POLLS.name))])
        await broker.close()
        return count, sum(b.end for b in bounds.values())

    return asyncio.run(go())


def step(n: int) -> tuple[Sequence[OutgoingMessage], Sequence[RedisCommand]]:
    """A step of two messages and their state writes."""
    messages = [OutgoingMessage(POLLS.name, b"%d" % n, b"value %d" % n), OutgoingMessage(POLLS.name, b"k%d" % n, b"v")]
    return messages, [("SET", DONE, n + 1)]


# -- cut at every byte ----------------------------------------------------------------------------------------


Work = Callable[[RedisStreamsBroker, int], Any]


async def whole_step(broker: RedisStreamsBroker, n: int) -> None:
    await broker.publish(*step(n))


async def small_record(broker: RedisStreamsBroker, n: int) -> None:
    await broker.state.execute_command("XADD", broker.stream(POLLS.name, 0), "0-*", "v", n)


def recorded(data_dir: Path, count: int, work: Work) -> tuple[bytes, list[int]]:
    """Return a log of this many records, and its size after each acknowledgement."""
    server = EmbeddedValkey(Settings(data_dir=data_dir, partitions=1))
    server.start()

    async def go() -> list[int]:
        broker = RedisStreamsBroker(server.url, partitions=1)
        await broker.create_topics([POLLS])
        sizes = [log_file(data_dir).stat().st_size]
        for n in range(count):
            await work(broker, n)
            sizes.append(log_file(data_dir).stat().st_size)
        await broker.close()
        return sizes

    sizes = asyncio.run(go())
    server.stop()
    return log_file(data_dir).read_bytes(), sizes


def start_or_refuse(server: EmbeddedValkey, binary: Path) -> bool:
    """Return whether the server starts over its unchanged directory. Leaves out the checks of `start`, for speed."""
    path = Path(server.data_dir / "valkey.sock")
    path.unlink(missing_ok=True)
    with (server.data_dir / "valkey.log").open("ab") as log:
        process = subprocess.Popen([str(binary), *server._arguments(path)], cwd=server.data_dir / "valkey", stdout=log)
    server.process = process
    while process.poll() is None and not is_responding(server.data_dir):
        time.sleep(0.001)  # another program's process has no awaitable
    return process.poll() is None


def cut_at_every_byte(tmp_path: Path, count: int, work: Work, first: int, messages: int) -> int:
    """Start over the log cut at each byte from record *first* on; return the number of refused starts."""
    data, sizes = recorded(tmp_path, count, work)
    server, binary = EmbeddedValkey(Settings(data_dir=tmp_path)), find_server_binary()
    path, refused, whole = log_file(tmp_path), 0, first
    for offset in range(sizes[first], sizes[-1] + 1):
        path.write_bytes(data[:offset])
        if offset == sizes[whole + 1 if whole < count else count]:
            whole += 1  # number of acknowledged records at this size
        if start_or_refuse(server, binary):
            assert offset == sizes[whole], f"a silent start over a log that is torn at {offset}"
            assert steps_done(server.url)[1] == messages * whole, offset
        else:
            refused += 1
            assert offset != sizes[whole], f"refused a sound log of {offset} bytes"
            damage = find_damage(tmp_path / "valkey", binary)
            assert damage is not None, offset
            assert (damage.size_bytes, damage.valid_bytes) == (offset, sizes[whole]), "what repair would leave"
        assert server.process is not None
        server.process.kill()
        server.process.wait()
    assert whole == count
    return refused


def test_cut_log_keeps_acknowledged_records_or_refuses_start(tmp_path: Path) -> None:
    assert cut_at_every_byte(tmp_path, 3, small_record, 1, 1) > 100


@pytest.mark.faults
def test_cut_log_of_steps_has_whole_steps_only(tmp_path: Path) -> None:
    assert cut_at_every_byte(tmp_path, 4, whole_step, 1, 2) > 500


@pytest.mark.hours
def test_cut_log_of_thousand_records_at_every_byte(tmp_path: Path) -> None:
    assert cut_at_every_byte(tmp_path, 1000, small_record, 0, 1) > 10_000


# -- power cuts -----------------------------------------------------------------------------------------------


def strace() -> str:
    found = shutil.which("strace")
    if found is None:
        pytest.skip("no strace on this machine")
    return found


@contextmanager
def traced(server: EmbeddedValkey, *options: str, out: Path) -> Generator[None, None, None]:
    """Attach strace to the server."""
    assert server.process is not None
    command = [strace(), "-f", "-y", "-o", str(out), *options, "-p", str(server.process.pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as tracer:
        assert tracer.stderr is not None
        assert b"attached" in tracer.stderr.readline()
        try:
            yield
        finally:
            tracer.terminate()


_WRITE = re.compile(r"write\(\d+<[^>]*\.incr\.aof>.*= (\d+)$")
_SYNC = re.compile(r"(?:fdatasync|fsync)\(\d+<[^>]*\.incr\.aof>\)\s*= 0$")


def durable_bytes(trace: Path, before: int) -> int:
    """Return the durable bytes: written before the last completed fdatasync."""
    written = durable = before
    for line in trace.read_text("utf-8", "replace").splitlines():
        if found := _WRITE.search(line):
            written += int(found[1])
        elif _SYNC.search(line):
            durable = written
    return durable


async def publish_until_dead(url: str, first: int, acknowledged: list[int]) -> None:
    broker = RedisStreamsBroker(url, partitions=4)
    try:
        await broker.create_topics([POLLS])
        n = first
        while True:
            await broker.publish(*step(n))
            n += 1
            acknowledged[0] = n
    except UnavailableError:
        return
    finally:
        await broker.close()


def power_cuts(tmp_path: Path, count: int) -> None:
    """Cut the power at random times; unsynced bytes are lost or torn."""
    rnd = random.Random(11)
    server = EmbeddedValkey(Settings(data_dir=tmp_path, partitions=4))
    server.start()
    acknowledged = [0]
    for n in range(count):
        assert server.process is not None
        before, trace = log_file(tmp_path).stat().st_size, tmp_path / "trace"
        first = acknowledged[0]
        with traced(server, "-e", "trace=write,fdatasync,fsync", "-s", "0", out=trace):

            async def go(pid: int, first: int) -> None:
                publishing = asyncio.create_task(publish_until_dead(server.url, first, acknowledged))
                await until(lambda: acknowledged[0] > first + rnd.randint(5, 60), what="steps")
                os.kill(pid, signal.SIGKILL)
                await publishing

            asyncio.run(go(server.process.pid, first))
            server.process.wait()
        durable, path = durable_bytes(trace, before), log_file(tmp_path)
        size = path.stat().st_size
        assert durable > before
        # The page cache is lost. None or some of the bytes in flight have reached the disk.
        with path.open("r+b") as log:
            log.truncate(durable if n % 2 else rnd.randint(durable, size))
        damage = find_damage(tmp_path / "valkey", find_server_binary())
        if damage:
            truncate(damage, find_server_binary())
        server.restart_if_dead()
        done, messages = steps_done(server.url)
        assert done >= acknowledged[0], f"cut {n}: {acknowledged[0]} were acknowledged, {done} are there"
        assert messages == 2 * done
        acknowledged[0] = done
    server.stop()


def test_power_cut_loses_no_acknowledged_data(tmp_path: Path) -> None:
    power_cuts(tmp_path, 3)


@pytest.mark.faults
def test_hundred_power_cuts_lose_no_acknowledged_data(tmp_path: Path) -> None:
    power_cuts(tmp_path, 100)


def test_everysec_loses_on_power_cut(tmp_path: Path) -> None:
    """Prove that the simulated cut loses data: everysec, which the README warns about, fails the same test."""
    server = EmbeddedValkey(Settings(data_dir=tmp_path, partitions=4, valkey_fsync="everysec"))
    server.start()
    assert server.process is not None
    acknowledged, trace = [0], tmp_path / "trace"
    before = log_file(tmp_path).stat().st_size
    with traced(server, "-e", "trace=write,fdatasync,fsync", "-s", "0", out=trace):

        async def go(pid: int) -> None:
            publishing = asyncio.create_task(publish_until_dead(server.url, 0, acknowledged))
            await until(lambda: acknowledged[0] > 200)
            os.kill(pid, signal.SIGKILL)
            await publishing

        asyncio.run(go(server.process.pid))
        server.process.wait()
    with log_file(tmp_path).open("r+b") as log:
        log.truncate(durable_bytes(trace, before))
    if damage := find_damage(tmp_path / "valkey", find_server_binary()):
        truncate(damage, find_server_binary())
    server.restart_if_dead()
    assert steps_done(server.url)[0] < acknowledged[0]
    server.stop()


# -- failing disks --------------------------------------------------------------------------------------------


def test_failed_fsync_stops_server_without_loss(tmp_path: Path) -> None:
    server = EmbeddedValkey(Settings(data_dir=tmp_path, partitions=4))
    server.start()
    acknowledged = [0]
    for when in (20, 40):
        options = ("-e", "trace=fdatasync", "-e", f"inject=fdatasync:error=EIO:when={when}")
        with traced(server, *options, out=tmp_path / "trace"):
            asyncio.run(publish_until_dead(server.url, acknowledged[0], acknowledged))
            assert server.process is not None
            assert server.process.wait(DEADLINE_S) != 0
        server.restart_if_dead()
        done, messages = steps_done(server.url)
        assert done >= acknowledged[0] > 0
        assert messages == 2 * done
        acknowledged[0] = done
    server.stop()


@contextmanager
def small_disk(folder: Path) -> Generator[None, None, None]:
    """A disk of 2 MB."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"may not mount a small disk here: {mounted.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_full_disk_loses_nothing_and_recovers(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk):
        server = EmbeddedValkey(Settings(data_dir=disk, partitions=4))
        server.start()
        acknowledged = [0]
        asyncio.run(publish_until_dead(server.url, 0, acknowledged))
        assert acknowledged[0] > 100
        subprocess.run(["mount", "-o", "remount,size=16m", str(disk)], check=True)

        def again() -> Any:
            damage = find_damage(disk / "valkey", find_server_binary())
            if server.process is not None and server.process.poll() is not None and damage:
                assert damage.valid_bytes > 0
                truncate(damage, find_server_binary())
            server.restart_if_dead()
            return is_responding(disk)

        asyncio.run(_until(again))
        done, messages = steps_done(server.url)
        assert done >= acknowledged[0]
        assert messages == 2 * done
        server.stop()


async def _until(condition: Callable[[], Any]) -> None:
    await until(condition)
