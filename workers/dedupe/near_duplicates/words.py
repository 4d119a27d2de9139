"""Tokens of a text, as near-duplicate detection compares them. Pure."""

import re

from workers.dedupe.fingerprint import normalise_visible

# Scripts without spaces between words: each character is a token. Source: Unicode blocks.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_ANY_UNSPACED = re.compile(f"[{_UNSPACED}]")
_WORD_OR_SIGN = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}_])\w)+")
_WORD = re.compile(r"[^\W_]+")
_ASCII_WORD = re.compile(rb"[a-z0-9]+")


def tokenise(text: str) -> list[bytes]:
    """Return the words of *text* in lower case, without apostrophes and invisible characters."""
    return split_words(normalise_text(text))


def normalise_text(text: str) -> str:
    """Return *text* without apostrophes and invisible characters."""
    return normalise_visible(text.replace("\u2019", "").replace("'", ""))


def split_words(text: str) -> list[bytes]:
    """Return the words of a text that `normalise_text` returned."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower().encode())
    text = text.casefold()
    words = (_WORD_OR_SIGN if _ANY_UNSPACED.search(text) else _WORD).findall(text)
    return [word.encode("utf-8", "replace") for word in words]
