"""Connections of the web server: limits on their number, and on the time until a request head is complete.

aiohttp waits without limit for a request head. A thousand connections without one would use up all file descriptors.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

HEAD_TIMEOUT_S = 10.0
MAX_INCOMPLETE = 100  # connections without a complete head; the oldest makes room for a new one
MAX_ADDRESS_SHARE = 0.5  # of all connections, for one address
LOOPBACK = ("127.0.0.1", "::1")  # of a reverse proxy, which connects for many clients


class ConnectionLimits:
    """The open connections of one server, and those that wait for a request head, oldest first."""

    def __init__(
        self, max_connections: int, headers: Mapping[str, str], head_timeout_s: float = HEAD_TIMEOUT_S
    ) -> None:
        self.max_connections, self.headers, self.head_timeout_s = max_connections, headers, head_timeout_s
        self.open: dict[LimitedHandler, str] = {}
        self.incomplete: dict[LimitedHandler, asyncio.TimerHandle] = {}

    def admit(self, handler: "LimitedHandler", address: str) -> bool:
        """Register a new connection; return False if the server or its *address* has too many."""
        of_address = 0 if address in LOOPBACK else sum(other == address for other in self.open.values())
        if len(self.open) >= self.max_connections or of_address >= self.max_connections * MAX_ADDRESS_SHARE:
            return False
        self.open[handler] = address
        self.begin_head(handler)
        return True

    def begin_head(self, handler: "LimitedHandler") -> None:
        """Close *handler* unless a head is complete in time; close the oldest one if too many are incomplete."""
        if handler in self.incomplete:
            return
        timer = asyncio.get_running_loop().call_later(self.head_timeout_s, handler.abort)
        self.incomplete[handler] = timer
        if len(self.incomplete) > MAX_INCOMPLETE:
            next(iter(self.incomplete)).abort()

    def end_head(self, handler: "LimitedHandler") -> None:
        """Stop the timer of *handler*."""
        if timer := self.incomplete.pop(handler, None):
            timer.cancel()

    def remove(self, handler: "LimitedHandler") -> None:
        """Forget a closed connection."""
        self.end_head(handler)
        self.open.pop(handler, None)


class LimitedHandler(RequestHandler):
    """aiohttp's protocol of one connection, within limits."""

    def __init__(self, limits: ConnectionLimits, manager: web.Server, **options: Any) -> None:
        super().__init__(manager, **options)
        self.limits = limits

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the connection, or close it."""
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        if not self.limits.admit(self, str(peer[0]) if isinstance(peer, tuple) else ""):
            self.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Release the connection."""
        self.limits.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse *data*; wait for the rest of an incomplete head for a limited time."""
        super().data_received(data)
        if self._messages or self._current_request is not None or self._payload_parser is not None:
            self.limits.end_head(self)
        elif self in self.limits.open:
            self.limits.begin_head(self)

    def abort(self) -> None:
        """Close the connection without a response."""
        self.limits.remove(self)
        if self.transport is not None:
            self.transport.abort()

    def handle_error(self, *args: Any, **kwargs: Any) -> web.StreamResponse:
        """Return aiohttp's response to a malformed request or a failed handler, with the headers of all responses."""
        response = super().handle_error(*args, **kwargs)
        response.headers.update(self.limits.headers)
        return response
