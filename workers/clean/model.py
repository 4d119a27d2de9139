"""The model: how likely each block is to be body text, by trees that `tests/train` grew. MODEL.md is its card.

    columns ──▶ 1st trees ──▶ what each block looks like ──▶ with its neighbours' ──▶ 2nd trees ──▶ probability

Oblivious trees ask the same question on each level, so that a block's leaf is a number made of yes and no: one look-up
for all blocks and trees at once (as in CatBoost; Prokhorenkova et al. 2018).
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from workers.clean.around import columns, second_columns, second_rows, with_context
from workers.clean.blocks import Block
from workers.clean.features import Matrix, fixed_rows, name_scores, word_scores

FILE = Path(__file__).with_name("model.msgpack")


class StoredTrees(msgspec.Struct, frozen=True):
    """Trees as they lie in the file: little-endian arrays. `depth` questions each; a leaf for every answer to all."""

    columns: tuple[str, ...]
    depth: int
    asked: bytes  # uint16, the column of each question
    borders: bytes  # float32
    leaves: bytes  # float32
    bias: float


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


class Trees(NamedTuple):
    """Trees, ready to be asked. Many ask the same: each question is answered once, and `picks` says who asks."""

    columns: npt.NDArray[np.intp]
    borders: Matrix
    picks: npt.NDArray[np.intp]  # a row a tree
    leaves: Matrix  # of all trees, one behind the other
    bias: float

    def probabilities(self, rows: Matrix) -> Matrix:
        """Return a probability a row."""
        answers = (np.ascontiguousarray(rows.T)[self.columns] > self.borders[:, None]).view(np.uint8)
        trees, depth = self.picks.shape
        at = answers[self.picks[:, 0]]
        for level in range(1, depth):
            at |= answers[self.picks[:, level]] << level
        first = np.arange(trees)[:, None] << depth
        sums = self.leaves.take(at + first).sum(axis=0, dtype=np.float64) + self.bias
        out: Matrix = (1 / (1 + np.exp(-sums))).astype(np.float32)
        return out


class Model(NamedTuple):
    """A kind's model. `keeps` is the decision that `left_cost` and `word_cost` stand for."""

    words: list[float]
    names: list[float]
    first: Trees
    second: Trees
    left_cost: float
    word_cost: float

    def body(self, blocks: Sequence[Block], title: str = "") -> list[float]:
        """Return for each block how likely it is to be body text. All blocks must have text."""
        if not blocks:
            return []
        words = np.array([block.words for block in blocks], dtype=np.float32)
        names = name_scores(blocks, self.names) if blocks[0].tag != "line" else None
        rows = with_context(fixed_rows(blocks, title), word_scores(blocks, self.words), names)
        first = self.first.probabilities(rows)
        out: list[float] = self.second.probabilities(second_rows(rows, first, words)).tolist()
        return out

    def keeps(self, p: float, words: int) -> bool:
        """Whether a block of so many words stays: when losing it is likely to cost more words than leaving it."""
        return p * words > (1 - p) * (self.left_cost + words * self.word_cost)


def load(data: bytes, kind: str) -> Model:
    """Return the model of *kind* in *data*. Raises ValueError when it wants columns that this code doesn't give."""
    stored = msgspec.msgpack.decode(data, type=dict[str, StoredModel])[kind]
    html = kind != "text"
    return Model(
        _weights(stored.words, stored.word_scale),
        _weights(stored.names, stored.name_scale),
        _trees(stored.first, columns(html=html)),
        _trees(stored.second, second_columns(html=html)),
        stored.left_cost,
        stored.word_cost,
    )


@lru_cache
def model(kind: str) -> Model:
    """Return the model that came with this copydesk, for `text`, `html` or `page`."""
    return load(FILE.read_bytes(), kind)


def _weights(data: bytes, scale: float) -> list[float]:
    return [scale * value for value in memoryview(data).cast("b")]


def _trees(stored: StoredTrees, given: tuple[str, ...]) -> Trees:
    if stored.columns != given:
        wrong = sorted(set(stored.columns) ^ set(given))[:5]
        raise ValueError(
            f"{FILE.name} was trained on other columns ({', '.join(wrong) or 'their order'}): run `make train`"
        )
    asked = np.frombuffer(stored.asked, dtype="<u2")
    borders = np.frombuffer(stored.borders, dtype="<f4")
    questions, picks = np.unique(np.stack([asked.astype(np.float32), borders]), axis=1, return_inverse=True)
    leaves = np.frombuffer(stored.leaves, dtype="<f4")
    columns_ = questions[0].astype(np.intp)
    return Trees(columns_, questions[1].copy(), picks.reshape(-1, stored.depth), leaves, stored.bias)
