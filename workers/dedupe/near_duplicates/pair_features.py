"""Features of two signatures, for the trees and the rules. Pure."""

from typing import Any

import numpy as np
import numpy.typing as npt

from workers.clean.model.oblivious_trees import Matrix
from workers.dedupe.near_duplicates.signature import BIN_VALUES, LAYOUT, NO_FIGURES

# Columns of the trees; 1: a greater value never lowers the probability, -1: it never raises it. Lengths are no columns:
# with them, a form of unusual length would be a copy. Counts of common and of missing shingles say how reliable the
# shares are.
MONOTONE = {
    "shared": 1, "of_shorter": 1, "of_longer": 1, "long_shared": 1, "long_of_shorter": 1, "long_of_longer": 1,
    "lead_shared": 1, "lead_of_shorter": 1, "common": 1, "missing": -1, "long_common": 1, "long_missing": -1,
    "title_shared": 1, "title_of_shorter": 1, "numbers_of_fewer": 1, "numbers_missed": -1, "numbers_shared": 1,
    "numbers_common": 1, "names_of_fewer": 1, "names_missed": -1, "names_shared": 1, "names_common": 1, "about": 1,
    "same_publisher": -1, "plain_excess": -1, "plain_excess_of_shorter": -1,
    "other_title_numbers": -1,
}  # fmt: skip
COLUMNS = tuple(MONOTONE)
MAX_HASH = 65535
BY_CHANCE = 1 / BIN_VALUES  # share of equal bins of unrelated texts
MUCH = 100  # common or missing shingles; more add no evidence
Record = npt.NDArray[np.void]


def read_signatures(one: bytes, others: list[bytes]) -> tuple[Any, Any]:
    """Return the signature *one* as a record, and *others* as an array of records."""
    return np.frombuffer(one, LAYOUT)[0], np.frombuffer(b"".join(others), LAYOUT)


def pair_features(a: Any, b: Any) -> Matrix:
    """Return one row of `COLUMNS` for each record of *b*. *a* is one record, or one for each of *b*."""
    shared, of_shorter, of_longer, common, missing = _shares(a, b, "body", "runs")
    long, long_of_shorter, long_of_longer, long_common, long_missing = _shares(a, b, "long", "long_runs")
    lead, lead_of_shorter, *_ = _shares(a, b, "lead", "lead_runs")
    plain, plain_of_shorter, *_ = _shares(a, b, "plain", "plain_runs")
    title, title_fewer, title_all = _sampled(a["title"], b["title"])
    number, number_fewer, number_all = _sampled(a["number"], b["number"])
    name, name_fewer, name_all = _sampled(a["name"], b["name"])
    rows = (
        shared, of_shorter, of_longer, long, long_of_shorter, long_of_longer, lead, lead_of_shorter,
        np.minimum(common, MUCH), np.minimum(missing, MUCH),
        np.minimum(long_common, MUCH), np.minimum(long_missing, MUCH),
        _ratio(title, title_all, 1), _ratio(title, title_fewer, 1),
        _ratio(number, number_fewer, 1), number_fewer - number, _ratio(number, number_all, 1), number,
        _ratio(name, name_fewer, 1), name_fewer - name, _ratio(name, name_all, 1), name,
        _about(a, b), (b["publisher"] == a["publisher"]) & (a["publisher"] > 0),
        np.maximum(0, plain - shared), np.maximum(0, plain_of_shorter - of_shorter),
        other_title_numbers(a, b),
    )  # fmt: skip
    return np.stack(rows, axis=1).astype(np.float32)


def _shares(a: Any, b: Any, sketch: str, count: str) -> tuple[Any, Any, Any, Any, Any]:
    """Return estimates: the shares of common shingles of all, of the shorter text and of the longer.

    Then the number of common shingles, and of those of the shorter text that the longer lacks.
    """
    counts, count_a = b[count].astype(np.float32), a[count].astype(np.float32)
    shared = _shared(a[sketch], b[sketch])
    common = shared * (counts + count_a) / (1 + shared)
    fewer, more = np.minimum(counts, count_a), np.maximum(counts, count_a)
    missing = np.maximum(0, fewer - common)
    return shared, np.minimum(1, _ratio(common, fewer)), np.minimum(1, _ratio(common, more)), common, missing


def other_title_numbers(a: Any, b: Any) -> Any:
    """Return whether both titles have numbers, and not the same."""
    differ = b["title_figures"] != a["title_figures"]
    return differ & (b["title_figures"] != NO_FIGURES) & (a["title_figures"] != NO_FIGURES)


def have_own_words(a: Any, b: Any) -> Any:
    """Return whether either title has a long word that the other lacks."""
    return (_own_words(a, b["title"]) | _own_words(b, np.atleast_2d(a["title"]))) > 0


def _about(a: Any, b: Any) -> Any:
    """Return the share of a title's long words that are in its text; of the words that the other title lacks.

    The greater share of the two texts: the words of a series' name are in both titles, and prove nothing.
    """
    in_a, in_b = _own_words(a, b["title"]), _own_words(b, np.atleast_2d(a["title"]))
    shares = [_ratio(_bit_count(own & text["in_text"]), _bit_count(own)) for own, text in ((in_a, a), (in_b, b))]
    return np.where((in_a | in_b) > 0, np.maximum(*shares), 1)


def _own_words(record: Any, other_titles: Any) -> Any:
    """Return the bits of the long words of titles that the other titles lack."""
    titles = np.atleast_2d(record["title"])
    is_common = (titles[:, :, None] == other_titles[:, None, :]).any(axis=2)
    return record["long_words"] & ~np.packbits(is_common, axis=1, bitorder="little").view("<u2")[:, 0]


def _bit_count(bits: Any) -> Any:
    return np.unpackbits(np.atleast_1d(bits)[:, None].view(np.uint8), axis=1).sum(axis=1)


def _ratio(part: Any, whole: Any, empty: float = 0) -> Any:
    """Return part / whole, *empty* where both texts have none."""
    return np.where(whole > 0, part / np.maximum(1, whole), empty)


def _shared(one: Any, others: Any) -> Any:
    """Return the estimated Jaccard similarity. Two bins are in a byte.

    Of the bins that both texts fill with different shingles, BY_CHANCE are equal; empty bins never are.
    """
    either, differ = others | one, others ^ one
    used, both, equal = (np.zeros(len(others), np.intp) for _ in range(3))
    for bin_ in (0x0F, 0xF0):
        filled = (others & bin_ > 0) & (one & bin_ > 0)
        used += np.count_nonzero(either & bin_, axis=1)
        both += np.count_nonzero(filled, axis=1)
        equal += np.count_nonzero(filled & (differ & bin_ == 0), axis=1)
    return np.maximum(0, equal - both * BY_CHANCE) / (1 - BY_CHANCE) / np.maximum(1, used)


def _sampled(one: Any, others: Any) -> tuple[Any, Any, Any]:
    """Return the numbers of common words, of the words of the text with fewer, and of all words, from samples.

    A sample has the smallest hashes of a set (k minimum values; Bar-Yossef et al. 2002). Where one sample is full, only
    hashes up to its greatest are compared: the set has others beyond it.
    """
    last_a, last_b = one[..., -1], others[:, -1]
    limit = np.minimum(np.where(last_b > 0, last_b, MAX_HASH), np.where(last_a > 0, last_a, MAX_HASH))[:, None]
    words_a, words_b = (one > 0) & (one <= limit), (others > 0) & (others <= limit)
    common = (
        ((others[:, :, None] == one[..., None, :]) & words_b[:, :, None]).any(axis=2).sum(axis=1).astype(np.float32)
    )
    count_a, count_b = words_a.sum(axis=1), words_b.sum(axis=1)
    return common, np.minimum(count_a, count_b), count_a + count_b - common
