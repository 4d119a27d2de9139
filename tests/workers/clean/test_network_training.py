"""Training of the network over lines: exact gradients, and the same bytes from the same data. Needs numpy only."""

import numpy as np
import pytest

from tests.tools.train import network
from workers.clean.model.line_network import StoredNetwork, load_network, split_weights

COLUMNS = tuple("abcdefg")


def examples(seed: int = 3) -> list[network.Example]:
    """Return random dumps of several lengths."""
    rng = np.random.default_rng(seed)
    return [
        network.Example(
            rng.standard_normal((lines, len(COLUMNS))).astype(np.float32),
            (rng.random((lines, 2)) < 0.5).astype(np.float32),
            rng.random((lines, 2)).astype(np.float32),
        )
        for lines in (1, 2, 12, 30)
    ]


def loss(weights: np.ndarray, batch: network.Batch, inputs: np.ndarray) -> float:
    """Return the loss by the network that the cleaner runs."""
    stored = StoredNetwork(
        COLUMNS, np.zeros(7, "<f4").tobytes(), np.ones(7, "<f4").tobytes(), weights.astype("<f2").tobytes()
    )
    shapes = load_network(stored, COLUMNS)
    parts = split_weights(weights, len(COLUMNS))
    blocks = tuple(type(block)(*parts[2 + 5 * n : 7 + 5 * n]) for n, block in enumerate(shapes.blocks))
    exact = shapes._replace(
        first=parts[0],
        first_bias=parts[1],
        blocks=blocks,
        hidden=parts[-4],
        hidden_bias=parts[-3],
        last=parts[-2],
        last_bias=parts[-1],
    )
    starts = np.cumsum(batch.counts) - batch.counts
    out = np.concatenate(
        [exact.log_odds(inputs[start : start + count]) for start, count in zip(starts, batch.counts, strict=True)]
    )
    entropy = np.maximum(out, 0) - out * batch.labels + np.log1p(np.exp(-np.abs(out)))
    share = np.array([1 / network.BODY_SCALE, network.TITLE_SHARE / network.TITLE_SCALE])
    return float((entropy * batch.weights * share).sum() / batch.dumps)


def test_gradient_equals_difference_of_losses() -> None:
    rng = np.random.default_rng(5)
    weights = network._initial(len(COLUMNS), rng).astype(np.float64)
    batch = network._batch(examples(), np.zeros(7, np.float32), np.ones(7, np.float32), [0], np.random.default_rng(9))
    gradient = network._gradient(weights, batch, len(COLUMNS), rng, dropped=0.0)
    step = 1e-4
    for n in rng.integers(0, len(weights), 20):
        up, down = weights.copy(), weights.copy()
        up[n] += step
        down[n] -= step
        difference = (loss(up, batch, batch.inputs) - loss(down, batch, batch.inputs)) / (2 * step)
        assert gradient[n] == pytest.approx(difference, rel=0.05, abs=2e-6)


def test_train_same_examples_give_same_bytes() -> None:
    first, second = (network.train(examples(), COLUMNS, [0], epochs=2) for _ in range(2))
    assert first == second
    assert first != network.train(examples(4), COLUMNS, [0], epochs=2)
