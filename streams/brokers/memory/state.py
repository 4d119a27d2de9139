"""Shared state in dicts: the commands of Redis on strings, hashes and sorted sets that `COMMANDS` lists.

Source of semantics and replies: https://valkey.io/commands/. It must not know topics or groups.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from streams.state.store import StatePipeline, Value

Hash = dict[bytes, bytes]
SortedSet = dict[bytes, float]
T = TypeVar("T")
Handler = Callable[..., Any]
"""Function of a `Keyspace` and the command's arguments as bytes; returns the reply."""


def to_bytes(value: Value) -> bytes:
    """Return *value* as a client of Redis sends it."""
    return value if isinstance(value, bytes) else str(value).encode()


class Keyspace:
    """Keys with their values. `expiry_s` holds the `time.monotonic` at which a key expires."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes | Hash | SortedSet] = {}
        self.expiry_s: dict[bytes, float] = {}
        self._kinds: dict[bytes, str] = {}

    def remove(self, key: bytes) -> bool:
        self.expiry_s.pop(key, None)
        self._kinds.pop(key, None)
        return self.values.pop(key, None) is not None

    def exists(self, key: bytes) -> bool:
        if self.expiry_s.get(key, float("inf")) <= time.monotonic():
            self.remove(key)
        return key in self.values

    def string(self, key: bytes) -> bytes | None:
        value: bytes | None = self._typed(key, "string", None)
        return value

    def hash(self, key: bytes) -> Hash:
        """Return the hash at *key*, or an empty one that is not stored."""
        return self._typed(key, "hash", Hash())

    def sorted_set(self, key: bytes) -> SortedSet:
        """Return the sorted set at *key*, or an empty one that is not stored."""
        return self._typed(key, "sorted set", SortedSet())

    def store(self, key: bytes, kind: str, value: Any) -> None:
        """Store *value*; an empty hash or sorted set removes its key, as in Redis."""
        if isinstance(value, dict) and not value:
            self.remove(key)
        else:
            self.values[key], self._kinds[key] = value, kind

    def _typed(self, key: bytes, kind: str, default: T) -> T:
        if not self.exists(key):
            return default
        if self._kinds[key] != kind:
            raise TypeError(f"wrong type: key {key.decode(errors='replace')} is a {self._kinds[key]}, not a {kind}")
        stored: Any = self.values[key]
        return stored  # type: ignore[no-any-return]


# -- commands -------------------------------------------------------------------------------------------------


def _set(data: Keyspace, key: bytes, value: bytes, *options: bytes) -> bool:
    if options:
        raise NotImplementedError(f"unsupported option: SET {options[0].decode()}; use a real broker")
    data.remove(key)
    data.store(key, "string", value)
    return True


def _setrange(data: Keyspace, key: bytes, offset: bytes, part: bytes) -> int:
    """Overwrite a string from *offset* on; zero bytes fill a gap."""
    value, start = data.string(key) or b"", int(offset)
    value = value[:start].ljust(start, b"\0") + part + value[start + len(part) :]
    data.store(key, "string", value)
    return len(value)


def _remove(data: Keyspace, *keys: bytes) -> int:
    return sum([data.exists(key) and data.remove(key) for key in keys])


def _expire(data: Keyspace, key: bytes, seconds: bytes) -> bool:
    if not data.exists(key):
        return False
    data.expiry_s[key] = time.monotonic() + int(seconds)
    return True


def _incrby(data: Keyspace, key: bytes, increment: bytes = b"1") -> int:
    number = int(data.string(key) or 0) + int(increment)
    data.store(key, "string", b"%d" % number)
    return number


def _hset(data: Keyspace, key: bytes, *pairs: bytes) -> int:
    fields = data.hash(key)
    added = dict(zip(pairs[::2], pairs[1::2], strict=True))
    new = len(added.keys() - fields.keys())
    fields.update(added)
    data.store(key, "hash", fields)
    return new


def _hsetnx(data: Keyspace, key: bytes, field: bytes, value: bytes) -> int:
    return 0 if field in data.hash(key) else _hset(data, key, field, value)


def _hdel(data: Keyspace, key: bytes, *names: bytes) -> int:
    fields = data.hash(key)
    removed = sum(fields.pop(name, None) is not None for name in names)
    data.store(key, "hash", fields)
    return removed


def _hincrby(data: Keyspace, key: bytes, field: bytes, increment: bytes) -> int:
    number = int(data.hash(key).get(field, 0)) + int(increment)
    _hset(data, key, field, b"%d" % number)
    return number


def _zadd(data: Keyspace, key: bytes, *pairs: bytes) -> int:
    members = data.sorted_set(key)
    try:
        scores = [float(score) for score in pairs[::2]]
    except ValueError as exc:
        raise NotImplementedError(f"unsupported option: ZADD {pairs[0].decode()}; use a real broker") from exc
    added = dict(zip(pairs[1::2], scores, strict=True))
    new = len(added.keys() - members.keys())
    members.update(added)
    data.store(key, "sorted set", members)
    return new


def _zrem(data: Keyspace, key: bytes, *names: bytes) -> int:
    members = data.sorted_set(key)
    removed = sum(members.pop(name, None) is not None for name in names)
    data.store(key, "sorted set", members)
    return removed


def _zrange(data: Keyspace, key: bytes, first: bytes, last: bytes, *options: bytes) -> list[bytes]:
    if options:
        raise NotImplementedError(f"unsupported option: ZRANGE {options[0].decode()}; use a real broker")
    members = sorted(data.sorted_set(key).items(), key=lambda item: (item[1], item[0]))
    start, stop = (index + len(members) if index < 0 else index for index in (int(first), int(last)))
    return [member for member, _ in members[max(0, start) : max(0, stop + 1)]]


COMMANDS: Mapping[str, Handler] = {
    "GET": lambda data, key: data.string(key),
    "SET": _set,
    "SETRANGE": _setrange,
    "DEL": _remove,
    "UNLINK": _remove,
    "EXISTS": lambda data, *keys: sum(map(data.exists, keys)),
    "EXPIRE": _expire,
    "PERSIST": lambda data, key: data.expiry_s.pop(key, None) is not None,
    "INCR": lambda data, key: _incrby(data, key),
    "INCRBY": _incrby,
    "HGET": lambda data, key, field: data.hash(key).get(field),
    "HSET": _hset,
    "HSETNX": _hsetnx,
    "HDEL": _hdel,
    "HINCRBY": _hincrby,
    "HMGET": lambda data, key, *fields: [data.hash(key).get(field) for field in fields],
    "HGETALL": lambda data, key: dict(data.hash(key)),
    "HKEYS": lambda data, key: list(data.hash(key)),
    "HLEN": lambda data, key: len(data.hash(key)),
    "HEXISTS": lambda data, key, field: field in data.hash(key),
    "ZADD": _zadd,
    "ZREM": _zrem,
    "ZSCORE": lambda data, key, member: data.sorted_set(key).get(member),
    "ZCARD": lambda data, key: len(data.sorted_set(key)),
    "ZRANGE": _zrange,
}


def check_supported(name: Value) -> str:
    """Return the command *name* in upper case. Raises NotImplementedError if `COMMANDS` lacks it."""
    command = to_bytes(name).decode().upper()
    if command not in COMMANDS:
        raise NotImplementedError(f"unsupported command: {command} (in-memory broker); use a real broker")
    return command


class MemoryState:
    """The state of an in-memory broker; implements `StateStore`. Transactions and scripts are unsupported."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.data = Keyspace()

    def run(self, name: Value, *args: Value) -> Any:
        """Run a command at once; an exception leaves the state unchanged."""
        return COMMANDS[check_supported(name)](self.data, *map(to_bytes, args))

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        return self.run(*args)

    async def execute_many(self, commands: Sequence[Sequence[Value]]) -> list[Any]:
        return [self.run(*command) for command in commands]

    def pipeline(self, transaction: bool = True) -> StatePipeline:
        raise NotImplementedError("unsupported command: MULTI (in-memory broker); use a real broker")

    def register_script(self, script: str) -> Callable[..., Awaitable[Any]]:
        raise NotImplementedError("unsupported command: EVALSHA (in-memory broker); use a real broker")

    def set_response_callback(self, command: str, callback: Callable[..., Any]) -> None:
        check_supported(command)
        raise NotImplementedError(f"unsupported callback: {command} (in-memory broker); use a real broker")

    async def get(self, name: str) -> bytes | None:
        value: bytes | None = self.run("GET", name)
        return value

    async def set(self, name: str, value: Value, **options: Any) -> Any:
        return self.run("SET", name, value, *(option for option, given in options.items() if given))

    async def delete(self, *names: str) -> int:
        return int(self.run("DEL", *names))

    async def unlink(self, *names: str) -> int:
        return int(self.run("UNLINK", *names))

    async def exists(self, *names: str) -> int:
        return int(self.run("EXISTS", *names))

    async def expire(self, name: str, time: int) -> Any:
        return self.run("EXPIRE", name, time)

    async def hkeys(self, name: str) -> list[bytes]:
        return list(self.run("HKEYS", name))

    async def hget(self, name: str, key: str | bytes) -> bytes | None:
        value: bytes | None = self.run("HGET", name, key)
        return value

    async def hset(
        self, name: str, key: Value | None = None, value: Value | None = None, mapping: Mapping[Any, Any] | None = None
    ) -> int:
        fields: Iterable[Any] = [*([] if key is None else [(key, value)]), *(mapping or {}).items()]
        return int(self.run("HSET", name, *(part for pair in fields for part in pair)))

    async def hsetnx(self, name: str, key: str, value: Value) -> int:
        return int(self.run("HSETNX", name, key, value))

    async def hdel(self, name: str, *keys: Value) -> int:
        return int(self.run("HDEL", name, *keys))

    async def hmget(self, name: str, keys: list[Any]) -> list[bytes | None]:
        return list(self.run("HMGET", name, *keys))

    async def hgetall(self, name: str) -> dict[bytes, bytes]:
        return dict(self.run("HGETALL", name))

    async def info(self, section: str) -> dict[str, Any]:
        raise NotImplementedError("unsupported command: INFO (in-memory broker); use a real broker")

    async def time(self) -> tuple[int, int]:
        now_ns = time.time_ns()
        return now_ns // 1_000_000_000, now_ns // 1_000 % 1_000_000

    async def bgsave(self, schedule: bool = True) -> Any:
        raise NotImplementedError("unsupported command: BGSAVE (in-memory broker); use a real broker")

    async def aclose(self) -> None:
        """Do nothing: the state outlives the connection."""
