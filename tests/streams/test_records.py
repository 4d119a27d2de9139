"""Records and their encoding."""

from datetime import UTC, datetime

import msgspec
import pytest

import streams
from streams.codec import MIGRATIONS, decode, encode, migrate, schema
from streams.errors import CopydeskError, UnreadableError
from streams.records import WIRE_VERSION, Article, DeadLetter, Image, Item, Link, MessageId, PollResult, RemovedBlock

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
ITEM = Item(
    feed="https://a.example/f", identity_key="https://a.example/1", title="T", fetched_at=NOW, fingerprint="00" * 8
)
ARTICLE = Article(
    id="ab" * 10,
    revision=2,
    title="Tide — «high»",
    published=NOW,
    paragraphs=("One.", "二。"),
    images=(Image("https://a.example/i.jpg", "A tide", "Ida Marrow"),),
    removed=(RemovedBlock("link", "x", "because", links=(Link("https://b.example"),)),),
    source=MessageId("copydesk.items", 3, 7),
)
LETTER = DeadLetter(
    topic="t", partition=1, offset=2, payload=b"\xff\x00", error_kind="unreadable", error="r", failed_at=NOW
)
POLL = PollResult(id="1", feed="https://a.example/f", started_at=NOW, outcome="ok")


@pytest.mark.parametrize("record", [ITEM, ARTICLE, LETTER, POLL], ids=lambda r: type(r).__name__)
def test_codec_round_trip_preserves_record(record: Item) -> None:
    assert decode(encode(record), type(record)) == record


@pytest.mark.parametrize("record", [ITEM, ARTICLE, LETTER, POLL], ids=lambda r: type(r).__name__)
def test_decode_ignores_unknown_fields(record: Item) -> None:
    as_json = msgspec.json.decode(encode(record)) | {"from_the_future": [1, 2]}
    assert decode(msgspec.json.encode(as_json), type(record)) == record


@pytest.mark.parametrize(
    "data", [None, b"", b"{", b"[]", b"{}", b"\xff", b'{"v":2}', b"[" * 100_000, b"null", b'{"feed":3}']
)
def test_decode_invalid_data_raises_unreadable(data: bytes | None) -> None:
    with pytest.raises(UnreadableError, match="Item"):
        decode(data, Item)


def test_decode_newer_wire_version_raises_unreadable() -> None:
    newer = msgspec.json.decode(encode(ITEM)) | {"v": 2}
    with pytest.raises(UnreadableError, match="wire version: 2"):
        decode(msgspec.json.encode(newer), Item)


@pytest.mark.parametrize("record", [ITEM, ARTICLE, LETTER, POLL], ids=lambda r: type(r).__name__)
def test_decode_accepts_message_without_wire_version(record: Item) -> None:
    as_json = msgspec.json.decode(encode(record))
    assert as_json.pop("v") == WIRE_VERSION
    assert decode(msgspec.json.encode(as_json), type(record)) == record


def test_migrate_old_message_applies_each_step() -> None:
    migrations = {
        1: lambda raw: {"title": raw["headline"]},
        2: lambda raw: {"titles": [raw["title"]]},
    }
    assert migrate({"headline": "T"}, migrations, 3) == {"titles": ["T"], "v": 3}
    assert migrate({"title": "T", "v": 2}, migrations, 3) == {"titles": ["T"], "v": 3}
    with pytest.raises(UnreadableError, match="wire version: 4"):
        migrate({"v": 4}, migrations, 3)
    assert set(MIGRATIONS) == set(range(1, WIRE_VERSION))


@pytest.mark.parametrize("record_class", [Item, Article, DeadLetter, PollResult])
def test_schema_lists_all_fields(record_class: type[Item]) -> None:
    definition = schema(record_class)["$defs"][record_class.__name__]
    assert set(definition["properties"]) == {"v", *record_class.__struct_fields__}


def test_public_names_are_sorted_and_exist() -> None:
    assert sorted(streams.__all__) == streams.__all__
    assert all(hasattr(streams, name) for name in streams.__all__)
    assert len(streams.__all__) <= 18


def test_errors_share_one_base_class() -> None:
    from streams import errors

    classes = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, Exception)]
    assert all(issubclass(error_class, CopydeskError) for error_class in classes)


def test_import_of_streams_does_not_load_faust() -> None:
    import subprocess
    import sys

    code = "import sys, streams; sys.exit(any(m == 'faust' or m.startswith('aiokafka') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
