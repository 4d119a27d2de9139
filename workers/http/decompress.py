"""Bounded decompression of content codings. Pure.

A kilobyte can decompress to gigabytes. The body is therefore decompressed in chunks, up to a limit.
"""

import re
import zlib
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, Protocol

from streams.errors import UnreadableError

CHUNK_BYTES = 64 * 1024
MAX_RATIO = 100
RATIO_EXEMPT_BYTES = 1024 * 1024  # no ratio limit below this size: a nearly empty page may be all spaces
MAX_CODINGS = 4
# Content codings, RFC 9110 §8.4.1, RFC 7932, RFC 8878. Other names mean an unencoded body.
# Servers write charsets, "none" or internal names, and browsers ignore those too.
GZIP, DEFLATE, BROTLI, ZSTD = ("gzip", "x-gzip"), ("deflate",), ("br",), ("zstd",)
UNSUPPORTED = ("compress", "x-compress")
KNOWN = frozenset((*GZIP, *DEFLATE, *BROTLI, *ZSTD, *UNSUPPORTED, "identity", ""))
SNIFFED_BYTES = 512
_BINARY = re.compile(
    rb"[\x01-\x08\x0e-\x1a\x1c-\x1f]"
)  # binary data bytes, WHATWG MIME Sniffing §3; NUL occurs in UTF-16
# Optional packages: brotli from 1.2 has a limit on its output.
DECODERS = {coding: find_spec(package) is not None for coding, package in (("br", "brotli"), ("zstd", "zstandard"))}
ACCEPT_ENCODING = ", ".join(("gzip", "deflate", *(coding for coding, is_installed in DECODERS.items() if is_installed)))


class TooManyBytesError(UnreadableError):
    """A body exceeds the limit of *max_bytes*."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"more than {max_bytes:,} bytes", code="too_large")


class Layer(Protocol):
    """The decoder of one coding."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded chunks of *data*."""

    def close(self) -> None:
        """Raise UnreadableError if the data is incomplete."""


class BoundedDecompressor:
    """Decompresses a body chunk by chunk.

    `coding` is the Content-Encoding header (RFC 9110 §8.4): a list in the order in which the codings were applied.

    Raises:
        UnreadableError: `bad_coding` for corrupt data or a missing decoder, `too_large` beyond a limit.
    """

    def __init__(self, coding: str, max_wire_bytes: int, max_bytes: int) -> None:
        names = [name.partition(";")[0].strip().lower() for name in coding.split(",")]
        self._layers = [layer for name in reversed(names) if (layer := _layer(name)) is not None]
        if len(self._layers) > MAX_CODINGS:
            raise UnreadableError(f"more than {MAX_CODINGS} content codings", code="bad_coding")
        self.max_wire_bytes, self.max_bytes = max_wire_bytes, max_bytes
        self.wire_bytes = 0
        self._bytes = [0] * len(self._layers)
        self._unknown = next((name for name in names if name not in KNOWN), "")

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the decompressed chunks of *data*, the next part of the body."""
        self.wire_bytes += len(data)
        _check(self.wire_bytes, self.max_wire_bytes)
        if self._unknown and not self._layers and _BINARY.search(data[:SNIFFED_BYTES]):
            raise UnreadableError(f"unknown Content-Encoding {self._unknown[:40]!r} of binary data", code="bad_coding")
        yield from self._undo(0, data)

    def _undo(self, n: int, data: bytes) -> Iterator[bytes]:
        """Yield *data* without the codings from layer *n* on."""
        if n == len(self._layers):
            yield data
            return
        for chunk in self._layers[n].feed(data):
            self._bytes[n] += len(chunk)
            _check(self._bytes[n], self.max_bytes)
            if self._bytes[n] > max(RATIO_EXEMPT_BYTES, MAX_RATIO * self.wire_bytes):
                raise UnreadableError(f"compression ratio above {MAX_RATIO}", code="too_large")
            yield from self._undo(n + 1, chunk)

    def close(self) -> None:
        """Raise UnreadableError if the compressed body is incomplete. An empty body is complete."""
        if self.wire_bytes:
            for layer in self._layers:
                layer.close()


def _layer(name: str) -> Layer | None:
    if name in GZIP or name in DEFLATE:
        return _ZlibLayer(name)
    if name in UNSUPPORTED or not DECODERS.get(name, True):
        raise UnreadableError(f"no decoder for Content-Encoding {name!r}", code="bad_coding")
    if name in BROTLI:
        return _BrotliLayer()
    return _ZstdLayer() if name in ZSTD else None


def _check(size: int, limit: int) -> None:
    if size > limit:
        raise TooManyBytesError(limit)


class _ZlibLayer:
    """gzip and deflate."""

    def __init__(self, coding: str) -> None:
        self.coding, self._is_gzip = coding, coding in GZIP
        self._decompressor: Any = None
        self._pending = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded chunks of *data*."""
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
        """Raise UnreadableError if the data is incomplete."""
        if self._decompressor is None or not self._decompressor.eof:
            raise UnreadableError(f"truncated {self.coding} data", code="bad_coding")


class _BrotliLayer:
    """Brotli (RFC 7932)."""

    def __init__(self) -> None:
        import brotli

        self._decompressor, self._error = brotli.Decompressor(), brotli.error

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded chunks of *data*."""
        try:
            yield self._decompressor.process(data, output_buffer_limit=CHUNK_BYTES)
            while not self._decompressor.can_accept_more_data():
                yield self._decompressor.process(b"", output_buffer_limit=CHUNK_BYTES)
        except self._error as exc:
            raise UnreadableError(f"corrupt br data: {exc}", code="bad_coding") from exc

    def close(self) -> None:
        """Raise UnreadableError if the data is incomplete."""
        if not self._decompressor.is_finished():
            raise UnreadableError("truncated br data", code="bad_coding")


class _ZstdLayer:
    """Zstandard (RFC 8878). A body may have several frames."""

    MAX_WINDOW_BYTES = 8 * 1024 * 1024  # RFC 9659 §3
    # The decoder has no limit on its output, so it gets little input: four bytes may decode to 128 KiB (§3.1.1).
    INPUT_BYTES = 64

    def __init__(self) -> None:
        import zstandard

        self._decompressor = zstandard.ZstdDecompressor(max_window_size=self.MAX_WINDOW_BYTES)
        self._frame, self._error = self._decompressor.decompressobj(), zstandard.ZstdError

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded chunks of *data*."""
        for start in range(0, len(data), self.INPUT_BYTES):
            part = data[start : start + self.INPUT_BYTES]
            try:
                while part:
                    if self._frame.eof:
                        self._frame = self._decompressor.decompressobj()
                    yield self._frame.decompress(part)
                    part = self._frame.unused_data if self._frame.eof else b""
            except self._error as exc:
                raise UnreadableError(f"corrupt zstd data: {exc}", code="bad_coding") from exc

    def close(self) -> None:
        """Raise UnreadableError if the data is incomplete."""
        if not self._frame.eof:
            raise UnreadableError("truncated zstd data", code="bad_coding")
