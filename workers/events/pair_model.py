"""The probability that two articles report one event: two sets of trees over `pair_features`. Pure.

    features ──▶ similarity as news, as readers labelled it ──▶ probability of one event

`MODEL.md` is the model's card. `make train-events` trains it.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from workers.clean.model.oblivious_trees import StoredTrees, Trees, load_trees
from workers.events.pair_features import COLUMNS, SIMILARITY, WITHOUT_VECTOR, Matrix, pair_features
from workers.events.signature import DIMS, HAS_VECTOR

FILE = Path(__file__).with_name("model.msgpack")
INPUT_DIMS = 512  # of the text model
Vector = npt.NDArray[np.float32]


class StoredTreePair(msgspec.Struct, frozen=True):
    """Trees for the similarity, and trees for the probability of one event, which read the similarity too."""

    similarity: StoredTrees
    event: StoredTrees


class StoredModel(msgspec.Struct, frozen=True):
    """The model file. Arrays are little-endian float16.

    `axes`: INPUT_DIMS × DIMS. `languages` and `means`: mean vector of each language; the first one is of all texts.
    """

    trees: StoredTreePair
    trees_without_vector: StoredTreePair
    axes: bytes
    languages: tuple[str, ...]
    means: bytes


class Projection(NamedTuple):
    """Reduces vectors of the text model to the axes along which news texts differ most, relative to their language."""

    axes: Vector
    means: dict[str, Vector]

    def apply(self, vector: Vector, language: str) -> Vector:
        """Return the vector of a text in DIMS components."""
        centred: Vector = vector - self.means.get(language, self.means[""])
        return centred @ self.axes


class TreePair(NamedTuple):
    """Trees for the similarity and for the probability of one event."""

    similarity: Trees
    event: Trees

    def probabilities(self, rows: Matrix) -> Matrix:
        """Return the probability of one event for each row."""
        similarity = self.similarity.probabilities(rows)
        return self.event.probabilities(np.column_stack((rows, similarity)))


class PairModel(NamedTuple):
    """Compares signatures."""

    trees: TreePair
    trees_without_vector: TreePair

    def compare(self, one: Any, others: Any) -> Matrix:
        """Return the probability that the signature *one* and each of *others* report one event."""
        rows = pair_features(one, others)
        has_vectors = (others["flags"] & one["flags"] & HAS_VECTOR) != 0
        out: Matrix = self.trees.probabilities(rows)
        if not has_vectors.all():
            out = np.where(has_vectors, out, self.trees_without_vector.probabilities(rows[:, 1:]))
        return out


@lru_cache
def _stored() -> StoredModel:
    return msgspec.msgpack.decode(FILE.read_bytes(), type=StoredModel)


@lru_cache
def load_default() -> PairModel:
    """Return the model in this package. Raises ValueError if it was trained on other columns."""
    stored = _stored()
    return PairModel(_load_pair(stored.trees, COLUMNS), _load_pair(stored.trees_without_vector, WITHOUT_VECTOR))


def _load_pair(stored: StoredTreePair, columns: tuple[str, ...]) -> TreePair:
    return TreePair(load_trees(stored.similarity, columns), load_trees(stored.event, (*columns, SIMILARITY)))


@lru_cache
def load_projection() -> Projection:
    """Return the projection in this package."""
    stored = _stored()
    axes = np.frombuffer(stored.axes, "<f2").reshape(INPUT_DIMS, DIMS).astype(np.float32)
    means = np.frombuffer(stored.means, "<f2").reshape(-1, INPUT_DIMS).astype(np.float32)
    return Projection(axes, dict(zip(stored.languages, means, strict=True)))
