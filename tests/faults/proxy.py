"""TCP proxy with faults: delay, reset, half-close, black hole, and a cut within a response.

All connections of a fault run pass through one process, so it forwards in protocols: a stream costs three times as much.
"""

import asyncio
import os
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

Dial = Callable[[Callable[[], asyncio.Protocol]], Awaitable[Any]]
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: the kernel sends RST


class Proxy:
    """Listens on loopback and forwards to the connection of *dial*. The methods inject faults; `heal` ends them."""

    def __init__(self, dial: Dial) -> None:
        self.dial = dial
        self.delay_s = 0.0
        self.is_open = asyncio.Event()  # cleared: no bytes pass
        self.is_open.set()
        self.port = 0
        self._cut_after: int | None = None
        self.sides: dict[_Side, None] = {}

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Side(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        self.reset()

    # -- faults ----------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Reset all connections (RST)."""
        for side in list(self.sides):
            side.reset()

    def half_close(self) -> None:
        """Send FIN to the client only; still read from it."""
        for side in list(self.sides):
            if not side.is_server:
                side._is_closed_by_fault = True
                side.write_eof()

    def black_hole(self) -> None:
        """Accept connections but forward no bytes in either direction, until healed."""
        self.is_open.clear()

    def slow(self, seconds: float) -> None:
        self.delay_s = seconds

    def cut(self, after_bytes: int) -> None:
        """Reset all connections once, after this many more bytes from the server: within a response."""
        self._cut_after = after_bytes

    def heal(self) -> None:
        """Forward again. Connections that lost bytes are reset."""
        self.delay_s, self._cut_after = 0.0, None
        if not self.is_open.is_set():
            self.reset()
        self.is_open.set()

    # -- forwarding ------------------------------------------------------------------------------------------------

    def is_direct(self) -> bool:
        """Return whether bytes pass at once."""
        return self.is_open.is_set() and not self.delay_s

    def until_cut(self, data: bytes) -> tuple[bytes, bool]:
        """Return the bytes from the server that pass, and whether the cut comes after them."""
        if self._cut_after is None:
            return data, False
        if len(data) < self._cut_after:
            self._cut_after -= len(data)
            return data, False
        passing, self._cut_after = data[: self._cut_after], None
        return passing, True


class _Side(asyncio.Protocol):
    """A connection of a pair. It forwards the bytes that it receives to its peer, at once or by a task."""

    transport: Any

    def __init__(self, proxy: Proxy, peer: "_Side | None" = None) -> None:
        self.proxy, self.peer = proxy, peer
        self.is_server = peer is not None
        self._backlog: deque[bytes | None] = deque()  # None: the end of the input
        self._forwarding: asyncio.Task[None] | None = None
        self._is_lost = self._is_ended = self._is_peer_full = self._is_closed_by_fault = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.proxy.sides[self] = None
        if self.peer is None:
            self._forwarding = asyncio.create_task(self._connect())
        elif self.peer._is_lost:
            transport.abort()

    async def _connect(self) -> None:
        """Open the connection to the server, then forward all bytes that came meanwhile."""
        self._update_reading()
        try:
            await self.proxy.is_open.wait()
            _, self.peer = await self.proxy.dial(lambda: _Side(self.proxy, self))
        except OSError:
            self.reset()
            return
        await self._forward_backlog()

    def data_received(self, data: bytes) -> None:
        if self._forwarding is None and self.proxy.is_direct():
            self._pass(data)
            return
        self._queue(data)

    def eof_received(self) -> bool:
        self._queue(None)
        return True  # the peer may still send

    def _queue(self, data: bytes | None) -> None:
        self._backlog.append(data)
        if self._forwarding is None:
            self._forwarding = asyncio.create_task(self._forward_backlog())
            self._update_reading()

    async def _forward_backlog(self) -> None:
        while self._backlog:
            await self.proxy.is_open.wait()
            if self.proxy.delay_s and self._backlog[0] is not None:
                await asyncio.sleep(self.proxy.delay_s)
            self._pass(self._backlog.popleft())
        self._forwarding = None
        self._update_reading()

    def _pass(self, data: bytes | None) -> None:
        """Send *data* or the end of the input to the peer."""
        assert self.peer is not None
        if data is None:
            self._is_ended = True
            self.peer.write_eof()
            if self.peer._is_ended:
                self.transport.close()
                self.peer.transport.close()
            return
        passing, is_cut = self.proxy.until_cut(data) if self.is_server else (data, False)
        if self.peer._is_closed_by_fault:  # as a kernel answers bytes after `shutdown`
            self.reset()
            self.peer.reset()
        elif not self.peer._is_lost:
            self.peer.transport.write(passing)
        if is_cut:
            self.proxy.reset()

    def write_eof(self) -> None:
        with suppress(OSError, RuntimeError):
            self.transport.write_eof()

    def reset(self) -> None:
        if not self._is_lost and not self.transport.is_closing():
            descriptor = os.dup(self.transport.get_extra_info("socket").fileno())
            with socket.socket(fileno=descriptor) as duplicate, suppress(OSError):  # the client may be gone
                if duplicate.family == socket.AF_INET:
                    duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.transport.abort()

    def pause_writing(self) -> None:
        self._let_peer_read(is_full=True)

    def resume_writing(self) -> None:
        self._let_peer_read(is_full=False)

    def _let_peer_read(self, *, is_full: bool) -> None:
        if self.peer is not None:
            self.peer._is_peer_full = is_full
            self.peer._update_reading()

    def _update_reading(self) -> None:
        """Read only while the bytes can be passed on."""
        if self._is_lost or self.transport.is_closing():
            return
        if self._is_peer_full or self._forwarding is not None:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        self.proxy.sides.pop(self, None)
        if self._forwarding is not None:
            self._forwarding.cancel()
        if self.peer is not None and not self.peer._is_lost:
            self.peer.transport.abort()
