"""News: which items of a feed's document are new or changed since its last one. Pure."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

from streams.records import Item

MAX_KNOWN = 10_000
MIN_RENAMED = 3
DIGEST_BYTES = 4  # compared within one feed only, and key and fingerprint together


def find_new_items(items: Sequence[Item], known: bytes, *, part: bool = False) -> tuple[list[Item], bytes]:
    """Return the items that are new or changed since *known*, and what is known with them.

    An item counts as known while it is in the feed's document; one that comes back is the desk's to recognise.
    In *part* of a document, what isn't there stays known.
    Known by its key, or by its guid where that is its alone: some feeds' links change from poll to poll. Where half
    of a document's items are known texts under unknown names, these are known: some feeds' guids change as well.
    """
    before = _pairs(known)
    after: dict[bytes, bytes] = {}
    guids = Counter(item.guid for item in items)
    unseen = []
    for item in items:
        print_, names = short_fingerprint(item), [_digest(item.identity_key)]
        if item.guid and guids[item.guid] == 1 and item.guid not in (item.identity_key, item.link):
            names.append(_digest(f"{item.feed}#{item.guid}"))
        if not any(print_ in (before.get(name), after.get(name)) for name in names):
            unseen.append(item)
        after.update(dict.fromkeys(names, print_))
    kept = list((after | {name: p for name, p in before.items() if part and name not in after}).items())[:MAX_KNOWN]
    renamed = set() if part else _renamed(unseen, items, before)
    return [item for item in unseen if id(item) not in renamed], b"".join(d + p for d, p in kept)


def most_renamed(items: Sequence[Item], known: bytes) -> bool:
    """Whether most of what is known comes under other names now: guids or links that change, or a move of the site."""
    before = _pairs(known)
    return bool(_renamed([item for item in items if _digest(item.identity_key) not in before], items, before))


def _renamed(unseen: Sequence[Item], items: Sequence[Item], before: Mapping[bytes, bytes]) -> set[int]:
    """Return the items that only their names make new, where that are so many that the feed must have renamed them."""
    prints = set(before.values())
    found = {
        id(item) for item in unseen if _digest(item.identity_key) not in before and short_fingerprint(item) in prints
    }
    return found if len(found) >= max(MIN_RENAMED, len(items) / 2) else set()


def short_fingerprint(item: Item) -> bytes:
    return bytes.fromhex(item.fingerprint)[:DIGEST_BYTES]


def _pairs(known: bytes) -> Mapping[bytes, bytes]:
    step = 2 * DIGEST_BYTES
    return {known[n : n + DIGEST_BYTES]: known[n + DIGEST_BYTES : n + step] for n in range(0, len(known), step)}


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=DIGEST_BYTES).digest()
