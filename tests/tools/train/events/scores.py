"""Scores of the event model: Pearson's r and F1 of pairs, BCubed of clusters."""

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

PRECISION = 0.92  # wanted for pairs of one event


def pearson(predicted: Any, true: Any) -> float:
    """Return Pearson's correlation."""
    return round(float(np.corrcoef(predicted, true)[0, 1]), 4)


def best_f1(predicted: Any, is_same: Any) -> dict[str, float]:
    """Return the best F1 over all thresholds, and the best one with PRECISION."""
    best = dict.fromkeys(("f1", "precision", "recall", "threshold", "f1_at_precision"), 0.0)
    for threshold in np.unique(np.round(predicted, 3)):
        chosen = predicted >= threshold
        right = int((chosen & is_same).sum())
        if not right:
            continue
        precision, recall = right / int(chosen.sum()), right / int(is_same.sum())
        f1 = 2 * precision * recall / (precision + recall)
        if f1 > best["f1"]:
            best |= {"f1": f1, "precision": precision, "recall": recall, "threshold": float(threshold)}
        if precision >= PRECISION:
            best["f1_at_precision"] = max(best["f1_at_precision"], f1)
    return {name: round(value, 4) for name, value in best.items()}


def average_precision(predicted: Any, is_same: Any) -> float:
    """Return the mean precision over the ranks of the true pairs."""
    hits = np.asarray(is_same)[np.argsort(-np.asarray(predicted), kind="stable")].astype(float)
    return round(float((np.cumsum(hits) / np.arange(1, len(hits) + 1) * hits).sum() / hits.sum()), 4)


def bcubed(true: Sequence[Hashable], found: Sequence[Hashable]) -> tuple[float, float, float]:
    """Return BCubed precision, recall and F1 (Bagga and Baldwin 1998) of a clustering."""
    both, by_true, by_found = Counter(zip(true, found, strict=True)), Counter(true), Counter(found)
    precision = sum(n * n / by_found[f] for (_, f), n in both.items()) / len(true)
    recall = sum(n * n / by_true[t] for (t, _), n in both.items()) / len(true)
    return precision, recall, 2 * precision * recall / (precision + recall)
