"""Bounded decompression of content codings. Pure.

A kilobyte can decompress to gigabytes. The body is therefore decompressed in chunks, up to a limit.
"""

import zlib
from collections.abc import Iterator
from typing import Any

from streams.errors import UnreadableError

ACCEPT_ENCODING = "gzip, deflate"
CHUNK_BYTES = 64 * 1024
MAX_RATIO = 100
RATIO_EXEMPT_BYTES = 1024 * 1024  # no ratio limit below this size: a nearly empty page may be all spaces


class BoundedDecompressor:
    """Decompresses a body chunk by chunk.

    `coding` is the Content-Encoding header (RFC 9110 §8.4).

    Raises:
        UnreadableError: `bad_coding` for an unexpected coding or corrupt data, `too_large` beyond a limit.
    """

    def __init__(self, coding: str, max_wire_bytes: int, max_bytes: int) -> None:
        self.coding = coding.strip().lower()
        if self.coding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise UnreadableError(f"unexpected Content-Encoding {coding[:40]!r}", code="bad_coding")
        self.max_wire_bytes, self.max_bytes = max_wire_bytes, max_bytes
        self.wire_bytes = self.bytes = 0
        self._is_compressed, self._is_gzip = self.coding not in ("", "identity"), self.coding.endswith("gzip")
        self._decompressor: Any = None
        self._pending = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the decompressed chunks of *data*, the next part of the body."""
        self.wire_bytes += len(data)
        self._check(self.wire_bytes, self.max_wire_bytes)
        if not self._is_compressed:
            self.bytes = self.wire_bytes
            yield data
            return
        data, self._pending = self._pending + data, b""
        while data:
            if len(data) == 1 and (self._decompressor is None or self._decompressor.eof):
                self._pending = data  # the format is known after two bytes
                return
            decompressor = self._decompressor_for(data)
            if decompressor is None:
                return
            try:
                chunk = decompressor.decompress(data, CHUNK_BYTES)
            except zlib.error as exc:
                raise UnreadableError(f"corrupt {self.coding} data: {exc}", code="bad_coding") from exc
            data = decompressor.unconsumed_tail or decompressor.unused_data
            self.bytes += len(chunk)
            self._check(self.bytes, self.max_bytes)
            if self.bytes > max(RATIO_EXEMPT_BYTES, MAX_RATIO * self.wire_bytes):
                raise UnreadableError(f"compression ratio above {MAX_RATIO}", code="too_large")
            yield chunk

    def _decompressor_for(self, data: bytes) -> Any:
        """Return the decompressor for *data*; None when *data* follows the end of the compressed body."""
        if self._decompressor is None or (self._decompressor.eof and self._is_gzip and data.startswith(b"\x1f\x8b")):
            # A gzip body may have several members (RFC 1952 §2.2). "deflate" is zlib by RFC 9110 §8.4.1.2, with a
            # header of RFC 1950 §2.2; some servers send a raw stream instead.
            is_zlib = data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
            deflate_wbits = zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS
            self._decompressor = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16 if self._is_gzip else deflate_wbits)
        return None if self._decompressor.eof else self._decompressor

    def close(self) -> None:
        """Raise UnreadableError if the compressed body is incomplete."""
        if self._is_compressed and self.wire_bytes and (self._decompressor is None or not self._decompressor.eof):
            raise UnreadableError(f"truncated {self.coding} data", code="bad_coding")

    @staticmethod
    def _check(size: int, limit: int) -> None:
        if size > limit:
            raise UnreadableError(f"longer than {limit:,} bytes", code="too_large")
