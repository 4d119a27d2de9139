"""New items: compare the items of a feed document with the known items of the feed. Pure.

The known items are stored as digests of names and fingerprints, 8 bytes per name. An item has one or two names.
They are its identity key, and its guid where no other item of the document has it.
A dated item also has its text with its time.

An unknown item may have a known text. It is an old item under a new name if the document lacks the former name.
"""

import hashlib
import html
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from streams.records import Item
from workers.dedupe.fingerprint import MAX_TAG_CHARS
from workers.dedupe.identity import titled_key, untitled_key
from workers.poller.formats.link_list import entry_digest
from workers.poller.formats.to_item import item_label
from workers.text.markup import strip_tags
from workers.text.normalise import match_key
from workers.urls.canonical import canonicalise

MAX_KNOWN = 15_000  # three names of each of 5,000 items
# Items of one text that are published further apart are daily ones (galleries, live pages), not one renamed item.
# In ../shared/corpus/feeds.tar.xz (`rw_series`), 16 of 20 renamed items moved by less than 6 hours.
# The other 4 moved by 12 to 26 hours. The 6 daily items are 18 hours or more apart.
SAME_TIME_S = 6 * 3600
MIN_RENAMED = 3
# Letters and digits of the title and the texts of an item. Two shorter items may have the same text by accident
# ("Traffic: no delays"). A character of three bytes in UTF-8 (Chinese, Japanese, Korean) counts as three.
MIN_TEXT_BYTES = 80
DIGEST_BYTES = 4  # enough: compared within one feed, and name and fingerprint together


class NewItems(NamedTuple):
    """The result of a comparison.

    `known_items` is the encoded state for the next one. `is_renamed`: most known items have new names, because
    the feed's guids or links change, or the site has moved. `entries` are the new unreadable ones.
    """

    items: tuple[Item, ...]
    known_items: bytes
    is_renamed: bool
    entries: tuple[tuple[str, str], ...] = ()


def find_new_items(
    items: Sequence[Item],
    known_items: bytes,
    *,
    is_partial: bool = False,
    unreadable: Sequence[tuple[str, str]] = (),
) -> NewItems:
    """Return the items that are new or changed since *known_items*, and the new *unreadable* entries.

    An item is known while it is in the feed's document. The desk recognises items that return later.
    With *is_partial*, items that are missing in the document stay known.
    An item is found by its identity key, or by an unshared guid: the links of some feeds change at each poll.
    An item with an unknown name and the text of an item that has disappeared is that item, unless the text is short.
    If that applies to at least half of a document's items, their times of publication may differ: some guids change.
    """
    before = _decode(known_items)
    after: dict[bytes, bytes] = {}
    guids, keys = Counter(item.guid for item in items), Counter(item.identity_key for item in items)
    unseen = []
    for item in items:
        fingerprint, names = short_fingerprint(item), _names(item, has_own_guid=guids[item.guid] == 1)
        if keys[item.identity_key] > 1:  # versions of one item: each is known by its text
            names.append(_text_name(item))
        is_known = any(fingerprint in (before.get(name), after.get(name)) for name in names)
        if not is_known and not (before and any(before.get(name) == fingerprint for name in _former_names(item))):
            unseen.append(item)
        after.update(dict.fromkeys((*names, *_dated_texts(item)[:1]), fingerprint))
    if is_partial:
        after |= {name: fingerprint for name, fingerprint in before.items() if name not in after}
    renamed = _renamed(items, before)
    candidates = [item for item in unseen if id(item) in renamed and _is_long(item)]
    renamed_unseen = set() if is_partial else _renamed_unseen(candidates, items, before, after)
    new = tuple(item for item in unseen if id(item) not in renamed_unseen)
    entries = {_entry_name(entry): (entry, reason) for entry, reason in unreadable}
    after.update({name: name for name in entries})
    new_entries = tuple(value for name, value in entries.items() if name not in before)
    return NewItems(new, _encode(after), _is_most(renamed, items), new_entries)


def _renamed_unseen(
    candidates: Sequence[Item], items: Sequence[Item], before: Mapping[bytes, bytes], after: Mapping[bytes, bytes]
) -> set[int]:
    """Return the ids of the *candidates* that are known items under new names: their former names are gone."""
    gone = {fingerprint for name, fingerprint in before.items() if name not in after}
    renamed = {id(item) for item in candidates if short_fingerprint(item) in gone}
    return renamed if _is_most(renamed, items) else _moved(candidates, gone, before)


def without_items(known_items: bytes, items: Iterable[Item]) -> bytes:
    """Return *known_items* without *items*, which are therefore new at the next comparison.

    In a page list, an item is known by its fingerprint.
    """
    items = list(items)
    names = {
        name for item in items for name in (*_names(item, has_own_guid=True), _text_name(item), *_dated_texts(item)[:1])
    }
    links = {bytes.fromhex(item.fingerprint) for item in items}
    return b"".join(p for p in _pairs(known_items) if p[:DIGEST_BYTES] not in names and p not in links)


def without_entries(known_items: bytes, entries: Iterable[str]) -> bytes:
    """Return *known_items* without unreadable *entries*, which are therefore new at the next comparison."""
    entries = list(entries)
    names, links = {_entry_name(entry) for entry in entries}, {entry_digest(entry) for entry in entries}
    return b"".join(p for p in _pairs(known_items) if p[:DIGEST_BYTES] not in names and p not in links)


def short_fingerprint(item: Item) -> bytes:
    """Return the first DIGEST_BYTES of an item's fingerprint."""
    return bytes.fromhex(item.fingerprint)[:DIGEST_BYTES]


def _names(item: Item, *, has_own_guid: bool) -> list[bytes]:
    names = [_digest(item.identity_key)]
    if item.guid and has_own_guid and item.guid not in (item.identity_key, item.link):
        names.append(_digest(f"{item.feed}#{item.guid}"))
    return names


def _text_name(item: Item) -> bytes:
    """Return the name of one of several versions of an item in a document."""
    return _digest(f"{item.identity_key}#text={item.fingerprint}")


def _entry_name(entry: str) -> bytes:
    return _digest(f"unreadable#{entry}")


def _renamed(items: Sequence[Item], before: Mapping[bytes, bytes]) -> set[int]:
    """Return the ids of items with an unknown identity key and a known fingerprint."""
    fingerprints = set(before.values())
    return {
        id(item)
        for item in items
        if _digest(item.identity_key) not in before and short_fingerprint(item) in fingerprints
    }


def _moved(items: Sequence[Item], gone: set[bytes], before: Mapping[bytes, bytes]) -> set[int]:
    """Return the ids of *items* that have the text of an item that is *gone*; each such text counts once."""
    moved = set()
    for item in items:
        fingerprint = short_fingerprint(item)
        is_unknown = all(name not in before for name in _names(item, has_own_guid=True))
        is_same_time = item.published is None or any(before.get(name) == fingerprint for name in _dated_texts(item))
        if fingerprint in gone and is_unknown and is_same_time:
            gone.discard(fingerprint)
            moved.add(id(item))
    return moved


def _is_long(item: Item) -> bool:
    """Return whether the item has at least MIN_TEXT_BYTES of text: no other item has the same text by accident."""
    contents = (content.value for content in (*item.content, item.summary) if content)
    words = {match_key(html.unescape(strip_tags(text, " ", MAX_TAG_CHARS))) for text in (item.title, *contents)}
    return sum(len(text.replace(" ", "").encode()) for text in words) >= MIN_TEXT_BYTES


def _dated_texts(item: Item) -> list[bytes]:
    """Return the name of an item's text with its time of publication, and with the periods before and after it."""
    if item.published is None:
        return []
    period = int((item.stated_published or item.published).timestamp() // SAME_TIME_S)
    return [_digest(f"{item.fingerprint}@{n}") for n in (period, period - 1, period + 1)]


def _former_names(item: Item) -> Iterator[bytes]:
    """Yield the names that an item has while it shares, or does not share, its link and guid with others."""
    keys = {untitled_key(item.identity_key), canonicalise(item.link).key, f"{item.feed}#{item.guid}"}
    for key in keys - {"", f"{item.feed}#"}:
        yield _digest(key)
        yield _digest(titled_key(key, item_label(item)))


def _is_most(renamed: set[int], items: Sequence[Item]) -> bool:
    return len(renamed) >= max(MIN_RENAMED, len(items) / 2)


def _decode(known_items: bytes) -> Mapping[bytes, bytes]:
    return {pair[:DIGEST_BYTES]: pair[DIGEST_BYTES:] for pair in _pairs(known_items)}


def _pairs(known_items: bytes) -> Iterator[bytes]:
    step = 2 * DIGEST_BYTES
    return (known_items[n : n + step] for n in range(0, len(known_items), step))


def _encode(fingerprints: Mapping[bytes, bytes]) -> bytes:
    return b"".join(name + fingerprint for name, fingerprint in list(fingerprints.items())[:MAX_KNOWN])


def _digest(name: str) -> bytes:
    return hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=DIGEST_BYTES).digest()
