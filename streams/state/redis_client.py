"""The client of the shared state in Valkey or Redis, and the mapping of redis-py's errors to copydesk's."""

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import hiredis
import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    MasterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from streams.config.sources import redact_url
from streams.errors import SettingsError, UnavailableError
from streams.state.auto_pipeline import AutoPipeline, Endpoint
from streams.state.store import StateStore, Value

CONNECT_TIMEOUT_S = 5.0
ALLOW_OOM = "#!lua flags=allow-oom\n"  # first line of a script that may write above the server's memory limit
REPLY_TIMEOUT_S = 30.0  # longer than any command takes, so that a timeout means a frozen server

MEMORY_FIELDS = re.compile(rb"^(used_memory|maxmemory):(\d+)\r?$", re.MULTILINE)
# Commands that wait on the server, and those that change the state of a connection.
BLOCKING = frozenset(
    "BLPOP BRPOP BLMOVE BLMPOP BZPOPMIN BZPOPMAX XREAD XREADGROUP WAIT WAITAOF"
    " SUBSCRIBE MONITOR SELECT AUTH MULTI WATCH SHUTDOWN".split()
)
TRANSIENT = (RedisConnectionError, RedisTimeoutError, OSError)
# Temporary error replies: full memory, fail-over, full disk, running script. redis-py has classes for some of them;
# the others are recognised by the first word of their text.
TRANSIENT_RESPONSES = (OutOfMemoryError, ReadOnlyError, MasterDownError, TryAgainError)
TRANSIENT_PREFIXES = ("MISCONF", "BUSY", "NOREPLICAS")


class _FastWriteMixin:
    """Pack commands in C and write them without `asyncio.wait_for`.

    A batch that publishes a hundred messages has a thousand arguments. redis-py writes under `asyncio.wait_for`. Before
    Python 3.12, that can swallow a cancellation (bpo-37658), and the cancelled task then never ends.
    """

    def pack_command(self, *args: Any) -> list[bytes]:
        name = args[0].encode() if isinstance(args[0], str) else args[0]
        return [hiredis.pack_command((*name.split(), *args[1:]))]

    async def send_packed_command(self: Any, command: Any, check_health: bool = True) -> None:
        if not self.is_connected:
            await self.connect_check_health(check_health=False)
        try:
            async with asyncio.timeout(self.socket_timeout):
                self._writer.writelines(command)
                await self._writer.drain()
        except BaseException as exc:
            await self.disconnect(nowait=True)
            if isinstance(exc, TimeoutError):
                raise RedisTimeoutError("write timed out") from exc
            # For a closed transport, uvloop raises RuntimeError and asyncio OSError.
            if isinstance(exc, OSError | RuntimeError):
                raise RedisConnectionError(f"write failed: {exc}") from exc
            raise


class TcpConnection(_FastWriteMixin, redis.Connection): ...


class SocketConnection(_FastWriteMixin, redis.UnixDomainSocketConnection): ...


def offset_from_entry_id(entry_id: bytes) -> int:
    """Return the offset of a stream entry: `0-1` has offset 0."""
    return int(entry_id[2:]) - 1


class _MappedPipeline(redis.client.Pipeline):
    """A pipeline that raises copydesk's errors."""

    url: str

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        with map_redis_errors(self.url):
            return await super().execute(raise_on_error)


class Script:
    """A Lua script. redis-py's own costs twice the CPU time of its command."""

    def __init__(self, state: Any, source: str) -> None:
        self._state, self._source = state, source
        self._sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, keys: Sequence[Value] = (), args: Sequence[Value] = ()) -> Any:
        """Run the script; load it first if the server does not have it."""
        command = ("EVALSHA", self._sha, len(keys), *keys, *args)
        with map_redis_errors(self._state.url):
            try:
                return await self._state.shared.execute(command)
            except NoScriptError:
                await self._state.shared.execute(("SCRIPT", "LOAD", self._source))
                return await self._state.shared.execute(command)


class RedisStateStore(redis.Redis):
    """A redis-py client that raises copydesk's errors; implements `StateStore`.

    Commands share one connection, except those that block. Pipelines use redis-py's pool.
    """

    url: str
    shared: AutoPipeline

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        with map_redis_errors(self.url):
            if args[0] in BLOCKING:
                return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
            reply = await self.shared.execute((*args[0].split(), *args[1:]))
            options.pop("keys", None)  # for redis-py's cache
            callback = self.response_callbacks.get(args[0])
            return reply if callback is None else callback(reply, **options)

    async def info(self, section: str | None = None, *args: str, **options: Any) -> Any:
        """Return a section of INFO; of `memory` the two fields that copydesk reads, because redis-py takes 90 µs."""
        if section != "memory":
            return await super().info(section, *args, **options)
        with map_redis_errors(self.url):
            reply = await self.shared.execute(("INFO", "memory"))
        return {name.decode(): int(value) for name, value in MEMORY_FIELDS.findall(reply)}

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        await self.shared.aclose()
        await super().aclose(close_connection_pool)

    def register_script(self, script: Any) -> Any:
        return Script(self, script)

    async def execute_many(self, commands: Sequence[Sequence[Value]]) -> list[Any]:
        if not commands:
            return []
        with map_redis_errors(self.url):
            return await self.shared.execute_many(commands)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> _MappedPipeline:
        pipeline = _MappedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        pipeline.url = self.url
        return pipeline


def connect(url: str, *, reply_timeout_s: float = REPLY_TIMEOUT_S) -> StateStore:
    """Return a client for `valkey://host:port/db`, `redis://…` or `valkey:///path/of.sock`; it connects on first use.

    The client never repeats a command: after a lost reply it is unknown whether the server executed the command.
    """
    parts = urlsplit(url)
    kwargs: dict[str, Any] = {
        "protocol": 2,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "socket_timeout": reply_timeout_s,
        "retry": Retry(NoBackoff(), 0),
        "username": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
    }
    if parts.hostname:
        db = parts.path.strip("/")
        if db and not db.isdigit():
            raise SettingsError(f"invalid database number: {db!r} ({redact_url(url)}); use 0, 1, …")
        kwargs |= {"host": parts.hostname, "port": parts.port or 6379, "db": int(db or 0)}
        return _client(url, redis.ConnectionPool(TcpConnection, **kwargs), kwargs)
    kwargs["path"] = unquote(parts.path)
    return _client(url, redis.ConnectionPool(SocketConnection, **kwargs), kwargs)


def _client(url: str, pool: Any, options: Mapping[str, Any]) -> StateStore:
    client: Any = RedisStateStore.from_pool(pool)
    client.url = url  # used in error messages
    client.shared = AutoPipeline(
        Endpoint(
            options.get("host", ""), options.get("port", 0), options.get("path", ""), options.get("db", 0),
            options["username"], options["password"], options["socket_connect_timeout"], options["socket_timeout"],
        )
    )  # fmt: skip
    return cast(StateStore, client)


class _ErrorMapping:
    """The context manager of `map_redis_errors`; a generator would take 1 µs more for each command."""

    __slots__ = ("_url",)

    def __init__(self, url: str) -> None:
        self._url = url

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exc is None:
            return
        if isinstance(exc, AuthenticationError):
            server = redact_url(self._url)
            raise SettingsError(f"broker login failed: {server} ({exc}); check user and password") from exc
        if isinstance(exc, TRANSIENT):
            detail = str(exc) or type(exc).__name__
            raise UnavailableError(f"broker unavailable: {redact_url(self._url)} ({detail})") from exc
        is_reply = isinstance(exc, ResponseError)
        if is_reply and (isinstance(exc, TRANSIENT_RESPONSES) or str(exc).startswith(TRANSIENT_PREFIXES)):
            raise UnavailableError(f"broker rejects commands for now: {redact_url(self._url)} ({exc})") from exc


def map_redis_errors(url: str) -> _ErrorMapping:
    """Map redis-py's errors: UnavailableError for temporary failures, SettingsError for wrong credentials."""
    return _ErrorMapping(url)
