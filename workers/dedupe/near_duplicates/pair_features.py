"""Features of two signatures, for the trees and the rules. Pure."""

from typing import Any

import numpy as np
import numpy.typing as npt

from workers.clean.model.oblivious_trees import Matrix
from workers.dedupe.near_duplicates.signature import LAYOUT

# Columns of the trees; 1: a greater value never lowers the probability, -1: it never raises it, 0: free. Lengths
# say how reliable the estimates are: without them 83 of 600 unseen forms were called copies, with them 6.
MONOTONE = {
    "shared": 1, "of_shorter": 1, "of_longer": 1, "long_shared": 1, "long_of_shorter": 1, "long_of_longer": 1,
    "lead_shared": 1, "lead_of_shorter": 1, "long_common": 1, "title_shared": 1,
    "title_of_shorter": 1, "numbers_of_fewer": 1, "numbers_missed": -1, "numbers_shared": 1, "names_of_fewer": 1,
    "names_missed": -1, "names_shared": 1, "covered": 1, "same_publisher": -1, "shorter_words": 0, "longer_words": 0,
}  # fmt: skip
COLUMNS = tuple(MONOTONE)
MAX_HASH = 65535
MUCH = 100  # common shingles; more add no evidence
Record = npt.NDArray[np.void]


def read_signatures(one: bytes, others: list[bytes]) -> tuple[Any, Any]:
    """Return the signature *one* as a record, and *others* as an array of records."""
    return np.frombuffer(one, LAYOUT)[0], np.frombuffer(b"".join(others), LAYOUT)


def pair_features(a: Any, b: Any) -> Matrix:
    """Return one row of `COLUMNS` for each record of *b*, compared with the record *a*."""
    shared, of_shorter, of_longer, _ = _shares(a, b, "body", "runs")
    long, long_of_shorter, long_of_longer, long_common = _shares(a, b, "long", "long_runs")
    lead, lead_of_shorter, _, _ = _shares(a, b, "lead", "lead_runs")
    title, title_fewer, title_all = _sampled(a["title"], b["title"])
    number, number_fewer, number_all = _sampled(a["number"], b["number"])
    name, name_fewer, name_all = _sampled(a["name"], b["name"])
    rows = (
        shared, of_shorter, of_longer, long, long_of_shorter, long_of_longer, lead, lead_of_shorter,
        np.minimum(long_common, MUCH),
        _ratio(title, title_all, 1), _ratio(title, title_fewer, 1),
        _ratio(number, number_fewer, 1), number_fewer - number, _ratio(number, number_all, 1),
        _ratio(name, name_fewer, 1), name_fewer - name, _ratio(name, name_all, 1),
        np.maximum(b["covered"], a["covered"]) / 100, (b["publisher"] == a["publisher"]) & (a["publisher"] > 0),
        np.minimum(b["words"], a["words"]), np.maximum(b["words"], a["words"]),
    )  # fmt: skip
    return np.stack(rows, axis=1).astype(np.float32)


def _shares(a: Any, b: Any, sketch: str, count: str) -> tuple[Any, Any, Any, Any]:
    """Return the estimated shares of common shingles: of all, of the shorter text, of the longer; and their number."""
    counts, count_a = b[count].astype(np.float32), float(a[count])
    shared = _shared(a[sketch], b[sketch])
    common = shared * (counts + count_a) / (1 + shared)
    fewer, more = np.minimum(counts, count_a), np.maximum(counts, count_a)
    return shared, np.minimum(1, _ratio(common, fewer)), np.minimum(1, _ratio(common, more)), common


def _ratio(part: Any, whole: Any, empty: float = 0) -> Any:
    """Return part / whole, *empty* where both texts have none."""
    return np.where(whole > 0, part / np.maximum(1, whole), empty)


def _shared(one: Any, others: Any) -> Any:
    """Return the estimated Jaccard similarity, corrected for bytes that are equal by chance (1/256)."""
    used = ((others > 0) | (one > 0)).sum(axis=1)
    equal = ((others == one) & (one > 0)).sum(axis=1)
    return np.maximum(0, equal / np.maximum(1, used) - 1 / 256) / (1 - 1 / 256)


def _sampled(one: Any, others: Any) -> tuple[Any, Any, Any]:
    """Return the numbers of common words, of the words of the text with fewer, and of all words, from samples.

    A sample has the least hashes of a set (k minimum values; Bar-Yossef et al. 2002). Where one sample is full, only
    hashes up to its greatest are compared: the set has others beyond it.
    """
    limit = np.minimum(np.where(others[:, -1] > 0, others[:, -1], MAX_HASH), one[-1] or MAX_HASH)[:, None]
    words_a, words_b = (one > 0) & (one <= limit), (others > 0) & (others <= limit)
    common = ((others[:, :, None] == one) & words_b[:, :, None]).any(axis=2).sum(axis=1).astype(np.float32)
    count_a, count_b = words_a.sum(axis=1), words_b.sum(axis=1)
    return common, np.minimum(count_a, count_b), count_a + count_b - common
