"""The narrow interfaces of the Redis Streams broker for its leases and readers, and its pure functions."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from streams.start import Start, StartPosition, resolve_start
from streams.state.redis_client import offset_from_entry_id
from streams.topics import BUILTIN_TOPICS, Partition, Topic, resolve_topic


class Bounds(NamedTuple):
    """The offsets of a partition. `end`: the next to be written. `stored_end`: after the last stored message."""

    first: int
    end: int
    stored_end: int


def stream_bounds(generated: bytes, first: bytes, last: bytes) -> Bounds:
    """Return the bounds of a stream from three entry ids: last generated, first stored, last stored."""
    end = offset_from_entry_id(generated) + 1 if generated else 0
    stored_end = offset_from_entry_id(last) + 1 if last else 0
    return Bounds(offset_from_entry_id(first) if first else end, end, stored_end)


def start_argument(start: StartPosition, partition: Partition, bounds: Mapping[Partition, Bounds]) -> str | int:
    """Return the argument `start` of register.lua, which resolves the ends of a partition itself, in one step."""
    if isinstance(start, Start):
        return "latest" if start == Start.LATEST else "earliest"
    return resolve_start(start, partition[1], bounds[partition].first, bounds[partition].end)


def topic_of(name: str) -> Topic:
    """Return the topic called *name*. An unknown name gets the retention of the first topic."""
    try:
        return resolve_topic(name)
    except ValueError:
        return Topic(name, BUILTIN_TOPICS[0].retention_s)


class ScriptStore(Protocol):
    """Runs Lua scripts on the server. `RedisStreamsBroker` documents the methods of this module."""

    def key(self, *parts: str) -> str: ...

    async def script(self, name: str, keys: Sequence[str], args: Sequence[Any], *, reserve: bool = True) -> Any: ...

    def sibling(self) -> "ScriptStore": ...

    async def close(self) -> None: ...


class StreamStore(ScriptStore, Protocol):
    """Reads streams, and registers and commits the offsets of groups."""

    lease_s: float

    async def bounds(self, partitions: Iterable[Partition]) -> dict[Partition, Bounds]: ...

    async def register(
        self, group: str, partitions: Iterable[Partition], start: StartPosition
    ) -> dict[Partition, int]: ...

    async def committed(self, group: str, partitions: Iterable[Partition]) -> dict[Partition, int | None]: ...

    async def commit(self, group: str, offsets: Mapping[Partition, int], leases: Mapping[Partition, str]) -> int: ...

    async def fetch(
        self, positions: Mapping[Partition, int], wait_s: float, count: int = ..., max_bytes: int = ...
    ) -> dict[Partition, list[Any]]: ...
