"""A small network over the lines of a dump: dilated convolutions with residuals. `tests/tools/train` trains it.

    columns ──▶ 64 values per line ──▶ 8 blocks that read the lines 1, 2, 4 and 8 before and after ──▶ body, title

Each block also reads the mean over the dump. Source: WaveNet (van den Oord et al. 2016) for dilated residual blocks,
RMSNorm (Zhang and Sennrich 2019) for the scale. Numpy only.
"""

from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]

DILATIONS = (1, 2, 4, 8, 1, 2, 4, 8)
WIDTH, OUTPUT_WIDTH = 64, 48
OUTPUTS = ("body", "title")
LIMIT = 6.0  # standard deviations; larger inputs are clipped
EPSILON = 1e-5


class StoredNetwork(msgspec.Struct, frozen=True):
    """A stored network: float32 means and scales of the columns, then float16 weights, all little-endian."""

    columns: tuple[str, ...]
    means: bytes
    scales: bytes  # the inverse standard deviations; 0 for a constant column
    weights: bytes  # the arrays of `shapes`, concatenated


class Block(NamedTuple):
    """Weights of a residual block. `scale` is that of RMSNorm."""

    scale: Matrix
    lines: Matrix
    mean: Matrix
    bias: Matrix
    out: Matrix


class Network(NamedTuple):
    """A network for inference."""

    means: Matrix
    scales: Matrix
    first: Matrix
    first_bias: Matrix
    blocks: tuple[Block, ...]
    hidden: Matrix
    hidden_bias: Matrix
    last: Matrix
    last_bias: Matrix

    def log_odds(self, rows: Matrix) -> Matrix:
        """Return the log odds of OUTPUTS, one row per line."""
        inputs = np.clip((rows - self.means) * self.scales, -LIMIT, LIMIT)
        start = values = np.maximum(inputs @ self.first + self.first_bias, 0)
        for dilation, block in zip(DILATIONS, self.blocks, strict=True):
            values = values + _change(values, block, dilation)
        hidden = np.maximum(np.hstack([values, start]) @ self.hidden + self.hidden_bias, 0)
        out: Matrix = hidden @ self.last + self.last_bias
        return out


def _change(values: Matrix, block: Block, dilation: int) -> Matrix:
    count, width = values.shape
    scaled = values / np.sqrt((values * values).mean(axis=1, keepdims=True) + EPSILON) * block.scale
    padded = np.zeros((count + 2 * dilation, width), np.float32)
    padded[dilation : dilation + count] = scaled
    near = np.hstack([padded[:count], scaled, padded[2 * dilation :]])
    hidden = np.maximum(near @ block.lines + scaled.mean(axis=0) @ block.mean + block.bias, 0)
    out: Matrix = hidden @ block.out
    return out


def shapes(inputs: int) -> list[tuple[int, ...]]:
    """Return the shapes of the weights in their stored order, for so many *inputs*."""
    block = [(WIDTH,), (3 * WIDTH, WIDTH), (WIDTH, WIDTH), (WIDTH,), (WIDTH, WIDTH)]
    out = [(2 * WIDTH, OUTPUT_WIDTH), (OUTPUT_WIDTH,), (OUTPUT_WIDTH, len(OUTPUTS)), (len(OUTPUTS),)]
    return [(inputs, WIDTH), (WIDTH,), *(block * len(DILATIONS)), *out]


def split_weights(weights: npt.NDArray[np.float32], inputs: int) -> list[Matrix]:
    """Return the arrays of `shapes` in *weights*."""
    out, start = [], 0
    for shape in shapes(inputs):
        end = start + int(np.prod(shape))
        out.append(weights[start:end].reshape(shape))
        start = end
    return out


def load_network(stored: StoredNetwork, columns: tuple[str, ...]) -> Network:
    """Return the network for rows with these *columns*.

    Raises:
        ValueError: the network was trained on other columns.
    """
    if stored.columns != columns:
        raise ValueError("model rejected: the network has other columns; run `make train`")
    weights = split_weights(np.frombuffer(stored.weights, "<f2").astype(np.float32), len(columns))
    size = len(Block._fields)
    blocks = tuple(Block(*weights[2 + n * size : 2 + (n + 1) * size]) for n in range(len(DILATIONS)))
    means, scales = np.frombuffer(stored.means, "<f4"), np.frombuffer(stored.scales, "<f4")
    return Network(means, scales, weights[0], weights[1], blocks, *weights[2 + size * len(DILATIONS) :])
