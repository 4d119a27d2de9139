"""Groups: which blocks stand together or look alike to the page's style sheet, and what they are like as a whole. Pure.

alike     the same tag and names, and so their parents: an outlet gives one kind of thing one class
within    the same element one, two, three levels up
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

KINDS = ("alike", "within_1", "within_2", "within_3")
COUNT_COLUMNS = ("sentence", "link_share", "words")  # whose means over a group tell what it is
GROUP_COLUMNS = tuple(f"{name}_{kind}" for kind in KINDS for name in ("count", *COUNT_COLUMNS, "word_score"))
SECOND_GROUP_COLUMNS = tuple(f"{name}_{kind}" for kind in KINDS for name in ("p_words", "p", "p_share"))
NUMBER = re.compile(r"\d+")


def groups(blocks: Sequence[Block]) -> Groups:
    """Return for each of KINDS the number of every block's group."""
    out = [_numbered([(b.tag, _named(b.element), _named(_ancestor(b.element, 1))) for b in blocks])]
    for level in (1, 2, 3):
        out.append(_numbered([id(_ancestor(b.element, level)) for b in blocks]))
    return tuple(out)


def _ancestor(place: Element | None, levels: int) -> Element | None:
    while place is not None and levels:
        place, levels = place.parent, levels - 1
    return place


def _named(place: Element | None) -> tuple[str, str] | None:
    return (place.tag, _without_numbers(place.class_names)) if place is not None else None


@lru_cache(8192)
def _without_numbers(names: str) -> str:
    return NUMBER.sub("", names)


def _numbered(keys: Iterable[Hashable]) -> npt.NDArray[np.intp]:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.intp)


def first_pass_group_features(of: Groups, looks: Matrix, word_score: Matrix, words: Matrix) -> Matrix:
    """Return the columns GROUPED. *looks*: the columns SHOWN; *words*: how many each block has."""
    weight = np.sqrt(words + 0.1)
    columns = []
    for group in of:
        count = np.bincount(group)
        columns.append(np.log1p(count)[group])
        columns += [_mean(group, looks[:, n], count) for n in range(looks.shape[1])]
        columns.append(_mean(group, word_score * weight, np.bincount(group, weight)))
    return np.stack(columns, axis=1).astype(np.float32)


def second_pass_group_features(of: Groups, p: Matrix, words: Matrix) -> Matrix:
    """Return the columns AGAIN_GROUPED: what the first look made of each block's groups."""
    weight = words + 0.1
    total = max(1e-3, float((p * words).sum()))
    columns = []
    for group in of:
        columns.append(_mean(group, p * weight, np.bincount(group, weight)))
        columns.append(_mean(group, p, np.bincount(group)))
        columns.append(np.bincount(group, p * words)[group] / total)
    return np.stack(columns, axis=1).astype(np.float32)


def _mean(group: npt.NDArray[np.intp], values: Matrix, weights: npt.NDArray[Any]) -> npt.NDArray[Any]:
    means: npt.NDArray[Any] = (np.bincount(group, values) / np.maximum(weights, 1e-6))[group]
    return means
