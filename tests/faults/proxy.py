"""TCP proxy with faults: delay, reset, half-close, black hole, and a cut within a response."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

Dial = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
CHUNK = 65_536


class Proxy:
    """Listens on loopback and forwards to the address of *dial*. The methods inject faults; `heal` ends them."""

    def __init__(self, dial: Dial, latency_s: float = 0.0) -> None:
        self.dial = dial
        self.latency_s = self.delay_s = latency_s
        self.swallowing = False
        self.port = 0
        self._cut_after: int | None = None
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._open = asyncio.Event()
        self._open.set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        self.reset()

    # -- faults ----------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Reset all connections (RST)."""
        for pair in list(self._pairs):
            for writer in pair:
                sock: Any = writer.get_extra_info("socket")
                with suppress(OSError):
                    if sock.family in (socket.AF_INET, socket.AF_INET6):
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()

    def half_close(self) -> None:
        """Send FIN to the client only; still read from it."""
        for client, _ in list(self._pairs):
            with suppress(OSError, RuntimeError):
                client.write_eof()

    def black_hole(self) -> None:
        """Accept connections but forward no bytes in either direction, until healed."""
        self.swallowing = True
        self._open.clear()

    def slow(self, seconds: float) -> None:
        self.delay_s = seconds

    def cut(self, after_bytes: int) -> None:
        """Reset all connections once, after this many more bytes from the server: within a response."""
        self._cut_after = after_bytes

    def heal(self) -> None:
        """Forward again. Connections that lost bytes are reset."""
        self.delay_s, self._cut_after = self.latency_s, None
        if self.swallowing:
            self.swallowing = False
            self.reset()
        self._open.set()

    # -- forwarding ------------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._open.wait()
            up_reader, up_writer = await self.dial()
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, up_writer)
        self._pairs.add(pair)
        try:
            await asyncio.gather(self._pass(reader, up_writer), self._pass(up_reader, writer, counted=True))
        except (OSError, RuntimeError, asyncio.IncompleteReadError):  # RuntimeError: a write after `half_close`
            pass
        finally:
            self._pairs.discard(pair)
            for peer in pair:
                peer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counted: bool = False) -> None:
        while data := await reader.read(CHUNK):
            await self._open.wait()
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            if counted and self._cut_after is not None:
                if len(data) >= self._cut_after:
                    writer.write(data[: self._cut_after])
                    self._cut_after = None
                    await writer.drain()
                    self.reset()
                    return
                self._cut_after -= len(data)
            writer.write(data)
            await writer.drain()
        with suppress(OSError, RuntimeError):
            writer.write_eof()
