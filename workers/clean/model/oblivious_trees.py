"""Trees: boosted decision trees as they lie in a file, and asked quickly. `tests/tools/train` grows them.

Oblivious trees ask the same question on each level, so that a row's leaf is a number made of yes and no: one look-up
for all rows and trees at once (as in CatBoost; Prokhorenkova et al. 2018).
"""

from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]


class StoredTrees(msgspec.Struct, frozen=True):
    """Trees as they lie in the file: little-endian arrays. `depth` questions each; a leaf for every answer to all."""

    columns: tuple[str, ...]
    depth: int
    asked: bytes  # uint16, the column of each question
    borders: bytes  # float32
    leaves: bytes  # float32
    bias: float


class Trees(NamedTuple):
    """Trees, ready to be asked. Many ask the same: each question is answered once, and `picks` says who asks."""

    columns: npt.NDArray[np.intp]
    borders: Matrix
    question_index: npt.NDArray[np.intp]  # a row a tree
    leaves: Matrix  # of all trees, one behind the other
    bias: float

    def probabilities(self, rows: Matrix) -> Matrix:
        """Return a probability a row."""
        answers = (np.ascontiguousarray(rows.T)[self.columns] > self.borders[:, None]).view(np.uint8)
        trees, depth = self.question_index.shape
        at = answers[self.question_index[:, 0]]
        for level in range(1, depth):
            at |= answers[self.question_index[:, level]] << level
        first = np.arange(trees)[:, None] << depth
        sums = self.leaves.take(at + first).sum(axis=0, dtype=np.float64) + self.bias
        out: Matrix = (1 / (1 + np.exp(-sums))).astype(np.float32)
        return out


def load_trees(stored: StoredTrees, given: tuple[str, ...]) -> Trees:
    """Return trees ready to be asked about rows of the columns *given*; ValueError when they want others."""
    if stored.columns != given:
        wrong = sorted(set(stored.columns) ^ set(given))[:5]
        raise ValueError(
            f"the model was trained on other columns ({', '.join(wrong) or 'their order'}): run `make train`"
        )
    asked = np.frombuffer(stored.asked, dtype="<u2")
    borders = np.frombuffer(stored.borders, dtype="<f4")
    questions, picks = np.unique(np.stack([asked.astype(np.float32), borders]), axis=1, return_inverse=True)
    leaves = np.frombuffer(stored.leaves, dtype="<f4")
    columns_ = questions[0].astype(np.intp)
    return Trees(columns_, questions[1].copy(), picks.reshape(-1, stored.depth), leaves, stored.bias)
