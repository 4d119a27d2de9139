"""The narrow interfaces of the Redis Streams broker that its leases and readers use."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from streams.start import StartPosition
from streams.topics import Partition


class Bounds(NamedTuple):
    """The offsets of a partition: the first stored one, the next to be written, and the one after the last stored."""

    first: int
    end: int
    stored_end: int


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
