"""Fingerprints: stable digests of visible text. Pure.

Markup, white space, punctuation and invisible characters are left out: they change while the article does not.
"""

import hashlib
import html
import re
import unicodedata
from collections.abc import Iterable

from workers.text.markup import strip_tags

DIGEST_BYTES = 8  # compared only with the last MAX_FINGERPRINTS of one article, never across articles
MAX_TAG_CHARS = 5_000
# Blocks of the scripts that write vowels as marks of the letters: Thaana, the Brahmic scripts, and their extensions. In
# Arabic, Hebrew and Syriac the points are optional, so they do not count. Source: Unicode 16, Blocks.txt.
_VOWEL_SIGN_BLOCKS = (
    (0x0780, 0x07BF), (0x0900, 0x109F), (0x1700, 0x17FF), (0x1900, 0x1C4F), (0xA800, 0xA8FF), (0xA900, 0xAAFF),
    (0xABC0, 0xABFF), (0x11000, 0x11FFF),
)  # fmt: skip
_VOWEL_SIGNS = "".join(
    char
    for start, end in _VOWEL_SIGN_BLOCKS
    for char in map(chr, range(start, end + 1))
    if unicodedata.category(char) in ("Mn", "Mc")
)
_WORD = re.compile(rf"[\w{_VOWEL_SIGNS}]+")
_ASCII_GAPS = bytes(n if _WORD.match(chr(n)) else 32 for n in range(128)) + b" " * 128
# Punctuation between words that NFKC does not change to letters. Without it, most English text is ASCII.
_TYPOGRAPHIC = re.compile("[\u2010-\u201f\u2026«»]")
# Unicode 16, general category Cf.
_FORMAT = re.compile(
    "[\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)


def fingerprint(parts: Iterable[str]) -> bytes:
    """Return the digest of plain-text *parts*, in order. Boundaries between parts do not matter."""
    words = [word for part in parts for word in _words(part)]
    return hashlib.blake2b(b" ".join((*words, b"")), digest_size=DIGEST_BYTES).digest()


def _words(text: str) -> list[bytes]:
    """Return the runs of word characters. The ASCII path takes a tenth of the time."""
    if not text.isascii():
        text = _TYPOGRAPHIC.sub(" ", text)
    if text.isascii():
        return text.encode().translate(_ASCII_GAPS).split()
    return " ".join(_WORD.findall(normalise_visible(text))).encode("utf-8", "replace").split()


def normalise_visible(text: str) -> str:
    """Return *text* in NFKC form (UAX #15) without invisible format characters (category Cf)."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text)
    return text if text.isprintable() else _FORMAT.sub("", text)


def raw_fingerprint(parts: Iterable[str]) -> bytes:
    """Return the digest of *parts* that may contain HTML. Cheap: the poller compares it before the desk cleans."""
    return fingerprint(html.unescape(strip_tags(part, " ", MAX_TAG_CHARS)) for part in parts)
