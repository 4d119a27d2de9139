"""Records to bytes and back: JSON by msgspec, errors in one spot."""

from typing import Any, TypeVar

import msgspec

from streams.errors import UnreadableError
from streams.records import WIRE_VERSION, Record

R = TypeVar("R", bound=Record)

_encoder = msgspec.json.Encoder()
_decoders: dict[type[Record], msgspec.json.Decoder[Any]] = {}


def encode(record: msgspec.Struct) -> bytes:
    """Return *record* as JSON bytes; fields at their default are left out."""
    return _encoder.encode(record)


def decode(data: bytes | None, kind: type[R]) -> R:
    """Return the record of *kind* in *data*; unknown fields are ignored.

    Raises UnreadableError for anything that isn't one, a newer wire version included.
    """
    decoder = _decoders.get(kind) or _decoders.setdefault(kind, msgspec.json.Decoder(kind))
    try:
        record: R = decoder.decode(data or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise UnreadableError(f"not a readable {kind.__name__}: {exc}") from exc
    if record.v > WIRE_VERSION:
        raise UnreadableError(f"{kind.__name__} of wire version {record.v}; this copydesk reads up to {WIRE_VERSION}")
    return record


def schema(kind: type[Record]) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of *kind*, for readers in other languages."""
    return msgspec.json.schema(kind)
