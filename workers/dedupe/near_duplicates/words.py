"""Tokens of a text, as near-duplicate detection compares them. Pure.

Accents and umlauts are folded: `ä`, `ae` and `a` are equal, because wires and old systems drop or spell them out.
"""

import re
import unicodedata
from collections.abc import Iterable

from workers.dedupe.fingerprint import normalise_visible

# Scripts without spaces between words: each character is a token. Source: Unicode blocks.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_ANY_UNSPACED = re.compile(f"[{_UNSPACED}]")
_WORD_OR_CHARACTER = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}_])\w)+")
_WORD = re.compile(r"[^\W_]+")
_ASCII_WORDS = bytes(ord(char.lower()) if char.isalnum() else 32 for char in map(chr, range(128))) + b" " * 128
# Quotation marks, dashes, currency signs. Source: Unicode blocks Latin-1, General Punctuation, Currency Symbols.
_PUNCTUATION = re.compile(
    "[\u00a1-\u00a9\u00ab-\u00b1\u00b6-\u00b8\u00bb\u00bf\u2010-\u2027\u2030-\u205e\u20a0-\u20bf]"
)
_IN_NUMBER = re.compile(r"(?<=\d)[.,](?=\d)")  # 2,125 and 0.4 are one number each
_ACCENT = re.compile("[\u0300-\u036f]")  # Unicode block "Combining Diacritical Marks"
_ANY_ACCENTED = re.compile("[\u00c0-\u024f\u0300-\u03ff\u0400-\u045f\u1e00-\u1fff]")
# Letters that Unicode does not decompose. Source: Unicode CLDR, transform Latin-ASCII.
_LETTERS = str.maketrans({"ø": "o", "æ": "a", "œ": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h"})
EXPANDED_LETTERS = {"ß": "ss", "\u1e9e": "SS", "þ": "th", "Þ": "Th"}  # letters that fold to two
# Shorter words, most of them articles and prepositions, are in every text. A Chinese character has three bytes.
MIN_ASCII_BYTES, MIN_OTHER_BYTES = 4, 3


def tokenise(text: str) -> list[bytes]:
    """Return the words of *text* in lower case, without apostrophes, accents and invisible characters."""
    return split_words(normalise_text(text))


def normalise_text(text: str) -> str:
    """Return *text* without apostrophes, accents and invisible characters. Punctuation beyond ASCII becomes a quote."""
    text = normalise_visible(text.replace("\u2019", "").replace("'", ""))
    if "," in text or "." in text:
        text = _IN_NUMBER.sub("", text)
    if not text.isascii():  # most texts are ASCII without their dashes and quotation marks
        text = _PUNCTUATION.sub('"', text)
    if text.isascii() or not _ANY_ACCENTED.search(text):
        return text
    return unicodedata.normalize("NFC", _ACCENT.sub("", unicodedata.normalize("NFD", text)))


def split_words(text: str) -> list[bytes]:
    """Return the words of a text that `normalise_text` returned."""
    if text.isascii():
        data = text.encode().translate(_ASCII_WORDS)
        return data.replace(b"ae", b"a").replace(b"oe", b"o").replace(b"ue", b"u").split()
    text = _without_digraphs(text.casefold().translate(_LETTERS))
    words = (_WORD_OR_CHARACTER if _ANY_UNSPACED.search(text) else _WORD).findall(text)
    return [word.encode("utf-8", "replace") for word in words]


def content_words(words: Iterable[bytes]) -> frozenset[bytes]:
    """Return the words that are not among the shortest."""
    return frozenset(w for w in words if len(w) >= (MIN_ASCII_BYTES if w.isascii() else MIN_OTHER_BYTES))


def is_single_character(word: bytes) -> bool:
    """Return whether a token is one character of an unspaced script."""
    return len(word) == 3 and _ANY_UNSPACED.fullmatch(word.decode("utf-8", "replace")) is not None


def _without_digraphs(text: str) -> str:
    """Return *text* with the spelled-out umlauts of German and the Nordic languages as single vowels."""
    for vowel in "aou":
        text = text.replace(f"{vowel}e", vowel)
    return text


def is_unspaced(char: str) -> bool:
    """Return whether a character belongs to a script without spaces between words."""
    return _ANY_UNSPACED.match(char) is not None


def fold_letter(char: str) -> int:
    """Return the code point that a character is compared by; of several, the first."""
    folded = char.casefold().translate(_LETTERS)
    plain = unicodedata.normalize("NFC", _ACCENT.sub("", unicodedata.normalize("NFD", folded)))
    return ord((plain or char)[0])
