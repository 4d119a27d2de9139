"""News: which items of a feed's document are new or changed since its last one. Pure."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

from streams.records import Item

MAX_KNOWN = 10_000
DIGEST_BYTES = 4  # compared within one feed only, and key and fingerprint together


def split_news(items: Sequence[Item], known: bytes, *, part: bool = False) -> tuple[list[Item], bytes]:
    """Return the items that are new or changed since *known*, and what is known with them.

    An item counts as known while it is in the feed's document; one that comes back is the desk's to recognise.
    In *part* of a document, what isn't there stays known.
    Known by its key, or by its guid where that is its alone: some feeds' links change from poll to poll.
    """
    before = _pairs(known)
    after: dict[bytes, bytes] = {}
    guids = Counter(item.guid for item in items)
    news = []
    for item in items:
        print_, names = bytes.fromhex(item.fingerprint)[:DIGEST_BYTES], [_digest(item.key)]
        if item.guid and guids[item.guid] == 1 and item.guid not in (item.key, item.link):
            names.append(_digest(f"{item.feed}#{item.guid}"))
        if not any(print_ in (before.get(name), after.get(name)) for name in names):
            news.append(item)
        after.update(dict.fromkeys(names, print_))
    kept = list((after | {name: p for name, p in before.items() if part and name not in after}).items())[:MAX_KNOWN]
    return news, b"".join(d + p for d, p in kept)


def _pairs(known: bytes) -> Mapping[bytes, bytes]:
    step = 2 * DIGEST_BYTES
    return {known[n : n + DIGEST_BYTES]: known[n + DIGEST_BYTES : n + step] for n in range(0, len(known), step)}


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=DIGEST_BYTES).digest()
