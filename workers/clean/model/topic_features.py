"""Topic features of text dumps: the share of a line's word stems that the running text around it has too. Pure.

A subheading shares rare words with its article; the headline of another article does not. Stems stand for inflected
words. In scripts without spaces, pairs of characters replace stems.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from workers.text.normalise import match_key

Matrix = npt.NDArray[np.float32]

TOPIC_COLUMNS = ("topic_share", "topic_weight", "topic_first", "topic_near", "topic_stems")
STEM_CHARS = 5
MIN_WORD_CHARS = 4  # shorter words are mostly of no topic
MAX_WORDS = 60  # read of a long line
FIRST_LINES = 3  # of running text: the start of an article names its topic
NO_STEMS = -1.0
DENSE_RANGES = (("\u0e00", "\u0e7f"), ("\u3040", "\u30ff"), ("\u3400", "\u9fff"), ("\uac00", "\ud7af"))


def topic_rows(texts: Sequence[str], is_long: npt.NDArray[np.bool_]) -> Matrix:
    """Return TOPIC_COLUMNS, one row per line. *is_long*: the lines of running text."""
    stems = [_stems(text) for text in texts]
    long_lines = np.flatnonzero(is_long).tolist()
    counts = Counter(stem for n in long_lines for stem in stems[n])
    first = [frozenset(stems[n]) for n in long_lines[: FIRST_LINES + 1]]
    rows = np.full((len(texts), len(TOPIC_COLUMNS)), NO_STEMS, np.float32)
    above, below = _nearest(is_long)
    for n, own in enumerate(stems):
        if own:
            rows[n] = _row(own, n, stems, counts, is_long, first, long_lines, (above[n], below[n]))
    return rows


def _row(
    own: frozenset[str],
    n: int,
    stems: Sequence[frozenset[str]],
    counts: Counter[str],
    is_long: npt.NDArray[np.bool_],
    first: Sequence[frozenset[str]],
    long_lines: Sequence[int],
    near: tuple[int, int],
) -> tuple[float, ...]:
    is_counted, lines = int(is_long[n]), len(long_lines)
    weights = {stem: math.log1p(lines / (counts[stem] - is_counted + 0.5)) for stem in own}
    shared = [stem for stem in own if counts[stem] > is_counted]
    start: set[str] = set()
    for k, line in zip(long_lines, first, strict=False):
        if k != n:
            start |= line
    beside: set[str] = set()
    for k in near:
        if k >= 0:
            beside |= stems[k]
    return (
        len(shared) / len(own),
        sum(weights[stem] for stem in shared) / (sum(weights.values()) or 1.0),
        len(own & start) / len(own),
        len(own & beside) / len(own),
        math.log1p(len(own)),
    )


def _nearest(is_long: npt.NDArray[np.bool_]) -> tuple[list[int], list[int]]:
    """Return for each line the nearest other line of running text above it, and below it; -1 without one."""
    count = len(is_long)
    order = np.arange(count)
    last = np.maximum.accumulate(np.where(is_long, order, -1))
    above = np.concatenate([[-1], last[:-1]]) if count else last
    following: npt.NDArray[Any] = np.minimum.accumulate(np.where(is_long, order, count)[::-1])[::-1]
    below = np.concatenate([following[1:], [count]]) if count else following
    return above.tolist(), np.where(below < count, below, -1).tolist()


def _stems(text: str) -> frozenset[str]:
    """Return the stems of the longer words of a line; in scripts without spaces, its pairs of characters."""
    words = match_key(text).split(None, MAX_WORDS)[:MAX_WORDS]
    if text.isascii():
        return frozenset(word[:STEM_CHARS] for word in words if len(word) >= MIN_WORD_CHARS)
    out: list[str] = []
    for word in words:
        if _is_dense(word[0]):
            out += [word[n : n + 2] for n in range(min(len(word), 4 * MAX_WORDS) - 1)]
        elif len(word) >= MIN_WORD_CHARS:
            out.append(word[:STEM_CHARS])
    return frozenset(out)


def _is_dense(char: str) -> bool:
    return any(low <= char <= high for low, high in DENSE_RANGES)
