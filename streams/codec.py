"""Encode records as JSON and decode them, with migration of older wire versions."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from streams.errors import UnreadableError
from streams.records import WIRE_VERSION, Record

RecordT = TypeVar("RecordT", bound=Record)

_encoder = msgspec.json.Encoder()
_decoders: dict[type[Record], msgspec.json.Decoder[Any]] = {}


def encode(record: msgspec.Struct) -> bytes:
    """Return *record* as JSON bytes; fields with their default value are omitted."""
    return _encoder.encode(record)


def decode(data: bytes | None, record_class: type[RecordT]) -> RecordT:
    """Return the *record_class* instance in *data*, from any wire version up to the current one.

    Unknown fields are ignored.

    Raises:
        UnreadableError: *data* is not such a record, or has a newer wire version.
    """
    decoder = _decoders.get(record_class) or _decoders.setdefault(record_class, msgspec.json.Decoder(record_class))
    try:
        return decoder.decode(data or b"")  # type: ignore[no-any-return]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        try:
            return msgspec.convert(migrate(_decode_json(data), MIGRATIONS, WIRE_VERSION), record_class)
        except (msgspec.ValidationError, UnreadableError, RecursionError) as reason:
            raise UnreadableError(f"not a readable {record_class.__name__}: {reason if reason.args else exc}") from exc


JsonObject = dict[str, Any]
MIGRATIONS: Mapping[int, Callable[[JsonObject], JsonObject]] = {}
"""Wire version → function that upgrades a decoded message of it to the next version."""


def _decode_json(data: bytes | None) -> JsonObject:
    try:
        raw = msgspec.json.decode(data or b"")
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise UnreadableError(str(exc)) from exc
    if not isinstance(raw, dict):
        raise UnreadableError(f"expected an object, got {type(raw).__name__}")
    return raw


def migrate(
    message: JsonObject, migrations: Mapping[int, Callable[[JsonObject], JsonObject]], target_version: int
) -> JsonObject:
    """Return *message* upgraded to *target_version*.

    Raises:
        UnreadableError: the message has a newer or an invalid version.
    """
    version = message.get("v", 1)  # messages from before `v` existed are version 1
    if not isinstance(version, int) or not 1 <= version <= target_version:
        raise UnreadableError(
            f"unsupported wire version: {version} (supported: 1 to {target_version}); upgrade this copydesk"
        )
    for step in range(version, target_version):
        message = migrations[step](message) | {"v": step + 1}
    return message


def schema(record_class: type[Record]) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of *record_class*, for subscribers in other languages."""
    return msgspec.json.schema(record_class)
