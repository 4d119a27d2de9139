"""A blocking read of Redis Streams ends in time when the server's clock is put back."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.config.settings import Settings
from streams.state.redis_client import REPLY_TIMEOUT_S
from streams.topics import ITEMS
from streams.valkey.server import EmbeddedValkey
from tests.conftest import until
from tests.support.server_commands import server_commands

WAIT_S = 1.0
PUT_BACK = "-1h"


class ServerClock:
    """The clock of the server, as an offset to the true time."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.put("+0")

    def put(self, offset: str) -> None:
        self.file.write_text(offset)

    def environ(self, library: Path) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
        }  # fmt: skip


@pytest.fixture
async def clocked(tmp_path: Path) -> AsyncGenerator[tuple[RedisStreamsBroker, ServerClock]]:
    """A broker on a server whose clock can be put back."""
    library = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
    if library is None:
        pytest.skip("no libfaketime on this machine")
    clock = ServerClock(tmp_path / "clock")
    server = EmbeddedValkey(Settings(data_dir=tmp_path / "data"))
    with pytest.MonkeyPatch.context() as inherited:  # by the server; this process keeps the true clock
        for name, value in clock.environ(library).items():
            inherited.setenv(name, value)
        server.start()
    broker = RedisStreamsBroker(server.url, partitions=1)
    await broker.create_topics([ITEMS])
    yield broker, clock
    await broker.close()
    server.stop()


async def test_blocking_read_ends_after_clock_put_back(clocked: tuple[RedisStreamsBroker, ServerClock]) -> None:
    """The server measures the wait by its wall clock: without a limit of its own, the client waits for a new message."""
    broker, clock = clocked
    reading = asyncio.create_task(broker.fetch({(ITEMS.name, 0): 0}, WAIT_S))

    async def is_blocked() -> bool:
        return "b" in "".join(client["flags"] for client in await server_commands(broker.state).client_list())

    await until(is_blocked, what="a blocked read")
    clock.put(PUT_BACK)
    async with asyncio.timeout(REPLY_TIMEOUT_S - 5):  # the timeout of the connection would end the read, too
        assert await reading == {}
    assert await broker.fetch({(ITEMS.name, 0): 0}, 0.0) == {}  # the broker goes on
