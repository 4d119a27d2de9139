"""Hints: what a page says of itself in its head, as columns beside what its blocks look like.

Never trusted by itself: many heads hold another text than the page shows, or half of it, and the model knows that.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from workers.clean.metadata import KnownText
from workers.text.normalise import match_key

MIN_WORDS = 60  # a shorter "articleBody" is a summary
MAX_WORDS = 48  # words of a block: enough to know it
METADATA_COLUMNS = ("told", "told_length", "described")
UNKNOWN = -1.0


def metadata_features(hints: KnownText, keys: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return the columns HINTED of blocks, given as `comparable` has them."""
    out = np.full((len(keys), len(METADATA_COLUMNS)), UNKNOWN, dtype=np.float32)
    story = _pieces(match_key(hints.article_body))
    if len(story) >= MIN_WORDS:
        known = _triples(story)
        out[:, 0] = [_share(key, known) for key in keys]
        out[:, 1] = np.log1p(len(story)) - np.log1p(sum(len(_pieces(key)) for key in keys))
    described = set(_pieces(match_key(hints.description)))
    if described:
        out[:, 2] = [_known(key, described) for key in keys]
    return out


def _share(key: str, known: set[tuple[str, str, str]]) -> float:
    triples = _triples(_pieces(key)[:MAX_WORDS])
    return len(triples & known) / len(triples) if triples else UNKNOWN


def _known(key: str, words: set[str]) -> float:
    pieces = _pieces(key)[:MAX_WORDS]
    return sum([piece in words for piece in pieces]) / len(pieces) if pieces else UNKNOWN


def _pieces(key: str) -> list[str]:
    """Return the words of a key; of scripts without spaces, pairs of characters."""
    words = key.split()
    if len(key) < 12 * len(words) or key.isascii():
        return words
    return [part for word in words for part in _pairs(word)]


def _pairs(word: str) -> Iterable[str]:
    return [word] if word.isascii() or len(word) < 8 else [word[n : n + 2] for n in range(len(word) - 1)]


def _triples(pieces: Sequence[str]) -> set[tuple[str, str, str]]:
    shifted: list[Any] = [islice(pieces, n, None) for n in range(3)]
    return set(zip(*shifted, strict=False))
