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
def test_a_record_survives_the_wire(record: Item) -> None:
    assert decode(encode(record), type(record)) == record


@pytest.mark.parametrize("record", [ITEM, ARTICLE, LETTER, POLL], ids=lambda r: type(r).__name__)
def test_a_field_added_later_is_ignored_and_one_at_its_default_may_be_missing(record: Item) -> None:
    as_json = msgspec.json.decode(encode(record)) | {"from_the_future": [1, 2]}
    assert decode(msgspec.json.encode(as_json), type(record)) == record


@pytest.mark.parametrize(
    "data", [None, b"", b"{", b"[]", b"{}", b"\xff", b'{"v":2}', b"[" * 100_000, b"null", b'{"feed":3}']
)
def test_rubbish_is_unreadable(data: bytes | None) -> None:
    with pytest.raises(UnreadableError, match="Item"):
        decode(data, Item)


def test_a_newer_wire_version_is_refused() -> None:
    newer = msgspec.json.decode(encode(ITEM)) | {"v": 2}
    with pytest.raises(UnreadableError, match="wire version 2"):
        decode(msgspec.json.encode(newer), Item)


@pytest.mark.parametrize("record", [ITEM, ARTICLE, LETTER, POLL], ids=lambda r: type(r).__name__)
def test_every_message_has_its_wire_version_and_one_from_before_has_none(record: Item) -> None:
    as_json = msgspec.json.decode(encode(record))
    assert as_json.pop("v") == WIRE_VERSION
    assert decode(msgspec.json.encode(as_json), type(record)) == record


def test_an_old_message_is_read_step_by_step() -> None:
    upgrades = {
        1: lambda raw: {"title": raw["headline"]},
        2: lambda raw: {"titles": [raw["title"]]},
    }
    assert migrate({"headline": "T"}, upgrades, 3) == {"titles": ["T"], "v": 3}
    assert migrate({"title": "T", "v": 2}, upgrades, 3) == {"titles": ["T"], "v": 3}
    with pytest.raises(UnreadableError, match="wire version 4"):
        migrate({"v": 4}, upgrades, 3)
    assert set(MIGRATIONS) == set(range(1, WIRE_VERSION))


@pytest.mark.parametrize("kind", [Item, Article, DeadLetter, PollResult])
def test_every_record_has_a_schema(kind: type[Item]) -> None:
    definition = schema(kind)["$defs"][kind.__name__]
    assert set(definition["properties"]) == {"v", *kind.__struct_fields__}


def test_public_names_are_what_they_are() -> None:
    assert sorted(streams.__all__) == streams.__all__
    assert all(hasattr(streams, name) for name in streams.__all__)
    assert len(streams.__all__) <= 18


def test_errors_are_of_one_family() -> None:
    from streams import errors

    kinds = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, Exception)]
    assert all(issubclass(kind, CopydeskError) for kind in kinds)


def test_importing_streams_does_not_load_faust() -> None:
    import subprocess
    import sys

    code = "import sys, streams; sys.exit(any(m == 'faust' or m.startswith('aiokafka') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
