"""Classes of characters, and the letters that texts are compared by, as arrays. Pure.

Case, accents and umlauts are folded as in `words.py`. The tables are filled as characters occur.
"""

import unicodedata
from typing import Any

import numpy as np
import numpy.typing as npt

from workers.dedupe.near_duplicates.words import EXPANDED_LETTERS, fold_letter, is_unspaced

Classes = npt.NDArray[np.uint16]

KNOWN, WORD, UNSPACED, UPPER, LOWER, ALPHA, DIGIT, SPACE, LINE, END, FULL_END, CLOSING, DROPPED = (
    1 << n for n in range(13)
)
ENDS, FULL_ENDS, CLOSINGS = ".!?\u2026", "\u3002\uff01\uff1f", '"\u201d\u00bb)]'
APOSTROPHES = "'\u2019"
_LETTER_E, _VOWELS = ord("e"), tuple(map(ord, "aou"))
_CODES = 0x110000
_CLASSES = np.zeros(_CODES, np.uint16)  # untouched pages of the tables take no memory
_LETTERS = np.zeros(_CODES, np.uint32)


def normalise_compatible(text: str) -> str:
    """Return *text* in NFKC form (UAX #15), with letters that stand for two spelled out."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text)
    for letter, letters in EXPANDED_LETTERS.items():
        if letter in text:
            text = text.replace(letter, letters)
    return text


def character_codes(text: str) -> npt.NDArray[np.uint32]:
    """Return the code points of *text*."""
    return np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32)


def classes_and_letters(codes: npt.NDArray[np.uint32]) -> tuple[Classes, npt.NDArray[np.uint32]]:
    """Return the class and the folded letter of each character."""
    classes = _CLASSES[codes]
    if not classes.all():
        for code in np.unique(codes[classes == 0]).tolist():
            _CLASSES[code], _LETTERS[code] = _class_of(chr(code)), fold_letter(chr(code))
        classes = _CLASSES[codes]
    return classes, _LETTERS[codes]


def digraphs(letters: npt.NDArray[np.uint32]) -> Any:
    """Return the places of the "e" in spelled-out umlauts: ae, oe, ue."""
    places = np.flatnonzero(letters[1:] == _LETTER_E) + 1
    before = letters[places - 1]
    a, o, u = _VOWELS
    return places[(before == a) | (before == o) | (before == u)]


def _class_of(char: str) -> int:
    word = char.isalnum() or is_unspaced(char)
    is_dropped = char in APOSTROPHES or unicodedata.category(char) == "Cf" or "\u0300" <= char <= "\u036f"
    return (
        KNOWN | word * WORD | is_unspaced(char) * UNSPACED | char.isupper() * UPPER | char.islower() * LOWER
        | char.isalpha() * ALPHA | char.isdecimal() * DIGIT | char.isspace() * SPACE | (char == "\n") * LINE
        | (char in ENDS) * END | (char in FULL_ENDS) * FULL_END | (char in CLOSINGS) * CLOSING | is_dropped * DROPPED
    )  # fmt: skip
