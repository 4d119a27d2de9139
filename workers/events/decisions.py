"""Decides the event of an article: join, begin, leave, merge, split. Pure.

    nearest articles ──▶ pair probabilities ──▶ support of each event ──▶ best event, or a new one
                                                     └── a second event with high support: merge
    an event that has doubled ──▶ probabilities of all pairs ──▶ a group without links to the others: split

The plan of one article depends on the window only. Any division of the articles into steps therefore gives the same
events.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from workers.events.signature import event_id
from workers.events.window import Window

COPY = 2.0  # support of the event that has the original of a copy: above each probability
NEAREST = 3  # articles of an event whose mean probability decides
JOIN, LEAVE, MERGE, SPLIT, LINK = 0.85, 0.3, 0.85, 0.3, 0.65  # decision 161
COHESION = 0.7  # mean probability over the newest articles of an event that an article needs to join it
MERGE_MEMBERS, SPLIT_MEMBERS = 8, 64  # newest articles that are compared
FIRST_SPLIT = 4  # articles; then at each doubling

Probabilities = npt.NDArray[np.float32]
Compare = Callable[[Any, Any], Probabilities]
"""Returns the probability that one record and each of other records report the same event."""


class EventChange(NamedTuple):
    """A new revision of an event: its articles by slot, and the event that it merged into or was split from."""

    event: bytes
    revision: int
    slots: tuple[int, ...]
    merged_into: bytes = b""
    split_from: bytes = b""


@dataclass
class Plan:
    """The changes by one article: records by slot, events that changed, and the count of articles after it."""

    count: int
    writes: dict[int, bytes] = field(default_factory=dict)
    changes: dict[bytes, EventChange] = field(default_factory=dict)


class Decider:
    """Plans the changes by one article. Create one for each article."""

    def __init__(self, window: Window, compare: Compare) -> None:
        self.window, self.compare = window, compare
        self.records: dict[int, Any] = {}  # changed records by slot
        self.members: dict[bytes, tuple[int, ...]] = {}  # changed events
        self.plan = Plan(window.count)

    def decide(self, record: Any, copy_of: bytes) -> Plan:
        """Return the plan for an article that is new or revised.

        *record* lacks its event. *copy_of*: id of the article that it copies, which has the same event.
        """
        window, article = self.window, bytes(record["article"])
        slot = window.slot_of.get(article)
        is_new = slot is None
        if slot is None:
            slot = window.next_slot()
            self.plan.count += 1
            self._drop_oldest(slot)
        former = b"" if is_new else window.event_at(slot)
        record["event"], record["event_revision"] = former or b"\0", 0 if is_new else window.revision_of(former)
        self.records[slot] = record
        support = self._support(record, slot, copy_of)
        is_together = len(window.members(former)) > 1
        if is_together and support.get(former, 0.0) < LEAVE:
            self._remove(former, slot)
            former = b""
        elif former and record["event_revision"] > 1:
            self._touch(former)
        if not former:
            self._place(slot, article, support)
        self._merge(self._event_of(slot), support)
        self._split(self._event_of(slot))
        return self._finish()

    def withdraw(self, slot: int) -> Plan:
        """Return the plan for an article that its publisher has withdrawn: its event loses it."""
        event = self.window.event_at(slot)
        self.records[slot] = self.window.records[slot].copy()
        for name in ("vector", "term", "number", "place"):
            self.records[slot][name] = 0
        self._remove(event, slot)
        article = bytes(self.records[slot]["article"])
        self._set(slot, event_id(article, f"withdrawn {event.hex()}"), 1)
        return self._finish()

    # -- support ----------------------------------------------------------------------------------------------

    def _support(self, record: Any, slot: int, copy_of: bytes) -> dict[bytes, float]:
        """Return the support of each event among the candidates: the mean of its highest probabilities."""
        window = self.window
        slots = window.candidates(record, slot)
        by_event: dict[bytes, list[float]] = {}
        if len(slots):
            probabilities = self.compare(record, window.records[slots])
            for other, probability in zip(slots.tolist(), probabilities.tolist(), strict=True):
                by_event.setdefault(window.event_at(other), []).append(probability)
        support = {event: _mean_of_highest(values) for event, values in by_event.items()}
        original = window.slot_of.get(copy_of)
        if original is not None and original != slot:
            support[window.event_at(original)] = COPY
        return support

    # -- changes ----------------------------------------------------------------------------------------------

    def _place(self, slot: int, article: bytes, support: Mapping[bytes, float]) -> None:
        """Let the article join the event with the highest support, or begin an event."""
        joinable = {event: value for event, value in support.items() if value >= JOIN and self._slots(event)}
        for event in sorted(joinable, key=lambda event: (joinable[event], event), reverse=True):
            if joinable[event] == COPY or self._is_cohesive(event, slot):
                self._join(event, slot)
                return
        origin = f"{self._slots_text()}" if self.plan.changes else ""
        begun = event_id(article, origin)
        self.members[begun] = (slot,)
        self._set(slot, begun, 1)

    def _is_cohesive(self, event: bytes, slot: int) -> bool:
        """Return whether the article is near enough to the newest articles of *event*, not only to the nearest."""
        members = self._newest(event, MERGE_MEMBERS)
        return float(np.mean(self.compare(self._record(slot), members))) >= COHESION

    def _join(self, event: bytes, slot: int) -> None:
        revision = self._revision(event) + 1
        self.members[event] = (*self._slots(event), slot)
        self._set(slot, event, revision)
        self._changed(event, revision)

    def _remove(self, event: bytes, slot: int) -> None:
        """Take the article in *slot* out of *event*."""
        revision = self._revision(event) + 1
        self.members[event] = tuple(other for other in self._slots(event) if other != slot)
        self._touch(event, revision)

    def _touch(self, event: bytes, revision: int = 0) -> None:
        """Raise the revision of *event*, in the record of its first article."""
        revision = revision or self._revision(event) + 1
        if slots := self._slots(event):
            self._set(slots[0], event, revision)
        self._changed(event, revision)

    def _merge(self, event: bytes, support: Mapping[bytes, float]) -> None:
        """Merge the other events with high support into the older one of both."""
        candidates = [id_ for id_, value in support.items() if value >= JOIN]
        for other in sorted(candidates, key=lambda id_: (-support[id_], id_)):
            if other == event or not self._slots(other) or not self._belong_together(event, other):
                continue
            ages = {id_: self.window.age_rank(self._slots(id_)[0]) for id_ in (event, other)}
            older, newer = sorted((event, other), key=lambda id_: (ages[id_], id_))
            self._absorb(older, newer)
            event = older

    def _absorb(self, older: bytes, newer: bytes) -> None:
        revision = max(self._revision(older), self._revision(newer)) + 1
        moved = self._slots(newer)
        self.members[older], self.members[newer] = (*self._slots(older), *moved), ()
        for slot in moved:
            self._set(slot, older, revision)
        self._changed(older, revision)
        self._changed(newer, revision, merged_into=older)

    def _belong_together(self, event: bytes, other: bytes) -> bool:
        rows, columns = self._newest(event, MERGE_MEMBERS), self._newest(other, MERGE_MEMBERS)
        return float(np.mean([self.compare(row, columns) for row in rows])) >= MERGE

    def _split(self, event: bytes) -> None:
        """Split off groups of an event that has doubled, if nothing links them to the rest."""
        slots = self._slots(event)
        if len(slots) < FIRST_SPLIT or len(slots) & (len(slots) - 1) or len(slots) > SPLIT_MEMBERS:
            return
        records = np.array([self._record(slot) for slot in slots])
        matrix = np.array([self.compare(record, records) for record in records])
        groups = groups_of(matrix)
        if len(groups) == 1:
            return
        revision = self._revision(event) + 1
        self.members[event] = tuple(slots[n] for n in groups[0])
        self._touch(event, revision)
        for group in groups[1:]:
            self._begin(event, tuple(slots[n] for n in group), revision)

    def _begin(self, parent: bytes, slots: tuple[int, ...], revision: int) -> None:
        """Begin an event with articles that were a part of *parent*."""
        new = event_id(bytes(self._record(slots[0])["article"]), f"{parent.hex()} {revision}")
        self.members[new] = slots
        for slot in slots:
            self._set(slot, new, revision)
        self._changed(new, revision, split_from=parent)

    def _drop_oldest(self, slot: int) -> None:
        """Forget the article whose slot is taken; its event keeps its id and its other articles."""
        window = self.window
        if window.count >= window.capacity:
            event = window.event_at(slot)
            self.members[event] = tuple(other for other in window.members(event) if other != slot)
            if self.members[event]:
                self._set(self.members[event][0], event, window.revision_of(event))

    # -- records ----------------------------------------------------------------------------------------------

    def _slots(self, event: bytes) -> tuple[int, ...]:
        return self.members[event] if event in self.members else self.window.members(event)

    def _slots_text(self) -> str:
        return " ".join(f"{change.event.hex()} {change.revision}" for change in self.plan.changes.values())

    def _record(self, slot: int) -> Any:
        return self.records[slot] if slot in self.records else self.window.records[slot]

    def _newest(self, event: bytes, count: int) -> Any:
        return np.array([self._record(slot) for slot in self._slots(event)[-count:]])

    def _event_of(self, slot: int) -> bytes:
        return bytes(self._record(slot)["event"])

    def _revision(self, event: bytes) -> int:
        if event in self.plan.changes:
            return self.plan.changes[event].revision
        return max((int(self._record(slot)["event_revision"]) for slot in self._slots(event)), default=0)

    def _set(self, slot: int, event: bytes, revision: int) -> None:
        record = self.records.setdefault(slot, self.window.records[slot].copy())
        record["event"], record["event_revision"] = event, revision

    def _changed(self, event: bytes, revision: int, *, merged_into: bytes = b"", split_from: bytes = b"") -> None:
        before = self.plan.changes.get(event)
        self.plan.changes[event] = EventChange(
            event, revision, (), merged_into, split_from or (before.split_from if before else b"")
        )

    def _finish(self) -> Plan:
        """Return the plan. An article alone is no event, unless its event was published with several articles."""
        changes = {
            id_: change._replace(slots=self._slots(id_))
            for id_, change in self.plan.changes.items()
            if len(self._slots(id_)) > 1 or self.window.revision_of(id_) > 1 or change.split_from
        }
        return Plan(self.plan.count, {slot: record.tobytes() for slot, record in self.records.items()}, changes)


def _mean_of_highest(values: Sequence[float]) -> float:
    highest = sorted(values, reverse=True)[:NEAREST]
    return sum(highest) / len(highest)


def groups_of(matrix: Probabilities) -> list[list[int]]:
    """Return the groups of articles that links connect, the largest first; one group if all groups are near.

    *matrix*: probabilities of all pairs. A link is a probability of LINK. Groups whose mean probability to all others
    is SPLIT or more stay together.
    """
    count = len(matrix)
    linked = (matrix + matrix.T) / 2 >= LINK
    group, groups = [-1] * count, list[list[int]]()
    for start in range(count):
        if group[start] >= 0:
            continue
        reached, group[start] = [start], len(groups)
        for row in reached:
            for other in np.flatnonzero(linked[row]).tolist():
                if group[other] < 0:
                    group[other] = len(groups)
                    reached.append(other)
        groups.append(sorted(reached))
    groups.sort(key=lambda members: (-len(members), members[0]))
    first = list(groups[0])
    far: list[list[int]] = []
    for members in groups[1:]:
        rest = [n for n in range(count) if n not in members]
        if float(matrix[np.ix_(members, rest)].mean()) < SPLIT:
            far.append(members)
        else:
            first += members
    return [sorted(first), *far]
