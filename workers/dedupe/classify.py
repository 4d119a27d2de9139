"""Classification of an item: new, revision, duplicate or stale. Pure."""

from enum import StrEnum
from typing import NamedTuple

MAX_FINGERPRINTS = 6  # two feeds with different lengths of one story must not alternate as revisions


class Status(StrEnum):
    NEW = "new"
    REVISION = "revised"
    DUPLICATE = "duplicate"
    STALE = "stale"


class ArticleMemory(NamedTuple):
    """The last revision of an article, its fetch time in Unix seconds, and fingerprints, newest first."""

    revision: int
    fetched_s: float
    fingerprints: tuple[bytes, ...]


class Classification(NamedTuple):
    """Status and revision of an item, and the memory of its article afterwards."""

    status: Status
    revision: int
    memory: ArticleMemory


def classify(memory: ArticleMemory | None, fingerprint: bytes, fetched_s: float) -> Classification:
    """Return the classification of an item whose article is remembered as *memory*.

    A late older version is STALE: publishing it after a newer one would undo that.
    """
    if memory is None:
        return Classification(Status.NEW, 1, ArticleMemory(1, fetched_s, (fingerprint,)))
    if fingerprint in memory.fingerprints:
        return Classification(Status.DUPLICATE, memory.revision, memory)
    if fetched_s < memory.fetched_s:
        return Classification(Status.STALE, memory.revision, memory)
    revision = memory.revision + 1
    fingerprints = (fingerprint, *memory.fingerprints)[:MAX_FINGERPRINTS]
    return Classification(Status.REVISION, revision, ArticleMemory(revision, fetched_s, fingerprints))
