"""New items: comparison of a document with the known items."""

from datetime import UTC, datetime

from streams.records import Content, Item
from workers.poller.new_items import find_new_items, without_items

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
URL = "https://a.example/feed"
LONG = "The board said that the number had doubled since the flood, and that it would count again in the spring."


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
            Item(feed="f", identity_key=f"f#{n}", guid=str(n), fetched_at=NOW, fingerprint=f"{n % 10:x}" * 16,
                 title=f"The harbour board counted {n % 10} swans on Monday", summary=Content(LONG))
            for n in names
        ]  # fmt: skip

    first = find_new_items(items(1, 2, 3, 4), b"")
    renamed = find_new_items(items(11, 12, 13, 15), first.known_items)  # item 15 has another text
    assert [item.guid for item in renamed.items] == ["15"]
    assert renamed.is_renamed
    assert find_new_items(items(21, 22, 23, 25), renamed.known_items).items == ()
    repeated = find_new_items(items(1, 2, 3, 4, 11, 12), first.known_items)
    assert [item.guid for item in repeated.items] == ["11", "12"], "few items with a known text are new"
    assert not repeated.is_renamed


def photo(n: int) -> Item:
    return Item(feed=URL, identity_key=f"https://a.example/{n}", link=f"https://a.example/{n}", fetched_at=NOW,
                fingerprint="a" * 16, title="Photo of the day", summary=Content("Chosen by the desk."))  # fmt: skip


def test_short_texts_under_new_links_are_new() -> None:
    """A daily gallery has the same few words each day; its former links are gone from the document."""
    first = find_new_items([photo(n) for n in range(4)], b"")
    assert len(find_new_items([photo(n) for n in range(4, 8)], first.known_items).items) == 4


def test_deferred_version_of_shared_key_is_new_again() -> None:
    """Two versions of one item in a document: each is known by its text, and both can be deferred."""
    versions = [
        Item(feed=URL, identity_key="k", guid="g", fetched_at=NOW, fingerprint=digit * 16) for digit in ("a", "b")
    ]
    known_items = find_new_items(versions, b"").known_items
    assert find_new_items(versions, without_items(known_items, versions[1:])).items == (versions[1],)
