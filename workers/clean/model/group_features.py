"""Group features: means over blocks that share their class names or an ancestor. Pure.

same_class  the same tag and names, and parents with the same tag and names: a site gives one kind of block one class
within_n    the same ancestor n levels up
"""

import re
from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from workers.clean.blocks import Block, Element

Matrix = npt.NDArray[np.float32]
Groups = tuple[npt.NDArray[np.intp], ...]

KINDS = ("same_class", "within_1", "within_2", "within_3")
COUNT_COLUMNS = ("sentence", "link_share", "words")  # averaged over each group
GROUP_COLUMNS = tuple(f"{name}_{kind}" for kind in KINDS for name in ("count", *COUNT_COLUMNS, "word_score"))
SECOND_GROUP_COLUMNS = tuple(f"{name}_{kind}" for kind in KINDS for name in ("p_words", "p", "p_share"))
RANKED = KINDS[1:3]  # with the distances to the first and to the last block of the group
RANK_COLUMNS = tuple(f"{name}_{kind}" for kind in RANKED for name in ("from_first", "to_last"))
NUMBER = re.compile(r"\d+")


def group_blocks(blocks: Sequence[Block]) -> Groups:
    """Return for each of KINDS the group number of every block."""
    out = [_numbered([(b.tag, _class_key(b.element), _class_key(_ancestor(b.element, 1))) for b in blocks])]
    for level in (1, 2, 3):
        out.append(_numbered([id(_ancestor(b.element, level)) for b in blocks]))
    return tuple(out)


def _ancestor(element: Element | None, levels: int) -> Element | None:
    while element is not None and levels:
        element, levels = element.parent, levels - 1
    return element


def _class_key(element: Element | None) -> tuple[str, str] | None:
    return (element.tag, _without_numbers(element.class_names)) if element is not None else None


@lru_cache(8192)
def _without_numbers(names: str) -> str:
    return NUMBER.sub("", names)


def _numbered(keys: Iterable[Hashable]) -> npt.NDArray[np.intp]:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.intp)


def first_pass_group_features(groups: Groups, values: Matrix, word_scores: Matrix, words: Matrix) -> Matrix:
    """Return GROUP_COLUMNS and RANK_COLUMNS. *values*: the COUNT_COLUMNS; *words*: the words of each block."""
    weight = np.sqrt(words + 0.1)
    columns = []
    for group in groups:
        count = np.bincount(group)
        columns.append(np.log1p(count)[group])
        columns += [_mean(group, values[:, n], count) for n in range(values.shape[1])]
        columns.append(_mean(group, word_scores * weight, np.bincount(group, weight)))
    for group in groups[1:3]:
        columns += map(np.log1p, _ranks(group))
    return np.stack(columns, axis=1).astype(np.float32)


def _ranks(group: npt.NDArray[np.intp]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return the distance of each block to the first and to the last block of its group."""
    count = np.bincount(group)
    order = np.argsort(group, kind="stable")
    rank = np.empty_like(group)
    rank[order] = np.arange(len(group)) - (np.cumsum(count) - count)[group[order]]
    return rank, count[group] - 1 - rank


def second_pass_group_features(groups: Groups, p: Matrix, words: Matrix) -> Matrix:
    """Return SECOND_GROUP_COLUMNS: means of the first-pass probabilities *p* over each block's groups."""
    weight = words + 0.1
    total = max(1e-3, float((p * words).sum()))
    columns = []
    for group in groups:
        columns.append(_mean(group, p * weight, np.bincount(group, weight)))
        columns.append(_mean(group, p, np.bincount(group)))
        columns.append(np.bincount(group, p * words)[group] / total)
    return np.stack(columns, axis=1).astype(np.float32)


def _mean(group: npt.NDArray[np.intp], values: Matrix, weights: npt.NDArray[Any]) -> npt.NDArray[Any]:
    means: npt.NDArray[Any] = (np.bincount(group, values) / np.maximum(weights, 1e-6))[group]
    return means
