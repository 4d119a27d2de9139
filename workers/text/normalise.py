"""Text: white space, invisible characters, and what counts as alike."""

import re
import unicodedata
from functools import lru_cache

SPACE = re.compile(r"\s+")
# Scripts that join letters, or form conjuncts by a virama: there U+200C and U+200D change what a reader sees.
# Source: Unicode 16, ArabicShaping.txt and Indic_Syllabic_Category=Virama, by block.
_JOINED = (
    "\u0600-\u07ff\u0840-\u0dff\u1000-\u109f\u1780-\u18af\u1a20-\u1aaf\u1b00-\u1bff\ua800-\ua82f\ua840-\ua8ff"
    "\ua980-\ua9ff\uaa60-\uaa7f\uaae0-\uaaff\uabc0-\uabff\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00010a5f"
    "\U00010ac0-\U00010aff\U00010b80-\U00010baf\U00010d00-\U00010d3f\U00010f30-\U00010fdf\U00011000-\U00011fff"
    "\U0001e900-\U0001e95f"
)
# What stands before and behind U+200D in an emoji sequence. Source: UTS #51 §1.4.6, emoji-zwj-sequences.txt.
_EMOJI = "\u2190-\u21ff\u2300-\u2bff\U0001f000-\U0001faff"
_EMOJI_END = _EMOJI + "\ufe0f\U000e007f"
# U+200D is kept behind a letter of these scripts (at a word's end, too) and between emoji; U+200C between two letters,
# of several in a row the first.
INVISIBLE = re.compile(
    "[\u00ad\u200b\u200e\u200f\u2060-\u2064\ufeff\u202a-\u202e]"
    f"|(?<![{_JOINED}])\u200c|(?<=[{_JOINED}])\u200c(?![\u200c\u200d]*+[{_JOINED}])"
    f"|(?<![{_JOINED}{_EMOJI_END}])\u200d|(?<=[{_EMOJI_END}])\u200d(?![{_EMOJI}])"
)
JOINERS = re.compile("[\u200c\u200d]")
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
WORD = re.compile(r"[^\W_]+")
SHORT_CHARS, SHORT_LINES = 120, 4096  # what is asked for again and again: a site's furniture


def plain_text(text: str) -> str:
    """Return *text* on one line, without invisible and control characters."""
    return SPACE.sub(" ", without_invisible(CONTROL.sub(" ", text))).strip()


def without_invisible(text: str) -> str:
    """Return *text* without invisible characters; U+200C and U+200D stay where scripts and emoji need them."""
    return text if text.isascii() else INVISIBLE.sub("", text)


def without_joiners(text: str) -> str:
    """Return *text* without U+200C and U+200D, as it is compared: writers set them or leave them out."""
    return text if text.isascii() else JOINERS.sub("", text)


def match_key(text: str) -> str:
    """Return *text* as it is compared: composed, case-folded, letters and digits only."""
    return (_cached_match_key if len(text) <= SHORT_CHARS else _comparable)(text)


def _comparable(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", without_joiners(text))
    return " ".join(WORD.findall(text.casefold()))


_cached_match_key = lru_cache(SHORT_LINES)(_comparable)
