"""The proxy of the fault suite: bytes pass in order, and each fault does what its name says."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import DEADLINE_S, until
from tests.faults.proxy import Proxy

LARGE = bytes(range(256)) * 20_000  # more than all buffers on the way
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Echo(asyncio.Protocol):
    """Returns all bytes, then the end of the input."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


@asynccontextmanager
async def proxied(folder: Path) -> AsyncGenerator[tuple[Proxy, Connection]]:
    """Open a proxy before an echo server, and a connection through it."""
    path = str(folder / "echo.sock")
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(Echo, path)
    proxy = Proxy(lambda factory: loop.create_unix_connection(factory, path))
    await proxy.start()
    connection = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield proxy, connection
    finally:
        connection[1].close()
        await proxy.stop()
        await until(lambda: not proxy.sides)
        server.close()


async def exchange(connection: Connection, data: bytes) -> bytes:
    reader, writer = connection
    writer.write(data)
    return await asyncio.wait_for(reader.readexactly(len(data)), DEADLINE_S)


async def test_proxy_forwards_all_bytes_in_order(tmp_path: Path) -> None:
    async with proxied(tmp_path) as (_, connection):
        assert await exchange(connection, b"a") == b"a"
        assert await exchange(connection, LARGE) == LARGE


async def test_slow_proxy_keeps_the_order(tmp_path: Path) -> None:
    async with proxied(tmp_path) as (proxy, connection):
        proxy.slow(0.001)
        assert await exchange(connection, LARGE) == LARGE
        proxy.heal()
        assert await exchange(connection, b"after") == b"after"


async def test_proxy_passes_the_end_of_the_input(tmp_path: Path) -> None:
    async with proxied(tmp_path) as (proxy, (reader, writer)):
        writer.write(LARGE)
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), DEADLINE_S) == LARGE
        await until(lambda: not proxy.sides)


async def test_reset_ends_connections_with_an_error(tmp_path: Path) -> None:
    async with proxied(tmp_path) as (proxy, connection):
        assert await exchange(connection, b"a") == b"a"
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(connection[0].read(), DEADLINE_S)


async def test_half_close_ends_one_direction(tmp_path: Path) -> None:
    async with proxied(tmp_path) as (proxy, connection):
        assert await exchange(connection, b"a") == b"a"
        proxy.half_close()
        assert await asyncio.wait_for(connection[0].read(), DEADLINE_S) == b""
        connection[1].write(b"still accepted")
        await until(lambda: not proxy.sides, what="a reset by the response")


async def test_cut_comes_after_its_bytes(tmp_path: Path) -> None:
    async with proxied(tmp_path) as (proxy, connection):
        proxy.cut(5)
        assert await exchange(connection, b"abc") == b"abc"
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await exchange(connection, b"defgh")
        again = await asyncio.open_connection("127.0.0.1", proxy.port)  # once
        assert await exchange(again, b"abcdefgh") == b"abcdefgh"
        again[1].close()


async def test_black_hole_forwards_nothing_until_healed(tmp_path: Path) -> None:
    async with proxied(tmp_path) as (proxy, (reader, writer)):
        proxy.black_hole()
        writer.write(b"a")
        later = await asyncio.open_connection("127.0.0.1", proxy.port)  # accepted
        reading = asyncio.create_task(reader.read(1))
        assert not (await asyncio.wait({reading}, timeout=0.1))[0]
        proxy.heal()
        with pytest.raises(ConnectionResetError):
            await reading
        again = await asyncio.open_connection("127.0.0.1", proxy.port)
        assert await exchange(again, b"b") == b"b"
        again[1].close()
        later[1].close()


def test_proxy_in_uvloop_forwards_and_resets(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with proxied(tmp_path) as (proxy, connection):
            assert await exchange(connection, LARGE) == LARGE
            proxy.slow(0.001)
            assert await exchange(connection, LARGE) == LARGE
            proxy.reset()
            with pytest.raises(ConnectionResetError):
                await asyncio.wait_for(connection[0].read(), DEADLINE_S)
            await until(lambda: not proxy.sides)
            again = await asyncio.open_connection("127.0.0.1", proxy.port)
            proxy.heal()
            assert await exchange(again, b"a") == b"a"
            proxy.half_close()
            again[1].write(b"b")
            await until(lambda: not proxy.sides, what="a reset by the response")
            again[1].close()

    pytest.importorskip("uvloop").run(main())
    assert not caplog.records
