"""Damage of each file of the embedded server's log: either all records survive, or the start fails and names the file.

The tests are synchronous, as kills and files are. `asyncio.run` serves single visits to the server.
"""

import asyncio
import math
import mmap
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streams.brokers.base import OutgoingMessage
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.config.settings import Settings
from streams.errors import SettingsError
from streams.start import Start
from streams.topics import POLLS
from streams.valkey.aof_repair import ends_early, find_damage
from streams.valkey.server import EmbeddedValkey, find_server_binary
from tests.conftest import copydesk, until
from tests.support.server_commands import server_commands

RECORDS = 30  # half in the base file, half in the incremental file
MANIFEST = "appendonly.aof.manifest"
Harm = Callable[[Path], object]


def aof_dir(data_dir: Path) -> Path:
    return data_dir / "valkey" / "appendonlydir"


async def write_records(url: str) -> None:
    broker = RedisStreamsBroker(url, partitions=1)
    await broker.create_topics([POLLS])
    for n in range(RECORDS):
        if n == RECORDS // 2:
            await server_commands(broker.state).bgrewriteaof()
            await until(lambda: rewritten(broker), what="the base rewritten")
        await broker.publish([OutgoingMessage(POLLS.name, b"k", b"value %d" % n)])
    await broker.close()


async def rewritten(broker: RedisStreamsBroker) -> bool:
    persistence = await broker.state.info("persistence")
    return bool(persistence["aof_rewrites"]) and not persistence["aof_rewrite_in_progress"]


def records(url: str) -> list[bytes]:
    async def go() -> list[bytes]:
        broker = RedisStreamsBroker(url, partitions=1)
        reader = await broker.open_reader(POLLS, "", Start.EARLIEST)
        out: list[bytes] = []
        while not await reader.at_end():
            out += [d.value for d in await reader.read(0.1)]
        await broker.close()
        return out

    return asyncio.run(go())


EXPECTED = [b"value %d" % n for n in range(RECORDS)]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with records in its base and incremental file, after an orderly stop."""
    data_dir = tmp_path_factory.mktemp("sound")
    server = EmbeddedValkey(Settings(data_dir=data_dir, partitions=1))
    server.start()
    asyncio.run(write_records(server.url))
    server.stop()
    return data_dir


def copied(sound: Path, tmp_path: Path) -> Path:
    data_dir = tmp_path / "data"
    shutil.rmtree(data_dir, ignore_errors=True)
    return Path(shutil.copytree(sound, data_dir))


def started_records(data_dir: Path) -> list[bytes]:
    """Return the records of a server over *data_dir*. Raises the exception of its start."""
    server = EmbeddedValkey(Settings(data_dir=data_dir, partitions=1))
    server.start()
    try:
        return records(server.url)
    finally:
        server.stop()


def assert_refused_by_name(data_dir: Path, part: str) -> None:
    """Check that the start and `repair` report the damage and change no file."""
    before = contents(data_dir)
    with pytest.raises(SettingsError, match="file damaged") as refused:
        started_records(data_dir)
    assert part in str(refused.value)
    assert "backup" in str(refused.value)
    try:
        assert find_damage(data_dir / "valkey", find_server_binary()) is not None, "repair reports damage as sound"
    except SettingsError as exc:
        assert part in str(exc)
    assert contents(data_dir) == before


def contents(data_dir: Path) -> dict[str, bytes]:
    return {str(p.relative_to(data_dir)): p.read_bytes() for p in (data_dir / "valkey").rglob("*") if p.is_file()}


def truncate(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)


def zero_end(path: Path, size: int) -> None:
    truncate(path, size - min(20, size // 2))
    truncate(path, size)


def remove_files(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def flip(path: Path, offset: int, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1 << bit
    path.write_bytes(data)


def harms(size: int, cuts: int, flips: int) -> Iterator[tuple[str, Harm]]:
    """Yield damaged versions of a file of *size* bytes."""
    yield "missing", lambda p: p.unlink()
    for n in range(cuts):
        offset = n * (size - 1) // max(1, cuts - 1)
        yield f"cut at {offset}", lambda p, o=offset: truncate(p, o)  # type: ignore[misc]
    for n in range(flips):
        offset = n * (size - 1) // max(1, flips - 1)
        yield f"bit {n % 8} flipped at {offset}", lambda p, o=offset, b=n % 8: flip(p, o, b)  # type: ignore[misc]
    yield "zeros at the end", lambda p: zero_end(p, size)


def damage_each_file(
    sound: Path, tmp_path: Path, cuts: int, flips: int, names: str = "*", copy: Callable[[Path, Path], Path] = copied
) -> int:
    count = 0
    for name in sorted(path.name for path in aof_dir(sound).glob(names)):
        for _label, harm in harms((aof_dir(sound) / name).stat().st_size, cuts, flips):
            data_dir = copy(sound, tmp_path)
            harm(aof_dir(data_dir) / name)
            assert_refused_by_name(data_dir, name)
            count += 1
    return count


def test_log_damaged_in_each_file_is_refused(sound: Path, tmp_path: Path) -> None:
    assert started_records(copied(sound, tmp_path)) == EXPECTED
    assert damage_each_file(sound, tmp_path, cuts=12, flips=40) == 3 * 54


@pytest.mark.faults
def test_log_damaged_at_many_offsets_is_refused(sound: Path, tmp_path: Path) -> None:
    assert damage_each_file(sound, tmp_path, cuts=100, flips=400) == 3 * 502


EMPTIED: dict[str, Harm] = {
    "files": lambda d: remove_files(aof_dir(d)),
    "appendonlydir": lambda d: shutil.rmtree(aof_dir(d)),
    "valkey": lambda d: shutil.rmtree(d / "valkey"),
}


@pytest.mark.parametrize("emptied", EMPTIED)
def test_log_emptied_after_use_is_refused(emptied: str, sound: Path, tmp_path: Path) -> None:
    data_dir = copied(sound, tmp_path)
    EMPTIED[emptied](data_dir)
    with pytest.raises(SettingsError, match=MANIFEST):
        started_records(data_dir)
    with pytest.raises(SettingsError, match=MANIFEST):
        find_damage(data_dir / "valkey", find_server_binary())


def test_log_torn_after_stop_is_repaired_to_prefix(sound: Path, tmp_path: Path) -> None:
    data_dir = copied(sound, tmp_path)
    [path] = aof_dir(data_dir).glob("*.incr.aof")
    truncate(path, path.stat().st_size - 7)
    assert_refused_by_name(data_dir, path.name)
    assert "were confirmed" in copydesk("repair", "--data-dir", str(data_dir), cwd=tmp_path, check=4).stdout
    copydesk("repair", "--yes", "--data-dir", str(data_dir), cwd=tmp_path)
    assert started_records(data_dir) == EXPECTED[:-1]


# -- directories without a record of use ----------------------------------------------------------------------


def without_record(sound: Path, tmp_path: Path) -> Path:
    """A data directory of a version that did not write the record."""
    data_dir = copied(sound, tmp_path)
    for path in data_dir.glob("*.json"):
        path.unlink()
    return data_dir


def test_older_directory_starts_and_is_recorded(sound: Path, tmp_path: Path) -> None:
    data_dir = without_record(sound, tmp_path)
    assert started_records(data_dir) == EXPECTED
    shutil.rmtree(aof_dir(data_dir))
    with pytest.raises(SettingsError, match=MANIFEST):
        started_records(data_dir)


def line(number: int) -> Harm:
    return lambda p: p.write_text(p.read_text().splitlines()[number] + "\n")


OLDER: dict[str, tuple[str, str, Harm]] = {  # damaged file, file name in the error, damage
    "manifest missing": (MANIFEST, MANIFEST, lambda p: p.unlink()),
    "manifest empty": (MANIFEST, MANIFEST, lambda p: truncate(p, 0)),
    "manifest without its last line": (MANIFEST, "2.incr.aof", line(0)),
    "manifest without its first line": (MANIFEST, MANIFEST, line(1)),
    "incremental file listed as history": (
        MANIFEST, "incr.aof", lambda p: p.write_text(p.read_text().replace("type i", "type h"))),
    "base missing": ("*.base.rdb", "base.rdb", lambda p: p.unlink()),
    "base empty": ("*.base.rdb", "base.rdb", lambda p: truncate(p, 0)),
    "base of zeros": ("*.base.rdb", "base.rdb", lambda p: p.write_bytes(bytes(p.stat().st_size))),
    "base cut": ("*.base.rdb", "base.rdb", lambda p: truncate(p, p.stat().st_size // 2)),
    "base with a bit flipped": ("*.base.rdb", "base.rdb", lambda p: flip(p, p.stat().st_size // 2, 3)),
    "incremental file missing": ("*.incr.aof", "incr.aof", lambda p: p.unlink()),
    "incremental file torn": ("*.incr.aof", "incr.aof", lambda p: truncate(p, p.stat().st_size - 7)),
}  # fmt: skip


@pytest.mark.parametrize("damage", OLDER)
def test_older_directory_damaged_is_refused(damage: str, sound: Path, tmp_path: Path) -> None:
    data_dir = without_record(sound, tmp_path)
    pattern, part, harm = OLDER[damage]
    [path] = aof_dir(data_dir).glob(pattern)
    harm(path)
    assert_refused_by_name(data_dir, part)


@pytest.mark.faults
@pytest.mark.parametrize("names", ["*.manifest", "*.base.rdb"])
def test_older_directory_damaged_at_many_offsets_is_refused(names: str, sound: Path, tmp_path: Path) -> None:
    assert damage_each_file(sound, tmp_path, 88, 352, names, without_record) == 442


def test_first_start_that_was_killed_starts_again(tmp_path: Path) -> None:
    server = EmbeddedValkey(Settings(data_dir=tmp_path, partitions=1))
    server.start()
    server.stop()
    for path in [aof_dir(tmp_path) / MANIFEST, *tmp_path.glob("*.json")]:
        path.unlink()  # the base file is renamed into place before the manifest
    server.start()
    asyncio.run(write_records(server.url))
    server.stop()
    assert started_records(tmp_path) == EXPECTED


def test_unreadable_record_is_refused(sound: Path, tmp_path: Path) -> None:
    data_dir = copied(sound, tmp_path)
    [path] = data_dir.glob("*.json")
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(SettingsError, match=path.name):
        started_records(data_dir)


# -- a server that died while it wrote ------------------------------------------------------------------------


TORN = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$9000\r\n"


def torn_by_kill(data_dir: Path, *, at_page: bool = True) -> tuple[EmbeddedValkey, Path, int]:
    """Kill the server and append a partial command, as an interrupted write does."""
    server = EmbeddedValkey(Settings(data_dir=data_dir, partitions=1))
    server.start()
    asyncio.run(write_records(server.url))
    kill(server)
    [path] = aof_dir(data_dir).glob("*.incr.aof")
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(TORN)
        file.write(b"x" * (-(size + len(TORN)) % mmap.PAGESIZE + (not at_page)))
    return server, path, size


def kill(server: EmbeddedValkey) -> None:
    assert server.process is not None
    server.process.kill()
    server.process.wait()


def test_tail_torn_within_one_boot_is_cut(tmp_path: Path) -> None:
    server, path, size = torn_by_kill(tmp_path)
    torn = path.read_bytes()[size:]
    assert server.restart_if_dead()
    assert records(server.url) == EXPECTED
    server.stop()
    assert path.stat().st_size >= size
    [copy] = (tmp_path / "valkey" / "torn").iterdir()
    assert copy.read_bytes() == torn


def test_tail_cut_off_page_boundary_is_refused(tmp_path: Path) -> None:
    server, path, _size = torn_by_kill(tmp_path, at_page=False)
    torn = path.read_bytes()
    with pytest.raises(SettingsError, match="repair"):
        server.restart_if_dead()
    assert path.read_bytes() == torn
    server.stop()


def test_tail_torn_before_this_boot_is_refused(tmp_path: Path) -> None:
    server, path, _size = torn_by_kill(tmp_path)
    [record] = tmp_path.glob("*.json")
    record.write_text(re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "00000000-0000-0000-0000-000000000000", record.read_text()))
    torn = path.read_bytes()
    with pytest.raises(SettingsError, match="repair"):
        server.restart_if_dead()
    assert path.read_bytes() == torn
    server.stop()


def test_bit_flip_behind_record_is_not_cut(tmp_path: Path) -> None:
    server, path, size = torn_by_kill(tmp_path)
    truncate(path, size)
    flip(path, path.read_bytes().index(b"\r\nvalue 20") - 1, 3)  # a length of 8 becomes 0
    damaged = path.read_bytes()
    with pytest.raises(SettingsError, match="file damaged"):
        server.restart_if_dead()
    assert path.read_bytes() == damaged
    server.stop()


def test_ends_early_accepts_each_cut_only() -> None:
    step = b"*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$12\r\n*1\r\n$1\r\nx\r\n$\r\n*1\r\n$4\r\nEXEC\r\n"
    assert all(ends_early(step[:n]) for n in range(len(step)))
    for harmed in (b"X" + step, step.replace(b"$3", b"$2"), step[:-2] + b"\r\r", step + b"\0\0", bytes(100)):
        assert not ends_early(harmed), harmed


# -- the record while the server runs -------------------------------------------------------------------------


def recorded_now(server: EmbeddedValkey) -> None:
    server._recorded_s = -math.inf  # simulate an old record
    server.restart_if_dead()


def test_log_emptied_after_crash_is_refused(tmp_path: Path) -> None:
    server = EmbeddedValkey(Settings(data_dir=tmp_path, partitions=1))
    server.start()
    asyncio.run(write_records(server.url))
    recorded_now(server)
    kill(server)
    [path] = aof_dir(tmp_path).glob("*.incr.aof")
    truncate(path, 0)
    with pytest.raises(SettingsError, match=path.name):
        server.restart_if_dead()
    server.stop()


def test_record_during_rewrites_never_refuses_sound_log(tmp_path: Path) -> None:
    server = EmbeddedValkey(Settings(data_dir=tmp_path, partitions=1))
    server.start()

    async def load(first: int) -> None:
        broker = RedisStreamsBroker(server.url, partitions=1)
        await broker.create_topics([POLLS])
        await server_commands(broker.state).bgrewriteaof()
        for n in range(first, first + 20):
            await broker.publish([OutgoingMessage(POLLS.name, b"k", b"value %d" % n)])
            recorded_now(server)
        await broker.close()

    for n in range(8):
        asyncio.run(load(20 * n))
        kill(server)
        assert server.restart_if_dead(), "refused"
    assert records(server.url) == [b"value %d" % n for n in range(160)]
    server.stop()
