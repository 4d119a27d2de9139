"""The window: the signatures of the newest articles in memory, with the articles of each event. No I/O.

The window is a ring of fixed size: slot n % capacity holds the article that arrived as number n.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from workers.events.postings import Postings
from workers.events.signature import HAS_VECTOR, LAYOUT, unit_vectors
from workers.events.terms import NAME_BIT

CAPACITY = 131_072  # articles: more than a day of 100,000; 21 MB of signatures
PRESELECTED = 256  # articles whose vectors are compared
CANDIDATES, NEAREST_CANDIDATES = 48, 32  # articles that are compared; the others share rare keys; decision 166
COMMON_SHARE, MIN_COMMON = 0.01, 30  # share and minimum number of articles with a term that distinguishes no events
_EVENT = slice(10, 24)  # bytes of a record with its event: fields `event` and `event_revision`


class Window:
    """The newest articles. `count`: articles that ever arrived. Read it freely; `decisions` plans all changes."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity, self.count = capacity, 0
        self.records = np.zeros(capacity, LAYOUT)
        self.signs = np.zeros((capacity, 2), np.uint64)
        self.term_counts = np.zeros(1 << 16, np.int32)
        self.postings = Postings(self.age_rank)
        self.slot_of: dict[bytes, int] = {}
        self._members: dict[bytes, tuple[int, ...]] = {}

    def load(self, count: int, records: Any) -> None:
        """Replace the content by the stored *records* of the ring."""
        self.count = count
        self.records[: len(records)], self.records[len(records) :] = records, np.zeros((), LAYOUT)
        self.signs = signs_of(self.records)
        self.term_counts = np.bincount(self.records["term"].ravel() | NAME_BIT, minlength=1 << 16).astype(np.int32)
        self.slot_of.clear()
        self._members.clear()
        first = count % self.capacity if count > self.capacity else 0
        slots = (np.arange(self.used(), dtype=np.uint32) + first) % self.capacity
        self.postings.load(self.records[slots], slots)
        for slot in slots.tolist():
            self._add(slot)

    def members(self, event: bytes) -> tuple[int, ...]:
        """Return the slots of the articles of *event*, in the order in which they arrived."""
        return tuple(sorted(self._members.get(event, ()), key=self.age_rank))

    def age_rank(self, slot: int) -> int:
        """Return a number that rises with the arrival of the articles in the window."""
        return (slot - self.count) % self.capacity

    def event_at(self, slot: int) -> bytes:
        """Return the event of the article in *slot*."""
        return bytes(self.records["event"][slot])

    def revision_of(self, event: bytes) -> int:
        """Return the latest revision of *event*."""
        members = list(self.members(event))
        return int(self.records["event_revision"][members].max()) if members else 0

    def next_slot(self) -> int:
        """Return the slot of the next article that arrives."""
        return self.count % self.capacity

    def used(self) -> int:
        """Return the number of slots in use, from the first on."""
        return min(self.count, self.capacity)

    def nearest(self, record: Any, count: int, excluded: int) -> npt.NDArray[np.intp]:
        """Return the slots of the articles with the most similar text vectors, without the slot *excluded*.

        The signs of the components select PRESELECTED articles: a product with all vectors takes ten times as long.
        """
        bits = np.bitwise_count(self.signs[: self.used()] ^ signs_of(record[None])[0])
        distances = bits[:, 0] + bits[:, 1]
        if excluded < len(distances):
            distances[excluded] = 255
        if len(distances) > PRESELECTED:
            slots = np.argpartition(distances, PRESELECTED)[:PRESELECTED]
        else:
            slots = np.arange(len(distances))
        slots = slots[distances[slots] < 255]
        similarities = unit_vectors(self.records[slots]) @ unit_vectors(record[None])[0]
        out: npt.NDArray[np.intp] = slots[np.lexsort((slots, -similarities))][:count]
        return out

    def without_common_terms(self, records: Any) -> Any:
        """Return copies of *records* without terms that many articles of the window have.

        Nearly all articles share the words for the subject of a year, such as a pandemic.
        """
        limit = max(MIN_COMMON, COMMON_SHARE * self.used())
        out = records.copy()
        out["term"] = np.where(self.term_counts[records["term"] | NAME_BIT] > limit, 0, records["term"])
        return out

    def sharing_keys(self, record: Any, count: int, excluded: Sequence[int]) -> npt.NDArray[np.intp]:
        """Return the slots of the articles that share most rare terms, numbers and places, without those *excluded*.

        A key counts the more the fewer articles have it. Of equal articles, the newest counts.
        """
        used = self.used()
        lists = list(self.postings.of(record, max(MIN_COMMON, COMMON_SHARE * used)))
        if not lists:
            return np.zeros(0, np.intp)
        sizes = [len(slots) for slots in lists]
        scores = np.bincount(np.concatenate(lists), np.repeat(np.log(1 + used / np.array(sizes)), sizes))
        scores[[slot for slot in excluded if slot < len(scores)]] = 0
        slots = np.flatnonzero(scores)
        ages = (self.count - 1 - slots) % self.capacity
        out: npt.NDArray[np.intp] = slots[np.lexsort((ages, -scores[slots]))][:count]
        return out

    def candidates(self, record: Any, excluded: int) -> npt.NDArray[np.intp]:
        """Return at most CANDIDATES slots: the articles with the nearest vectors, then those that share rare keys."""
        near = np.zeros(0, np.intp)
        if record["flags"] & HAS_VECTOR:
            near = self.nearest(record, NEAREST_CANDIDATES, excluded)
        sharing = self.sharing_keys(record, CANDIDATES - len(near), [excluded, *near.tolist()])
        return np.concatenate([near, sharing])

    def apply(self, writes: Mapping[int, bytes], count: int) -> None:
        """Write records to their slots. A record of another article replaces the article of the slot."""
        changed = [slot for slot, record in writes.items() if not self._has_text_of(slot, record)]
        for slot in writes:
            self._remove(slot)
        for slot in changed:
            self._count_terms(slot, -1)
            self.postings.remove(self.records[slot], slot)
        self.count = count
        for slot, record in writes.items():
            self.records[slot] = np.frombuffer(record, LAYOUT)[0]
            self._add(slot)
        for slot in changed:
            self._count_terms(slot, 1)
            self.postings.add(self.records[slot], slot)
            self.signs[slot] = signs_of(self.records[slot : slot + 1])[0]

    def _has_text_of(self, slot: int, record: bytes) -> bool:
        """Return whether the article in *slot* differs from *record* in its event only."""
        stored: bytes = self.records[slot].tobytes()
        return stored[: _EVENT.start] == record[: _EVENT.start] and stored[_EVENT.stop :] == record[_EVENT.stop :]

    def _count_terms(self, slot: int, step: int) -> None:
        np.add.at(self.term_counts, self.records["term"][slot] | NAME_BIT, step)

    def _add(self, slot: int) -> None:
        record = self.records[slot]
        self.slot_of[bytes(record["article"])] = slot
        event = bytes(record["event"])
        self._members[event] = (*self._members.get(event, ()), slot)

    def _remove(self, slot: int) -> None:
        record = self.records[slot]
        article, event = bytes(record["article"]), bytes(record["event"])
        if self.slot_of.get(article) == slot:
            del self.slot_of[article]
            left = tuple(other for other in self._members[event] if other != slot)
            if left:
                self._members[event] = left
            else:
                del self._members[event]


def signs_of(records: Any) -> npt.NDArray[np.uint64]:
    """Return the signs of the components of quantised vectors, as 128 bits in two numbers."""
    packed = records["vector"]
    signs = np.packbits(np.concatenate([packed >> 7, packed >> 3 & 1], axis=1), axis=1)
    return np.ascontiguousarray(signs).view(np.uint64)
