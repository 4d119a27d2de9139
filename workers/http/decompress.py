"""Content codings: what a server packed, unpacked within bounds. Pure.

A kilobyte can unpack to gigabytes. So it is unpacked piece by piece, and given up as soon as it is too much.
"""

import zlib
from collections.abc import Iterator
from typing import Any

from streams.errors import UnreadableError

ACCEPT_ENCODING = "gzip, deflate"
CHUNK_BYTES = 64 * 1024
MAX_RATIO = 100
RATIO_EXEMPT_BYTES = 1024 * 1024  # below this the ratio doesn't count: an empty page may be nothing but spaces


class BoundedDecompressor:
    """Takes a body as it comes from the wire, gives it unpacked.

    `coding` is the Content-Encoding header (RFC 9110 §8.4). Raises UnreadableError: "bad_coding" for a coding
    that we didn't ask for or that is damaged, "too_large" for what grows beyond all bounds.
    """

    def __init__(self, coding: str, max_wire_bytes: int, max_bytes: int) -> None:
        self.coding = coding.strip().lower()
        if self.coding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise UnreadableError(f"packed as {coding[:40]!r}, which we didn't ask for", code="bad_coding")
        self.max_wire_bytes, self.max_bytes = max_wire_bytes, max_bytes
        self.wire_bytes = self.bytes = 0
        self._packed, self._gzip = self.coding not in ("", "identity"), self.coding.endswith("gzip")
        self._inflate: Any = None
        self._pending = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data*, the next part of the body, unpacks to."""
        self.wire_bytes += len(data)
        self._check(self.wire_bytes, self.max_wire_bytes)
        if not self._packed:
            self.bytes = self.wire_bytes
            yield data
            return
        data, self._pending = self._pending + data, b""
        while data:
            if len(data) == 1 and (self._inflate is None or self._inflate.eof):
                self._pending = data  # what begins here shows by its first two bytes
                return
            inflate = self._decompressor_for(data)
            if inflate is None:
                return
            try:
                piece = inflate.decompress(data, CHUNK_BYTES)
            except zlib.error as exc:
                raise UnreadableError(f"not {self.coding} as it says: {exc}", code="bad_coding") from exc
            data = inflate.unconsumed_tail or inflate.unused_data
            self.bytes += len(piece)
            self._check(self.bytes, self.max_bytes)
            if self.bytes > max(RATIO_EXEMPT_BYTES, MAX_RATIO * self.wire_bytes):
                raise UnreadableError(f"unpacks to more than {MAX_RATIO} times its size", code="too_large")
            yield piece

    def _decompressor_for(self, data: bytes) -> Any:
        """Return what unpacks *data*; None when it stands behind the end and is no part of the body."""
        if self._inflate is None or (self._inflate.eof and self._gzip and data.startswith(b"\x1f\x8b")):
            # A gzip body may have several members (RFC 1952 §2.2). "deflate" is zlib by RFC 9110 §8.4.1.2, with a
            # header of RFC 1950 §2.2; some servers send the bare stream instead.
            is_zlib = data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
            bare = zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS
            self._inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16 if self._gzip else bare)
        return None if self._inflate.eof else self._inflate

    def close(self) -> None:
        """Raise UnreadableError if the packed body broke off."""
        if self._packed and self.wire_bytes and (self._inflate is None or not self._inflate.eof):
            raise UnreadableError(f"breaks off in the middle of its {self.coding} data", code="bad_coding")

    @staticmethod
    def _check(size: int, limit: int) -> None:
        if size > limit:
            raise UnreadableError(f"longer than {limit:,} bytes", code="too_large")
