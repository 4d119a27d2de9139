"""The simulated server: the commands of `server_commands` and Lua 5.1, behind a network.

It runs the Lua files of the product. A client adds the network: delays, lost requests, lost replies, outages.
Source: https://valkey.io/topics/lua-api/.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from lupa.lua51 import LuaRuntime, lua_type  # type: ignore[import-untyped]

from streams.brokers.memory.state import Keyspace, to_bytes
from streams.errors import UnavailableError
from tests.simulation.server_commands import SERVER_COMMANDS, number_of, score_text, stream_at
from tests.simulation.world import EPOCH_S, Process, World

T = TypeVar("T")
REPLY_TIMEOUT_S = 30.0


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
        timeout_at_s = world.now_s + REPLY_TIMEOUT_S
        while (silent_s := self.server.frozen_until_s - world.now_s) > 0:  # `Chaos.end` ends it
            if world.now_s >= timeout_at_s:
                raise UnavailableError("simulated: no reply")
            await asyncio.sleep(min(silent_s, 1.0))
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

    async def execute_many(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Run *commands* in two parts: the commands of other processes may run in between, as on a server."""
        cut = self.network.world.random.randint(0, len(commands))
        parts = [part for part in (commands[:cut], commands[cut:]) if part]
        return [reply for part in parts for reply in await self._call(partial(self._run_all, part))]

    def _run_all(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        return [self.server.run(*command) for command in commands]

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
