"""Bodies of responses: read and decompressed within limits, for one body and for all bodies of a client."""

import asyncio
from typing import NamedTuple

import aiohttp

from streams.errors import UnavailableError, UnreadableError
from workers.http.decompress import BoundedDecompressor, TooManyBytesError

MAX_RATIO_TO_FEED_BYTES = 3.2  # decompressed size to size on the wire: 32 MiB to 10 MiB
MAX_BUFFERED_BYTES = 256 * 1024 * 1024  # of all bodies together
MAX_ERROR_BYTES, ERROR_BODY_S = 2_048, 2.0  # of the body of a rejected POST


class BodyLimit(NamedTuple):
    """The limit of a body on the wire; 0 stands for the setting `max_feed_bytes`.

    *truncate*: the decompressed body ends at the limit, instead of an error.
    """

    max_bytes: int = 0
    truncate: bool = False


class BodyReader:
    """Reads the bodies of a client's responses. *max_feed_bytes*: the setting."""

    def __init__(self, max_feed_bytes: int) -> None:
        self.max_feed_bytes = max_feed_bytes
        self._buffered_bytes = 0

    async def read(self, response: aiohttp.ClientResponse, limit: BodyLimit) -> bytes:
        """Return the decompressed body. Raises UnreadableError as soon as it exceeds a limit."""
        max_bytes = limit.max_bytes or self.max_feed_bytes
        try:
            if limit.truncate:
                return await self._read(response, max_bytes, int(max_bytes * MAX_RATIO_TO_FEED_BYTES), max_bytes)
            if response.content_length and response.content_length > max_bytes:
                raise TooManyBytesError(max_bytes)
            return await self._read(response, max_bytes, max_bytes)
        except TooManyBytesError as exc:
            advice = "" if limit.max_bytes else "; raise max_feed_bytes"
            raise UnreadableError(f"body too large: {response.url.host} ({exc}){advice}", code="too_large") from exc

    async def _read(
        self, response: aiohttp.ClientResponse, max_bytes: int, max_wire_bytes: int, end: int | None = None
    ) -> bytes:
        """Return the decompressed body up to *end*."""
        codings = ", ".join(response.headers.getall("Content-Encoding", ()))
        decompressor = BoundedDecompressor(codings, max_wire_bytes, int(max_bytes * MAX_RATIO_TO_FEED_BYTES))
        body: bytes | bytearray = b""
        try:
            async for data in response.content.iter_any():
                for chunk in decompressor.feed(data):
                    body = _append(body, chunk)
                    self._buffered_bytes += len(chunk)
                    if self._buffered_bytes > MAX_BUFFERED_BYTES:
                        raise UnavailableError("response buffer limit reached; will retry", code="too_large")
                    if end is not None and len(body) >= end:
                        return bytes(body[:end])
            decompressor.close()
            return bytes(body)
        finally:
            self._buffered_bytes -= len(body)


def _append(body: bytes | bytearray, chunk: bytes) -> bytes | bytearray:
    """Return *body* with *chunk*. A body of one chunk is not copied."""
    if not body:
        return chunk
    if isinstance(body, bytes):
        body = bytearray(body)
    body += chunk
    return body


async def read_beginning(response: aiohttp.ClientResponse) -> bytes:
    """Return the first MAX_ERROR_BYTES of an error's body; b"" for a compressed or an incomplete one."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        return b""
    try:
        async with asyncio.timeout(ERROR_BODY_S):
            return (await response.content.read(MAX_ERROR_BYTES))[:MAX_ERROR_BYTES]
    except (aiohttp.ClientError, OSError):
        return b""
