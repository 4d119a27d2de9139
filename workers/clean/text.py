"""Text: white space, invisible characters, and what counts as alike."""

import re
import unicodedata

SPACE = re.compile(r"\s+")
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff\u202a-\u202e]")
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
WORD = re.compile(r"[^\W_]+")


def plain(text: str) -> str:
    """Return *text* on one line, without invisible and control characters."""
    return SPACE.sub(" ", INVISIBLE.sub("", CONTROL.sub(" ", text))).strip()


def comparable(text: str) -> str:
    """Return *text* as it is compared: composed, case-folded, letters and digits only."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(WORD.findall(text.casefold()))
