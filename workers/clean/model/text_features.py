"""Text features of a single line. Pure; results are cached because boilerplate repeats on all pages of a site."""

import math
import re
import string
from functools import lru_cache
from itertools import pairwise

from workers.clean.line_types import LEAD, SENTENCE_END, is_link_label, is_prompt
from workers.clean.model.vocabulary import (
    PROMPT_WORD_PARTS,
    PROMPT_WORDS,
    WEAK_BARS,
    WEAK_LABELS,
    starts_like_clutter,
)
from workers.clean.rules.bylines import BYLINE, READING_TIME

DENSE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
SOME_WORDS = 40  # used of a long paragraph
SHORT_CHARS = 120  # longest label, prompt or line of page furniture
CACHE_CHARS, CACHE_LINES = 60, 4096  # length and number of cached lines
DATE_MARK = re.compile(r"\b(?:19|20)\d\d\b|\d{1,2}[:.]\d\d\b")
INNER_END = re.compile(r"[.!?。！？][\"'”’»)\]]*\s|[。！？]")
SEPARATORS = re.compile(r"[|•·»›>/→]")
ADDRESS = re.compile(r"@\w|https?://|www\.")
PRICE = re.compile(r"[$€£¥]\s?\d|\d\s?(?:[€£]|USD|EUR|zł|руб|грн|Kč|kr\b)")
LOWERS, UPPERS, DIGITS = (s.encode() for s in (string.ascii_lowercase, string.ascii_uppercase, string.digits))

TEXT_COLUMNS = (
    "words", "chars", "sentence", "commas", "digits", "uppers", "capitals", "word_length", "lower_start", "colon_end",
    "question_end", "separators", "quote_start", "inner_ends", "address", "is_label", "is_prompt", "is_lead",
    "furniture", "date", "short_words", "bullet", "ellipsis", "weak_label", "weak_bar", "line_start",
    "prompt_words", "prices",
)  # fmt: skip


def text_features(text: str, key: str, words: int) -> tuple[float, ...]:
    """Return TEXT_COLUMNS of a line with so many *words*; *key*: its match key."""
    return (_cached_row if len(text) <= CACHE_CHARS else _row)(text, key, words)


def _row(text: str, key: str, words: int) -> tuple[float, ...]:
    chars = len(text)
    letters, digits, uppers = _character_counts(text)
    spaced = text.split(None, SOME_WORDS)[:SOME_WORDS]
    short = chars < SHORT_CHARS
    return (
        math.log1p(words),
        math.log1p(chars),
        float(SENTENCE_END.search(text) is not None),
        (text.count(",") + text.count("，") + text.count("、")) / (words or 1),
        digits / (chars or 1),
        uppers / (letters or 1),
        sum([word[0].isupper() for word in spaced]) / (len(spaced) or 1),
        (letters or 1) / (words or 1),
        float(text[:1].islower()),
        float(text.endswith((":", "："))),
        float(text.endswith(("?", "？", "!", "…", "..."))),
        float(len(SEPARATORS.findall(text))),
        float(text[:1] in "\"“«„‘'—–-"),
        math.log1p(len(INNER_END.findall(text))),
        float(short and ADDRESS.search(text) is not None),
        float(short and is_link_label(text)),
        float(short and is_prompt(text)),
        float(chars < 300 and LEAD.fullmatch(text) is not None),
        float(short and (READING_TIME.fullmatch(text) is not None or BYLINE.fullmatch(text) is not None)),
        float(short and DATE_MARK.search(text) is not None),
        sum([len(word) <= 3 for word in spaced]) / (len(spaced) or 1),
        float(text[:1] in "•·*▪►-" or text[:1].isdigit()),
        float(text.endswith(("…", "...", "[...]", "[…]"))),
        float(short and key in WEAK_LABELS),
        float(short and key in WEAK_BARS),
        float(starts_like_clutter(text)),
        float(prompt_word_count(key)),
        float(chars < 400 and len(PRICE.findall(text))),
    )


_cached_row = lru_cache(CACHE_LINES)(_row)


def prompt_word_count(key: str) -> int:
    """Return the number of words and word pairs of a match key that are typical of prompts and notices."""
    tokens = key.split(None, SOME_WORDS)[:SOME_WORDS]
    hits = len(PROMPT_WORDS.intersection(tokens)) + len(PROMPT_WORDS.intersection(map(" ".join, pairwise(tokens))))
    if not key.isascii() and DENSE.search(key):
        hits += sum([part in key for part in PROMPT_WORD_PARTS])
    return hits


def _character_counts(text: str) -> tuple[int, int, int]:
    """Return the numbers of letters, digits and upper-case letters."""
    if not text.isascii():
        return sum(map(str.isalpha, text)), sum(map(str.isdigit, text)), sum(map(str.isupper, text))
    data = text.encode()
    chars = len(data)
    lowers, uppers, digits = (chars - len(data.translate(None, kind)) for kind in (LOWERS, UPPERS, DIGITS))
    return lowers + uppers, digits, uppers
