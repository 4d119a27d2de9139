"""Text: white space, invisible characters, and what counts as alike."""

import re
import unicodedata
from functools import lru_cache

SPACE = re.compile(r"\s+")
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff\u202a-\u202e]")
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
WORD = re.compile(r"[^\W_]+")
SHORT_CHARS, SHORT_LINES = 120, 4096  # what is asked for again and again: a site's furniture


def plain(text: str) -> str:
    """Return *text* on one line, without invisible and control characters."""
    return SPACE.sub(" ", INVISIBLE.sub("", CONTROL.sub(" ", text))).strip()


def comparable(text: str) -> str:
    """Return *text* as it is compared: composed, case-folded, letters and digits only."""
    return (_remembered if len(text) <= SHORT_CHARS else _comparable)(text)


def _comparable(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(WORD.findall(text.casefold()))


_remembered = lru_cache(SHORT_LINES)(_comparable)
