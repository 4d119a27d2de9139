"""Candidates by shared keys, and the postings behind them: ring, load, revisions and withdrawals."""

from typing import Any

import numpy as np

from workers.events.decisions import Decider
from workers.events.signature import HAS_VECTOR, LAYOUT, quantise
from workers.events.window import CANDIDATES, MIN_COMMON, NEAREST_CANDIDATES, Window

NAME, PLACE, FIGURE = 501, 900, 1250


def record(number: int, *terms: int, figure: int = 0, place: int = 0, has_vector: bool = True) -> Any:
    """Return a signature. Its vector is similar to those of near numbers."""
    out = np.zeros((), LAYOUT)
    out["article"], out["event"] = number.to_bytes(10, "big"), number.to_bytes(10, "big")
    out["term"][: len(terms)], out["number"][0], out["place"][0] = terms, figure, place
    out["flags"] = HAS_VECTOR * has_vector
    out["vector"] = quantise(np.cos(np.arange(128, dtype=np.float32) * (1 + number / 100)))
    return out


def add(window: Window, *records: Any) -> None:
    """Write records as new articles."""
    for one in records:
        window.apply({window.next_slot(): one.tobytes()}, window.count + 1)


def replace(window: Window, slot: int, one: Any) -> None:
    window.apply({slot: one.tobytes()}, window.count)


def sharing(window: Window, one: Any, count: int = 8, excluded: tuple[int, ...] = ()) -> list[int]:
    return window.sharing_keys(one, count, excluded).tolist()


def test_sharing_keys_prefers_more_and_rarer_keys() -> None:
    window = Window(16)
    add(
        window, record(1, NAME), record(2, 7, figure=FIGURE), record(3, NAME, figure=FIGURE), record(4, NAME), record(5)
    )
    wanted = record(9, NAME, figure=FIGURE)
    assert sharing(window, wanted) == [2, 1, 3, 0]
    assert sharing(window, wanted, count=2, excluded=(2,)) == [1, 3]


def test_names_match_words_and_kinds_differ() -> None:
    window = Window(16)
    add(window, record(1, NAME - 1), record(2, figure=NAME), record(3, place=PLACE))
    assert sharing(window, record(9, NAME)) == [0]
    assert sharing(window, record(9, place=PLACE)) == [2]
    assert sharing(window, record(9)) == []


def test_key_of_many_articles_is_not_searched() -> None:
    window = Window(128)
    add(window, *(record(n + 1, NAME, figure=FIGURE * (n < 2)) for n in range(MIN_COMMON + 1)))
    assert sharing(window, record(99, NAME)) == []
    assert sharing(window, record(99, NAME, figure=FIGURE)) == [1, 0]


def test_replaced_slot_loses_its_keys() -> None:
    window = Window(3)
    add(window, *(record(n, NAME) for n in (1, 2, 3)), record(4, figure=FIGURE))
    assert sharing(window, record(9, NAME)) == [2, 1]
    assert sharing(window, record(9, figure=FIGURE)) == [0]
    add(window, record(5, NAME))
    assert sharing(window, record(9, NAME)) == [1, 2], "the newest first, across the end of the ring"


def test_revised_article_keeps_its_place_in_order() -> None:
    window = Window(8)
    add(window, record(1, NAME), record(2, 7), record(3, NAME))
    replace(window, 1, record(2, NAME))
    replace(window, 0, record(1, 7))
    assert sharing(window, record(9, NAME)) == [2, 1]
    assert sharing(window, record(9, 7)) == [0]


def test_withdrawn_article_is_no_candidate() -> None:
    window = Window(8)
    add(window, *(record(n, NAME, figure=FIGURE, place=PLACE) for n in (1, 2)))
    plan = Decider(window, lambda one, others: np.zeros(len(others), np.float32)).withdraw(0)
    window.apply(plan.writes, plan.count)
    assert sharing(window, record(9, NAME, figure=FIGURE, place=PLACE)) == [1]


def test_loaded_postings_equal_those_of_history() -> None:
    window, random = Window(32), np.random.default_rng(3)
    for number in range(1, 90):
        keys = [int(key) for key in random.integers(1, 40, 6)]
        add(window, record(number, *keys, figure=int(random.integers(0, 9)), place=int(random.integers(0, 9))))
        slot = int(random.integers(0, window.used()))
        revised = record(1000 + number, *keys[:3], figure=number % 9)
        revised["article"] = window.records[slot]["article"]
        replace(window, slot, revised)
        loaded = Window(32)
        loaded.load(window.count, window.records[: window.used()].copy())
        assert loaded.postings == window.postings


def test_candidates_are_bounded_and_distinct() -> None:
    window = Window(256)
    figures = [FIGURE if n % 16 == 0 else 2 * n for n in range(1, 200)]
    add(window, *(record(n, figure=figure) for n, figure in enumerate(figures, 1)))
    found = window.candidates(record(3, figure=FIGURE), 2).tolist()
    assert len(found) == len(set(found)) <= CANDIDATES
    assert found[:NEAREST_CANDIDATES] == window.nearest(record(3), NEAREST_CANDIDATES, 2).tolist()
    assert {slot for slot, figure in enumerate(figures) if figure == FIGURE} <= set(found)
    assert 2 not in found


def test_candidates_without_vector_share_keys() -> None:
    window = Window(16)
    add(window, record(1, NAME, has_vector=False), record(2, 7), record(3, NAME))
    assert window.candidates(record(9, NAME, has_vector=False), 2).tolist() == [0]


def test_event_of_record_is_no_text() -> None:
    window = Window(4)
    add(window, record(1, NAME))
    other_event, other_time = window.records[0].copy(), window.records[0].copy()
    other_event["event"], other_event["event_revision"] = b"other", 2**32 - 1
    other_time["event"], other_time["partition"] = b"other", 1
    assert window._has_text_of(0, other_event.tobytes())
    assert not window._has_text_of(0, other_time.tobytes())
    assert not window._has_text_of(0, record(2, NAME).tobytes())
