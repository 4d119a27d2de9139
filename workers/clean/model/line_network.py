"""Small networks over the lines of a dump or the blocks of a page: dilated convolutions with residuals.

    columns ──▶ 64 values per line ──▶ 8 blocks that read the lines 1, 2, 4 and 8 before and after ──▶ body, title

Each block also reads a mean over the dump. On a page it may be the mean over a group of blocks instead, such as those
of one container. It may read weighted means over the document too, whose weights are a softmax over its lines.
`tests/tools/train` trains them. Source: WaveNet (van den Oord et al. 2016) for dilated residual blocks, RMSNorm (Zhang
and Sennrich 2019) for the scale, attention pooling (Lin et al. 2017) for the weighted means. Numpy only.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]

DILATIONS = (1, 2, 4, 8, 1, 2, 4, 8)
WIDTH, OUTPUT_WIDTH = 64, 48
ALL = -1  # the group of all lines
OUTPUTS = ("body", "title")
LIMIT = 6.0  # standard deviations; larger inputs are clipped
EPSILON = 1e-5


class StoredNetwork(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stored network: float32 means and scales of the columns, then float16 weights, all little-endian."""

    columns: tuple[str, ...]
    means: bytes
    scales: bytes  # the inverse standard deviations; 0 for a constant column
    weights: bytes  # the arrays of `shapes`, concatenated
    width: int = WIDTH
    dilations: tuple[int, ...] = DILATIONS
    groups: tuple[int, ...] = (ALL,) * len(DILATIONS)
    weighted_means: int = 0

    @property
    def layout(self) -> "Layout":
        """The sizes of the network."""
        return Layout(len(self.columns), self.width, self.dilations, self.groups, self.weighted_means)


class Layout(NamedTuple):
    """The sizes of a network, and the distance and kind of group that each of its blocks reads.

    *weighted_means*: number of weighted means over the document that each block reads.
    """

    inputs: int
    width: int = WIDTH
    dilations: tuple[int, ...] = DILATIONS
    groups: tuple[int, ...] = (ALL,) * len(DILATIONS)
    weighted_means: int = 0

    @property
    def block_arrays(self) -> int:
        """The number of arrays of a block in `shapes`."""
        return 7 if self.weighted_means else 5


class Group(NamedTuple):
    """Groups of lines. The groups are numbered from 0 without gaps."""

    number: npt.NDArray[np.intp]  # of its group, by line
    order: npt.NDArray[np.intp]  # the lines, sorted by group
    starts: npt.NDArray[np.intp]  # of each group in `order`
    counts: Matrix  # of lines, one row per group


def make_group(number: npt.NDArray[np.intp]) -> Group:
    """Return the groups of lines with these *number*s."""
    counts = np.bincount(number)
    order = np.argsort(number, kind="stable")
    return Group(number, order, np.cumsum(counts) - counts, counts[:, None].astype(np.float32))


class Block(NamedTuple):
    """Weights of a residual block, one network per first index. The scale of RMSNorm is part of `lines` and `mean`."""

    lines: Matrix  # side by side for the line before, the line itself and the line after
    mean: Matrix
    bias: Matrix
    out: Matrix
    weighted_means: "WeightedMeans | None" = None


class WeightedMeans(NamedTuple):
    """Weights of a block for weighted means. The log weights of a line are its values times `query`."""

    query: Matrix
    means: Matrix


class Networks(NamedTuple):
    """Networks of one layout for inference. The first index of each array is that of the network."""

    layout: Layout
    means: Matrix
    scales: Matrix
    first: Matrix
    first_bias: Matrix
    blocks: tuple[Block, ...]
    hidden: Matrix
    hidden_bias: Matrix
    last: Matrix
    last_bias: Matrix

    def log_odds(self, rows: Matrix, groups: Sequence[Group] = ()) -> Matrix:
        """Return the log odds of OUTPUTS by network and line. *groups*: the groups of each kind."""
        inputs = np.clip((rows - self.means) * self.scales, -LIMIT, LIMIT)
        start = values = np.maximum(inputs @ self.first + self.first_bias, 0)
        for dilation, kind, block in zip(self.layout.dilations, self.layout.groups, self.blocks, strict=True):
            values = values + _change(values, block, dilation, None if kind == ALL else groups[kind])
        hidden = np.maximum(np.concatenate([values, start], axis=2) @ self.hidden + self.hidden_bias, 0)
        out: Matrix = hidden @ self.last + self.last_bias
        return out


def _change(values: Matrix, block: Block, dilation: int, group: Group | None) -> Matrix:
    count, width = values.shape[1:]
    scaled = values / np.sqrt(np.einsum("nlw,nlw->nl", values, values)[:, :, None] / width + EPSILON)
    near = scaled @ block.lines
    hidden = near[:, :, width : 2 * width] + block.bias
    if count > dilation:
        hidden[:, dilation:] += near[:, :-dilation, :width]
        hidden[:, :-dilation] += near[:, dilation:, 2 * width :]
    if group is None:
        hidden += scaled.mean(axis=1, keepdims=True) @ block.mean
    else:
        means = np.add.reduceat(scaled[:, group.order], group.starts, axis=1) / group.counts
        hidden += (means @ block.mean)[:, group.number]
    if block.weighted_means is not None:
        hidden += _weighted_means(scaled, block.weighted_means.query) @ block.weighted_means.means
    out: Matrix = np.maximum(hidden, 0) @ block.out
    return out


def _weighted_means(values: Matrix, query: Matrix) -> Matrix:
    """Return the weighted means over all lines side by side, one row per network."""
    log_weights = values @ query
    weights = np.exp(log_weights - log_weights.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    out: Matrix = (weights.transpose(0, 2, 1) @ values).reshape(len(values), 1, -1)
    return out


def shapes(layout: Layout) -> list[tuple[int, ...]]:
    """Return the shapes of the stored weights: of the first layer, of each block, and of the two last layers.

    Those of a block are the scale of RMSNorm, `lines` one below the other, `mean`, `bias` and `out`, then with weighted
    means `query` and `means`.
    """
    width, means = layout.width, layout.weighted_means
    block = [(width,), (3 * width, width), (width, width), (width,), (width, width)]
    block += [(width, means), (means * width, width)] if means else []
    out = [(2 * width, OUTPUT_WIDTH), (OUTPUT_WIDTH,), (OUTPUT_WIDTH, len(OUTPUTS)), (len(OUTPUTS),)]
    return [(layout.inputs, width), (width,), *(block * len(layout.dilations)), *out]


def split_weights(weights: npt.NDArray[np.float32], layout: Layout) -> list[Matrix]:
    """Return the arrays of `shapes` in *weights*."""
    out, start = [], 0
    for shape in shapes(layout):
        end = start + int(np.prod(shape))
        out.append(weights[start:end].reshape(shape))
        start = end
    return out


def load_networks(stored: Sequence[StoredNetwork], columns: tuple[str, ...]) -> Networks:
    """Return the networks for rows with these *columns*.

    Raises:
        ValueError: a network was trained on other columns, or its sizes differ from those of the first one.
    """
    if any(network.columns != columns for network in stored):
        raise ValueError("model rejected: the network has other columns; run `make train`")
    layout = stored[0].layout
    if any(network.layout != layout for network in stored):
        raise ValueError("model rejected: the networks have several sizes; run `make train`")
    weights = [np.frombuffer(network.weights, "<f2").astype(np.float32) for network in stored]
    means, scales = (
        np.stack([np.frombuffer(getattr(network, name), "<f4") for network in stored])[:, None]
        for name in ("means", "scales")
    )
    return stack_networks(weights, means, scales, layout)


def stack_networks(
    weights: Sequence[npt.NDArray[np.float32]], means: Matrix, scales: Matrix, layout: Layout
) -> Networks:
    """Return networks with these *weights*, one array each. *means* and *scales* have a row per network."""
    first, first_bias, *rest = map(np.stack, zip(*(split_weights(own, layout) for own in weights), strict=True))
    step = layout.block_arrays
    size = len(layout.dilations) * step
    blocks = tuple(_block(*rest[start : start + step]) for start in range(0, size, step))
    hidden, hidden_bias, last, last_bias = rest[size:]
    biases = (bias[:, None] for bias in (first_bias, hidden_bias, last_bias))
    first_bias, hidden_bias, last_bias = biases
    return Networks(layout, means, scales, first, first_bias, blocks, hidden, hidden_bias, last, last_bias)


def _block(scale: Matrix, lines: Matrix, mean: Matrix, bias: Matrix, out: Matrix, *weighted: Matrix) -> Block:
    """Return a block of these stored weights. RMSNorm's scale is multiplied into them once."""
    rows = scale[:, :, None]
    near = np.concatenate([rows * part for part in np.split(lines, 3, axis=1)], axis=2)
    return Block(near, rows * mean, bias[:, None], out, _scaled(scale, *weighted) if weighted else None)


def _scaled(scale: Matrix, query: Matrix, means: Matrix) -> WeightedMeans:
    return WeightedMeans(scale[:, :, None] * query, np.tile(scale, query.shape[2])[:, :, None] * means)
