"""Terms of a text that distinguish events: rare words, names and numbers, as short digests. Pure.

The tokenizer of the text model supplies the pieces of each word and their log probabilities. Their sum estimates the
frequency of the word in all languages of the model. This replaces a table of word frequencies.

A name in Cyrillic or Greek gets the key of its Latin form without vowels, because vowels differ between
transliterations: `Трамп` and `Trump` have one key.
"""

import re
import unicodedata
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

MIN_NAME_LETTERS, STEM_LETTERS = 3, 7
NAME_BIT, KEY_MASK = 1, 0xFFFE  # the lowest bit of a term's key tells whether it is a name
MAX_NAME_WORDS = 4
MIN_DIGITS = 2
COMMON_SCORE = 9.0  # -log(p): words that are more frequent are in texts about any subject
TITLE_WEIGHT = 2.0
WORD_MARK = "\u2581"  # begins a word among the pieces of SentencePiece
# Scripts without spaces between words: Thai, Lao, Myanmar, Khmer, kana, Han.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_LETTERS = re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(r"\d+(?:[.,\u00a0\u202f]\d+)*")
_SEPARATOR = re.compile(r"[.,\u00a0\u202f]")
_TOKEN = re.compile(r"[^\W\d_][\w'\u2019-]*|[^\w ]|\d")
_ACCENTS = re.compile(r"[\u0300-\u036f]+")
_ENDS = frozenset(
    '.!?\u2026:;\u3002\uff01\uff1f"\u201c\u201e\u00ab\u2013\u2014('
)  # before the first word of a sentence or quotation
# Letters of one sound share a key. Vowels and h are left out. Sources: ISO 9 (Cyrillic), ISO 843 (Greek).
_SOUNDS = str.maketrans(
    {
        **dict.fromkeys("aeiouyhаеёиоуыэюяйьъіїєαειουηω", ""),
        **dict.fromkeys("bpбпβπ", "p"), **dict.fromkeys("dtдтδτθ", "t"), **dict.fromkeys("fvwфвφ", "f"),
        **dict.fromkeys("gkcqxгкхцχκγξčćç", "k"), **dict.fromkeys("szsзсσςζшжчщšžśźş", "s"), **dict.fromkeys("jж", "s"),
        **dict.fromkeys("mмμ", "m"), **dict.fromkeys("nнν", "n"), **dict.fromkeys("lłлλ", "l"),
        **dict.fromkeys("rрρ", "r"),
    }
)  # fmt: skip


class Term(NamedTuple):
    """A word of a text. *weight*: its rarity and number in the text."""

    text: str
    key: int
    weight: float
    is_name: bool


class Word(NamedTuple):
    """A word with its log probability, negated, and whether it begins a sentence."""

    text: str
    score: float
    starts_sentence: bool


def words_of(pieces: Sequence[tuple[str, float]]) -> list[Word]:
    """Return the words of a text from its pieces and their log probabilities."""
    words: list[Word] = []
    text, score, starts = "", 0.0, True

    def end() -> None:
        nonlocal text, score, starts
        if letters := _LETTERS.search(text):
            words.append(Word(letters[0], score, starts))
            starts = False
        if text.rstrip()[-1:] in _ENDS:
            starts = True
        text, score = "", 0.0

    for piece, log_probability in pieces:
        part = piece.removeprefix(WORD_MARK)
        if part != piece or _UNSPACED.search(part) or _UNSPACED.search(text[-1:]):
            end()
        text, score = text + part, score - log_probability
    end()
    return words


def terms_of(title: Iterable[Word], body: Iterable[Word]) -> list[Term]:
    """Return the rare words and names of a text, the most distinctive first."""
    weights: defaultdict[int, float] = defaultdict(float)
    scores: dict[int, float] = {}
    texts: dict[int, tuple[str, bool]] = {}
    for words, weight in ((title, TITLE_WEIGHT), (body, 1.0)):
        for word in words:
            is_name = is_name_like(word)
            key = name_key(word.text) if is_name else stem_key(word.text)
            if not key or (word.score < COMMON_SCORE and not is_name):
                continue
            weights[key] += weight
            scores[key] = min(word.score, 25.0)
            if key not in texts or is_name:
                texts[key] = (word.text, is_name)
    terms = [
        Term(texts[key][0], key | NAME_BIT * texts[key][1], scores[key] * (1 + min(count, 6.0)) ** 0.5, texts[key][1])
        for key, count in weights.items()
    ]
    return sorted(terms, key=lambda term: (-term.weight, term.key))


def is_name_like(word: Word) -> bool:
    """Return whether *word* is capitalised within a sentence."""
    return len(word.text) >= MIN_NAME_LETTERS and word.text[0].isupper() and not word.starts_sentence


def stem_key(word: str) -> int:
    """Return the digest of the beginning of a word in lower case, without accents."""
    folded = _folded(word)
    is_long = len(folded) >= (4 if folded.isascii() else 2)
    return zlib.crc32(folded[:STEM_LETTERS].encode("utf-8", "replace")) & KEY_MASK or 2 if is_long else 0


def name_key(word: str) -> int:
    """Return the digest of a name's consonants; of the name itself if it has fewer than two."""
    folded = _folded(word)
    sounds = folded.translate(_SOUNDS)
    return zlib.crc32(f"#{sounds if len(sounds) > 2 else folded}".encode("utf-8", "replace")) & KEY_MASK or 2


def name_phrases(text: str) -> list[str]:
    """Return the runs of two to four capitalised words. A single one may only begin a sentence, or be a German noun.

    >>> name_phrases("The mayor, Marta Kessler, met Jonas Harrow of Norvik.")
    ['Marta Kessler', 'Jonas Harrow']
    """
    names: list[str] = []
    run: list[str] = []
    for token in (*_TOKEN.findall(text), ""):
        if len(token) > 1 and token[0].isupper():
            run.append(token)
            continue
        if 2 <= len(run) <= MAX_NAME_WORDS:
            names.append(" ".join(run))
        run = []
    return names


def number_keys(text: str) -> list[int]:
    """Return the digests of the numbers of *text* with two digits or more, in order."""
    numbers = (number_form(match[0]) for match in _NUMBER.finditer(text))
    keys = (zlib.crc32(number.encode()) & 0xFFFF or 1 for number in numbers if len(number) >= MIN_DIGITS)
    return list(dict.fromkeys(keys))


def number_form(number: str) -> str:
    """Return a number without separators of thousands, and with a point before decimals.

    >>> number_form("1.250.000"), number_form("1,5"), number_form("20.11.2026")
    ('1250000', '1.5', '20.11.2026')
    """
    first, *others = _SEPARATOR.split(number)
    if all(len(part) == 3 for part in others) and len(first) <= 3:
        return first + "".join(others)
    return ".".join((first, *others))


def _folded(word: str) -> str:
    word = word.casefold()
    if word.isascii():
        return word
    return _ACCENTS.sub("", unicodedata.normalize("NFD", word))
