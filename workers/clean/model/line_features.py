"""Line features of text dumps: the shape of each line, and the run of short lines that it stands in. Pure.

A run is a maximal sequence of lines that are no running text. Recipes, tables and verse are runs of body text; lists of
headlines are runs of clutter. The shapes, the labels above a run and the text around it distinguish them.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from workers.clean.blocks import Block
from workers.clean.line_types import CLOSING_MARKS
from workers.clean.model.topic_features import TOPIC_COLUMNS, topic_rows

Matrix = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

# Shapes, by the first pattern that matches. Linear time: each pattern reads the start of a line or bounds its repeats.
SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("number", re.compile(r"\W{0,3}\d{1,7}\W{0,3}\Z")),
    ("time", re.compile(r"\W{0,3}(?:[01]?\d|2[0-3])[:.h][0-5]\d(?!\d)")),
    ("enumerated", re.compile(r"\W{0,2}\d{1,3}[.)]\s")),
    ("year", re.compile(r"(?:1[5-9]|20)\d\d\b\W")),
    ("quantity", re.compile(r"(?:\d{1,5}(?:[./,–-]\d{1,5})?|[½¼¾⅓⅔])\s")),
    ("bullet", re.compile(r"[-–—•·*▪►▶]")),
    ("key_value", re.compile(r"[^:：.!?。]{1,40}[:：]\s?\S.{0,140}\Z")),
    ("score", re.compile(r"[^\d]{2,60}\d{1,3}\s?[-–:]\s?\d{1,3}\b")),
    ("table_row", re.compile(r"[^\d]{2,60}(?P<cells>\d[\d.,%' \t]{0,79})\Z")),
)
CASED = re.compile(r"[A-Za-z\u00c0-\u024f\u0370-\u03ff\u0400-\u04ff]")
STOP_END = re.compile(rf"[.。।۔։።။។｡．][{re.escape(CLOSING_MARKS)}]{{0,3}}\Z")
OPENING_QUOTES, CLOSING_QUOTES = tuple("\"“”„«»‘‚'「『‹›"), tuple("\"”“»«’‘'」』›‹")
PAREN_END = re.compile(r"[(\[（［【][^()\[\]（）［］【】]{2,60}[)\]）］】]\.?\Z")  # a credit, a source, a place
LONG_WORDS, LONGER_WORDS = 8, 30  # a sentence, or a line without a full stop, of more words is running text
MAX_NAME_WORDS, MAX_SHORT_WORDS = 4, 10
MAX_PAREN_CHARS = 64  # of a line's end
MAX_CELLS, MAX_CELL_CHARS = 8, 9  # of a table row
NEAR = 4  # lines on each side
MAX_DISTANCE = 40

SHAPE_COLUMNS = (
    *(f"shape_{name}" for name, _ in SHAPES), "shape_upper", "cased", "stop_end", "short_sentence", "name_like",
    "quoted", "quote_end", "paren_end",
)  # fmt: skip
RUN_COLUMNS = (
    "run_length", "run_index", "run_rest", "run_inside", "run_at_end", "run_at_start", "run_labels",
    "run_label_distance", "run_words", "run_spread", "run_sentences", "run_shaped", "run_same_shape", "run_same_first",
    "run_stops", "run_cohesion", "words_to_run", "run_dates", "previous_run", "next_run",
)  # fmt: skip
PLACE_COLUMNS = (
    "long_before", "long_after", "same_shape_near", "same_shape_beside", "label_distance", "long_next", "long_previous",
    "long_next_2", "long_previous_2", "colon_previous", "label_next", "duplicate_before",
)  # fmt: skip
LINE_COLUMNS = (*SHAPE_COLUMNS, *RUN_COLUMNS, *PLACE_COLUMNS, *TOPIC_COLUMNS)


def line_features(blocks: Sequence[Block], own: Mapping[str, Matrix]) -> Matrix:
    """Return LINE_COLUMNS, one row per line. *own*: columns of the same lines by name."""
    if not blocks:
        return np.zeros((0, len(LINE_COLUMNS)), np.float32)
    texts = [block.text for block in blocks]
    codes = np.array([_shape(text) for text in texts])
    words = np.array([block.words for block in blocks], np.float32)
    ends = np.array([STOP_END.search(text) is not None for text in texts])
    shapes = _shape_rows(texts, codes, words, ends)
    is_sentence = np.array([block.is_sentence for block in blocks])
    is_long = (is_sentence & (words > LONG_WORDS)) | (words > LONGER_WORDS)
    labels = (own["is_label"] > 0) | (own["weak_label"] > 0)
    runs = _run_rows(texts, own, codes, words, ends, is_long, labels)
    places, topics = _place_rows(texts, codes, is_long, labels), topic_rows(texts, is_long)
    return np.hstack([shapes, runs, places, topics]).astype(np.float32)


def _shape(text: str) -> int:
    """Return the position of the line's shape in SHAPES plus 1; 0 without a shape."""
    for n, (_, pattern) in enumerate(SHAPES, 1):
        match = pattern.match(text)
        if match is not None:
            return n if "cells" not in pattern.groupindex or _are_cells(match["cells"]) else 0
    return 0


def _are_cells(text: str) -> bool:
    """Return whether *text* has at most MAX_CELLS numbers of at most MAX_CELL_CHARS, with one space after each."""
    ends = {0}  # positions at which a number may begin
    for _ in range(MAX_CELLS):
        following = set()
        for start in ends:
            if text[start : start + 1].isdecimal():
                for end in range(start + 1, min(len(text), start + MAX_CELL_CHARS) + 1):
                    if text[end - 1].isspace():
                        break
                    following |= {end, end + 1} if text[end : end + 1].isspace() else {end}
        if len(text) in following:
            return True
        ends = following
    return False


def _shape_rows(texts: Sequence[str], codes: npt.NDArray[np.int_], words: Matrix, ends: Flags) -> Matrix:
    rows = np.zeros((len(texts), len(SHAPE_COLUMNS)), np.float32)
    for n, text in enumerate(texts):
        if codes[n]:
            rows[n, codes[n] - 1] = 1
        spaced = text.split(None, MAX_NAME_WORDS + 1)
        name_like = 2 <= len(spaced) <= MAX_NAME_WORDS and all(word[0].isupper() for word in spaced)
        rows[n, len(SHAPES) :] = (
            text.upper() == text and text.lower() != text,
            CASED.search(text) is not None,
            ends[n],
            ends[n] and words[n] <= MAX_SHORT_WORDS,
            name_like,
            text.startswith(OPENING_QUOTES) and text.endswith(CLOSING_QUOTES),
            text.endswith(CLOSING_QUOTES),
            PAREN_END.search(text[-MAX_PAREN_CHARS:]) is not None,
        )
    return rows


def _runs(is_long: Flags) -> Iterator[tuple[int, int]]:
    """Yield the half-open span of each run of lines that are not long."""
    edges = np.flatnonzero(np.diff(np.concatenate([[True], is_long, [True]]).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _run_rows(
    texts: Sequence[str],
    own: Mapping[str, Matrix],
    codes: npt.NDArray[np.int_],
    words: Matrix,
    ends: Flags,
    is_long: Flags,
    labels: Flags,
) -> Matrix:
    count = len(texts)
    rows = np.zeros((count, len(RUN_COLUMNS)), np.float32)
    lengths = np.zeros(count + 2, np.float32)  # of the run at each line; the lines beyond the ends have none
    for start, end in _runs(is_long):
        span = slice(start, end)
        place = (start > 0 and end < count, end == count, start == 0)
        by_line = _values_by_line(texts[span], codes[span], words[span], labels[span])
        means = _means(own, span, words[span], codes[span] > 0, ends[span], labels[span])
        values = by_line | means | dict(zip(("run_inside", "run_at_end", "run_at_start"), place, strict=True))
        for column, name in enumerate(RUN_COLUMNS[:-2]):
            rows[span, column] = values[name]
        lengths[start + 1 : end + 1] = end - start
    rows[:, -2] = np.log1p(np.where(is_long, lengths[:-2], 0))
    rows[:, -1] = np.log1p(np.where(is_long, lengths[2:], 0))
    return rows


def _values_by_line(
    texts: Sequence[str], codes: npt.NDArray[np.int_], words: Matrix, labels: Flags
) -> dict[str, npt.NDArray[Any] | float]:
    """Return the columns of a run that differ from line to line."""
    length, index = len(texts), np.arange(len(texts))
    label_at = np.maximum.accumulate(np.where(labels, index, -1))
    first_words = [text.split(None, 1)[0] for text in texts]
    first_counts, code_counts = Counter(first_words), np.bincount(codes, minlength=len(SHAPES) + 1)
    return {
        "run_index": np.log1p(index),
        "run_rest": np.log1p(length - index - 1),
        "run_label_distance": np.where(label_at >= 0, index - label_at, -1),
        "run_same_shape": code_counts[codes] / length,
        "run_same_first": np.array([first_counts[word] for word in first_words]) / length,
        "words_to_run": words - float(words.mean()),
    }


def _means(
    own: Mapping[str, Matrix], span: slice, words: Matrix, shaped: Flags, ends: Flags, labels: Flags
) -> dict[str, npt.NDArray[Any] | float]:
    """Return the columns of a run that are equal for all its lines."""
    cohesion = own["cohesion"][span]
    known = cohesion[cohesion >= 0]
    return {
        "run_length": math.log1p(len(words)),
        "run_labels": float(labels.mean()),
        "run_words": float(words.mean()),
        "run_spread": float(words.std()),
        "run_sentences": float(own["sentence"][span].mean()),
        "run_shaped": float(shaped.mean()),
        "run_stops": float(ends.mean()),
        "run_cohesion": float(known.mean()) if len(known) else -1.0,
        "run_dates": float(own["date"][span].mean()),
    }


def _place_rows(texts: Sequence[str], codes: npt.NDArray[np.int_], is_long: Flags, labels: Flags) -> Matrix:
    count = len(texts)
    order = np.arange(count)
    before: npt.NDArray[np.int_] = np.cumsum(is_long) - is_long
    after = is_long.sum() - before - is_long
    colon = np.array([text.endswith((":", "：")) for text in texts])
    same = np.zeros(count)
    for shape in set(codes.tolist()) - {0}:
        sums = np.concatenate([[0], np.cumsum(codes == shape)])
        near = sums[np.minimum(order + NEAR + 1, count)] - sums[np.maximum(order - NEAR, 0)] - 1
        same = np.where(codes == shape, near, same)
    pairs = np.array([a == b and a > 0 for a, b in pairwise(codes.tolist())], bool)
    beside = np.concatenate([[False], pairs]) | np.concatenate([pairs, [False]])
    last_label = np.maximum.accumulate(np.where(labels, order, -MAX_DISTANCE))
    counts: Counter[str] = Counter()
    duplicates = np.zeros(count)
    for n, text in enumerate(texts):
        duplicates[n] = counts[text]
        counts[text] += 1
    columns = [
        np.log1p(before), np.log1p(after), same, beside, np.minimum(order - last_label, MAX_DISTANCE),
        _later(is_long, 1), _later(is_long, -1), _later(is_long, 2), _later(is_long, -2),
        _later(colon, -1), _later(labels, 1), duplicates,
    ]  # fmt: skip
    return np.stack(columns, axis=1).astype(np.float32)


def _later(flags: Flags, shift: int) -> Flags:
    """Return for each line the flag *shift* lines later; False beyond the ends."""
    out = np.zeros_like(flags)
    if abs(shift) < len(flags):
        if shift > 0:
            out[:-shift] = flags[shift:]
        else:
            out[-shift:] = flags[:shift]
    return out
