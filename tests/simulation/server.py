"""The simulated server: the commands of Redis that copydesk uses, on the in-memory broker's keys, with Lua 5.1.

It runs the Lua files of the product. A client adds the network: delays, lost requests, lost replies, outages.
Sources: https://valkey.io/commands/ and https://valkey.io/topics/lua-api/.
"""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from lupa.lua51 import LuaRuntime, lua_type  # type: ignore[import-untyped]

from streams.brokers.memory.state import COMMANDS, Keyspace, to_bytes
from streams.errors import UnavailableError
from tests.simulation.world import EPOCH_S, Process, World

T = TypeVar("T")
REPLY_TIMEOUT_S = 30.0


class Stream:
    """A stream of entries with the numbers `first` … `last`."""

    def __init__(self) -> None:
        self.entries: list[list[bytes] | None] = []  # None: deleted
        self.last = 0

    @property
    def first(self) -> int:
        return self.last - len(self.entries) + 1

    def add(self, fields: Sequence[bytes]) -> bytes:
        self.entries.append(list(fields))
        self.last += 1
        return b"0-%d" % self.last

    def after(self, number: int, count: int) -> list[list[Any]]:
        """Return up to *count* entries with a greater number, as Redis does."""
        start = max(0, number + 1 - self.first)
        rows = ((n, self.entries[n]) for n in range(start, len(self.entries)))
        return [[b"0-%d" % (self.first + n), row] for n, row in itertools.islice(((n, r) for n, r in rows if r), count)]

    def newest(self) -> list[Any] | None:
        """Return the last entry that is not deleted."""
        rows = ((n, row) for n, row in zip(range(self.last, 0, -1), reversed(self.entries), strict=False) if row)
        return next(([b"0-%d" % n, row] for n, row in rows), None)

    def delete(self, number: int) -> int:
        """Delete the entry *number*; return 1 if it was there."""
        place = number - self.first
        if not 0 <= place < len(self.entries) or self.entries[place] is None:
            return 0
        self.entries[place] = None
        return 1

    def trim(self, first: int) -> int:
        """Remove the entries before the number *first*."""
        count = max(0, min(first - self.first, len(self.entries)))
        del self.entries[:count]
        return count


def stream_at(data: Keyspace, key: bytes) -> Stream:
    """Return the stream at *key*, or an empty one that is not stored."""
    return data._typed(key, "stream", Stream())


def number_of(entry_id: bytes) -> int:
    return int(entry_id[2:])


def _xadd(data: Keyspace, key: bytes, entry_id: bytes, *fields: bytes) -> bytes:
    assert entry_id == b"0-*"
    stream = stream_at(data, key)
    added = stream.add(fields)
    data.store(key, "stream", stream)
    return added


def _xrange(data: Keyspace, key: bytes, start: bytes, end: bytes, *options: bytes) -> list[list[Any]]:
    assert end == b"+"
    stream = stream_at(data, key)
    count = int(options[1]) if options else len(stream.entries)
    after = 0 if start == b"-" else number_of(start.lstrip(b"(")) - (not start.startswith(b"("))
    return stream.after(after, count)


def _xrevrange(data: Keyspace, key: bytes, end: bytes, start: bytes, *options: bytes) -> list[list[Any]]:
    assert (end, start, options) == (b"+", b"-", (b"COUNT", b"1"))
    newest = stream_at(data, key).newest()
    return [newest] if newest else []


def _xinfo(data: Keyspace, what: bytes, key: bytes) -> dict[str, Any]:
    stream = stream_at(data, key)
    first = next(iter(stream.after(0, 1)), None)
    return {"last-generated-id": b"0-%d" % stream.last, "first-entry": first, "last-entry": stream.newest()}


def _zadd(data: Keyspace, key: bytes, *args: bytes) -> int:
    options = {arg for arg in args if arg in (b"NX", b"XX")}
    pairs = [arg for arg in args if arg not in options]
    members = data.sorted_set(key)
    wanted = [
        part
        for score, member in zip(pairs[::2], pairs[1::2], strict=True)
        if not (options and (member in members) == (b"NX" in options))
        for part in (score, member)
    ]
    return int(COMMANDS["ZADD"](data, key, *wanted)) if wanted else 0


def _ranked(data: Keyspace, key: bytes) -> list[tuple[bytes, float]]:
    return sorted(data.sorted_set(key).items(), key=lambda item: (item[1], item[0]))


def _zrange(data: Keyspace, key: bytes, first: bytes, last: bytes, *options: bytes) -> list[bytes]:
    members = COMMANDS["ZRANGE"](data, key, first, last)
    if not options:
        return list(members)
    return [part for member in members for part in (member, score_text(data.sorted_set(key)[member]))]


def _in_range(data: Keyspace, key: bytes, low: bytes, high: bytes) -> list[bytes]:
    least, most = (float(bound.replace(b"inf", b"Infinity")) for bound in (low, high))
    return [member for member, score in _ranked(data, key) if least <= score <= most]


def _zrangebyscore(data: Keyspace, key: bytes, low: bytes, high: bytes, *options: bytes) -> list[bytes]:
    members = _in_range(data, key, low, high)
    return members[int(options[1]) :][: int(options[2])] if options else members


def _zincrby(data: Keyspace, key: bytes, increment: bytes, member: bytes) -> float:
    score = data.sorted_set(key).get(member, 0.0) + float(increment)
    COMMANDS["ZADD"](data, key, to_bytes(score), member)
    return score


def _zremrangebyscore(data: Keyspace, key: bytes, low: bytes, high: bytes) -> int:
    members = _in_range(data, key, low, high)
    return int(COMMANDS["ZREM"](data, key, *members)) if members else 0


def _list(data: Keyspace, key: bytes) -> list[bytes]:
    rows: list[bytes] = data._typed(key, "list", [])
    return rows


def _lpush(data: Keyspace, key: bytes, *values: bytes) -> int:
    rows = [*reversed(values), *_list(data, key)]
    data.store(key, "list", rows)
    return len(rows)


def _ltrim(data: Keyspace, key: bytes, first: bytes, last: bytes) -> bool:
    data.store(key, "list", _list(data, key)[int(first) : int(last) + 1])
    return True


def _setnx(data: Keyspace, key: bytes, value: bytes) -> int:
    if data.exists(key):
        return 0
    COMMANDS["SET"](data, key, value)
    return 1


SERVER_COMMANDS: dict[str, Callable[..., Any]] = {
    **COMMANDS,
    "SETNX": _setnx,
    "ZADD": _zadd,
    "ZRANGE": _zrange,
    "ZRANGEBYSCORE": _zrangebyscore,
    "ZREMRANGEBYSCORE": _zremrangebyscore,
    "ZINCRBY": _zincrby,
    "HVALS": lambda data, key: list(data.hash(key).values()),
    "LPUSH": _lpush,
    "LTRIM": _ltrim,
    "LRANGE": lambda data, key, first, last: _list(data, key)[int(first) :],
    "LLEN": lambda data, key: len(_list(data, key)),
    "XADD": _xadd,
    "XRANGE": _xrange,
    "XREVRANGE": _xrevrange,
    "XLEN": lambda data, key: sum(row is not None for row in stream_at(data, key).entries),
    "XDEL": lambda data, key, entry_id: stream_at(data, key).delete(number_of(entry_id)),
    "XTRIM": lambda data, key, mode, first: stream_at(data, key).trim(number_of(first)),
    "XINFO": _xinfo,
}


def score_text(score: float) -> bytes:
    """Return a score as Redis sends it."""
    return b"%.17g" % score


class Server:
    """Keys, clock and Lua interpreter of the server. A restart keeps all acknowledged writes, as `valkey_fsync` promises."""

    def __init__(self, world: World, data: Keyspace) -> None:
        self.world, self.data = world, data
        self.wall_offset_s = 0.0
        self.down_until_s = self.frozen_until_s = 0.0
        self._lua = LuaRuntime(encoding=None)
        self._redis = self._lua.table_from({b"call": self._call_from_lua})
        self._scripts: dict[str, Any] = {}
        self.waiting: dict[asyncio.Event, None] = {}

    def time(self) -> tuple[int, int]:
        now_ns = int((EPOCH_S + self.world.now_s + self.wall_offset_s) * 1e6)
        return now_ns // 1_000_000, now_ns % 1_000_000

    def run(self, *args: Any) -> Any:
        """Run a command at once."""
        name, *rest = args
        name = to_bytes(name).decode().upper()
        if name == "TIME":
            return self.time()
        if " " in name:
            name, extra = name.split()
            rest = [extra, *rest]
        reply = SERVER_COMMANDS[name](self.data, *map(to_bytes, rest))
        if name == "XADD":
            self.notify()
        return reply

    def notify(self) -> None:
        """Wake the clients that wait for entries."""
        for event in self.waiting:
            event.set()
        self.waiting.clear()

    def evaluate(self, source: str, keys: Sequence[Any], args: Sequence[Any]) -> Any:
        """Run a Lua script."""
        function = self._scripts.get(source)
        if function is None:
            body = "\n".join(line for line in source.split("\n") if not line.startswith("#!"))
            function = self._lua.execute(f"return function(KEYS, ARGV, redis) {body}\nend".encode())
            self._scripts[source] = function
        tables = (self._lua.table_from([to_bytes(value) for value in values]) for values in (keys, args))
        return from_lua(function(*tables, self._redis))

    def _call_from_lua(self, *args: Any) -> Any:
        return self._to_lua(self.run(*(_argument(arg) for arg in args)))

    def _to_lua(self, value: Any) -> Any:
        if value is None:
            return False
        if isinstance(value, bool):
            return int(value)
        if isinstance(value, float):
            return score_text(value)
        if isinstance(value, dict):
            return self._to_lua([part for pair in value.items() for part in pair])
        if isinstance(value, list | tuple):
            return self._lua.table_from([self._to_lua(part) for part in value])
        return value if isinstance(value, int) else to_bytes(value)


def _argument(value: Any) -> bytes:
    """Return a number as Lua 5.1 converts it to a string ("%.14g")."""
    return b"%.14g" % value if isinstance(value, float) else to_bytes(value)


def from_lua(value: Any) -> Any:
    """Return a script's result as a client receives it."""
    if lua_type(value) == "table":
        return [from_lua(value[n]) for n in range(1, len(value) + 1)]
    if isinstance(value, bool):
        return 1 if value else None
    return int(value) if isinstance(value, float) else value


class Network:
    """The connections of one process to the server. Probabilities are per request."""

    def __init__(self, server: Server, process: Process) -> None:
        self.server, self.process, self.world = server, process, server.world
        self.cut_until_s = 0.0
        self.armed: tuple[int, Callable[[], None]] | None = None

    def arm(self, calls: int, fault: Callable[[], None]) -> None:
        """Inject *fault* at a request: the *calls*-th from now, before or after its effect."""
        self.armed = calls, fault

    async def _maybe_fail(self) -> None:
        """Inject the armed fault if its request has come; each request counts twice."""
        if self.armed is not None:
            calls, fault = self.armed
            self.armed = (calls - 1, fault) if calls else None
            if not calls:
                fault()
                await asyncio.sleep(0)  # a killed process never runs again, a frozen one later

    async def call(self, operation: Callable[[], T], faults: "NetworkFaults") -> T:
        """Run *operation* on the server, or raise UnavailableError before or after it."""
        rnd, world = self.world.random, self.world
        await asyncio.sleep(faults.delay_s(rnd))
        if (silent_s := self.server.frozen_until_s - world.now_s) > 0:
            await asyncio.sleep(min(silent_s, REPLY_TIMEOUT_S))
            if silent_s > REPLY_TIMEOUT_S:
                raise UnavailableError("simulated: no reply")
        if self.is_cut() or rnd.random() < faults.lost_request:
            raise UnavailableError("simulated: request lost")
        await self._maybe_fail()
        result = operation()
        await self._maybe_fail()
        if rnd.random() < faults.lost_reply:
            raise UnavailableError("simulated: reply lost")
        await asyncio.sleep(faults.delay_s(rnd))
        if self.is_cut():
            raise UnavailableError("simulated: connection lost")
        return result

    def is_cut(self) -> bool:
        return max(self.server.down_until_s, self.cut_until_s) > self.world.now_s


class NetworkFaults:
    """Delays and probabilities of one simulation."""

    def __init__(self) -> None:
        self.lost_request = self.lost_reply = 0.0
        self.mean_delay_s = 0.001

    def delay_s(self, rnd: Any) -> float:
        return float(rnd.expovariate(1 / self.mean_delay_s))


class Client:
    """The state store of one process: `StateStore` over a network with faults."""

    url = "simulated://server"

    def __init__(self, server: Server, network: Network, faults: NetworkFaults) -> None:
        self.server, self.network, self.faults = server, network, faults

    async def _call(self, operation: Callable[[], T]) -> T:
        return await self.network.call(operation, self.faults)

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        if args[0] == "XREAD":
            return await self._xread(*args[1:])
        return await self._call(lambda: self.server.run(*args))

    async def _xread(self, *args: Any) -> Any:
        count, block_ms = int(args[1]), int(args[3]) if args[2] == "BLOCK" else 0
        rest = args[args.index("STREAMS") + 1 :]
        names, ids = rest[: len(rest) // 2], rest[len(rest) // 2 :]

        def read() -> list[Any]:
            rows = []
            for name, entry_id in zip(names, ids, strict=True):
                entries = stream_at(self.server.data, to_bytes(name)).after(number_of(to_bytes(entry_id)), count)
                rows += [[to_bytes(name), entries]] if entries else []
            return rows

        rows = await self._call(read)
        if rows or not block_ms:
            return rows
        event = asyncio.Event()
        self.server.waiting[event] = None
        try:
            async with asyncio.timeout(block_ms / 1000):
                await event.wait()
        except TimeoutError:
            return []
        finally:
            self.server.waiting.pop(event, None)
        return await self._call(read)

    def register_script(self, source: str) -> Callable[..., Any]:
        async def run(keys: Sequence[Any] = (), args: Sequence[Any] = (), client: Any = None) -> Any:
            if client is not None:
                client.operations.append(lambda: self.server.evaluate(source, keys, args))
                return client
            return await self._call(lambda: self.server.evaluate(source, keys, args))

        return run

    def pipeline(self, transaction: bool = True) -> "Pipeline":
        return Pipeline(self)

    def set_response_callback(self, command: str, callback: Callable[..., Any]) -> None:
        """Do nothing: replies of XREAD are raw already."""

    async def info(self, section: str) -> dict[str, Any]:
        return await self._call(lambda: {"used_memory": 0, "maxmemory": 0})

    async def hset(self, name: str, key: Any = None, value: Any = None, mapping: Any = None) -> int:
        pairs = [*([] if key is None else [(key, value)]), *(mapping or {}).items()]
        return int(await self.execute_command("HSET", name, *(part for pair in pairs for part in pair)))

    async def zadd(self, name: str, mapping: Any, nx: bool = False) -> int:
        pairs = [part for member, score in mapping.items() for part in (score, member)]
        return int(await self.execute_command("ZADD", name, *(["NX"] if nx else []), *pairs))

    async def hscan(self, name: str, cursor: int = 0, **options: Any) -> tuple[int, dict[bytes, bytes]]:
        return 0, await self.execute_command("HGETALL", name)

    async def hmget(self, name: str, keys: Sequence[Any]) -> Any:
        return await self.execute_command("HMGET", name, *keys)

    async def aclose(self) -> None:
        """Do nothing: there is no connection."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.upper() not in {*SERVER_COMMANDS, "TIME"}:
            raise AttributeError(name)
        return lambda *args: self.execute_command(name.upper(), *args)


class Pipeline:
    """Commands that run together; atomic here, which transactions need and other callers may not rely on."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.operations: list[Callable[[], Any]] = []

    async def __aenter__(self) -> "Pipeline":
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Do nothing: there is no connection."""

    def execute_command(self, *args: Any) -> "Pipeline":
        self.operations.append(lambda: self._client.server.run(*args))
        return self

    def hmget(self, name: str, keys: Sequence[Any]) -> "Pipeline":
        return self.execute_command("HMGET", name, *keys)

    def xinfo_stream(self, name: str) -> "Pipeline":
        return self.execute_command("XINFO", "STREAM", name)

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        operations, self.operations = self.operations, []
        return await self._client._call(lambda: [operation() for operation in operations])

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *args: self.execute_command(name.upper(), *args)
