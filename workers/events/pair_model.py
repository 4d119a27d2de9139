"""The probability that two articles report one event: trees and a kernel regression over `pair_features`. Pure.

    features ──▶ similarity as news, as readers labelled it ──▶ probability of one event
                 (mean of trees and kernel regression)          (trees; they read whether the publishers are equal)

`MODEL.md` is the model's card. `make train-events` trains it.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from workers.clean.model.oblivious_trees import StoredTrees, Trees, load_trees
from workers.events.pair_features import (
    COLUMNS,
    EVENT_MONOTONE,
    WITHOUT_VECTOR,
    Matrix,
    pair_features,
    same_publisher,
)
from workers.events.signature import DIMS, HAS_VECTOR

FILE = Path(__file__).with_name("model.msgpack")
INPUT_DIMS = 512  # of the text model
Vector = npt.NDArray[np.float32]


class StoredKernel(msgspec.Struct, frozen=True):
    """A kernel regression. Arrays are little-endian float32; `rows`: support vectors in float16, standardised."""

    means: bytes
    scales: bytes
    rows: bytes
    weights: bytes
    intercept: float
    gamma: float


class StoredEstimators(msgspec.Struct, frozen=True):
    """Both estimators of the similarity, and trees for the probability of one event, which read EVENT_MONOTONE too."""

    similarity: StoredTrees
    kernel: StoredKernel
    event: StoredTrees


class StoredModel(msgspec.Struct, frozen=True):
    """The model file. Arrays are little-endian float16.

    `axes`: INPUT_DIMS × DIMS. `languages` and `means`: mean vector of each language; the first one is of all texts.
    """

    estimators: StoredEstimators
    estimators_without_vector: StoredEstimators
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


class Kernel(NamedTuple):
    """A regression with a Gaussian kernel on standardised columns: the sum of *weights* of near support vectors."""

    means: Vector
    scales: Vector
    rows: Matrix
    weights: Vector
    intercept: float
    gamma: float
    squares: Vector  # of the lengths of *rows*

    def estimate(self, rows: Matrix) -> Matrix:
        """Return the similarity for each row, from 0 to 1. A missing value counts as the mean of its column."""
        standard = (rows - self.means) / self.scales
        standard[np.isnan(standard)] = 0
        squares = np.square(standard).sum(axis=1)[:, None] + self.squares
        distances = np.maximum(squares - 2 * standard @ self.rows.T, 0)
        estimates: Matrix = (np.exp(-self.gamma * distances) @ self.weights + self.intercept).astype(np.float32)
        return estimates.clip(0, 1)


class Estimators(NamedTuple):
    """Estimators of the similarity, and trees for the probability of one event."""

    similarity: Trees
    kernel: Kernel
    event: Trees

    def probabilities(self, rows: Matrix, same_publishers: Matrix) -> Matrix:
        """Return the probability of one event for each row."""
        similarity = mean_similarity(self.similarity.probabilities(rows), self.kernel.estimate(rows))
        return self.event.probabilities(np.column_stack((rows, similarity, same_publishers)))


def mean_similarity(by_trees: Matrix, by_kernel: Matrix) -> Matrix:
    """Return the mean of both estimates."""
    return (0.5 * (by_trees + by_kernel)).astype(np.float32)


class PairModel(NamedTuple):
    """Compares signatures."""

    estimators: Estimators
    estimators_without_vector: Estimators

    def compare(self, one: Any, others: Any) -> Matrix:
        """Return the probability that the signature *one* and each of *others* report one event."""
        rows, publishers = pair_features(one, others), same_publisher(one, others)
        has_vectors = (others["flags"] & one["flags"] & HAS_VECTOR) != 0
        out: Matrix = self.estimators.probabilities(rows, publishers)
        if not has_vectors.all():
            out = np.where(has_vectors, out, self.estimators_without_vector.probabilities(rows[:, 1:], publishers))
        return out


@lru_cache
def _stored() -> StoredModel:
    return msgspec.msgpack.decode(FILE.read_bytes(), type=StoredModel)


@lru_cache
def load_default() -> PairModel:
    """Return the model in this package. Raises ValueError if it was trained on other columns."""
    stored = _stored()
    return PairModel(
        _load_estimators(stored.estimators, COLUMNS), _load_estimators(stored.estimators_without_vector, WITHOUT_VECTOR)
    )


def _load_estimators(stored: StoredEstimators, columns: tuple[str, ...]) -> Estimators:
    return Estimators(
        load_trees(stored.similarity, columns), load_kernel(stored.kernel, len(columns)),
        load_trees(stored.event, (*columns, *EVENT_MONOTONE)),
    )  # fmt: skip


def load_kernel(stored: StoredKernel, columns: int) -> Kernel:
    """Return a kernel regression over *columns*."""
    rows = np.frombuffer(stored.rows, "<f2").reshape(-1, columns).astype(np.float32)
    means, scales, weights = (np.frombuffer(data, "<f4") for data in (stored.means, stored.scales, stored.weights))
    return Kernel(means, scales, rows, weights, stored.intercept, stored.gamma, np.square(rows).sum(axis=1))


@lru_cache
def load_projection() -> Projection:
    """Return the projection in this package."""
    stored = _stored()
    axes = np.frombuffer(stored.axes, "<f2").reshape(INPUT_DIMS, DIMS).astype(np.float32)
    means = np.frombuffer(stored.means, "<f2").reshape(-1, INPUT_DIMS).astype(np.float32)
    return Projection(axes, dict(zip(stored.languages, means, strict=True)))
