"""Comparison within a window: terms that many articles have."""

from typing import Any

import numpy as np

from workers.events.grouping import Grouper
from workers.events.pair_model import load_default
from workers.events.signature import LAYOUT
from workers.events.window import MIN_COMMON, Window

RARE, COMMON = 500, 700


class ConstantModel:
    """Counts common terms of the first pair, and gives each pair one probability."""

    def __init__(self) -> None:
        self.shared = 0

    def compare(self, one: Any, others: Any) -> Any:
        self.shared = len(np.intersect1d(one["term"][one["term"] > 0], others[0]["term"]))
        return np.full(len(others), 0.9, np.float32)


def record(number: int, *terms: int) -> Any:
    out = np.zeros((), LAYOUT)
    out["article"], out["event"] = number.to_bytes(10, "big"), number.to_bytes(10, "big")
    out["term"][: len(terms)] = terms
    return out


def window_of(records: list[Any]) -> Window:
    window = Window(256)
    window.apply({slot: record.tobytes() for slot, record in enumerate(records)}, len(records))
    return window


def grouper(window: Window, model: Any) -> Grouper:
    return Grouper(None, window, model)  # type: ignore[arg-type]  # no text is read


def test_term_of_many_articles_is_left_out() -> None:
    window = window_of([record(n + 1, COMMON, RARE + 2 * n) for n in range(MIN_COMMON + 1)])
    assert window.without_common_terms(window.records[0])["term"].tolist()[:2] == [0, RARE]
    assert window.records["term"][0].tolist()[:2] == [COMMON, RARE], "the window keeps its terms"


def test_term_of_few_articles_is_compared() -> None:
    window, model = window_of([record(n + 1, COMMON, RARE) for n in range(MIN_COMMON)]), ConstantModel()
    grouper(window, model)._compare(window.records[0], window.records[1:3])
    assert model.shared == 2


def test_term_counts_follow_replaced_and_loaded_records() -> None:
    window = window_of([record(n + 1, COMMON, RARE) for n in range(5)])
    window.apply({0: record(1, RARE).tobytes()}, 5)
    loaded = Window(256)
    loaded.load(5, window.records[:5])
    assert window.term_counts[COMMON | 1] == 4
    assert loaded.term_counts[2:].tolist() == window.term_counts[2:].tolist()


def test_default_model_compares_records_of_window() -> None:
    window = window_of([record(1, RARE), record(2, RARE)])
    assert 0 <= grouper(window, load_default())._compare(window.records[0], window.records[1:2])[0] <= 1
