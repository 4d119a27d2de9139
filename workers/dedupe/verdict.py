"""The verdict: new, a revision, a duplicate, or stale. Pure: two facts in, one word out."""

from enum import StrEnum
from typing import NamedTuple

KEPT_FINGERPRINTS = 6  # two feeds that offer one story in two lengths must not take turns as "revisions"


class Kind(StrEnum):
    NEW = "new"
    REVISION = "revised"
    DUPLICATE = "duplicate"
    STALE = "stale"


class Memory(NamedTuple):
    """What is remembered of an article: its last revision, when that was fetched, and fingerprints, newest first."""

    revision: int
    fetched_s: float
    fingerprints: tuple[bytes, ...]


class Verdict(NamedTuple):
    """What an item is, its revision, and what to remember of it from now on."""

    kind: Kind
    revision: int
    memory: Memory


def judge(memory: Memory | None, fingerprint: bytes, fetched_s: float) -> Verdict:
    """Return the verdict on an item whose article is remembered as *memory*.

    An older version that arrives late is STALE: it must never come out after a newer one.
    """
    if memory is None:
        return Verdict(Kind.NEW, 1, Memory(1, fetched_s, (fingerprint,)))
    if fingerprint in memory.fingerprints:
        return Verdict(Kind.DUPLICATE, memory.revision, memory)
    if fetched_s < memory.fetched_s:
        return Verdict(Kind.STALE, memory.revision, memory)
    revision = memory.revision + 1
    kept = (fingerprint, *memory.fingerprints)[:KEPT_FINGERPRINTS]
    return Verdict(Kind.REVISION, revision, Memory(revision, fetched_s, kept))
