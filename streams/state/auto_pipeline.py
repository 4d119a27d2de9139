"""One connection for the commands of all tasks: those of one turn of the event loop form one pipeline.

redis-py takes a connection from its pool for each command, and reads each reply under a timeout of its own. Here
replies are matched to commands by their order (RESP, https://valkey.io/topics/protocol/).
A command that blocks needs another connection: all later commands would wait for it.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, cast

import hiredis
from redis._parsers.base import BaseParser
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

NOT_ENOUGH_DATA = object()


class Endpoint(NamedTuple):
    """The address of a server, a Unix socket if *path* is not empty, and its timeouts in seconds."""

    host: str
    port: int
    path: str
    db: int
    username: str | None
    password: str | None
    connect_timeout_s: float
    reply_timeout_s: float


class AutoPipeline:
    """Sends the commands of all tasks of an event loop over one connection, which it opens on first use.

    It never repeats a command. After a lost connection, all commands without a reply fail; the next one connects again.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: _Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._waiting: list[_Request] = []

    def execute(self, command: tuple[Any, ...]) -> "asyncio.Future[Any]":
        """Return the reply to *command*; its future raises redis-py's exceptions, also for an error of the server."""
        return self._request(hiredis.pack_command(command), None)

    def execute_many(self, commands: Sequence[Sequence[Any]]) -> "asyncio.Future[list[Any]]":
        """Return the replies to *commands*, which are sent together; the future raises the first error among them."""
        pack: Callable[[tuple[Any, ...]], bytes] = hiredis.pack_command
        return self._request(b"".join([pack(tuple(command)) for command in commands]), len(commands))

    def _request(self, packed: bytes, count: int | None) -> "asyncio.Future[Any]":
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # the former loop has ended
            self._loop, self._connection, self._connecting, self._waiting = loop, None, None, []
        request = _Request(packed, count, loop.create_future())
        if not self._waiting:
            loop.call_soon(self._flush)
        self._waiting.append(request)
        return request.result

    async def aclose(self) -> None:
        """Close the connection. Commands without a reply fail."""
        connecting, connection, self._connection = self._connecting, self._connection, None
        if connecting is not None:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
        if connection is not None:
            await connection.close()

    def _flush(self) -> None:
        """Send the waiting commands, or connect first."""
        if self._connection is not None and not self._connection.is_closed:
            waiting, self._waiting = self._waiting, []
            self._connection.send([request for request in waiting if not request.result.done()])
        elif self._connecting is None:
            self._connecting = asyncio.create_task(self._connect(), name="connection to the state")

    async def _connect(self) -> None:
        """Connect, then send the waiting commands; they fail if there is no connection."""
        try:
            self._connection = await _open(self._endpoint)
        except TimeoutError:
            self._fail(RedisTimeoutError("no connection in time"))
        except (OSError, RedisError) as exc:
            self._fail(exc if isinstance(exc, RedisError) else RedisConnectionError(str(exc)))
        except BaseException as exc:
            self._fail(RedisConnectionError(f"connection not opened: {exc!r}"))
            raise
        finally:
            self._connecting = None
        if self._waiting:
            self._flush()

    def _fail(self, exc: RedisError) -> None:
        waiting, self._waiting = self._waiting, []
        _fail(waiting, exc)


class _Request:
    """Packed commands and their result. *count*: of several commands, None for one whose reply is the result."""

    __slots__ = ("count", "packed", "replies", "result", "sent_s")

    def __init__(self, packed: bytes, count: int | None, result: "asyncio.Future[Any]") -> None:
        self.packed, self.count, self.result, self.sent_s = packed, count, result, 0.0
        self.replies: list[Any] = []

    def finish(self, reply: Any) -> None:
        """Set the result, unless its task was cancelled."""
        if self.count is not None:
            error = next((reply for reply in self.replies if isinstance(reply, Exception)), None)
            reply = self.replies if error is None else error
        if self.result.done():
            return
        if isinstance(reply, Exception):
            self.result.set_exception(reply)
        else:
            self.result.set_result(reply)


async def _open(endpoint: Endpoint) -> "_Connection":
    """Return an authenticated connection. Raises OSError or RedisError."""
    loop = asyncio.get_running_loop()
    connection = _Connection(endpoint.reply_timeout_s)
    async with asyncio.timeout(endpoint.connect_timeout_s):
        if endpoint.path:
            await loop.create_unix_connection(lambda: connection, endpoint.path)
        else:
            await loop.create_connection(lambda: connection, endpoint.host, endpoint.port)
        try:
            for command in _login(endpoint):
                request = _Request(hiredis.pack_command(command), None, loop.create_future())
                connection.send([request])
                await request.result
        except BaseException:
            await connection.close()
            raise
    return connection


def _login(endpoint: Endpoint) -> list[tuple[Any, ...]]:
    """Return the first commands of a connection."""
    commands: list[tuple[Any, ...]] = []
    if endpoint.password is not None:
        user = () if endpoint.username is None else (endpoint.username,)
        commands.append(("AUTH", *user, endpoint.password))
    if endpoint.db:
        commands.append(("SELECT", endpoint.db))
    return commands


class _Connection(asyncio.Protocol):
    """A connection: commands in order, their replies in the same order."""

    def __init__(self, reply_timeout_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._reply_timeout_s = reply_timeout_s
        self._reader = hiredis.Reader(
            protocolError=InvalidResponse, replyError=BaseParser.parse_error, notEnoughData=NOT_ENOUGH_DATA
        )
        self._sent: deque[_Request] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._error: RedisError | None = None
        self._closed: asyncio.Future[None] = self._loop.create_future()

    @property
    def is_closed(self) -> bool:
        return self._error is not None or self._closed.done()

    def send(self, requests: Sequence[_Request]) -> None:
        """Write the commands of *requests*."""
        now_s = self._loop.time()
        self._transport.write(b"".join([request.packed for request in requests]))
        for request in requests:
            request.packed, request.sent_s = b"", now_s
        self._sent.extend(requests)
        if self._timer is None:
            self._timer = self._loop.call_later(self._reply_timeout_s, self._check_timeout)

    async def close(self) -> None:
        self._abort(RedisConnectionError("connection closed by the client"))
        await self._closed

    def _abort(self, exc: RedisError) -> None:
        self._error = self._error or exc
        self._transport.abort()

    def _check_timeout(self) -> None:
        """Close the connection if its oldest command has no reply in time: the server is frozen."""
        self._timer = None
        if not self._sent:
            return
        left_s = self._sent[0].sent_s + self._reply_timeout_s - self._loop.time()
        if left_s <= 0:
            self._abort(RedisTimeoutError(f"no reply within {self._reply_timeout_s:g} s"))
        else:
            self._timer = self._loop.call_later(left_s, self._check_timeout)

    # -- asyncio.Protocol -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has the methods, not the class

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not NOT_ENOUGH_DATA:
                request = self._sent[0]
                if request.count is not None:
                    request.replies.append(reply)
                    if len(request.replies) < request.count:
                        continue
                self._sent.popleft()
                request.finish(reply)
        except (InvalidResponse, IndexError) as exc:
            self._abort(RedisConnectionError(f"invalid reply: {exc}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._error = self._error or RedisConnectionError(f"connection closed by server{f' ({exc})' if exc else ''}")
        if self._timer is not None:
            self._timer.cancel()
        _fail(self._sent, self._error)
        self._sent.clear()
        with contextlib.suppress(asyncio.InvalidStateError):
            self._closed.set_result(None)


def _fail(requests: Iterable[_Request], exc: RedisError) -> None:
    for request in requests:
        if not request.result.done():
            request.result.set_exception(type(exc)(*exc.args))  # tasks must not share a traceback
