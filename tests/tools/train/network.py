"""Training of the network over lines, with gradients written out in numpy. The same data gives the same bytes.

A batch holds several dumps one after another. Index arrays keep the convolutions within each dump.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from workers.clean.model.line_network import DILATIONS, EPSILON, LIMIT, OUTPUTS, StoredNetwork, shapes, split_weights

EPOCHS = 10
BATCH_LINES, MAX_LINES = 1000, 256  # a longer dump is cut at random
RATE, WARM_UP = 2e-3, 100
DROPPED = 0.15  # share of hidden values
WORDS_DROPPED = 0.12  # share of dumps whose word scores are hidden, so that shape decides
TITLE_SHARE = 0.2  # of the loss
BODY_SCALE, TITLE_SCALE = 50.0, 10.0  # mean weights per dump
MAX_GRADIENT = 2.0
DECAY, MOMENTUM, SECOND_MOMENTUM = 1e-4, 0.9, 0.99
Array = Any


class Example(NamedTuple):
    """A dump for the network: rows, two labels per line, and their weights."""

    rows: Array
    labels: Array
    weights: Array


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


def train(
    examples: Sequence[Example],
    columns: tuple[str, ...],
    word_columns: Sequence[int],
    epochs: int = EPOCHS,
    seed: int = 1,
    rate: float = RATE,
    start: StoredNetwork | None = None,
) -> StoredNetwork:
    """Return a network of *examples*; *word_columns*: the positions of the word scores.

    *start*: continue from these weights.
    """
    rng = np.random.default_rng(seed)
    if start is None:
        means, scales = _means_and_scales(examples)
        weights = _initial(len(columns), rng)
    else:
        means, scales = np.frombuffer(start.means, "<f4"), np.frombuffer(start.scales, "<f4")
        weights = np.frombuffer(start.weights, "<f2").astype(np.float32)
    state = [np.zeros_like(weights), np.zeros_like(weights)]
    steps = epochs * sum(1 for _ in _groups(examples, np.random.default_rng(0)))
    step = 0
    for _ in range(epochs):
        for group in _groups(examples, rng):
            step += 1
            batch = _batch([examples[n] for n in group], means, scales, word_columns, rng)
            now = rate * min(1, step / WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * min(1, step / steps)))
            _adam(weights, _gradient(weights, batch, len(columns), rng), state, step, now)
    return StoredNetwork(
        columns, means.astype("<f4").tobytes(), scales.astype("<f4").tobytes(), weights.astype("<f2").tobytes()
    )


def _means_and_scales(examples: Sequence[Example]) -> tuple[Array, Array]:
    """Return the means of the columns, and their inverse standard deviations; 0 for a constant column."""
    everything = np.concatenate([example.rows for example in examples])
    means, deviations = everything.mean(axis=0, dtype=np.float64), everything.std(axis=0, dtype=np.float64)
    scales = np.where(deviations > 1e-4, 1 / np.maximum(deviations, 1e-4), 0).astype(np.float32)
    return means.astype(np.float32), scales


def _initial(inputs: int, rng: Array) -> Array:
    parts = []
    block_out = {shapes(inputs)[6]}
    for n, shape in enumerate(shapes(inputs)):
        if len(shape) == 1:
            is_norm = 2 <= n < 2 + 5 * len(DILATIONS) and (n - 2) % 5 == 0
            parts.append(np.full(shape, 1.0 if is_norm else 0.0))
        else:
            gain = 0.3 if shape in block_out or n == len(shapes(inputs)) - 2 else 1.0
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


def _batch(examples: Sequence[Example], means: Array, scales: Array, word_columns: Sequence[int], rng: Array) -> Batch:
    inputs, labels, weights = [], [], []
    for example in examples:
        start = int(rng.integers(max(1, len(example.rows) - MAX_LINES + 1)))
        span = slice(start, start + MAX_LINES)
        rows = np.clip((example.rows[span] - means) * scales, -LIMIT, LIMIT)
        if rng.random() < WORDS_DROPPED:
            rows[:, word_columns] = 0
        inputs.append(rows)
        labels.append(example.labels[span])
        weights.append(example.weights[span])
    counts = np.array([len(rows) for rows in inputs])
    number, total = np.repeat(np.arange(len(counts)), counts), int(counts.sum())
    order = np.arange(total)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    last = first + counts[number]
    before = {d: np.where(order - d >= first, order - d, total) for d in set(DILATIONS)}
    after = {d: np.where(order + d < last, order + d, total) for d in set(DILATIONS)}
    return Batch(
        np.concatenate(inputs).astype(np.float32), np.concatenate(labels), np.concatenate(weights), len(counts), number, counts, before, after
    )  # fmt: skip


def _gradient(weights: Array, batch: Batch, inputs: int, rng: Array, dropped: float = DROPPED) -> Array:
    """Return the gradient of the loss: forwards with all values kept, then backwards."""
    parts = split_weights(weights, inputs)
    first, first_bias, *rest = parts
    blocks = [rest[5 * n : 5 * n + 5] for n in range(len(DILATIONS))]
    hidden, hidden_bias, last, last_bias = rest[5 * len(DILATIONS) :]
    start = values = np.maximum(batch.inputs @ first + first_bias, 0)
    kept = []
    for dilation, block in zip(DILATIONS, blocks, strict=True):
        values, saved = _forward(values, block, dilation, batch, rng, dropped)
        kept.append(saved)
    joined = np.hstack([values, start])
    top = np.maximum(joined @ hidden + hidden_bias, 0)
    d_out = _loss_gradient(top @ last + last_bias, batch)
    d_top = (d_out @ last.T) * (top > 0)
    d_joined = d_top @ hidden.T
    width = values.shape[1]
    d_values, d_start = d_joined[:, :width], d_joined[:, width:]
    block_gradients: list[Array] = []
    for dilation, block, saved in zip(DILATIONS[::-1], blocks[::-1], kept[::-1], strict=True):
        d_values, gradients = _backward(d_values, block, dilation, batch, saved)
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
    values: Array, block: Sequence[Array], dilation: int, batch: Batch, rng: Array, dropped: float
) -> tuple[Array, Any]:
    scale, lines, mean, bias, out = block
    inverse = 1 / np.sqrt((values * values).mean(axis=1, keepdims=True) + EPSILON)
    scaled = values * inverse * scale
    padded = np.vstack([scaled, np.zeros((1, scaled.shape[1]), np.float32)])
    near = np.hstack([padded[batch.before[dilation]], scaled, padded[batch.after[dilation]]])
    means = np.add.reduceat(scaled, np.cumsum(batch.counts) - batch.counts, axis=0) / batch.counts[:, None].astype(
        np.float32
    )
    hidden = np.maximum(near @ lines + (means @ mean)[batch.number] + bias, 0)
    mask = (rng.random(hidden.shape, dtype=np.float32) >= dropped).astype(np.float32) / np.float32(1 - dropped)
    hidden *= mask
    return values + hidden @ out, (values, inverse, near, means, hidden, mask)


def _backward(
    d_values: Array, block: Sequence[Array], dilation: int, batch: Batch, saved: Any
) -> tuple[Array, list[Array]]:
    scale, lines, mean, _, out = block
    values, inverse, near, means, hidden, mask = saved
    width = values.shape[1]
    d_hidden = (d_values @ out.T) * mask * (hidden > 0)
    d_near = d_hidden @ lines.T
    zeros = np.zeros((1, width), np.float32)
    d_before, d_after = np.vstack([d_near[:, :width], zeros]), np.vstack([d_near[:, 2 * width :], zeros])
    d_scaled = d_near[:, width : 2 * width] + d_before[batch.after[dilation]] + d_after[batch.before[dilation]]
    sums = np.add.reduceat(d_hidden, np.cumsum(batch.counts) - batch.counts, axis=0)
    d_scaled += ((sums @ mean.T) / batch.counts[:, None].astype(np.float32))[batch.number]
    d_normed = d_scaled * scale
    inner = (d_normed * values).mean(axis=1, keepdims=True)
    gradients = [
        (d_scaled * values * inverse).sum(axis=0),
        near.T @ d_hidden,
        means.T @ sums,
        d_hidden.sum(axis=0),
        hidden.T @ d_values,
    ]
    return d_values + inverse * d_normed - values * inverse**3 * inner, gradients


def _adam(weights: Array, gradient: Array, state: list[Array], step: int, rate: float) -> None:
    """Change *weights* by one step (Kingma and Ba 2015), with decoupled decay."""
    state[0] *= MOMENTUM
    state[0] += (1 - MOMENTUM) * gradient
    state[1] *= SECOND_MOMENTUM
    state[1] += (1 - SECOND_MOMENTUM) * gradient * gradient
    mean = state[0] / (1 - MOMENTUM**step)
    deviation = np.sqrt(state[1] / (1 - SECOND_MOMENTUM**step)) + 1e-7
    weights -= (rate * (mean / deviation + DECAY * weights)).astype(np.float32)
