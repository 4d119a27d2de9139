"""What stands around each block, beside its own figures: the columns that the model is asked with. Pure."""

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
    SECOND_GROUP_COLUMNS,
    Groups,
    first_pass_group_features,
    second_pass_group_features,
)
from workers.clean.model.metadata_features import METADATA_COLUMNS

NEIGHBOUR_COLUMNS = ("words", "sentence", "link_share", "word_score", "is_label", "date")
NEIGHBOUR_ELEMENT_COLUMNS = ("tag", "name_score")
SHIFTS = (-3, -2, -1, 1, 2, 3)
WINDOWS = (4, 12)
DISTANCE_COLUMNS = ("since_sentence", "until_sentence", "since_label", "since_heading", "short_run")
SECOND_PASS_SHIFTS = (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5)
SECOND_PASS_COLUMNS = ("p", *(f"p{s:+d}" for s in SECOND_PASS_SHIFTS), "p_4", "p_12", "p_words_8", "p_page", "p_before", "p_after",
         "p_in_span", "p_to_span", "p_past_span")  # fmt: skip


def columns(*, html: bool) -> tuple[str, ...]:
    """Return the names of the columns that `rows` gives."""
    around = NEIGHBOUR_COLUMNS + (NEIGHBOUR_ELEMENT_COLUMNS if html else ())
    out = [*BLOCK_COLUMNS, *POSITION_COLUMNS, *((*ELEMENT_COLUMNS, *METADATA_COLUMNS) if html else ())]
    out += [f"{name}{shift:+d}" for shift in SHIFTS for name in around]
    out += [f"{name}_{window}" for window in WINDOWS for name in ("words", "sentence", "link_share", "word_score")]
    return (*out, *DISTANCE_COLUMNS, *(GROUP_COLUMNS if html else ()))


def second_columns(*, html: bool) -> tuple[str, ...]:
    """Return the names of the columns that `second_rows` gives."""
    return (*columns(html=html), *SECOND_PASS_COLUMNS, *(SECOND_GROUP_COLUMNS if html else ()))


def context_features(fixed: Matrix, words: Matrix, names: Matrix | None, of: Groups | None) -> Matrix:
    """Return the columns that `columns` names: *fixed* with the scores in it, and what stands around each block."""
    own = fixed.copy()
    own[:, BLOCK_COLUMNS.index("word_score")] = words
    at = {name: n for n, name in enumerate(BLOCK_COLUMNS)}
    if names is not None:
        first = len(BLOCK_COLUMNS) + len(POSITION_COLUMNS)
        at |= {name: first + n for n, name in enumerate(ELEMENT_COLUMNS)}
        own[:, at["name_score"]] = names
    around = own[:, [at[name] for name in NEIGHBOUR_COLUMNS + (NEIGHBOUR_ELEMENT_COLUMNS if names is not None else ())]]
    parts = [own, *(_shifted(around, shift) for shift in SHIFTS)]
    means = own[:, [at[name] for name in ("words", "sentence", "link_share", "word_score")]]
    parts += [_window(means, width) for width in WINDOWS]
    parts.append(_runs(own, at))
    if of is not None:
        parts.append(
            first_pass_group_features(
                of, own[:, [at[name] for name in COUNT_COLUMNS]], words, np.expm1(own[:, at["words"]])
            )
        )
    return np.hstack(parts).astype(np.float32)


def _shifted(values: Matrix, shift: int) -> Matrix:
    """Return rows of the block *shift* further on; beyond the ends, -1."""
    out = np.full_like(values, -1.0)
    if shift > 0:
        out[:-shift] = values[shift:]
    elif -shift < len(values):
        out[-shift:] = values[:shift]
    return out


def _window(values: Matrix, width: int) -> Matrix:
    """Return means over *width* blocks on either side."""
    count = len(values)
    sums = np.vstack([np.zeros((1, values.shape[1]), np.float64), np.cumsum(values, axis=0, dtype=np.float64)])
    low = np.maximum(np.arange(count) - width, 0)
    high = np.minimum(np.arange(count) + width + 1, count)
    out: Matrix = ((sums[high] - sums[low]) / (high - low)[:, None]).astype(np.float32)
    return out


def _runs(own: Matrix, at: dict[str, int]) -> Matrix:
    count = len(own)
    order = np.arange(count, dtype=np.float32)
    sentence = (own[:, at["sentence"]] > 0) & (own[:, at["words"]] > math.log1p(8)) & (own[:, at["link_share"]] < 0.5)
    label = own[:, at["is_label"]] > 0
    heading = (own[:, at["tag"]] == 1) | (own[:, at["tag"]] == 2) if "tag" in at else own[:, at["colon_end"]] > 0
    since, until = _since(sentence, order), _since(sentence[::-1], order)[::-1]
    columns_ = [since, until, _since(label, order), _since(heading, order), np.minimum(since + until, 60)]
    return np.stack(columns_, axis=1).astype(np.float32)


def _since(marks: npt.NDArray[Any], order: Matrix) -> Matrix:
    """Return how many blocks ago the last mark was, 50 at most."""
    last = np.maximum.accumulate(np.where(marks, order, -100.0))
    return np.minimum(order - last, 50.0).astype(np.float32)


def second_pass_features(first: Matrix, p: Matrix, words: Matrix, of: Groups | None) -> Matrix:
    """Return the columns AGAIN beside *first*: what the first look made of a block's neighbours. *p*: that, 0 to 1."""
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
    if of is not None:
        parts.append(second_pass_group_features(of, p, words))
    return np.hstack([first, *parts]).astype(np.float32)
