"""Classification of an item: new, revision, duplicate or stale. Pure."""

import hashlib
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

MAX_FINGERPRINTS = 6  # two feeds with different lengths of one article must not alternate as revisions
MAX_FEEDS = 65_536  # cached results
FEED_BYTES, SITE_BYTES = 4, 3  # together less than a fingerprint


class Status(StrEnum):
    NEW = "new"
    REVISION = "revised"
    DUPLICATE = "duplicate"
    STALE = "stale"


class ArticleMemory(NamedTuple):
    """The last revision of an article, its fetch time in Unix seconds, and fingerprints, newest first.

    `feed` is the digest of the feed that brought the last revision, and `site` that of its registrable domain; empty
    if unknown.
    """

    revision: int
    fetched_s: float
    fingerprints: tuple[bytes, ...]
    feed: bytes = b""
    site: bytes = b""


class Classification(NamedTuple):
    """Status and revision of an item, and the memory of its article afterwards."""

    status: Status
    revision: int
    memory: ArticleMemory


@lru_cache(MAX_FEEDS)
def feed_digest(feed: str) -> bytes:
    """Return the digest of a feed's URL for `ArticleMemory.feed`."""
    return hashlib.blake2b(feed.encode("utf-8", "replace"), digest_size=FEED_BYTES).digest()


def classify(
    memory: ArticleMemory | None,
    fingerprint: bytes,
    fetched_s: float,
    feed: bytes = b"",
    site: bytes = b"",
    *,
    may_revise: bool = True,
) -> Classification:
    """Return the classification of an item of *feed* and *site*, digests, whose article is remembered as *memory*.

    Without *may_revise*, the item is a copy of another feed's article: a DUPLICATE with any text.
    A late older version is STALE: its publication would undo the newer one.
    An earlier version from the feed of the last revision is a REVISION: the feed has reverted its change.
    """
    if memory is None:
        return Classification(Status.NEW, 1, ArticleMemory(1, fetched_s, (fingerprint,), feed, site))
    if not may_revise:
        return Classification(Status.DUPLICATE, memory.revision, memory)
    if fingerprint in memory.fingerprints and not _is_revert(memory, fingerprint, fetched_s, feed):
        return Classification(Status.DUPLICATE, memory.revision, memory)
    if fetched_s < memory.fetched_s:
        return Classification(Status.STALE, memory.revision, memory)
    revision = memory.revision + 1
    fingerprints = (fingerprint, *memory.fingerprints)[:MAX_FINGERPRINTS]
    return Classification(Status.REVISION, revision, ArticleMemory(revision, fetched_s, fingerprints, feed, site))


def _is_revert(memory: ArticleMemory, fingerprint: bytes, fetched_s: float, feed: bytes) -> bool:
    """Return whether the feed of the last revision shows an earlier version again.

    A feed whose last six versions are two texts in turn alternates between servers. Its changes no longer count.
    """
    is_alternating = len(memory.fingerprints) == MAX_FINGERPRINTS and len(set(memory.fingerprints)) == 2
    is_earlier = fingerprint != memory.fingerprints[0] and fetched_s > memory.fetched_s
    return is_earlier and bool(feed) and feed == memory.feed and not is_alternating
