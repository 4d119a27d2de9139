"""Line patterns: lines of a site that differ in their numbers only, such as times and numbers of comments. Pure."""

import re
from functools import lru_cache

from workers.clean.site_facts import CACHED_LINES, hash_key
from workers.text.normalise import match_key

DIGITS = re.compile(r"\d+")
KEY_PREFIX = "\0pattern "  # no key of a line starts with it
MIN_LETTERS, MAX_CHARS = 8, 160
END_CHARS = 14  # of a longer line's beginning and end; between them stand names, such as that of a source


def pattern_of(text: str) -> str:
    """Return the form of a line that has digits, with 0 for each number; empty for others."""
    if len(text) > MAX_CHARS or DIGITS.search(text) is None:
        return ""
    form = DIGITS.sub("0", match_key(text))
    if len(form) > 2 * END_CHARS:
        form = f"{form[:END_CHARS]}…{form[-END_CHARS:]}"
    return form if sum(map(str.isalpha, form)) >= MIN_LETTERS else ""


def pattern_key(text: str) -> bytes:
    """Return the key of the pattern of a line in the site history; empty without digits."""
    return _key(text) if len(text) <= MAX_CHARS and DIGITS.search(text) is not None else b""


@lru_cache(CACHED_LINES)
def _key(text: str) -> bytes:
    form = pattern_of(text)
    return hash_key(KEY_PREFIX + form) if form else b""
