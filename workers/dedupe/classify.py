"""The verdict: new, a revision, a duplicate, or stale. Pure: two facts in, one word out."""

from enum import StrEnum
from typing import NamedTuple

MAX_FINGERPRINTS = 6  # two feeds that offer one story in two lengths must not take turns as "revisions"


class Status(StrEnum):
    NEW = "new"
    REVISION = "revised"
    DUPLICATE = "duplicate"
    STALE = "stale"


class ArticleMemory(NamedTuple):
    """What is remembered of an article: its last revision, when that was fetched, and fingerprints, newest first."""

    revision: int
    fetched_s: float
    fingerprints: tuple[bytes, ...]


class Classification(NamedTuple):
    """What an item is, its revision, and what to remember of it from now on."""

    status: Status
    revision: int
    memory: ArticleMemory


def classify(memory: ArticleMemory | None, fingerprint: bytes, fetched_s: float) -> Classification:
    """Return the verdict on an item whose article is remembered as *memory*.

    An older version that arrives late is STALE: it must never come out after a newer one.
    """
    if memory is None:
        return Classification(Status.NEW, 1, ArticleMemory(1, fetched_s, (fingerprint,)))
    if fingerprint in memory.fingerprints:
        return Classification(Status.DUPLICATE, memory.revision, memory)
    if fetched_s < memory.fetched_s:
        return Classification(Status.STALE, memory.revision, memory)
    revision = memory.revision + 1
    kept = (fingerprint, *memory.fingerprints)[:MAX_FINGERPRINTS]
    return Classification(Status.REVISION, revision, ArticleMemory(revision, fetched_s, kept))
