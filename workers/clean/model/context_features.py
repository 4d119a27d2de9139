"""Context features: values of neighbouring blocks, and the column names of the model's input. Pure."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from workers.clean.model.block_features import (
    BLOCK_COLUMNS,
    ELEMENT_COLUMNS,
    POSITION_COLUMNS,
    Matrix,
    best_segment,
    signed_log,
)
from workers.clean.model.group_features import (
    COUNT_COLUMNS,
    GROUP_COLUMNS,
    RANK_COLUMNS,
    SECOND_GROUP_COLUMNS,
    Groups,
    first_pass_group_features,
    second_pass_group_features,
)
from workers.clean.model.line_features import LINE_COLUMNS
from workers.clean.model.metadata_features import METADATA_COLUMNS

NEIGHBOUR_COLUMNS = ("words", "sentence", "link_share", "word_score", "is_label", "date")
NEIGHBOUR_ELEMENT_COLUMNS = ("tag", "name_score")
SHIFTS = (-3, -2, -1, 1, 2, 3)
WINDOWS = (4, 12)
DISTANCE_COLUMNS = ("since_sentence", "until_sentence", "since_label", "since_heading", "short_run")
LAST_COLUMNS = (*DISTANCE_COLUMNS, *GROUP_COLUMNS, *RANK_COLUMNS)  # at the end of the rows of HTML
TAG_CODES = range(11)
SECOND_PASS_SHIFTS = (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5)
SECOND_PASS_COLUMNS = ("p", *(f"p{s:+d}" for s in SECOND_PASS_SHIFTS), "p_4", "p_12", "p_words_8", "p_page", "p_before", "p_after",
         "p_in_span", "p_to_span", "p_past_span")  # fmt: skip


def columns(*, html: bool) -> tuple[str, ...]:
    """Return the column names of `context_features`."""
    neighbours = NEIGHBOUR_COLUMNS + (NEIGHBOUR_ELEMENT_COLUMNS if html else ())
    own = (*ELEMENT_COLUMNS, *METADATA_COLUMNS) if html else LINE_COLUMNS
    out = [*BLOCK_COLUMNS, *POSITION_COLUMNS, *own]
    out += [f"{name}{shift:+d}" for shift in SHIFTS for name in neighbours]
    out += [f"{name}_{window}" for window in WINDOWS for name in ("words", "sentence", "link_share", "word_score")]
    return (*out, *(LAST_COLUMNS if html else DISTANCE_COLUMNS))


def second_columns(*, html: bool) -> tuple[str, ...]:
    """Return the column names of `second_pass_features`."""
    return (*columns(html=html), *SECOND_PASS_COLUMNS, *(SECOND_GROUP_COLUMNS if html else ()))


def network_columns(*, html: bool) -> tuple[str, ...]:
    """Return the column names of `network_rows`."""
    own = (*BLOCK_COLUMNS, *POSITION_COLUMNS)
    if not html:
        return (*own, *LINE_COLUMNS, "word_score_size")
    tags = tuple(f"tag_{code}" for code in TAG_CODES)
    return (*own, *ELEMENT_COLUMNS, *METADATA_COLUMNS, *LAST_COLUMNS, "word_score_size", *tags)


def network_rows(rows: Matrix, *, html: bool) -> Matrix:
    """Return the inputs of the networks, from the rows of `context_features`. They read neighbours by themselves."""
    word_score_size = np.abs(rows[:, BLOCK_COLUMNS.index("word_score")])[:, None]
    if not html:
        own = rows[:, : len(BLOCK_COLUMNS) + len(POSITION_COLUMNS) + len(LINE_COLUMNS)]
        return np.hstack([own, word_score_size])
    first = len(BLOCK_COLUMNS) + len(POSITION_COLUMNS)
    own = rows[:, : first + len(ELEMENT_COLUMNS) + len(METADATA_COLUMNS)]
    tags = rows[:, first, None] == np.array(TAG_CODES, np.float32)
    return np.hstack([own, rows[:, -len(LAST_COLUMNS) :], word_score_size, tags]).astype(np.float32)


def context_features(base: Matrix, word_scores: Matrix, name_scores: Matrix | None, groups: Groups | None) -> Matrix:
    """Return the rows that `columns` names: *base* with the scores filled in, and values of the neighbouring blocks."""
    own = base.copy()
    own[:, BLOCK_COLUMNS.index("word_score")] = word_scores
    index = {name: n for n, name in enumerate(BLOCK_COLUMNS)}
    neighbours: tuple[str, ...] = NEIGHBOUR_COLUMNS
    if name_scores is not None:
        first = len(BLOCK_COLUMNS) + len(POSITION_COLUMNS)
        index |= {name: first + n for n, name in enumerate(ELEMENT_COLUMNS)}
        own[:, index["name_score"]] = name_scores
        neighbours += NEIGHBOUR_ELEMENT_COLUMNS
    values = own[:, [index[name] for name in neighbours]]
    parts = [own, *(_shifted(values, shift) for shift in SHIFTS)]
    means = own[:, [index[name] for name in ("words", "sentence", "link_share", "word_score")]]
    parts += [_window(means, width) for width in WINDOWS]
    parts.append(_distances(own, index))
    if groups is not None:
        counted = own[:, [index[name] for name in COUNT_COLUMNS]]
        parts.append(first_pass_group_features(groups, counted, word_scores, np.expm1(own[:, index["words"]])))
    return np.hstack(parts).astype(np.float32)


def _shifted(values: Matrix, shift: int) -> Matrix:
    """Return for each block the row of the block *shift* positions later; -1 beyond the ends."""
    out = np.full_like(values, -1.0)
    if shift > 0:
        out[:-shift] = values[shift:]
    elif -shift < len(values):
        out[-shift:] = values[:shift]
    return out


def _window(values: Matrix, width: int) -> Matrix:
    """Return means over *width* blocks on each side."""
    count = len(values)
    sums = np.vstack([np.zeros((1, values.shape[1]), np.float64), np.cumsum(values, axis=0, dtype=np.float64)])
    low = np.maximum(np.arange(count) - width, 0)
    high = np.minimum(np.arange(count) + width + 1, count)
    out: Matrix = ((sums[high] - sums[low]) / (high - low)[:, None]).astype(np.float32)
    return out


def _distances(own: Matrix, index: dict[str, int]) -> Matrix:
    def column(name: str) -> Matrix:
        return own[:, index[name]]

    order = np.arange(len(own), dtype=np.float32)
    sentence = (column("sentence") > 0) & (column("words") > math.log1p(8)) & (column("link_share") < 0.5)
    label = column("is_label") > 0
    heading = (column("tag") == 1) | (column("tag") == 2) if "tag" in index else column("colon_end") > 0
    since, until = _since(sentence, order), _since(sentence[::-1], order)[::-1]
    distances = [since, until, _since(label, order), _since(heading, order), np.minimum(since + until, 60)]
    return np.stack(distances, axis=1).astype(np.float32)


def _since(flags: npt.NDArray[Any], order: Matrix) -> Matrix:
    """Return the distance in blocks to the last flag, at most 50."""
    last = np.maximum.accumulate(np.where(flags, order, -100.0))
    return np.minimum(order - last, 50.0).astype(np.float32)


def second_pass_features(rows: Matrix, p: Matrix, words: Matrix, groups: Groups) -> Matrix:
    """Return *rows* with SECOND_PASS_COLUMNS: first-pass probabilities *p* (0 to 1) of neighbours and groups."""
    count = len(p)
    column = p[:, None]
    parts = [
        column,
        *(_shifted(column, shift) for shift in SECOND_PASS_SHIFTS),
        _window(column, 4),
        _window(column, 12),
    ]
    weight = words[:, None]
    parts.append((_window(column * weight, 8) / np.maximum(_window(weight, 8), 1e-3)).astype(np.float32))
    mean = float((p * words).sum() / max(1e-3, float(words.sum())))
    running = np.cumsum(p * words)
    total = max(1e-3, float(running[-1]))
    start, end = best_segment(((p - 0.4) * np.maximum(words, 1.0)).tolist())
    order = np.arange(count, dtype=np.float32)
    single = [
        np.full(count, mean),
        (running - p * words) / total,
        1 - running / total,
        (order >= start) & (order < end),
        signed_log(order - start),
        signed_log(order - end + 1),
    ]
    parts += [np.asarray(values, dtype=np.float32)[:, None] for values in single]
    parts.append(second_pass_group_features(groups, p, words))
    return np.hstack([rows, *parts]).astype(np.float32)
