"""Metadata features: the overlap of each block with the article body and the description in the page's head. Pure.

The overlap is only a feature, never the result: the JSON-LD of many pages holds a different or truncated text.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from workers.clean.metadata import KnownText
from workers.text.normalise import match_key

MIN_WORDS = 60  # a shorter "articleBody" is a summary
MAX_WORDS = 48  # of a block; enough to recognise it
METADATA_COLUMNS = ("in_article_body", "article_body_coverage", "in_description")
UNKNOWN = -1.0


def metadata_features(known_text: KnownText, keys: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return METADATA_COLUMNS, one row per block. *keys*: the match keys of the blocks."""
    out = np.full((len(keys), len(METADATA_COLUMNS)), UNKNOWN, dtype=np.float32)
    article_body = _words(match_key(known_text.article_body))
    description = set(_words(match_key(known_text.description)))
    is_long = len(article_body) >= MIN_WORDS
    if not is_long and not description:
        return out
    words = [_words(key) for key in keys]
    starts = [some[:MAX_WORDS] for some in words]
    if is_long:
        shingles = _shingles(article_body)
        out[:, 0] = [_shingle_share(start, shingles) for start in starts]
        out[:, 1] = np.log1p(len(article_body)) - np.log1p(sum(map(len, words)))
    if description:
        out[:, 2] = [_word_share(start, description) for start in starts]
    return out


def _shingle_share(words: Sequence[str], shingles: set[tuple[str, str, str]]) -> float:
    own = _shingles(words)
    return len(own & shingles) / len(own) if own else UNKNOWN


def _word_share(words: Sequence[str], known: set[str]) -> float:
    return sum(map(known.__contains__, words)) / len(words) if words else UNKNOWN


def _words(key: str) -> list[str]:
    """Return the words of a match key; in scripts without spaces, pairs of characters."""
    words = key.split()
    if len(key) < 12 * len(words) or key.isascii():
        return words
    return [part for word in words for part in _character_pairs(word)]


def _character_pairs(word: str) -> Iterable[str]:
    return [word] if word.isascii() or len(word) < 8 else [word[n : n + 2] for n in range(len(word) - 1)]


def _shingles(words: Sequence[str]) -> set[tuple[str, str, str]]:
    """Return the shingles of three words."""
    shifted: list[Any] = [islice(words, n, None) for n in range(3)]
    return set(zip(*shifted, strict=False))
