"""The probability that two signatures belong to duplicates of one text: rules first, trees for the rest. Pure."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from workers.clean.model.oblivious_trees import Matrix, StoredTrees, Trees, load_trees
from workers.dedupe.near_duplicates.copy_rules import EQUAL_TITLE, RULES, apply_rules
from workers.dedupe.near_duplicates.pair_features import COLUMNS, pair_features
from workers.dedupe.near_duplicates.signature import LAYOUT

FILE = Path(__file__).with_name("model.msgpack")
SAME_PUBLISHER = COLUMNS.index("same_publisher")
MIN_SHARED = 0.3  # share of the shorter text in common, below which the trees never find a duplicate


class StoredModel(msgspec.Struct, frozen=True):
    """The model file: the trees, and the probability above which texts are duplicates."""

    trees: StoredTrees
    threshold: float = msgspec.field(name="copy_at")


class Similarity(NamedTuple):
    """Probability that two texts are duplicates, and the estimated shares of their shingles.

    `jaccard`: of all shingles. `containment`: of the shorter text's shingles. `ruled`: a rule decided for a duplicate.
    `kind`: "text", or "title" if only the titles agree. `rule`: name of the rule that decided, "trees" without one.
    `retitled`: the titles are not similar.
    """

    probability: float
    jaccard: float
    containment: float
    same_publisher: bool
    ruled: bool = False
    kind: str = "text"
    rule: str = "trees"
    retitled: bool = False


class DuplicateModel(NamedTuple):
    """The duplicate model. `threshold`: texts above this probability are duplicates."""

    trees: Trees
    threshold: float

    def compare(self, one: bytes, others: Sequence[bytes]) -> list[Similarity]:
        """Return the similarity of the signature *one* to each of *others*."""
        return self.compare_all([(one, others)])[0]

    def compare_all(self, comparisons: Sequence[tuple[bytes, Sequence[bytes]]]) -> list[list[Similarity]]:
        """Return the similarities of each signature to its others. One call for many takes a third of the time."""
        sizes = [len(others) for _, others in comparisons]
        group = np.repeat(np.arange(len(sizes)), sizes)
        if not len(group):
            return [[] for _ in sizes]
        a = np.frombuffer(b"".join(one for one, _ in comparisons), LAYOUT)[group]
        b = np.frombuffer(b"".join(other for _, others in comparisons for other in others), LAYOUT)
        similarities = iter(self._similarities(a, b, group))
        return [list(islice(similarities, size)) for size in sizes]

    def _similarities(self, a: Any, b: Any, group: Any) -> list[Similarity]:
        """Return the similarity of each of *a* to that of *b* in the same place."""
        rows = pair_features(a, b)
        rules = apply_rules(a, b, rows, group)
        by_text, is_open = rules.probability, np.isnan(rules.probability)
        by_text[is_open] = limited(self.probabilities(rows[is_open]), rules.minimum[is_open], self.threshold)
        by_title = rules.by_title & (by_text <= self.threshold)
        ruled = by_title | (~is_open & (by_text > self.threshold))
        probabilities = np.where(by_title, EQUAL_TITLE, by_text).tolist()
        decisions = zip(by_title.tolist(), rules.rule.tolist(), strict=True)
        names = [("title", "equal title") if title else ("text", RULES[rule]) for title, rule in decisions]
        shares = rows[:, (0, 1, SAME_PUBLISHER)].tolist()
        pairs = zip(probabilities, shares, ruled.tolist(), names, rules.retitled.tolist(), strict=True)
        return [
            Similarity(p, shared, of_shorter, bool(same), is_ruled, *name, retitled)
            for p, (shared, of_shorter, same), is_ruled, name, retitled in pairs
        ]

    def probabilities(self, rows: Matrix) -> Matrix:
        """Return the trees' probability for each row of `pair_features`."""
        enough = rows[:, 1] >= MIN_SHARED
        out: Matrix = np.zeros(len(rows), np.float32)
        out[enough] = self.trees.probabilities(rows[enough])
        return out


def limited(probabilities: Matrix, minimum: Matrix, threshold: float) -> Matrix:
    """Return probabilities of the trees, at most *threshold* where they are below *minimum*."""
    out: Matrix = np.where(probabilities < minimum, np.minimum(probabilities, np.float32(threshold)), probabilities)
    return out


def load(data: bytes) -> DuplicateModel:
    """Return the model in *data*.

    Raises:
        ValueError: the model needs columns that are not in `COLUMNS`.
    """
    stored = msgspec.msgpack.decode(data, type=StoredModel)
    return DuplicateModel(load_trees(stored.trees, COLUMNS), stored.threshold)


@lru_cache
def load_default() -> DuplicateModel:
    """Return the model in this package."""
    return load(FILE.read_bytes())
