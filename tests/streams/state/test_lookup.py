"""Round trips: raw pipelines, and look-ups of several stores in one of them."""

from collections.abc import Sequence
from typing import Any

import pytest
from redis.exceptions import ResponseError

from streams.brokers import open_broker
from streams.config.settings import Settings
from streams.errors import UnavailableError
from streams.state.lookup import Lookup, OutdatedError, RedisCommand, look_up
from streams.state.redis_client import connect
from streams.state.segments import SegmentedHash, Segments
from streams.valkey.server import EmbeddedValkey


async def test_execute_many_returns_raw_replies(valkey_server: EmbeddedValkey) -> None:
    state = connect(valkey_server.url)
    commands: list[RedisCommand] = [
        ("HSET", "lookup:h", b"\xff", 1.5),
        ("HMGET", "lookup:h", b"\xff", "none"),
        ("GET", "none"),
    ]
    assert await state.execute_many(commands) == [1, [b"1.5", None], None]
    assert await state.execute_many([]) == []
    many = [("HGET", "lookup:h", b"\xff")] * 5_000
    assert await state.execute_many(many) == [b"1.5"] * 5_000
    await state.delete("lookup:h")
    await state.aclose()


async def test_execute_many_raises_error_after_replies(valkey_server: EmbeddedValkey) -> None:
    """The connection goes on: its later replies belong to later commands."""
    state = connect(valkey_server.url)
    await state.set("lookup:s", "x")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await state.execute_many([("HGET", "lookup:s", "f"), ("SET", "lookup:s", "y")])
    assert await state.execute_many([("GET", "lookup:s")]) == [b"y"]
    await state.delete("lookup:s")
    await state.aclose()


async def test_execute_many_unreachable_server_raises_unavailable() -> None:
    state = connect("valkey:///tmp/no/such.sock")
    with pytest.raises(UnavailableError):
        await state.execute_many([("GET", "k")])
    await state.aclose()


async def test_look_up_repeats_outdated_lookups_only(settings: Settings) -> None:
    broker = open_broker(settings)
    sent: list[str] = []

    def lookup(name: str, outdated: int) -> Lookup[str]:
        def commands() -> Sequence[RedisCommand]:
            sent.append(name)
            return [("ECHO", name)] * len(name)

        async def read(replies: Sequence[Any]) -> str:
            if sent.count(name) <= outdated:
                raise OutdatedError
            return b" ".join(replies).decode()

        return Lookup(commands, read)

    results = await look_up(broker.state, lookup("a", 0), lookup("bb", 2).map(str.upper), lookup("c", 1))
    assert results == ["a", "BB BB", "c"]
    assert sent == ["a", "bb", "c", "bb", "c", "bb"]
    await broker.close()


async def test_look_up_reads_several_hashes(settings: Settings) -> None:
    broker = open_broker(settings)
    small, large = (SegmentedHash(broker.state, Segments(f"lookup:{n}", n, 2)) for n in (2, 100))
    fields = [bytes([n]) * 5 for n in range(6)]
    for field in fields:
        for memory in (small, large):
            await memory.get([field])
            for command in memory.set_commands({field: b"v" + field}):
                await broker.state.execute_command(*command)
    fresh = SegmentedHash(broker.state, Segments("lookup:2", 2, 2))
    few, all_ = await look_up(broker.state, fresh.lookup(fields), large.lookup(fields))
    assert few == {field: b"v" + field for field in fields[4:]}  # the third segment was just begun
    assert all_ == {field: b"v" + field for field in fields}
    await broker.close()
