"""Text normalisation: white space, invisible characters, and match keys. Pure."""

import re
import unicodedata
from functools import lru_cache

SPACE = re.compile(r"\s+")
# Scripts that join letters, or form conjuncts by a virama. U+200C and U+200D change the visible text there.
# Source: Unicode 16, ArabicShaping.txt and Indic_Syllabic_Category=Virama, by block.
_JOINED = (
    "\u0600-\u07ff\u0840-\u0dff\u1000-\u109f\u1780-\u18af\u1a20-\u1aaf\u1b00-\u1bff\ua800-\ua82f\ua840-\ua8ff"
    "\ua980-\ua9ff\uaa60-\uaa7f\uaae0-\uaaff\uabc0-\uabff\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00010a5f"
    "\U00010ac0-\U00010aff\U00010b80-\U00010baf\U00010d00-\U00010d3f\U00010f30-\U00010fdf\U00011000-\U00011fff"
    "\U0001e900-\U0001e95f"
)
# Characters around U+200D in an emoji sequence. Source: UTS #51 §1.4.6, emoji-zwj-sequences.txt.
_EMOJI = "\u2190-\u21ff\u2300-\u2bff\U0001f000-\U0001faff"
_EMOJI_END = _EMOJI + "\ufe0f\U000e007f"
# U+200D is kept after a letter of these scripts, also at the end of a word, and between emoji.
# U+200C is kept between two letters; of several in a row, the first.
INVISIBLE = re.compile(
    "[\u00ad\u200b\u200e\u200f\u2060-\u2064\ufeff\u202a-\u202e]"
    f"|(?<![{_JOINED}])\u200c|(?<=[{_JOINED}])\u200c(?![\u200c\u200d]*+[{_JOINED}])"
    f"|(?<![{_JOINED}{_EMOJI_END}])\u200d|(?<=[{_EMOJI_END}])\u200d(?![{_EMOJI}])"
)
# An emoji or several: pictures, keycaps, joiners, variation selectors and tags. Source: UTS #51 §1.4.9.
EMOJI_TEXT = re.compile(f"(?:[#*0-9]\ufe0f?\u20e3|[{_EMOJI}\u200d\ufe0f\U000e0020-\U000e007f])+")
ANY_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff\u202a-\u202e]")
JOINERS = re.compile("[\u200c\u200d]")
# Category Cc except white space, and two noncharacters. XML 1.0 §2.2 excludes the noncharacters and most of C0.
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_C0, _C1 = bytes([*range(9), 11, 12, *range(14, 32), 127]), re.compile(rb"\xc2[\x80-\x9f]")  # CONTROL in UTF-8
_NONCHARACTERS, _NONCHARACTER_START = ("\ufffe".encode(), "\uffff".encode()), b"\xef\xbf"
LONG_CHARS = 1_000
WORD = re.compile(r"[^\W_]+")
# Quotation marks, dashes and dots, none of which is a part of a word under NFKC. Without them most English is ASCII.
TYPOGRAPHIC = re.compile("[\u2010-\u201f\u2026«»]")
_ASCII_KEY = bytes(ord(char.lower()) if char.isalnum() else 32 for char in map(chr, range(128))) + b" " * 128
SHORT_CHARS, SHORT_LINES = 120, 4096  # cached match keys: clutter repeats on all pages of a site
RECENT_CHARS, RECENT_LINES = 1_000, 64  # of longer lines: several rules need the key of one paragraph


def plain_text(text: str) -> str:
    """Return *text* on one line, without invisible and control characters."""
    return " ".join(without_invisible(without_control(text)).split())


def without_control(text: str) -> str:
    """Return *text* without control characters; those that are white space become a space.

    >>> without_control("boat\x08house\x0bdoor")
    'boathouse door'
    """
    if text.isprintable() or (len(text) > LONG_CHARS and not has_control(text.encode("utf-8", "surrogatepass"))):
        return text
    return CONTROL.sub(lambda match: " " if match[0].isspace() else "", text)


def has_control(data: bytes) -> bool:
    """Return whether CONTROL matches in a text in UTF-8; in half of the time, because bytes.translate is fast."""
    if len(data.translate(None, _C0)) < len(data):
        return True
    if _NONCHARACTER_START in data and (_NONCHARACTERS[0] in data or _NONCHARACTERS[1] in data):
        return True
    return _C1.search(data) is not None


def without_invisible(text: str) -> str:
    """Return *text* without invisible characters. U+200C and U+200D stay where scripts and emoji need them."""
    return INVISIBLE.sub("", text) if may_have_invisible(text) else text


def may_have_invisible(text: str) -> bool:
    """Return whether INVISIBLE can match in *text*. A printable text has no format characters (category Cf)."""
    return not (text.isascii() or text.isprintable()) and ANY_INVISIBLE.search(text) is not None


def without_joiners(text: str) -> str:
    """Return *text* without U+200C and U+200D, for comparison: their use varies between writers."""
    return text if text.isascii() or text.isprintable() else JOINERS.sub("", text)


def match_key(text: str) -> str:
    """Return the form of *text* for comparison: NFKC, case-folded, letters and digits only."""
    chars = len(text)
    return (_cached_match_key if chars <= SHORT_CHARS else _recent_key if chars <= RECENT_CHARS else _match_key)(text)


def _match_key(text: str) -> str:
    if not text.isascii():
        text = TYPOGRAPHIC.sub(" ", text)
    if text.isascii():
        return b" ".join(text.encode().translate(_ASCII_KEY).split()).decode()  # a third of the time of str.translate
    text = unicodedata.normalize("NFKC", without_joiners(text))
    return " ".join(WORD.findall(text.casefold()))


_cached_match_key, _recent_key = lru_cache(SHORT_LINES)(_match_key), lru_cache(RECENT_LINES)(_match_key)
