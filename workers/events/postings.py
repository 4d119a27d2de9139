"""Postings: for each term, number or place the slots of the articles that have it, in the order of arrival. Pure.

The postings follow from the records of the window, so no part of them is stored. Terms have odd keys, numbers and
places even ones. At most 65,536 keys exist, which bounds the memory.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from workers.events.signature import NUMBERS, PLACES, TERMS
from workers.events.terms import KEY_MASK, NAME_BIT

SLOT_CODE = "I"  # of array: 32 bits
KEYS = TERMS + NUMBERS + PLACES

Slots = npt.NDArray[np.uint32]


class Postings:
    """The slots by key. *age_rank* returns a number that rises with the arrival of the article in a slot."""

    def __init__(self, age_rank: Callable[[int], int]) -> None:
        self._age_rank = age_rank
        self._slots: dict[int, array[int]] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Postings) and self._slots == other._slots

    def load(self, records: Any, slots: Slots) -> None:
        """Replace the content by *records*, which stand in *slots*, in the order of arrival."""
        self._slots.clear()
        keys = np.sort(key_table(records), axis=1)
        keys[:, 1:][keys[:, 1:] == keys[:, :-1]] = 0
        order = np.argsort(keys, axis=None, kind="stable").astype(np.uint32)
        present, starts = np.unique(keys.ravel()[order], return_index=True)
        for key, part in zip(present.tolist(), np.split(order, starts)[1:], strict=True):
            if key:
                self._slots[key] = array(SLOT_CODE, slots[part // KEYS].tobytes())

    def add(self, record: Any, slot: int) -> None:
        """Add the article in *slot*."""
        rank = self._age_rank(slot)
        for key in keys_of(record):
            slots = self._slots.setdefault(key, array(SLOT_CODE))
            if slots and self._age_rank(slots[-1]) > rank:
                slots.insert(bisect_left(slots, rank, key=self._age_rank), slot)
            else:
                slots.append(slot)

    def remove(self, record: Any, slot: int) -> None:
        """Remove the article in *slot*, which *record* describes."""
        rank = self._age_rank(slot)
        for key in keys_of(record):
            slots = self._slots[key]
            del slots[bisect_left(slots, rank, key=self._age_rank)]
            if not slots:
                del self._slots[key]

    def of(self, record: Any, limit: float) -> Iterator[Slots]:
        """Yield the slots of each key of *record* that at most *limit* articles have."""
        for key in keys_of(record):
            slots = self._slots.get(key)
            if slots is not None and len(slots) <= limit:
                yield np.frombuffer(slots, np.uint32)


def keys_of(record: Any) -> list[int]:
    """Return the distinct keys of one record, in order."""
    return sorted(set(key_table(record[None])[0].tolist()) - {0})


def key_table(records: Any) -> npt.NDArray[np.uint16]:
    """Return KEYS keys for each record; 0: none."""
    terms, others = records["term"], np.concatenate([records["number"], records["place"]], axis=1)
    even = np.where(others > 0, np.maximum(others & KEY_MASK, 2), 0)
    out: npt.NDArray[np.uint16] = np.concatenate([np.where(terms > 0, terms | NAME_BIT, 0), even], axis=1)
    return out.astype(np.uint16, copy=False)
