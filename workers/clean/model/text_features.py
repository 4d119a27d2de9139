"""Text features of a single line. Pure; results are cached because clutter repeats on all pages of a site."""

import math
import re
import string
from functools import lru_cache
from itertools import pairwise

from workers.clean.line_types import ends_sentence, may_be_lead
from workers.clean.model.vocabulary import (
    BYLINE,
    LEAD,
    PROMPT_WORD_PARTS,
    PROMPT_WORDS,
    READING_TIME,
    SURE_LABELS,
    WEAK_BARS,
    WEAK_LABELS,
    is_prompt_line,
    starts_like_clutter,
)

DENSE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
SOME_WORDS = 40  # used of a long paragraph
LABEL_CHARS = 60  # longest label above a list
SHORT_CHARS = 120  # longest label, prompt, or line with a header field
CACHE_CHARS, CACHE_LINES = 60, 4096  # length and number of cached lines
RECENT_CHARS, RECENT_LINES = 1_000, 256  # of longer lines: a feed's item with links is cleaned twice
DATE_MARK = re.compile(r"\b(?:19|20)\d\d\b|\d{1,2}[:.]\d\d\b")
INNER_END = re.compile(r"[.!?。！？][\"'”’»)\]]*\s|[。！？]")
SEPARATORS = re.compile(r"[|•·»›>/→]")
ADDRESS = re.compile(r"@\w|https?://|www\.")
ADDRESS_PARTS, ASCII_SEPARATORS, ASCII_ENDS = ("@", "://", "www."), "|>/", ".!?"
PRICE = re.compile(r"[$€£¥]\s?\d|\d\s?(?:[€£]|USD|EUR|zł|руб|грн|Kč|kr\b)")
PAIR_STARTS = frozenset(phrase.split()[0] for phrase in PROMPT_WORDS if " " in phrase)
NON_ASCII = re.compile("[^\x00-\x7f]+")
LOWERS, UPPERS, DIGITS = (s.encode() for s in (string.ascii_lowercase, string.ascii_uppercase, string.digits))

TEXT_COLUMNS = (
    "words", "chars", "sentence", "commas", "digits", "uppers", "capitals", "word_length", "lower_start", "colon_end",
    "question_end", "separators", "quote_start", "inner_ends", "address", "is_label", "is_prompt", "is_lead",
    "furniture", "date", "short_words", "bullet", "ellipsis", "weak_label", "weak_bar", "line_start",
    "prompt_words", "prices",
)  # fmt: skip


def text_features(text: str, key: str, words: int) -> tuple[float, ...]:
    """Return TEXT_COLUMNS of a line with *words* words; *key*: its match key."""
    chars = len(text)
    return (_cached_row if chars <= CACHE_CHARS else _recent_row if chars <= RECENT_CHARS else _row)(text, key, words)


def _row(text: str, key: str, words: int) -> tuple[float, ...]:
    chars, is_ascii, first = len(text), text.isascii(), text[:1]
    letters, digits, uppers = _character_counts(text)
    spaced = text.split(None, SOME_WORDS)[:SOME_WORDS]
    short = chars < SHORT_CHARS
    # A test for a character costs a tenth of a pattern's search.
    return (
        math.log1p(words),
        math.log1p(chars),
        float(ends_sentence(text)),
        (text.count(",") if is_ascii else text.count(",") + text.count("，") + text.count("、")) / (words or 1),
        digits / (chars or 1),
        uppers / (letters or 1),
        sum(map(str.isupper, [word[0] for word in spaced])) / (len(spaced) or 1),
        (letters or 1) / (words or 1),
        float(first.islower()),
        float(text.endswith((":", "："))),
        float(text.endswith(("?", "？", "!", "…", "..."))),
        float(sum(map(text.count, ASCII_SEPARATORS)) if is_ascii else len(SEPARATORS.findall(text))),
        float(first in "\"“«„‘'—–-"),
        math.log1p(len(INNER_END.findall(text))) if not is_ascii or any(map(text.__contains__, ASCII_ENDS)) else 0.0,
        float(short and any(map(text.__contains__, ADDRESS_PARTS)) and ADDRESS.search(text) is not None),
        float(chars < LABEL_CHARS and key in SURE_LABELS),
        float(short and is_prompt_line(text, key)),
        float(chars < 300 and may_be_lead(text) and LEAD.fullmatch(text) is not None),
        float(short and (READING_TIME.fullmatch(text) is not None or BYLINE.fullmatch(text) is not None)),
        float(short and digits > 0 and DATE_MARK.search(text) is not None),
        sum([length <= 3 for length in map(len, spaced)]) / (len(spaced) or 1),
        float(first in "•·*▪►-" or first.isdigit()),
        float(text.endswith(("…", "...", "[...]", "[…]"))),
        float(short and key in WEAK_LABELS),
        float(short and key in WEAK_BARS),
        float(starts_like_clutter(text)),
        float(prompt_word_count(key)),
        float(chars < 400 and digits > 0 and len(PRICE.findall(text))),
    )


_cached_row, _recent_row = lru_cache(CACHE_LINES)(_row), lru_cache(RECENT_LINES)(_row)


def prompt_word_count(key: str) -> int:
    """Return the number of words and word pairs of a match key that are typical of prompts and notices."""
    tokens = key.split(None, SOME_WORDS)[:SOME_WORDS]
    hits = len(PROMPT_WORDS.intersection(tokens))
    if not PAIR_STARTS.isdisjoint(tokens):
        hits += len(PROMPT_WORDS.intersection(map(" ".join, pairwise(tokens))))
    if not key.isascii() and DENSE.search(key):
        hits += sum([part in key for part in PROMPT_WORD_PARTS])
    return hits


def _character_counts(text: str) -> tuple[int, int, int]:
    """Return the numbers of letters, digits and upper-case letters."""
    data = text.encode("ascii", "ignore")
    chars = len(data)
    lowers, uppers, digits = [chars - len(data.translate(None, kind)) for kind in (LOWERS, UPPERS, DIGITS)]
    if chars == len(text):
        return lowers + uppers, digits, uppers
    others = "".join(NON_ASCII.findall(text))
    letters = lowers + uppers + sum(map(str.isalpha, others))
    return letters, digits + sum(map(str.isdigit, others)), uppers + sum(map(str.isupper, others))
