"""Recognition of the publisher's name above the title of a dump. Pure."""

from collections.abc import Iterable, Sequence

from workers.clean.rules.publishers import (
    ARTICLES,
    FIRST_WORDS,
    FIRST_WORDS_AFTER_ARTICLE,
    LAST_WORDS,
    MAX_OWNERSHIP_CHARS,
    MIN_REST_CHARS,
    NAME_ENDS,
    NAME_STARTS,
    OWNERSHIP,
)
from workers.text.normalise import match_key

MAX_NAME_WORDS = 6


def ownership_keys(lines: Iterable[str]) -> tuple[str, ...]:
    """Return the match keys of the lines that state the owner of a page, with a space at both ends."""
    owning = (line for line in lines if len(line) <= MAX_OWNERSHIP_CHARS and OWNERSHIP.search(line) is not None)
    return tuple(f" {match_key(line)} " for line in owning)


def is_publisher_name(text: str, owners: Sequence[str]) -> bool:
    """Return whether all of *text* is the name of a publisher: by its words, or because one of *owners* has it.

    *owners*: the result of `ownership_keys` for the same page.
    """
    words = match_key(text).split()
    if not 0 < len(words) <= MAX_NAME_WORDS or OWNERSHIP.search(text) is not None:
        return False
    return _has_words_of_name(words) or any(f" {' '.join(words)} " in key for key in owners)


def _has_words_of_name(words: Sequence[str]) -> bool:
    if len(words) == 1:
        return _ends_or_starts_like_name(words[0])
    if words[0] in ARTICLES and words[1] in FIRST_WORDS_AFTER_ARTICLE:
        return True
    return words[-1] in LAST_WORDS or words[0] in FIRST_WORDS


def _ends_or_starts_like_name(word: str) -> bool:
    parts = [end for end in NAME_ENDS if word.endswith(end)] + [
        start for start in NAME_STARTS if word.startswith(start)
    ]
    return any(len(word) >= len(part) + MIN_REST_CHARS for part in parts)
