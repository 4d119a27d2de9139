"""Training of the network over lines, with gradients written out in numpy. The same data gives the same bytes.

A batch holds several dumps or pages one after another. Index arrays keep the convolutions within each of them.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from workers.clean.model.line_network import (
    ALL,
    DILATIONS,
    EPSILON,
    LIMIT,
    OUTPUTS,
    WIDTH,
    Group,
    Layout,
    StoredNetwork,
    make_group,
    shapes,
    split_weights,
)

BATCH_LINES, MAX_LINES = 1000, 256  # a longer dump is cut at random
RATE, WARM_UP = 2e-3, 100
TITLE_SHARE = 0.2  # of the loss
BODY_SCALE, TITLE_SCALE = 50.0, 10.0  # mean weights per dump
MAX_GRADIENT = 2.0
MOMENTUM, SECOND_MOMENTUM = 0.9, 0.99
Array = Any


class Plan(NamedTuple):
    """The sizes and the regularisation of a network. The default is that of dumps."""

    width: int = WIDTH
    dilations: tuple[int, ...] = DILATIONS
    groups: tuple[int, ...] = (ALL,) * len(DILATIONS)
    epochs: int = 10
    dropped: float = 0.15  # share of hidden values
    hidden: tuple[float, ...] = (0.12,)  # share of dumps whose word scores (pages: also name scores) are hidden
    decay: float = 1e-4
    smoothing: float = 0.0  # of the labels
    weighted_means: int = 0  # that each block reads

    def layout(self, inputs: int) -> Layout:
        """Return the sizes of a network of so many *inputs*."""
        return Layout(inputs, self.width, self.dilations, self.groups, self.weighted_means)


DUMP_PLAN = Plan()


class Example(NamedTuple):
    """A dump or page for the network: rows, two labels per line, their weights, and the groups of each kind."""

    rows: Array
    labels: Array
    weights: Array
    groups: tuple[Array, ...] = ()


@dataclass
class Batch:
    """Several dumps one after another. `before` and `after` hold row indexes by dilation; the row after the last is 0."""

    inputs: Array
    labels: Array
    weights: Array
    dumps: int
    number: Array  # of the dump, by line
    counts: Array  # of lines, by dump
    before: dict[int, Array]
    after: dict[int, Array]
    groups: dict[int, Group]  # by kind


def train(
    examples: Sequence[Example],
    columns: tuple[str, ...],
    hidden_columns: Sequence[Sequence[int]],
    plan: Plan = DUMP_PLAN,
    seed: int = 1,
) -> StoredNetwork:
    """Return a network of *examples*; *hidden_columns*: the positions of the columns that `plan.hidden` hides."""
    rng = np.random.default_rng(seed)
    everything = np.concatenate([example.rows for example in examples])
    means, deviations = everything.mean(axis=0, dtype=np.float64), everything.std(axis=0, dtype=np.float64)
    means = means.astype(np.float32)
    scales = np.where(deviations > 1e-4, 1 / np.maximum(deviations, 1e-4), 0).astype(np.float32)
    layout = plan.layout(len(columns))
    weights = _initial(layout, rng)
    state = [np.zeros_like(weights), np.zeros_like(weights)]
    steps = plan.epochs * sum(1 for _ in _groups(examples, np.random.default_rng(0)))
    step = 0
    for _ in range(plan.epochs):
        for group in _groups(examples, rng):
            step += 1
            batch = _batch([examples[n] for n in group], (means, scales), layout, hidden_columns, plan, rng)
            rate = RATE * min(1, step / WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * min(1, step / steps)))
            _adam(weights, _gradient(weights, batch, layout, rng, plan.dropped), state, step, rate, plan.decay)
    return StoredNetwork(
        columns, means.astype("<f4").tobytes(), scales.astype("<f4").tobytes(), weights.astype("<f2").tobytes(),
        plan.width, plan.dilations, plan.groups, plan.weighted_means,
    )  # fmt: skip


def _initial(layout: Layout, rng: Array) -> Array:
    parts = []
    step = layout.block_arrays
    block_out = {*shapes(layout)[6 : 2 + step]}
    for n, shape in enumerate(shapes(layout)):
        if len(shape) == 1:
            is_norm = 2 <= n < 2 + step * len(layout.dilations) and (n - 2) % step == 0
            parts.append(np.full(shape, 1.0 if is_norm else 0.0))
        else:
            gain = 0.3 if shape in block_out or n == len(shapes(layout)) - 2 else 1.0
            parts.append(gain * rng.standard_normal(shape) * math.sqrt(2 / shape[0]))
    return np.concatenate([part.ravel() for part in parts]).astype(np.float32)


def _groups(examples: Sequence[Example], rng: Array) -> Iterator[list[int]]:
    """Yield the dumps of each batch, in random order."""
    group: list[int] = []
    lines = 0
    for n in rng.permutation(len(examples)).tolist():
        group.append(n)
        lines += min(MAX_LINES, len(examples[n].rows))
        if lines >= BATCH_LINES:
            yield group
            group, lines = [], 0
    if group:
        yield group


def _batch(
    examples: Sequence[Example],
    scaling: tuple[Array, Array],
    layout: Layout,
    hidden_columns: Sequence[Sequence[int]],
    plan: Plan,
    rng: Array,
) -> Batch:
    inputs, labels, weights, spans = [], [], [], []
    means, scales = scaling
    for example in examples:
        start = int(rng.integers(max(1, len(example.rows) - MAX_LINES + 1)))
        span = slice(start, start + MAX_LINES)
        rows = np.clip((example.rows[span] - means) * scales, -LIMIT, LIMIT)
        for columns, share in zip(hidden_columns, plan.hidden, strict=True):
            if rng.random() < share:
                rows[:, columns] = 0
        inputs.append(rows)
        labels.append(example.labels[span] * (1 - plan.smoothing) + plan.smoothing / 2)
        weights.append(example.weights[span])
        spans.append(span)
    counts = np.array([len(rows) for rows in inputs])
    number, total = np.repeat(np.arange(len(counts)), counts), int(counts.sum())
    order = np.arange(total)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    last = first + counts[number]
    before = {d: np.where(order - d >= first, order - d, total) for d in set(layout.dilations)}
    after = {d: np.where(order + d < last, order + d, total) for d in set(layout.dilations)}
    groups = {kind: make_group(_numbers(examples, spans, number, kind)) for kind in {ALL, *layout.groups}}
    return Batch(
        np.concatenate(inputs).astype(np.float32), np.concatenate(labels).astype(np.float32), np.concatenate(weights), len(counts), number, counts, before, after, groups
    )  # fmt: skip


def _numbers(examples: Sequence[Example], spans: Sequence[slice], number: Array, kind: int) -> Array:
    """Return the number of each line's group in the whole batch."""
    if kind == ALL:
        return number
    own = np.concatenate([example.groups[kind][span] for example, span in zip(examples, spans, strict=True)])
    return np.unique(number * (own.max() + 1) + own, return_inverse=True)[1]


def _gradient(weights: Array, batch: Batch, layout: Layout, rng: Array, dropped: float) -> Array:
    """Return the gradient of the loss: forwards with all values kept, then backwards."""
    parts = split_weights(weights, layout)
    first, first_bias, *rest = parts
    count, step = len(layout.dilations), layout.block_arrays
    blocks = [rest[step * n : step * n + step] for n in range(count)]
    hidden, hidden_bias, last, last_bias = rest[step * count :]
    start = values = np.maximum(batch.inputs @ first + first_bias, 0)
    kept = []
    reach = list(zip(layout.dilations, [batch.groups[kind] for kind in layout.groups], strict=True))
    for (dilation, group), block in zip(reach, blocks, strict=True):
        values, saved = _forward(values, block, dilation, group, batch, rng, dropped)
        kept.append(saved)
    joined = np.hstack([values, start])
    top = np.maximum(joined @ hidden + hidden_bias, 0)
    d_out = _loss_gradient(top @ last + last_bias, batch)
    d_top = (d_out @ last.T) * (top > 0)
    d_joined = d_top @ hidden.T
    width = values.shape[1]
    d_values, d_start = d_joined[:, :width], d_joined[:, width:]
    block_gradients: list[Array] = []
    for (dilation, group), block, saved in zip(reach[::-1], blocks[::-1], kept[::-1], strict=True):
        d_values, gradients = _backward(d_values, block, dilation, group, batch, saved)
        block_gradients = [*gradients, *block_gradients]
    d_first = (d_values + d_start) * (start > 0)
    gradients = [
        batch.inputs.T @ d_first, d_first.sum(axis=0), *block_gradients, joined.T @ d_top, d_top.sum(axis=0), top.T @ d_out, d_out.sum(axis=0),
    ]  # fmt: skip
    out = np.concatenate([gradient.ravel() for gradient in gradients])
    return out * min(1.0, MAX_GRADIENT / (float(np.sqrt((out * out).sum())) + 1e-9))


def _loss_gradient(log_odds: Array, batch: Batch) -> Array:
    """Return the gradient of the weighted cross entropy with respect to the log odds."""
    share = np.array([1 / BODY_SCALE, TITLE_SHARE / TITLE_SCALE], np.float32)[: len(OUTPUTS)] / batch.dumps
    return ((1 / (1 + np.exp(-np.clip(log_odds, -30, 30))) - batch.labels) * batch.weights * share).astype(np.float32)


def _forward(
    values: Array, block: Sequence[Array], dilation: int, group: Group, batch: Batch, rng: Array, dropped: float
) -> tuple[Array, Any]:
    scale, lines, mean, bias, out, *weighted_means = block
    inverse = 1 / np.sqrt((values * values).mean(axis=1, keepdims=True) + EPSILON)
    scaled = values * inverse * scale
    padded = np.vstack([scaled, np.zeros((1, scaled.shape[1]), np.float32)])
    near = np.hstack([padded[batch.before[dilation]], scaled, padded[batch.after[dilation]]])
    means = np.add.reduceat(scaled[group.order], group.starts, axis=0) / group.counts
    hidden = near @ lines + (means @ mean)[group.number] + bias
    pooled = _pooled(scaled, weighted_means[0], batch.groups[ALL]) if weighted_means else None
    if pooled is not None:
        hidden += (pooled[1] @ weighted_means[1])[batch.number]
    hidden = np.maximum(hidden, 0)
    mask = (rng.random(hidden.shape, dtype=np.float32) >= dropped).astype(np.float32) / np.float32(1 - dropped)
    hidden *= mask
    return values + hidden @ out, (values, inverse, near, means, hidden, mask, pooled)


def _pooled(scaled: Array, query: Array, dumps: Group) -> tuple[Array, Array]:
    """Return the weights of the lines in each weighted mean, and these means side by side, one row per dump."""
    log_weights = scaled @ query
    weights = np.exp(log_weights - np.maximum.reduceat(log_weights, dumps.starts, axis=0)[dumps.number])
    weights /= np.add.reduceat(weights, dumps.starts, axis=0)[dumps.number]
    means = [np.add.reduceat(weights[:, n : n + 1] * scaled, dumps.starts, axis=0) for n in range(weights.shape[1])]
    return weights, np.hstack(means)


def _pooled_gradients(
    sums: Array, scaled: Array, pooled: tuple[Array, Array], query: Array, weighted: Array, dumps: Group
) -> tuple[Array, list[Array]]:
    """Return the gradients of the lines, and of `query` and `weighted`. *sums*: the gradient of hidden by dump."""
    weights, means = pooled
    width = scaled.shape[1]
    d_means = (sums @ weighted.T)[dumps.number]
    d_scaled, d_weights = np.zeros_like(scaled), np.zeros_like(weights)
    for n in range(weights.shape[1]):
        own = d_means[:, n * width : (n + 1) * width]
        d_scaled += weights[:, n : n + 1] * own
        d_weights[:, n] = np.einsum("lw,lw->l", own, scaled)
    inner = np.add.reduceat(weights * d_weights, dumps.starts, axis=0)[dumps.number]
    d_log_weights = weights * (d_weights - inner)
    return d_scaled + d_log_weights @ query.T, [scaled.T @ d_log_weights, means.T @ sums]


def _backward(
    d_values: Array, block: Sequence[Array], dilation: int, group: Group, batch: Batch, saved: Any
) -> tuple[Array, list[Array]]:
    scale, lines, mean, _, out, *weighted_means = block
    values, inverse, near, means, hidden, mask, pooled = saved
    width = values.shape[1]
    d_hidden = (d_values @ out.T) * mask * (hidden > 0)
    d_near = d_hidden @ lines.T
    zeros = np.zeros((1, width), np.float32)
    d_before, d_after = np.vstack([d_near[:, :width], zeros]), np.vstack([d_near[:, 2 * width :], zeros])
    d_scaled = d_near[:, width : 2 * width] + d_before[batch.after[dilation]] + d_after[batch.before[dilation]]
    sums = np.add.reduceat(d_hidden[group.order], group.starts, axis=0)
    d_scaled += ((sums @ mean.T) / group.counts)[group.number]
    pooled_gradients: list[Array] = []
    if pooled is not None:
        dumps, (query, weighted) = batch.groups[ALL], weighted_means
        of_dumps = np.add.reduceat(d_hidden, dumps.starts, axis=0)
        own = near[:, width : 2 * width]
        d_lines, pooled_gradients = _pooled_gradients(of_dumps, own, pooled, query, weighted, dumps)
        d_scaled += d_lines
    d_normed = d_scaled * scale
    inner = (d_normed * values).mean(axis=1, keepdims=True)
    gradients = [
        (d_scaled * values * inverse).sum(axis=0),
        near.T @ d_hidden,
        means.T @ sums,
        d_hidden.sum(axis=0),
        hidden.T @ d_values,
        *pooled_gradients,
    ]
    return d_values + inverse * d_normed - values * inverse**3 * inner, gradients


def _adam(weights: Array, gradient: Array, state: list[Array], step: int, rate: float, decay: float) -> None:
    """Change *weights* by one step (Kingma and Ba 2015), with decoupled decay."""
    state[0] *= MOMENTUM
    state[0] += (1 - MOMENTUM) * gradient
    state[1] *= SECOND_MOMENTUM
    state[1] += (1 - SECOND_MOMENTUM) * gradient * gradient
    mean = state[0] / (1 - MOMENTUM**step)
    deviation = np.sqrt(state[1] / (1 - SECOND_MOMENTUM**step)) + 1e-7
    weights -= (rate * (mean / deviation + decay * weights)).astype(np.float32)
