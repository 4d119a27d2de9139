"""The cleaner's model: the probability that a block is body text. MODEL.md is the model card; `make train` trains it.

rows ──▶ first trees ──▶ probabilities ──▶ rows with the neighbours' probabilities ──▶ second trees ──▶ probability
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from workers.clean.blocks import Block
from workers.clean.metadata import NO_KNOWN_TEXT, KnownText
from workers.clean.model.block_features import base_features, name_scores, word_scores
from workers.clean.model.context_features import columns, context_features, second_columns, second_pass_features
from workers.clean.model.group_features import group_blocks
from workers.clean.model.oblivious_trees import StoredTrees, Trees, load_trees

FILE = Path(__file__).with_name("model.msgpack")


class StoredModel(msgspec.Struct, frozen=True):
    """The stored model of one input type. Word and name weights are int8; multiply them by their scale."""

    words: bytes
    word_scale: float
    names: bytes
    name_scale: float
    first: StoredTrees
    second: StoredTrees
    left_cost: float  # cost of a block of clutter that remains, in words of body text
    word_cost: float  # cost of a word of clutter, in words of body text


class Model(NamedTuple):
    """The model of one input type."""

    words: list[float]
    names: list[float]
    first: Trees
    second: Trees
    clutter_block_cost: float
    clutter_word_cost: float

    def predict(self, blocks: Sequence[Block], known_text: KnownText = NO_KNOWN_TEXT) -> list[float]:
        """Return for each block the probability that it is body text. All blocks must have text."""
        if not blocks:
            return []
        words = np.array([block.words for block in blocks], dtype=np.float32)
        names = name_scores(blocks, self.names) if blocks[0].tag != "line" else None
        groups = group_blocks(blocks) if names is not None else None
        rows = context_features(base_features(blocks, known_text), word_scores(blocks, self.words), names, groups)
        first = self.first.probabilities(rows)
        out: list[float] = self.second.probabilities(second_pass_features(rows, first, words, groups)).tolist()
        return out

    def should_keep(self, probability: float, words: int) -> bool:
        """Whether to keep a block: the expected cost of its loss exceeds the expected cost of clutter that remains."""
        clutter_cost = self.clutter_block_cost + words * self.clutter_word_cost
        return probability * words > (1 - probability) * clutter_cost


def load(data: bytes, kind: str) -> Model:
    """Return the model of *kind* in *data*.

    Raises:
        ValueError: the model was trained on other columns.
    """
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
    """Return the shipped model for `text`, `html` or `page`."""
    return load(FILE.read_bytes(), kind)


def _weights(data: bytes, scale: float) -> list[float]:
    return [scale * value for value in memoryview(data).cast("b")]
