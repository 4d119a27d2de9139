"""The similarity of two articles as news: 1 for one event, 0 for nothing in common. Trees over `pair_features`. Pure.

`MODEL.md` is the model's card. `make train-events` trains it.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from workers.clean.model.oblivious_trees import StoredTrees, Trees, load_trees
from workers.events.pair_features import COLUMNS, WITHOUT_VECTOR, pair_features
from workers.events.signature import DIMS, HAS_VECTOR

FILE = Path(__file__).with_name("model.msgpack")
INPUT_DIMS = 512  # of the text model
Vector = npt.NDArray[np.float32]


class StoredModel(msgspec.Struct, frozen=True):
    """The model file. Arrays are little-endian float16.

    `axes`: INPUT_DIMS × DIMS. `languages` and `means`: mean vector of each language; the first one is of all texts.
    """

    trees: StoredTrees
    trees_without_vector: StoredTrees
    axes: bytes
    languages: tuple[str, ...]
    means: bytes


class Projection(NamedTuple):
    """Reduces vectors of the text model to the axes along which news texts differ most, relative to their language."""

    axes: Vector
    means: dict[str, Vector]

    def apply(self, vector: Vector, language: str) -> Vector:
        """Return the vector of a text in DIMS components."""
        centred = vector - self.means.get(language, self.means[""])
        return np.asarray(centred @ self.axes, vector.dtype)


class PairModel(NamedTuple):
    """The similarity of signatures."""

    trees: Trees
    trees_without_vector: Trees

    def compare(self, one: Any, others: Any) -> Vector:
        """Return the similarity of the signature *one* to each of *others*, from 0 to 1."""
        rows = pair_features(one, others)
        has_vectors = (others["flags"] & one["flags"] & HAS_VECTOR) != 0
        out: Vector = self.trees.probabilities(rows)
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
    return PairModel(load_trees(stored.trees, COLUMNS), load_trees(stored.trees_without_vector, WITHOUT_VECTOR))


@lru_cache
def load_projection() -> Projection:
    """Return the projection in this package."""
    stored = _stored()
    axes = np.frombuffer(stored.axes, "<f2").reshape(INPUT_DIMS, DIMS).astype(np.float32)
    means = np.frombuffer(stored.means, "<f2").reshape(-1, INPUT_DIMS).astype(np.float32)
    return Projection(axes, dict(zip(stored.languages, means, strict=True)))
