"""Records to bytes and back: JSON by msgspec, errors in one spot."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from streams.errors import UnreadableError
from streams.records import WIRE_VERSION, Record

RecordT = TypeVar("RecordT", bound=Record)

_encoder = msgspec.json.Encoder()
_decoders: dict[type[Record], msgspec.json.Decoder[Any]] = {}


def encode(record: msgspec.Struct) -> bytes:
    """Return *record* as JSON bytes; fields at their default are left out."""
    return _encoder.encode(record)


def decode(data: bytes | None, kind: type[RecordT]) -> RecordT:
    """Return the record of *kind* in *data*, of any wire version so far; unknown fields are ignored.

    Raises UnreadableError for anything that isn't one, a newer wire version included.
    """
    decoder = _decoders.get(kind) or _decoders.setdefault(kind, msgspec.json.Decoder(kind))
    try:
        return decoder.decode(data or b"")  # type: ignore[no-any-return]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        try:
            return msgspec.convert(migrate(_decode_json(data), MIGRATIONS, WIRE_VERSION), kind)
        except (msgspec.ValidationError, UnreadableError, RecursionError) as why:
            raise UnreadableError(f"not a readable {kind.__name__}: {why if why.args else exc}") from exc


JsonObject = dict[str, Any]
MIGRATIONS: Mapping[int, Callable[[JsonObject], JsonObject]] = {}
"""How a message of a wire version, as plain JSON, becomes one of the next."""


def _decode_json(data: bytes | None) -> JsonObject:
    try:
        raw = msgspec.json.decode(data or b"")
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise UnreadableError(str(exc)) from exc
    if not isinstance(raw, dict):
        raise UnreadableError(f"expected an object, got {type(raw).__name__}")
    return raw


def migrate(raw: JsonObject, upgrades: Mapping[int, Callable[[JsonObject], JsonObject]], to: int) -> JsonObject:
    """Return *raw* as of wire version *to*; raises UnreadableError when that can't be."""
    version = raw.get("v", 1)  # before it was always written, there was only 1
    if not isinstance(version, int) or not 1 <= version <= to:
        raise UnreadableError(f"wire version {version}; this copydesk reads up to {to}")
    for step in range(version, to):
        raw = upgrades[step](raw) | {"v": step + 1}
    return raw


def schema(kind: type[Record]) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of *kind*, for readers in other languages."""
    return msgspec.json.schema(kind)
