"""The connection to Valkey or Redis, and its errors turned into ours."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import hiredis
import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from streams.errors import SettingsError, UnavailableError

CONNECT_TIMEOUT_S = 5.0
REPLY_TIMEOUT_S = 30.0  # longer than any of our commands; a frozen server is told from a slow one

TRANSIENT = (RedisConnectionError, RedisTimeoutError, OSError)
# Refusals of a server that may accept the same thing later: full memory, fail-over, a full disk, a script at work.
# redis-py has classes for some, and leaves the others' first word in their text.
TRANSIENT_RESPONSES = (OutOfMemoryError, ReadOnlyError, MasterDownError, TryAgainError)
TRANSIENT_PREFIXES = ("MISCONF", "BUSY", "NOREPLICAS")


class _FastWriteMixin:
    """A connection that packs a command in C: a step that publishes a hundred messages has a thousand arguments.

    And one that writes without `asyncio.wait_for`, which redis-py uses: before Python 3.12 that may swallow a
    cancellation (bpo-37658), so that what was told to stop goes on for ever.
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
                raise RedisTimeoutError("writing took too long") from exc
            # A RuntimeError is what uvloop says of a transport that was closed, where asyncio has an OSError.
            if isinstance(exc, OSError | RuntimeError):
                raise RedisConnectionError(f"while writing: {exc}") from exc
            raise


class TcpConnection(_FastWriteMixin, redis.Connection): ...


class SocketConnection(_FastWriteMixin, redis.UnixDomainSocketConnection): ...


Partition = tuple[str, int]


def partition_name(topic: str, partition: int) -> str:
    """Return the name of a partition in hashes: `topic/3`."""
    return f"{topic}/{partition}"


def offset_from_entry_id(entry_id: bytes) -> int:
    """Return the offset of a stream entry: `0-1` is 0."""
    return int(entry_id[2:]) - 1


def connect(url: str, *, reply_timeout_s: float = REPLY_TIMEOUT_S) -> Any:
    """Return a client for `valkey://host:port/db`, `redis://…` or `valkey:///path/of.sock`; it connects when used.

    It never repeats a command by itself: a lost answer doesn't say whether the command was done.
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
            raise SettingsError(f"{url}: what follows the host is a database number")
        kwargs |= {"host": parts.hostname, "port": parts.port or 6379, "db": int(db or 0)}
        return _client(url, redis.ConnectionPool(TcpConnection, **kwargs))
    kwargs["path"] = unquote(parts.path)
    return _client(url, redis.ConnectionPool(SocketConnection, **kwargs))


def _client(url: str, pool: Any) -> Any:
    client: Any = redis.Redis.from_pool(pool)
    client.url = url  # for errors that name it
    return client


@contextmanager
def map_redis_errors(url: str) -> Iterator[None]:
    """Turn what redis-py raises into our errors: UnavailableError for what may succeed later."""
    try:
        yield
    except AuthenticationError as exc:
        raise SettingsError(f"broker {redact_url(url)}: {exc}") from exc
    except TRANSIENT as exc:
        raise UnavailableError(f"broker {redact_url(url)} doesn't answer: {exc or type(exc).__name__}") from exc
    except ResponseError as exc:
        if isinstance(exc, TRANSIENT_RESPONSES) or str(exc).startswith(TRANSIENT_PREFIXES):
            raise UnavailableError(f"broker {redact_url(url)} refuses for now: {exc}") from exc
        raise


def redact_url(url: str) -> str:
    """Return *url* without user and password, for people to read."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
