"""The model: how likely each block is to be body text, by trees that `tests/tools/train` grew. MODEL.md is its card.

columns ──▶ 1st trees ──▶ what each block looks like ──▶ with its neighbours' ──▶ 2nd trees ──▶ probability
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from workers.clean.blocks import Block
from workers.clean.metadata import NO_HINTS, KnownText
from workers.clean.model.block_features import base_features, name_scores, word_scores
from workers.clean.model.context_features import columns, context_features, second_columns, second_pass_features
from workers.clean.model.group_features import groups
from workers.clean.model.oblivious_trees import StoredTrees, Trees, load_trees

FILE = Path(__file__).with_name("model.msgpack")


class StoredModel(msgspec.Struct, frozen=True):
    """A kind's model as it lies in the file. Word and name weights are int8, to be multiplied by their scale."""

    words: bytes
    word_scale: float
    names: bytes
    name_scale: float
    first: StoredTrees
    second: StoredTrees
    left_cost: float  # words of body that leaving a block of clutter in is worth, whatever its length
    word_cost: float  # words of body that a word of clutter is worth


class Model(NamedTuple):
    """A kind's model. `keeps` is the decision that `left_cost` and `word_cost` stand for."""

    words: list[float]
    names: list[float]
    first: Trees
    second: Trees
    clutter_block_cost: float
    clutter_word_cost: float

    def predict(self, blocks: Sequence[Block], hints: KnownText = NO_HINTS) -> list[float]:
        """Return for each block how likely it is to be body text. All blocks must have text."""
        if not blocks:
            return []
        words = np.array([block.words for block in blocks], dtype=np.float32)
        names = name_scores(blocks, self.names) if blocks[0].tag != "line" else None
        of = groups(blocks) if names is not None else None
        rows = context_features(base_features(blocks, hints), word_scores(blocks, self.words), names, of)
        first = self.first.probabilities(rows)
        out: list[float] = self.second.probabilities(second_pass_features(rows, first, words, of)).tolist()
        return out

    def should_keep(self, p: float, words: int) -> bool:
        """Whether a block of so many words stays: when losing it is likely to cost more words than leaving it."""
        return p * words > (1 - p) * (self.clutter_block_cost + words * self.clutter_word_cost)


def load(data: bytes, kind: str) -> Model:
    """Return the model of *kind* in *data*. Raises ValueError when it wants columns that this code doesn't give."""
    stored = msgspec.msgpack.decode(data, type=dict[str, StoredModel])[kind]
    html = kind != "text"
    return Model(
        _weights(stored.words, stored.word_scale),
        _weights(stored.names, stored.name_scale),
        load_trees(stored.first, columns(html=html)),
        load_trees(stored.second, second_columns(html=html)),
        stored.left_cost,
        stored.word_cost,
    )


@lru_cache
def load_default(kind: str) -> Model:
    """Return the model that came with this copydesk, for `text`, `html` or `page`."""
    return load(FILE.read_bytes(), kind)


def _weights(data: bytes, scale: float) -> list[float]:
    return [scale * value for value in memoryview(data).cast("b")]
