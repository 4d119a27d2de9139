"""Message length of HTTP/1.1 responses (RFC 9112 §6.3), where aiohttp rejects responses that have a known length.

A body ends at its Content-Length; bytes behind it are dropped, and the connection is not used again. Equal values of
several Content-Length fields count once (RFC 9110 §8.6). Transfer-Encoding overrides Content-Length.
"""

import re
from typing import Any, NamedTuple

from aiohttp.client_proto import ResponseHandler

MAX_HEAD_BYTES = 256 * 1024  # longer heads go to aiohttp as they are, which has its own limits
NO_BODY = frozenset((204, 304))
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"HTTP/\d\.\d (\d{3})")
_CONTENT_LENGTH = re.compile(rb"^content-length[ \t]*:[ \t]*([^\r\n]*?)[ \t]*(?:\r?\n)", re.IGNORECASE | re.MULTILINE)
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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head: bytes | None = b""  # None after the head
        self._remaining: int | None = None

    def set_response_params(self, **kwargs: Any) -> None:
        """Prepare for the next response."""
        self._head, self._remaining = b"", None
        super().set_response_params(**kwargs)

    def data_received(self, data: bytes) -> None:
        """Pass the head and the body of a response to the parser, without bytes behind the body."""
        if self._parser is None or not data:
            super().data_received(data)
            return
        if self._head is not None:
            data = self._read_head(data)
        if self._remaining is not None and len(data) > self._remaining:
            data = data[: self._remaining]
            self.force_close()
        if data:
            self._remaining = None if self._remaining is None else self._remaining - len(data)
            super().data_received(data)

    def _read_head(self, data: bytes) -> bytes:
        """Pass complete heads to the parser; return the part of the body that follows."""
        assert self._head is not None
        self._head += data
        while match := _HEAD_END.search(self._head):
            head, rest = parse_head(self._head[: match.end()]), self._head[match.end() :]
            self._head = rest
            super().data_received(head.data)
            if not 100 <= head.status < 200:  # an interim response precedes the final one
                self._head, self._remaining = None, head.length
                return rest
        if len(self._head) > MAX_HEAD_BYTES:
            data, self._head = self._head, None
            return data
        return b""
