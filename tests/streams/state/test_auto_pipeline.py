"""The shared connection to the state: order of replies, errors, lost connections, and blocking commands."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.exceptions import ResponseError

from streams.errors import SettingsError, UnavailableError
from streams.state.redis_client import connect
from streams.state.store import StateStore
from streams.valkey.server import EmbeddedValkey
from tests.conftest import DEADLINE_S

Respond = Callable[[bytes], bytes | None]
"""Returns the answer to the bytes that arrived in one read; None closes the connection."""


class FakeServer:
    """A server with scripted answers. `chunks` are the reads of all connections, `connections` their number."""

    def __init__(self, respond: Respond) -> None:
        self.respond, self.chunks, self.connections = respond, list[bytes](), 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while chunk := await reader.read(65_536):
                self.chunks.append(chunk)
                answer = self.respond(chunk)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def fake_server(
    respond: Respond, reply_timeout_s: float = DEADLINE_S, user: str = ""
) -> AsyncGenerator[tuple[StateStore, FakeServer], None]:
    """Yield a client of a server with scripted answers, and the server."""
    fake = FakeServer(respond)
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    state = connect(f"valkey://{user}127.0.0.1:{server.sockets[0].getsockname()[1]}", reply_timeout_s=reply_timeout_s)
    try:
        yield state, fake
    finally:
        await state.aclose()
        server.close()
        await server.wait_closed()


def pong(chunk: bytes) -> bytes:
    return b"+PONG\r\n" * chunk.count(b"PING")


@asynccontextmanager
async def open_state(server: EmbeddedValkey) -> AsyncGenerator[StateStore, None]:
    state = connect(server.url)
    try:
        yield state
    finally:
        await state.aclose()


async def execute(state: StateStore, *command: object) -> Any:
    return await state.execute_command(*command)


async def test_commands_of_one_turn_travel_together() -> None:
    async with fake_server(pong) as (state, server):
        await state.execute_command("PING")
        replies = await asyncio.gather(*(state.execute_command("PING") for _ in range(50)))
        assert replies == [True] * 50
        assert [chunk.count(b"PING") for chunk in server.chunks] == [1, 50]
        assert server.connections == 1


async def test_concurrent_replies_reach_their_commands(valkey_server: EmbeddedValkey) -> None:
    async with open_state(valkey_server) as state:
        texts = [bytes([n % 256]) * (n * 37 % 5_000) for n in range(2_000)]
        assert await asyncio.gather(*(state.execute_command("ECHO", text) for text in texts)) == texts


async def test_error_reply_fails_its_command_only(valkey_server: EmbeddedValkey) -> None:
    async with open_state(valkey_server) as state:
        commands = ("ECHO a", "NOSUCH", "ECHO b")
        replies = await asyncio.gather(*(state.execute_command(*c.split()) for c in commands), return_exceptions=True)
        assert isinstance(replies.pop(1), ResponseError)
        assert replies == [b"a", b"b"]


async def test_cancelled_command_shifts_no_reply(valkey_server: EmbeddedValkey) -> None:
    async with open_state(valkey_server) as state:
        await state.execute_command("PING")
        tasks = [asyncio.create_task(execute(state, "ECHO", n)) for n in range(30)]
        for turns in range(3):  # before its command is sent, and behind it
            tasks[turns].cancel()
            await asyncio.sleep(0)
        replies = await asyncio.gather(*tasks, return_exceptions=True)
        received = [(n, reply) for n, reply in enumerate(replies) if not isinstance(reply, BaseException)]
        assert received == [(n, str(n).encode()) for n, _ in received]
        assert len(received) >= 27


async def test_batches_travel_with_other_commands(valkey_server: EmbeddedValkey) -> None:
    async with open_state(valkey_server) as state:
        batches = [[("ECHO", f"{n}.{k}") for k in range(n)] for n in range(1, 60)]
        replies = await asyncio.gather(
            *(state.execute_many(batch) for batch in batches), *(state.execute_command("ECHO", n) for n in range(60))
        )
        assert replies[:59] == [[text.encode() for _, text in batch] for batch in batches]
        assert replies[59:] == [str(n).encode() for n in range(60)]


async def test_cancelled_batch_shifts_no_reply(valkey_server: EmbeddedValkey) -> None:
    async with open_state(valkey_server) as state:
        await state.execute_command("PING")
        tasks = [asyncio.create_task(state.execute_many([("ECHO", n)] * 400)) for n in range(30)]
        for turns in range(3):  # before its commands are sent, and behind them
            tasks[turns].cancel()
            await asyncio.sleep(0)
        replies = await asyncio.gather(*tasks, return_exceptions=True)
        received = [(n, reply) for n, reply in enumerate(replies) if not isinstance(reply, BaseException)]
        assert received == [(n, [str(n).encode()] * 400) for n, _ in received]
        assert len(received) >= 27


async def test_lost_connection_fails_whole_batch() -> None:
    async with fake_server(lambda chunk: b"+PONG\r\n" if len(server.chunks) > 1 else None) as (state, server):
        batch = [("PING",)] * 3
        replies = await asyncio.gather(state.execute_many(batch), state.execute_command("PING"), return_exceptions=True)
        assert all(isinstance(reply, UnavailableError) for reply in replies)
        assert await state.execute_command("PING"), "the next command connects again"


async def test_lost_connection_fails_commands_without_reply() -> None:
    def respond(chunk: bytes) -> bytes | None:
        return b"+PONG\r\n" if len(server.chunks) > 1 else None

    async with fake_server(respond) as (state, server):
        replies = await asyncio.gather(*(state.execute_command("PING") for _ in range(3)), return_exceptions=True)
        assert all(isinstance(reply, UnavailableError) for reply in replies)
        assert await state.execute_command("PING"), "the next command connects again"
        assert sum(chunk.count(b"PING") for chunk in server.chunks) == 4, "no command is repeated"


async def test_frozen_server_raises_unavailable() -> None:
    async with fake_server(lambda chunk: b"", reply_timeout_s=0.2) as (state, server):
        with pytest.raises(UnavailableError, match="no reply within 0.2 s"):
            await state.execute_command("PING")
        with pytest.raises(UnavailableError):
            await state.execute_command("PING")
        assert server.connections == 2


async def test_invalid_reply_raises_unavailable() -> None:
    async with fake_server(lambda chunk: b"HTTP/1.1 400 Bad Request\r\n\r\n") as (state, _):
        with pytest.raises(UnavailableError):
            await state.execute_command("PING")


async def test_wrong_password_raises_settings_error() -> None:
    def respond(chunk: bytes) -> bytes:
        return b"-WRONGPASS invalid username-password pair or user is disabled.\r\n" if b"AUTH" in chunk else b"+OK\r\n"

    async with fake_server(respond, user="reader:secret@") as (state, server):
        with pytest.raises(SettingsError, match="login failed") as refused:
            await state.execute_command("PING")
        assert "secret" not in str(refused.value)
        assert b"PING" not in b"".join(server.chunks)


async def test_blocking_command_delays_no_other(valkey_server: EmbeddedValkey) -> None:
    async with open_state(valkey_server) as state:
        waiting = asyncio.create_task(execute(state, "BLPOP", "test:auto-pipeline", 0))
        async with asyncio.timeout(DEADLINE_S):
            for n in range(50):
                assert await state.execute_command("ECHO", n) == str(n).encode()
        await state.execute_command("RPUSH", "test:auto-pipeline", "a")
        assert tuple(await waiting) == (b"test:auto-pipeline", b"a")


def test_closed_client_connects_in_another_loop(valkey_server: EmbeddedValkey) -> None:
    state = connect(valkey_server.url)

    async def echo_and_close() -> object:
        try:
            return await state.execute_command("ECHO", "a")
        finally:
            await state.aclose()

    assert [asyncio.run(echo_and_close()) for _ in range(2)] == [b"a", b"a"]
