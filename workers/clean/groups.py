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

from workers.clean.blocks import Block, Place

Matrix = npt.NDArray[np.float32]
Groups = tuple[npt.NDArray[np.intp], ...]

KINDS = ("alike", "within_1", "within_2", "within_3")
SHOWN = ("sentence", "link_share", "words")  # whose means over a group tell what it is
GROUPED = tuple(f"{name}_{kind}" for kind in KINDS for name in ("count", *SHOWN, "word_score"))
AGAIN_GROUPED = tuple(f"{name}_{kind}" for kind in KINDS for name in ("p_words", "p", "p_share"))
NUMBER = re.compile(r"\d+")


def groups(blocks: Sequence[Block]) -> Groups:
    """Return for each of KINDS the number of every block's group."""
    out = [_numbered([(b.tag, _named(b.place), _named(_up(b.place, 1))) for b in blocks])]
    for level in (1, 2, 3):
        out.append(_numbered([id(_up(b.place, level)) for b in blocks]))
    return tuple(out)


def _up(place: Place | None, levels: int) -> Place | None:
    while place is not None and levels:
        place, levels = place.parent, levels - 1
    return place


def _named(place: Place | None) -> tuple[str, str] | None:
    return (place.tag, _without_numbers(place.names)) if place is not None else None


@lru_cache(8192)
def _without_numbers(names: str) -> str:
    return NUMBER.sub("", names)


def _numbered(keys: Iterable[Hashable]) -> npt.NDArray[np.intp]:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.intp)


def grouped(of: Groups, looks: Matrix, word_score: Matrix, words: Matrix) -> Matrix:
    """Return the columns GROUPED. *looks*: the columns SHOWN; *words*: how many each block has."""
    weight = np.sqrt(words + 0.1)
    columns = []
    for group in of:
        count = np.bincount(group)
        columns.append(np.log1p(count)[group])
        columns += [_mean(group, looks[:, n], count) for n in range(looks.shape[1])]
        columns.append(_mean(group, word_score * weight, np.bincount(group, weight)))
    return np.stack(columns, axis=1).astype(np.float32)


def again_grouped(of: Groups, p: Matrix, words: Matrix) -> Matrix:
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
