"""Words and sentences of texts as arrays, for a batch of texts at once. Pure.

    texts ──▶ characters ──▶ classes and folded letters, from tables ──▶ words ──▶ sentences

A hash is a polynomial of letters or words (Karp, Rabin 1987), modulo 2**64. Hashes of all words are then differences of
one prefix sum. A call of numpy costs as much as a hundred words, so texts are read together.
"""

from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from workers.dedupe.near_duplicates.characters import (
    ALPHA,
    CLOSING,
    DIGIT,
    DROPPED,
    END,
    FULL_END,
    LINE,
    LOWER,
    SPACE,
    UNSPACED,
    UPPER,
    WORD,
    Classes,
    character_codes,
    classes_and_letters,
    digraphs,
    normalise_compatible,
)

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.intp]

NUMBER, PLAIN, NAME, ADDRESS_PART = (
    1,
    2,
    4,
    8,
)  # kinds of words: with a digit, without capitals, names, of a web address
STEM_LETTERS = 5  # compare forms of a word
MIN_SENTENCE_CHARS = 16  # shorter pieces of a line ("he said.", "Mr.") occur in unrelated articles
# Sentences that are compared with earlier articles. Repeated text stands at both ends of an article.
FIRST_SENTENCES, LAST_SENTENCES = 50, 50
SENTENCE_KEY_BYTES = 6
CHUNK_CHARS = 1 << 16  # arrays of a chunk stay in the processor's cache
_CACHED_POWERS = CHUNK_CHARS + 1_024

_SPACE, _COMMA, _HASH, _COLON, _SLASH, _DOT, _W = map(ord, " ,#:/.w")
_PAD = "\n" * 4  # places beyond the last word
_MIX_1, _MIX_2, _SHIFT = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53), np.uint64(33)
_HALF, _BASE = np.uint64(32), 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 1 << 64)


class TextWords(NamedTuple):
    """The words of a text.

    `hashes`, `stems` (of the first letters) and `kinds` of the words; `sentence_of`: number of each word's sentence.
    `keys`: one for each sentence, which equal sentences share; empty for a sentence that is never excluded.
    """

    hashes: Hashes
    stems: npt.NDArray[np.uint32]
    kinds: npt.NDArray[np.uint8]
    sentence_of: Places
    keys: tuple[bytes, ...] = ()

    def without(self, keys: Collection[bytes]) -> "TextWords":
        """Return the words of the sentences whose keys are not in *keys*."""
        if not keys:
            return self
        kept = np.array([key not in keys for key in self.keys], bool)
        return self.chosen(kept[self.sentence_of])

    def chosen(self, mask: Any) -> "TextWords":
        """Return the words where *mask* is true."""
        return TextWords(self.hashes[mask], self.stems[mask], self.kinds[mask], self.sentence_of[mask], self.keys)


def read_words(texts: Sequence[str]) -> list[TextWords]:
    """Return the words of each text."""
    chunks = _chunks([normalise_compatible(text) for text in texts])
    return [words for chunk in chunks for words in _Chunk(chunk).words()]


def sentence_texts(text: str) -> list[str]:
    """Return the sentences of *text*, normalised."""
    return _Chunk([normalise_compatible(text)]).sentence_texts()


def hash_words(words: Sequence[bytes]) -> tuple[Hashes, npt.NDArray[np.uint32]]:
    """Return the hashes and the stems of folded words in UTF-8, as in `TextWords`."""
    if not words:
        return np.zeros(0, np.uint64), np.zeros(0, np.uint32)
    letters = character_codes(b"".join(words).decode("utf-8", "replace"))
    sizes = np.array([len(word) if word.isascii() else len(word.decode("utf-8", "replace")) for word in words], np.intp)
    ends = np.cumsum(sizes)
    return _hash_spans(letters, ends - sizes, ends)


def mixed(hashes: Hashes) -> Hashes:
    """Return *hashes* with every bit depending on every other (MurmurHash3's finaliser; Appleby, public domain)."""
    shifted = hashes >> _SHIFT
    out: Hashes = np.bitwise_xor(hashes, shifted)
    for factor in (_MIX_1, _MIX_2):
        out *= factor
        out ^= np.right_shift(out, _SHIFT, out=shifted)
    return out


class _Chunk:
    """The characters and words of several texts, one after the other."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.text = "\n".join(texts) + _PAD
        codes = character_codes(self.text)
        self.classes, self.letters = classes_and_letters(codes)
        offsets = np.cumsum([0, *(len(text) + 1 for text in texts)])
        keep = (self.classes & DROPPED) == 0
        keep[digraphs(self.letters)] = False
        if "  " in self.text:
            is_space = self.letters == _SPACE
            keep[1:] &= ~(is_space[1:] & is_space[:-1])
        self.origin = np.flatnonzero(keep)  # place of each remaining character in the text
        if len(self.origin) < len(codes):
            self.classes, self.letters = self.classes[self.origin], self.letters[self.origin]
        if len(marks := _number_marks(self.classes, self.letters)):
            kept = np.delete(np.arange(len(self.origin)), marks)
            self.origin, self.classes, self.letters = self.origin[kept], self.classes[kept], self.letters[kept]
        if len(self.origin) < len(codes):
            offsets = np.searchsorted(self.origin, offsets)
        self.starts, self.ends = _word_spans(self.classes)
        self.first_words = np.searchsorted(self.starts, offsets)  # of each text, and the number of words
        self.first_of = self._sentence_starts()  # first word of each sentence, and the number of words

    def words(self) -> list[TextWords]:
        """Return the words of each text."""
        hashes, stems = _hash_spans(self.letters, self.starts, self.ends)
        kinds = self._kinds()
        sizes = np.diff(self.first_of)
        sentence_of = np.repeat(np.arange(len(sizes)), sizes)
        first_sentences = np.searchsorted(self.first_of[:-1], self.first_words)
        keys = self._keys(hashes, first_sentences)
        spans = zip(self.first_words[:-1], self.first_words[1:], first_sentences[:-1], first_sentences[1:], strict=True)
        out = [
            TextWords(hashes[w:v], stems[w:v], kinds[w:v], sentence_of[w:v] - s, tuple(keys[s:t]))
            for w, v, s, t in spans
        ]
        return self._without_hashtags(out, first_sentences) if _HASH in self.letters else out

    def _kinds(self) -> npt.NDArray[np.uint8]:
        classes, letters, starts, ends = self.classes, self.letters, self.starts, self.ends
        if not len(starts):
            return np.zeros(0, np.uint8)
        bits = np.bitwise_or.reduceat(classes, np.stack([starts, ends], axis=1).ravel())[::2]
        first, before = classes[starts], classes[starts - 1]
        follows = ((classes[starts - 2] & ALPHA) > 0) | (letters[starts - 2] == _COMMA)
        is_name = ((first & UPPER) > 0) & ((classes[starts + 1] & ALPHA) > 0) & follows
        is_name &= (before & (SPACE | LINE)) == SPACE
        scheme = (letters[ends] == _COLON) & (letters[ends + 1] == _SLASH) & (letters[ends + 2] == _SLASH)
        www = (letters[starts] == _W) & (letters[starts + 1] == _W) & (letters[starts + 2] == _W)
        www &= (letters[ends] == _DOT) & ((classes[ends + 1] & WORD) > 0)
        kinds = ((bits & DIGIT) > 0) * NUMBER | ((bits & (UPPER | LOWER)) == LOWER) * PLAIN
        out: npt.NDArray[np.uint8] = (kinds | is_name * NAME | (scheme | www) * ADDRESS_PART).astype(np.uint8)
        return out

    def _sentence_starts(self) -> Places:
        """Return the first word of each sentence, and the number of words.

        A sentence ends at a line's end, and at a full stop with closing marks before a space.
        """
        classes, count = self.classes, len(self.starts)
        after = np.flatnonzero(classes & END) + 1
        for _ in range(2):
            after += (classes[after] & CLOSING) > 0
        after = after[(classes[after] & (SPACE | UNSPACED)) > 0]
        cuts = np.concatenate([np.flatnonzero(classes & (LINE | FULL_END)), after])
        is_first = np.zeros(count + 1, bool)
        is_first[np.searchsorted(self.starts, cuts)] = True
        is_first[0] = is_first[count] = True
        return np.flatnonzero(is_first)

    def _keys(self, hashes: Hashes, first_sentences: Places) -> list[bytes]:
        """Return the key of each sentence."""
        first, end = self.first_of[:-1], self.first_of[1:]
        if not len(first):
            return []
        raw = mixed(_sums(hashes, first, end)).astype(">u8").tobytes()
        line_of = np.searchsorted(np.flatnonzero(self.classes & LINE), self.starts[first])
        is_other = np.concatenate([[True], line_of[1:] != line_of[:-1], [True]])
        is_line = is_other[:-1] & is_other[1:]
        chars = self.ends[end - 1] - self.starts[first] + 1
        counts = np.diff(first_sentences)
        number = np.arange(len(first)) - np.repeat(first_sentences[:-1], counts)
        at_ends = (number < FIRST_SENTENCES) | (number >= np.repeat(counts, counts) - LAST_SENTENCES)
        has_key = ((is_line | (chars >= MIN_SENTENCE_CHARS)) & at_ends).tolist()
        return [raw[8 * n : 8 * n + SENTENCE_KEY_BYTES] if has_key[n] else b"" for n in range(len(has_key))]

    def _without_hashtags(self, texts: list[TextWords], first_sentences: Places) -> list[TextWords]:
        """Return the texts without sentences of hashtags alone: labels, which outlets add to a copy."""
        kept = np.ones(len(self.first_of) - 1, bool)
        marks = self.origin[np.flatnonzero(self.letters == _HASH)]
        near = np.searchsorted(self.origin[self.starts[self.first_of[:-1]]], marks)
        for n in {place for mark in near.tolist() for place in (mark - 1, mark)}:
            if 0 <= n < len(kept):
                kept[n] = not all(word[0] == "#" for word in self._sentence_text(n).split())
        if kept.all():
            return texts
        spans = zip(texts, first_sentences[:-1], first_sentences[1:], strict=True)
        return [
            words if kept[start:end].all() else words.chosen(kept[start:end][words.sentence_of])
            for words, start, end in spans
        ]

    def sentence_texts(self) -> list[str]:
        """Return the characters of each sentence, up to the next one or to the end of its line."""
        return [self._sentence_text(n) for n in range(len(self.first_of) - 1)]

    def _sentence_text(self, number: int) -> str:
        first, after = self.first_of[number : number + 2].tolist()
        start = int(self.origin[self.starts[first]])
        end = int(self.origin[self.starts[after]]) if after < len(self.starts) else len(self.text)
        part = self.text[start:end].partition("\n")[0].strip()
        return "#" * (self.text[start - 1 : start] == "#") + part.rstrip("# ")


def _chunks(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yield the texts in order, as many together as have CHUNK_CHARS characters."""
    chunk: list[str] = []
    size = 0
    for text in texts:
        if chunk and size + len(text) > CHUNK_CHARS:
            yield chunk
            chunk, size = [], 0
        chunk.append(text)
        size += len(text) + 1
    if chunk:
        yield chunk


def _number_marks(classes: Classes, letters: Any) -> Places:
    """Return the places of commas and points within numbers: 2,125 and 0.4 are one number each."""
    marks = np.flatnonzero((letters == _COMMA) | (letters == _DOT))
    return marks[((classes[marks - 1] & DIGIT) > 0) & ((classes[marks + 1] & DIGIT) > 0)]


def _word_spans(classes: Classes) -> tuple[Places, Places]:
    """Return the first place of each word, and the place after its last.

    A character of an unspaced script is a word.
    """
    is_word, is_unspaced = (classes & WORD) > 0, (classes & UNSPACED) > 0
    is_start = is_word.copy()
    is_start[1:] &= ~is_word[:-1] | is_unspaced[1:] | is_unspaced[:-1]
    continues = np.zeros(len(classes), bool)
    continues[:-1] = is_word[1:] & ~is_start[1:]
    return np.flatnonzero(is_start), np.flatnonzero(is_word & ~continues) + 1


def _hash_spans(letters: Any, starts: Places, ends: Places) -> tuple[Hashes, npt.NDArray[np.uint32]]:
    """Return the hashes of words, and of their first letters."""
    prefix = _prefix_sums(letters)
    before, inverse = prefix[starts], _powers(_INVERSE, len(letters) + 1)[starts]
    hashes = mixed((prefix[ends] - before) * inverse)
    stems = (prefix[np.minimum(ends, starts + STEM_LETTERS)] - before) * inverse * _MIX_1  # compared, never stored
    return hashes, (stems >> _HALF).astype(np.uint32)


def _sums(values: Hashes, starts: Places, ends: Places) -> Hashes:
    """Return the polynomials of spans of *values*."""
    prefix = _prefix_sums(values)
    return (prefix[ends] - prefix[starts]) * _powers(_INVERSE, len(values) + 1)[starts]


def _prefix_sums(values: Any) -> Hashes:
    out = np.zeros(len(values) + 1, np.uint64)
    np.cumsum(values * _powers(_BASE, len(values)), out=out[1:])
    return out


def _powers(base: int, count: int) -> Hashes:
    """Return the first powers of *base* modulo 2**64. Those of a usual chunk are computed once."""
    return _cached_powers(base)[:count] if count <= _CACHED_POWERS else _computed_powers(base, count)


@lru_cache
def _cached_powers(base: int) -> Hashes:
    return _computed_powers(base, _CACHED_POWERS)


def _computed_powers(base: int, count: int) -> Hashes:
    powers = np.full(count, base, np.uint64)
    powers[:1] = 1
    return np.cumprod(powers, dtype=np.uint64)
