"""Find which of many keywords occur in a text, in one pass. Pure.

A keyword is a word or a phrase. It must not touch other letters or digits; in scripts without spaces between words it
may occur anywhere. The words of the text are looked up, so the time depends on the text and not on the keywords.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

# Scripts without spaces between words: Thai, Lao, Myanmar, Khmer, kana, Han. UAX #29 needs dictionaries for them.
_NO_SPACE_SCRIPTS = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]"
)
_JOINERS = re.compile("[\u200c\u200d]")
_WORD = re.compile(r"\w+")

Lengths = dict[str, tuple[int, ...]]
"""The start of keywords → the lengths of all keywords that begin so."""


def fold(text: str) -> str:
    """Return *text* for comparison: case-folded, without zero-width joiners, which are optional in writing."""
    return text.casefold() if text.isascii() else _JOINERS.sub("", text).casefold()


class KeywordIndex:
    """A set of folded keywords, by the way in which each begins."""

    def __init__(self, keywords: Iterable[str]) -> None:
        self._keywords = frozenset(keywords)
        words: defaultdict[str, set[int]] = defaultdict(set)
        other_starts: defaultdict[str, set[int]] = defaultdict(set)
        unspaced: defaultdict[str, set[int]] = defaultdict(set)
        for keyword in self._keywords:
            first_word = _WORD.match(keyword)
            if _NO_SPACE_SCRIPTS.search(keyword):
                unspaced[keyword[:2]].add(len(keyword))
            elif first_word is not None:
                words[first_word[0]].add(len(keyword))
            else:
                other_starts[keyword[:1]].add(len(keyword))
        self._words, self._other_starts, self._unspaced = map(_sorted, (words, other_starts, unspaced))

    def find(self, text: str) -> set[str]:
        """Return the keywords that occur in the folded *text*."""
        return {keyword for keyword in self._candidates(text) if keyword in self._keywords}

    def _candidates(self, text: str) -> Iterator[str]:
        """Yield the parts of *text* that begin like a keyword, have its length and stand where it may stand."""
        if self._words and (first_words := self._words.keys() & set(_WORD.findall(text))):
            yield from first_words
            phrases = {word: self._words[word] for word in first_words if self._words[word][-1] > len(word)}
            for match in _WORD.finditer(text) if phrases else ():
                yield from _ends_of_word(text, match.start(), phrases.get(match[0], ()))
        for first_character, lengths in self._other_starts.items():
            for start in _occurrences(text, first_character):
                if start == 0 or not _is_word_char(text[start - 1]):
                    yield from _ends_of_word(text, start, lengths)
        if self._unspaced:
            starts = {text[n : n + 2] for n in range(len(text))} | set(text)
            for first in self._unspaced.keys() & starts:
                for start in _occurrences(text, first):
                    yield from (text[start : start + length] for length in self._unspaced[first])


def _sorted(lengths: dict[str, set[int]]) -> Lengths:
    return {start: tuple(sorted(values)) for start, values in lengths.items()}


def _occurrences(text: str, part: str) -> Iterator[int]:
    start = text.find(part)
    while start >= 0:
        yield start
        start = text.find(part, start + 1)


def _ends_of_word(text: str, start: int, lengths: Iterable[int]) -> Iterator[str]:
    """Yield the parts of *text* from *start* with *lengths* that no letter or digit follows."""
    for length in lengths:
        end = start + length
        if end >= len(text) or not _is_word_char(text[end]):
            yield text[start:end]


def _is_word_char(char: str) -> bool:
    """Return whether `\\w` matches *char*."""
    return char.isalnum() or char == "_"
