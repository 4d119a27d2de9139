"""Wall clock that jumps forward by 40 days and back, for the server and for the desk's retention loop."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streams.brokers.base import OutgoingMessage
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.config.settings import Settings
from streams.start import Start
from streams.topics import ARTICLES
from streams.valkey.server import EmbeddedValkey
from tests.conftest import ROOT, until
from tests.faults.fleet import die_with_harness
from tests.support.server_commands import server_commands

COUNT = 200
# The desk's retention loop in a process with a clock of its own.
UPKEEP = """
import asyncio, sys
from streams.config.settings import Settings
from streams.brokers import open_broker
from workers.retention import retention_loop

settings = Settings(broker_url=sys.argv[1])
asyncio.run(retention_loop(open_broker(settings), settings, interval_s=0.1))
"""


async def rounds(broker: RedisStreamsBroker, count: int) -> None:
    """Wait until the retention loop has read the clock this many times."""
    for _ in range(count):
        before = await broker.state.hget(broker.key("clock"), "latest")

        async def looked(before: bytes | None = before) -> bool:
            found: bytes | None = await broker.state.hget(broker.key("clock"), "latest")
            return found is not None and found != before

        await until(looked, what="a round of trimming")


async def test_forward_jump_of_a_minute_loses_nothing(tmp_path: Path) -> None:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        pytest.skip("no libfaketime on this machine")
    clock = tmp_path / "clock"
    clock.write_text("+0")
    faked = {
        "LD_PRELOAD": str(found[0]), "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip
    server = EmbeddedValkey(Settings(data_dir=tmp_path / "data"))
    with pytest.MonkeyPatch.context() as inherited:  # inherited by the server; this process keeps the true clock
        for name, value in faked.items():
            inherited.setenv(name, value)
        server.start()
    environ = {**os.environ, "PYTHONPATH": str(ROOT), **faked}
    try:
        broker = RedisStreamsBroker(server.url, partitions=4)
        await broker.create_topics([ARTICLES])
        await broker.publish([OutgoingMessage(ARTICLES.name, b"%d" % n, b"article") for n in range(COUNT)])
        reader = await broker.open_reader(ARTICLES, "mine", Start.EARLIEST)
        command = [sys.executable, "-c", UPKEEP, server.url]
        with subprocess.Popen(command, env=environ, preexec_fn=die_with_harness) as upkeep:
            try:
                await rounds(broker, 4)
                clock.write_text("+40d")
                await until(lambda: _is_ahead(broker), what="the server's clock going forward")
                await rounds(broker, 6)
                assert len(await server_commands(broker.state).lrange(broker.key("clock", "jumps"), 0, -1)) == 1
                clock.write_text("+0")
                await rounds(broker, 6)
                assert upkeep.poll() is None
            finally:
                upkeep.kill()
        got = []
        while not await reader.at_end():
            got += await reader.read(0.2)
        assert len(got) == COUNT
        assert (await broker.trim_topic(ARTICLES.name, 0))[1] == COUNT
        assert list(await broker.groups()) == ["mine"]
        await broker.close()
    finally:
        server.stop()


async def _is_ahead(broker: RedisStreamsBroker) -> bool:
    return await broker.time_s() > time.time() + 39 * 86_400


PUBLISHER = """
import asyncio, sys, time
from streams.brokers.base import OutgoingMessage
from streams.brokers.redis_streams.broker import RedisStreamsBroker

async def publish():
    broker = RedisStreamsBroker(sys.argv[1])
    await broker.publish([OutgoingMessage("copydesk.articles", b"k", b"v")])
    await broker.close()

assert time.time() < float(sys.argv[2])
asyncio.run(publish())
"""


async def test_publisher_with_wrong_clock_dates_no_message(settings: Settings) -> None:
    """Retention removes messages by their time: a poller's clock must not make new articles old."""
    library = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
    if library is None:
        pytest.skip("no libfaketime on this machine")
    broker = RedisStreamsBroker(settings.broker_url)
    await broker.create_topics([ARTICLES])
    environ = {**os.environ, "LD_PRELOAD": str(library), "FAKETIME": "-20d", "DONT_FAKE_MONOTONIC": "1"}
    subprocess.run(
        [sys.executable, "-c", PUBLISHER, settings.broker_url, str(time.time() - 86_400)], cwd=ROOT, env=environ, check=True
    )  # fmt: skip
    reader = await broker.open_reader(ARTICLES, "", Start.EARLIEST)
    messages = await reader.read(5.0)
    age_s = await broker.time_s() - messages[0].time_s
    await reader.close()
    await broker.close()
    assert age_s < 86_400
