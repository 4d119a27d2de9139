"""Link lists: documents that list pages without their texts, as sitemaps do. Pure.

A link is known by its digest, 8 bytes. Only unknown links become items, because a sitemap lists up to 50,000 pages.
The digests are stored where other feeds store their known items; `new_items.without_items` removes deferred ones.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from workers.dedupe.fingerprint import DIGEST_BYTES
from workers.poller.formats.to_item import Channel, Entry, FeedDocument, LinkState, ParsedFeed, absolute_url, to_feed

MAX_LINKS = 50_000  # URLs of one sitemap, sitemaps.org/protocol
MAX_KNOWN_LINKS = 100_000  # 800 kB of state; the sitemaps of an index together
MIN_KNOWN_LINKS = 10_000  # known after they have left the document, so that a short outage repeats nothing


def _unknown_time(row: Any) -> float:
    return 0.0


def link_digest(*parts: str) -> bytes:
    """Return the digest of a link with the texts *parts*."""
    return hashlib.blake2b("\n".join(parts).encode("utf-8", "replace"), digest_size=DIGEST_BYTES).digest()


def entry_digest(entry: str) -> bytes:
    """Return the digest of an unreadable entry."""
    return link_digest("unreadable", entry)


def select_links(
    document: FeedDocument, channel: Channel, links: Mapping[bytes, Any], to_entry: Callable[[Any], Entry],
    *, url: Callable[[Any], str], time_s: Callable[[Any], float] = _unknown_time, warning: str = "",
    failed: Sequence[tuple[str, str]] = (), also_known: Sequence[bytes] = (),
) -> ParsedFeed:  # fmt: skip
    """Return the newest unknown *links* as items, at most `document.max_links`, in the order of the document.

    The others wait: they stay unknown. On the first poll they count as known, because they are the archive of the site.
    *links*: digest → row. *url*: URL of a row, as written. *time_s*: Unix time of a row, 0 if unknown.
    *failed*: (entry, reason) of unreadable entries. *also_known*: other digests to store as known.
    """
    before = decode_links(document.known_items)
    new = [digest for digest in links if digest not in before]
    newest = sorted(new, key=lambda digest: -time_s(links[digest])) if len(new) > document.max_links else new
    others = set(newest[document.max_links :])
    taken = [digest for digest in new if digest not in others]
    waiting = set() if document.is_first_poll else others
    failures = {entry_digest(entry): (entry, reason) for entry, reason in failed}
    feed = to_feed(document, channel, [links[digest] for digest in taken], to_entry, warning=warning)
    present = [digest for digest in links if digest not in waiting] if waiting else links
    known = _merge([*present, *failures, *also_known], before)
    return replace(
        feed,
        items=_with_digests(feed, {absolute_url(url(links[digest]), document.url): digest for digest in taken}),
        unreadable=(*feed.unreadable, *(entry for digest, entry in failures.items() if digest not in before)),
        links=LinkState(known, len(links) - len(new), len(waiting), len(links) + len(failures)),
    )


def decode_links(known_items: bytes) -> dict[bytes, None]:
    """Return the digests in *known_items*, in order."""
    return dict.fromkeys(known_items[n : n + DIGEST_BYTES] for n in range(0, len(known_items), DIGEST_BYTES))


def _merge(present: Sequence[bytes], before: Mapping[bytes, None]) -> bytes:
    """Return the *present* digests, and those of *before* within the limits."""
    return b"".join(list(dict.fromkeys((*present, *before)))[: known_limit(len(present))])


def known_limit(present: int) -> int:
    """Return the number of links to store after a poll with *present* links."""
    return min(MAX_KNOWN_LINKS, max(MIN_KNOWN_LINKS, 2 * present))


def _with_digests(feed: ParsedFeed, digests: Mapping[str, bytes]) -> tuple[Any, ...]:
    return tuple(
        replace(item, fingerprint=digests[item.link].hex()) if item.link in digests else item for item in feed.items
    )
