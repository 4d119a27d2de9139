"""New items: comparison of a document with the known items."""

from datetime import UTC, datetime

from streams.records import Item
from workers.poller.new_items import find_new_items, without_items

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
URL = "https://a.example/feed"


def test_find_new_items_returns_new_and_changed() -> None:
    def item(n: int, digit: str) -> Item:
        return Item(feed=URL, identity_key=f"k{n}", fetched_at=NOW, fingerprint=digit * 16)

    first = find_new_items([item(1, "a"), item(2, "a")], b"")
    assert len(first.items) == 2
    second = find_new_items([item(1, "a"), item(2, "b"), item(3, "a")], first.known_items)
    assert [i.identity_key for i in second.items] == ["k2", "k3"]
    assert find_new_items([item(3, "a")], second.known_items).items == ()
    assert len(find_new_items([item(4, "a"), item(4, "a"), item(4, "b")], b"").items) == 2


def test_items_without_their_names_are_new_again() -> None:
    items = [Item(feed=URL, identity_key=f"k{n}", guid=f"g{n}", fetched_at=NOW, fingerprint="a" * 16) for n in range(3)]
    known_items = find_new_items(items, b"").known_items
    after = without_items(known_items, items[1:2])
    assert find_new_items(items, after).items == (items[1],)
    assert without_items(known_items, []) == known_items


def test_renamed_items_are_not_new() -> None:
    def items(*names: int) -> list[Item]:
        return [
            Item(feed="f", identity_key=f"f#{n}", guid=str(n), fetched_at=NOW, fingerprint=f"{n % 10:x}" * 16)
            for n in names
        ]

    first = find_new_items(items(1, 2, 3, 4), b"")
    renamed = find_new_items(items(11, 12, 13, 15), first.known_items)  # item 15 has another text
    assert [item.guid for item in renamed.items] == ["15"]
    assert renamed.is_renamed
    assert find_new_items(items(21, 22, 23, 25), renamed.known_items).items == ()
    repeated = find_new_items(items(1, 2, 3, 4, 11, 12), first.known_items)
    assert [item.guid for item in repeated.items] == ["11", "12"], "few items with a known text are new"
    assert not repeated.is_renamed
