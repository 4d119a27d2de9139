"""Features of pairs of signatures, as the pair model compares them. Pure."""

from typing import Any

import numpy as np
import numpy.typing as npt

from workers.events.signature import NUMBERS, PLACES, TERMS, unit_vectors
from workers.events.terms import NAME_BIT

Matrix = npt.NDArray[np.float32]
DAY_S = 86_400
# Terms are ordered by their rarity: the first ones distinguish best.
_RANK_WEIGHTS = (1 / (1 + np.arange(TERMS) / 6)).astype(np.float32)
_RANKS = np.maximum.outer(np.arange(TERMS), np.arange(TERMS)).astype(np.uint8)  # the higher one of a pair
# Column → whether the similarity may rise (1) or fall (-1) with it; 0: either.
MONOTONE = {
    "cosine": 1, "shared_terms": 1, "shared_term_share": 1, "best_shared_rank": -1, "shared_names": 1,
    "shared_name_share": 1, "shared_numbers": 1, "shared_number_share": 1, "least_numbers": 0,
    "shared_places": 1, "shared_place_share": 1, "least_places": 0, "days_apart": -1, "same_language": 0,
}  # fmt: skip
COLUMNS = tuple(MONOTONE)
WITHOUT_VECTOR = COLUMNS[1:]
"""The columns of a pair with a text in a language that the text model lacks."""


SIMILARITY, SAME_PUBLISHER = "similarity", "same_publisher"
"""The columns that only the second trees read: the estimate of the first ones, and whether the publishers are equal."""
EVENT_MONOTONE = {SIMILARITY: 1, SAME_PUBLISHER: -1}
UNKNOWN_PUBLISHER = 0


def pair_features(one: Any, others: Any) -> Matrix:
    """Return one row of COLUMNS for the signature *one* and each of *others*."""
    out = np.empty((len(others), len(COLUMNS)), np.float32)
    out[:, 0] = unit_vectors(others) @ unit_vectors(one[None])[0]
    out[:, 1:6] = _terms(one["term"], others["term"])
    out[:, 6:9] = _shared(one["number"], others["number"], NUMBERS)
    out[:, 9:12] = _shared(one["place"], others["place"], PLACES)
    gap_s = np.abs(others["time_s"].astype(np.int64) - int(one["time_s"]))
    out[:, 12] = np.where((others["time_s"] == 0) | (one["time_s"] == 0), np.nan, np.log1p(gap_s / DAY_S))
    out[:, 13] = others["language"] == one["language"]
    return out


def same_publisher(one: Any, others: Any) -> Matrix:
    """Return whether the signature *one* and each of *others* have one publisher: 1, 0, or NaN if one is unknown."""
    is_unknown = (one["publisher"] == UNKNOWN_PUBLISHER) | (others["publisher"] == UNKNOWN_PUBLISHER)
    return np.where(is_unknown, np.nan, others["publisher"] == one["publisher"]).astype(np.float32)


def _terms(one: Any, others: Any) -> Matrix:
    words, other_words = one | NAME_BIT, others | NAME_BIT
    equal = (words[None, :, None] == other_words[:, None, :]) & (one > 0)[None, :, None] & (others > 0)[:, None, :]
    mine, theirs = equal.any(axis=2), equal.any(axis=1)
    weight, other_weight = (one > 0) * _RANK_WEIGHTS, (others > 0) * _RANK_WEIGHTS
    smaller = np.maximum(np.minimum(weight.sum(), other_weight.sum(axis=1)), 1e-3)
    names, other_names = (one & NAME_BIT).astype(bool), (others & NAME_BIT).astype(bool)
    shared_names = np.minimum((mine & names).sum(axis=1), (theirs & other_names).sum(axis=1))
    out = np.empty((len(others), 5), np.float32)
    out[:, 0] = mine.sum(axis=1)
    out[:, 1] = np.minimum(mine @ _RANK_WEIGHTS, theirs @ _RANK_WEIGHTS) / smaller
    out[:, 2] = np.where(equal, _RANKS, np.uint8(TERMS)).reshape(len(others), -1).min(axis=1)
    out[:, 3] = shared_names
    out[:, 4] = shared_names / np.maximum(1, np.minimum(names.sum(), other_names.sum(axis=1)))
    return out


def _shared(one: Any, others: Any, max_keys: int) -> Matrix:
    """Return the number of common keys, their share of the shorter list, and the length of that list."""
    shared = ((one[None, :, None] == others[:, None, :]) & (one > 0)[None, :, None]).any(axis=2).sum(axis=1)
    smaller = np.minimum((one > 0).sum(), (others > 0).sum(axis=1))
    out = np.empty((len(others), 3), np.float32)
    out[:, 0], out[:, 1], out[:, 2] = shared, shared / np.maximum(1, smaller), np.minimum(smaller, max_keys)
    return out
