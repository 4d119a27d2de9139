"""Oblivious decision trees: storage and vectorised inference. `tests/tools/train` trains them.

All nodes of a level share one split. The results form the index of a row's leaf. So one lookup serves all rows and
trees (CatBoost; Prokhorenkova et al. 2018).
"""

from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]


class StoredTrees(msgspec.Struct, frozen=True):
    """Stored trees, as little-endian arrays: `depth` splits and 2 ** `depth` leaves per tree."""

    columns: tuple[str, ...]
    depth: int
    split_columns: bytes = msgspec.field(name="asked")  # uint16; the name in the stored models
    borders: bytes  # float32
    leaves: bytes  # float32
    bias: float


class Trees(NamedTuple):
    """Trees for inference.

    A split compares a column with a border. Trees share splits, so each split is computed once for a row.
    """

    columns: npt.NDArray[np.intp]
    borders: Matrix
    split_index: npt.NDArray[np.intp]  # positions in `columns` and `borders`; one row per tree
    leaves: Matrix  # of all trees, concatenated
    bias: float

    def probabilities(self, rows: Matrix) -> Matrix:
        """Return one probability per row."""
        results = (np.ascontiguousarray(rows.T)[self.columns] > self.borders[:, None]).view(np.uint8)
        trees, depth = self.split_index.shape
        leaf = results[self.split_index[:, 0]]
        for level in range(1, depth):
            leaf |= results[self.split_index[:, level]] << level
        first = np.arange(trees)[:, None] << depth
        sums = self.leaves.take(leaf + first).sum(axis=0, dtype=np.float64) + self.bias
        out: Matrix = (1 / (1 + np.exp(-sums))).astype(np.float32)
        return out


def load_trees(stored: StoredTrees, columns: tuple[str, ...]) -> Trees:
    """Return trees for rows with these *columns*.

    Raises:
        ValueError: the trees were trained on other columns.
    """
    if stored.columns != columns:
        wrong = sorted(set(stored.columns) ^ set(columns))[:5]
        raise ValueError(f"model rejected: other columns ({', '.join(wrong) or 'their order'}); run `make train`")
    split_columns = np.frombuffer(stored.split_columns, dtype="<u2")
    borders = np.frombuffer(stored.borders, dtype="<f4")
    splits, split_index = np.unique(np.stack([split_columns.astype(np.float32), borders]), axis=1, return_inverse=True)
    leaves = np.frombuffer(stored.leaves, dtype="<f4")
    return Trees(
        splits[0].astype(np.intp), splits[1].copy(), split_index.reshape(-1, stored.depth), leaves, stored.bias
    )
