"""Decisions about events: join, begin, leave, merge, split, and the ring. The similarity is invented here."""

from typing import Any

import numpy as np
import pytest

from workers.events.decisions import Decider, Plan, groups_of
from workers.events.signature import HAS_VECTOR, LAYOUT, RECORD_BYTES, event_id, quantise, unit_vectors
from workers.events.window import Window


class Day:
    """A window, and similarities of articles by the subject that their number 0 holds."""

    def __init__(self, capacity: int = 16) -> None:
        self.window = Window(capacity)
        self.similar: dict[frozenset[int], float] = {}

    def compare(self, one: Any, others: Any) -> Any:
        mine = int(one["number"][0])
        return np.array([self._similarity(mine, int(other["number"][0])) for other in others], np.float32)

    def _similarity(self, one: int, two: int) -> float:
        return 1.0 if one == two else self.similar.get(frozenset((one, two)), 0.0)

    def add(self, number: int, subject: int, *, copy_of: int = 0, has_vector: bool = True) -> Plan:
        """Add article *number* about *subject*, or its next revision."""
        record = np.zeros((), LAYOUT)
        record["article"], record["number"][0] = article(number), subject
        record["flags"], record["term"][0] = HAS_VECTOR * has_vector, 7
        record["vector"] = quantise(np.arange(128, dtype=np.float32) % 7 - 3)
        copied = article(copy_of) if copy_of else b""
        plan = Decider(self.window, self.compare).decide(record, copied)
        self.window.apply(plan.writes, plan.count)
        return plan

    def events(self) -> dict[int, bytes]:
        return {int.from_bytes(id_, "big"): self.window.event_at(slot) for id_, slot in self.window.slot_of.items()}

    def groups(self) -> list[list[int]]:
        """Return the articles of each event."""
        by_event: dict[bytes, list[int]] = {}
        for number, event in sorted(self.events().items()):
            by_event.setdefault(event, []).append(number)
        return sorted(by_event.values())


def article(number: int) -> bytes:
    return number.to_bytes(10, "big")


def test_record_has_at_most_160_bytes() -> None:
    assert RECORD_BYTES <= 160


def test_similar_articles_join_one_event() -> None:
    day = Day()
    assert not day.add(1, 5).changes
    [change] = day.add(2, 5).changes.values()
    assert (change.event, change.revision, len(change.slots)) == (event_id(article(1)), 2, 2)
    day.add(3, 6)
    assert day.groups() == [[1, 2], [3]]


def test_copy_joins_event_of_its_original() -> None:
    day = Day()
    day.add(1, 5)
    day.add(2, 6, copy_of=1)
    assert day.groups() == [[1, 2]]


def test_article_without_vector_is_found_by_terms() -> None:
    day = Day()
    day.add(1, 5, has_vector=False)
    day.add(2, 5, has_vector=False)
    assert day.groups() == [[1, 2]]


def test_revised_article_leaves_its_event() -> None:
    day = Day()
    day.add(1, 5)
    day.add(2, 5)
    plan = day.add(2, 9)
    [change] = plan.changes.values()
    assert (change.event, change.revision, len(change.slots)) == (event_id(article(1)), 3, 1)
    assert day.groups() == [[1], [2]]


def test_revised_article_stays_in_its_event() -> None:
    day = Day()
    day.add(1, 5)
    day.add(2, 5)
    [change] = day.add(1, 5).changes.values()
    assert (change.revision, len(change.slots)) == (3, 2)
    assert day.window.count == 2


def test_article_between_two_events_merges_them() -> None:
    day = Day()
    for number, subject in ((1, 5), (2, 5), (3, 6), (4, 6)):
        day.add(number, subject)
    day.similar = {frozenset((5, 6)): 0.95, frozenset((5, 7)): 1.0, frozenset((6, 7)): 1.0}
    changes = day.add(5, 7).changes
    older, newer = event_id(article(1)), event_id(article(3))
    assert day.groups() == [[1, 2, 3, 4, 5]]
    assert (changes[newer].merged_into, changes[newer].slots) == (older, ())
    assert len(changes[older].slots) == 5
    assert changes[older].revision > 3


def test_article_near_few_members_begins_event() -> None:
    day = Day()
    day.similar = {frozenset((5, 6)): 0.95, frozenset((6, 7)): 0.99}
    for number, subject in enumerate((5, 5, 5, 5, 5, 6, 6, 6, 7), 1):
        day.add(number, subject)
    assert day.groups() == [[1, 2, 3, 4, 5, 6, 7, 8], [9]]


def test_copy_joins_event_that_it_is_far_from() -> None:
    day = Day()
    for number in range(1, 7):
        day.add(number, 5)
    day.add(7, 6, copy_of=1)
    assert day.groups() == [[1, 2, 3, 4, 5, 6, 7]]


def test_event_that_falls_apart_is_split() -> None:
    day = Day()
    day.similar = {frozenset((5, 6)): 0.95}
    for number, subject in ((1, 5), (2, 5), (3, 5), (4, 6)):
        day.add(number, subject)
    assert day.groups() == [[1, 2, 3, 4]]
    day.similar = {frozenset((5, 6)): 0.3}
    for number in (5, 6, 7):
        day.add(number, 5)
    changes = day.add(8, 5).changes
    parent = event_id(article(1))
    [child] = [change for change in changes.values() if change.split_from]
    assert (child.split_from, len(child.slots)) == (parent, 1)
    assert len(changes[parent].slots) == 7
    assert day.groups() == [[1, 2, 3, 5, 6, 7, 8], [4]]


def test_withdrawn_article_leaves_its_event() -> None:
    day = Day()
    day.add(1, 5)
    day.add(2, 5)
    plan = Decider(day.window, day.compare).withdraw(day.window.slot_of[article(1)])
    day.window.apply(plan.writes, plan.count)
    [change] = plan.changes.values()
    assert (change.event, len(change.slots)) == (event_id(article(1)), 1)
    assert day.groups() == [[1], [2]]


def test_withdrawn_sole_article_has_an_event_of_its_own() -> None:
    day = Day()
    day.add(1, 5)
    plan = Decider(day.window, day.compare).withdraw(day.window.slot_of[article(1)])
    day.window.apply(plan.writes, plan.count)
    assert day.groups() == [[1]]
    assert day.events()[1] != event_id(article(1))


def test_ring_drops_oldest_article_and_keeps_revision() -> None:
    day = Day(capacity=3)
    day.add(1, 5)
    day.add(2, 5)
    day.add(3, 9)
    day.add(4, 8)
    [change] = day.add(2, 5).changes.values()
    assert (change.event, change.revision, len(change.slots)) == (event_id(article(1)), 3, 1)
    assert sorted(day.events()) == [2, 3, 4]


@pytest.mark.parametrize("capacity", [4, 16])
def test_loaded_window_decides_like_first_one(capacity: int) -> None:
    day, other = Day(capacity), Day(capacity)
    for number in range(1, 12):
        other.window.load(day.window.count, day.window.records[: day.window.used()].copy())
        subject = number * 7 % 3 + 1
        assert day.add(number, subject) == other.add(number, subject)


def test_event_without_articles_is_forgotten() -> None:
    day = Day(capacity=2)
    day.add(1, 5)
    day.add(2, 9)
    day.add(2, 5)  # leaves an event of its own
    assert day.groups() == [[1, 2]]
    day.add(3, 8)  # takes the slot of article 1
    day.add(4, 7)  # takes the slot of article 2, the last one of the first event
    assert day.groups() == [[3], [4]]


def test_groups_of_keeps_near_groups_together() -> None:
    loose = np.array([[1, 0.9, 0.5], [0.9, 1, 0.5], [0.5, 0.5, 1]], np.float32)
    assert groups_of(loose) == [[0, 1, 2]]
    near = np.array([[1, 0.9, 0.8], [0.9, 1, 0.8], [0.8, 0.8, 1]], np.float32)
    far = np.array([[1, 0.9, 0.1], [0.9, 1, 0.1], [0.1, 0.1, 1]], np.float32)
    assert groups_of(near) == [[0, 1, 2]]
    assert groups_of(far) == [[0, 1], [2]]


def test_quantised_vector_keeps_its_direction() -> None:
    vectors = np.random.default_rng(1).normal(size=(20, 128)).astype(np.float32)
    records = np.zeros(20, LAYOUT)
    records["flags"] = HAS_VECTOR
    for number, vector in enumerate(vectors):
        records["vector"][number] = quantise(vector)
    exact = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert (unit_vectors(records) * exact).sum(axis=1).min() > 0.98


def test_nearest_articles_have_most_similar_vectors() -> None:
    window, random = Window(512), np.random.default_rng(2)
    records = np.zeros(400, LAYOUT)
    records["flags"] = HAS_VECTOR
    for number in range(400):
        records["article"][number] = article(number + 1)
        records["vector"][number] = quantise(random.normal(size=128).astype(np.float32))
    window.load(400, records)
    similarities = unit_vectors(records) @ unit_vectors(records[:1])[0]
    assert window.nearest(records[0], 8, excluded=0).tolist() == np.argsort(-similarities)[1:9].tolist()
