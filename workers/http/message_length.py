"""Message length of HTTP/1.1 responses (RFC 9112 §6.3), where aiohttp rejects responses that have a known length.

A body ends at its Content-Length; bytes behind it are dropped, and the connection is not used again. Equal values of
several Content-Length fields count once (RFC 9110 §8.6). Transfer-Encoding overrides Content-Length.
"""

import asyncio
import re
from typing import Any, NamedTuple

from aiohttp.client_proto import ResponseHandler

from workers.http.deadlines import Deadlines

MAX_HEAD_BYTES = 256 * 1024  # longer heads go to aiohttp as they are, which has its own limits
VERSION = b"HTTP/"
NO_BODY = frozenset((204, 304))
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"HTTP/\d\.\d (\d{3})")
_CONTENT_LENGTH = re.compile(rb"^content-length[ \t]*+:([^\r\n]*+)\r?\n", re.IGNORECASE | re.MULTILINE)
_TRANSFER_ENCODING = re.compile(rb"^transfer-encoding[ \t]*:[^\r\n]*\bchunked[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


class ResponseHead(NamedTuple):
    """The head of a response with at most one length; `length` is None unless it limits the body."""

    data: bytes
    status: int
    length: int | None


def parse_head(head: bytes) -> ResponseHead:
    """Return the status and the body length of a response head, which includes its empty line. Pure.

    >>> parse_head(b"HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\nContent-Length: 5\\r\\n\\r\\n").length
    5
    """
    match = _STATUS.match(head)
    status = int(match[1]) if match else 0
    if b"\ncontent-length" not in head.lower():
        return ResponseHead(head, status, 0 if status in NO_BODY else None)
    values = {value.strip() for field in _CONTENT_LENGTH.findall(head) for value in field.split(b",")}
    if values and _TRANSFER_ENCODING.search(head):
        head, values = _CONTENT_LENGTH.sub(b"", head), set()
    length = next(iter(values)) if len(values) == 1 else b""
    if not length.isdigit() or len(length) > 18:
        return ResponseHead(head, status, 0 if status in NO_BODY else None)
    first = _CONTENT_LENGTH.search(head)
    if first is not None and len(_CONTENT_LENGTH.findall(head)) + head.count(b",") > 1:
        rest = _CONTENT_LENGTH.sub(b"", head[first.end() :])
        head = head[: first.start()] + b"Content-Length: " + length + b"\r\n" + rest
    return ResponseHead(head, status, 0 if status in NO_BODY else int(length))


class BoundedResponseHandler(ResponseHandler):
    """aiohttp's protocol of a connection, which reads each body up to its length."""

    def __init__(self, loop: asyncio.AbstractEventLoop, read_deadlines: Deadlines) -> None:
        super().__init__(loop=loop)
        self._read_deadlines = read_deadlines
        self._head: bytes | None = b""  # None after the head
        self._remaining: int | None = None

    def set_response_params(self, **kwargs: Any) -> None:
        """Prepare for the next response."""
        self._head, self._remaining = b"", None
        super().set_response_params(**kwargs)

    def data_received(self, data: bytes) -> None:
        """Pass a response to the parser, without bytes after its body.

        One call passes the head with the first bytes of the body: aiohttp then detects more errors of a body.
        """
        if self._parser is None or not data:
            super().data_received(data)
            return
        data = self._limit(data) if self._head is None else self._read_head(self._head + data)
        if data:
            super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Pass an incomplete head to the parser, which reports it."""
        head, self._head = self._head, None
        if head and self._parser is not None:
            super().data_received(head)
        super().connection_lost(exc)

    def _reschedule_timeout(self) -> None:
        """Restart the timeout for the next bytes of the server."""
        if self._read_timeout != self._read_deadlines.length_s:
            super()._reschedule_timeout()
            return
        if self._read_timeout_handle is not None:
            self._read_timeout_handle.cancel()
        self._read_timeout_handle = self._read_deadlines.start(self._on_read_timeout)  # type: ignore[assignment]

    def _read_head(self, data: bytes) -> bytes:
        """Return the complete heads in *data*, with the part of the body that follows the last one."""
        heads = b""
        while data[: len(VERSION)] == VERSION[: len(data)] and len(data) <= MAX_HEAD_BYTES:
            match = _HEAD_END.search(data)
            if match is None:
                self._head = data
                return heads
            stated = data[: match.end()]
            head = parse_head(stated)
            is_final = not 100 <= head.status < 200  # an interim response precedes the final one
            if is_final:
                self._head, self._remaining = None, head.length
            if is_final and head.data is stated and not heads and self._belongs_to_body(len(data) - len(stated)):
                return data  # without a copy of the body
            heads, data = heads + head.data, data[match.end() :]
            if is_final:
                return heads + self._limit(data)
        self._head = None  # no HTTP/1.1 response, or a long head: aiohttp reports it
        return heads + data

    def _belongs_to_body(self, size: int) -> bool:
        """Return whether *size* bytes belong to the body, and count them if so."""
        if self._remaining is None:
            return True
        if size > self._remaining:
            return False
        self._remaining -= size
        return True

    def _limit(self, data: bytes) -> bytes:
        """Return the part of *data* that belongs to the body."""
        if self._remaining is None:
            return data
        if len(data) > self._remaining:
            data = data[: self._remaining]
            self.force_close()
        self._remaining -= len(data)
        return data
