"""Training of the network over lines: exact gradients, and the same bytes from the same data. Needs numpy only."""

import numpy as np
import pytest

from tests.tools.train import network
from workers.clean.model.line_network import ALL, Layout, make_group, stack_networks

COLUMNS = tuple("abcdefg")
DUMPS = network.Plan(hidden=(0.12,))
PAGES = network.Plan(width=16, dilations=(1, 2, 1), groups=(0, ALL, 1))
MEANS = network.Plan(width=16, dilations=(1, 2), groups=(ALL, ALL), weighted_means=2)
PLANS = pytest.mark.parametrize("plan", [DUMPS, PAGES, MEANS], ids=["dumps", "pages", "weighted means"])


def examples(seed: int = 3) -> list[network.Example]:
    """Return random dumps of several lengths."""
    rng = np.random.default_rng(seed)
    return [
        network.Example(
            rng.standard_normal((lines, len(COLUMNS))).astype(np.float32),
            (rng.random((lines, 2)) < 0.5).astype(np.float32),
            rng.random((lines, 2)).astype(np.float32),
            (np.arange(lines) // 3, np.arange(lines) % 2),
        )
        for lines in (1, 2, 12, 30)
    ]


def loss(weights: np.ndarray, batch: network.Batch, layout: Layout, documents: list[network.Example]) -> float:
    """Return the loss by the network that the cleaner runs."""
    exact = stack_networks([weights], np.zeros((1, 1, 7), np.float32), np.ones((1, 1, 7), np.float32), layout)
    starts = np.cumsum(batch.counts) - batch.counts
    out = np.concatenate(
        [
            exact.log_odds(batch.inputs[start : start + count], list(map(make_group, document.groups)))[0]
            for start, count, document in zip(starts, batch.counts, documents, strict=True)
        ]
    )
    entropy = np.maximum(out, 0) - out * batch.labels + np.log1p(np.exp(-np.abs(out)))
    share = np.array([1 / network.BODY_SCALE, network.TITLE_SHARE / network.TITLE_SCALE])
    return float((entropy * batch.weights * share).sum() / batch.dumps)


@PLANS
def test_gradient_equals_difference_of_losses(plan: network.Plan) -> None:
    rng = np.random.default_rng(5)
    layout = plan.layout(len(COLUMNS))
    weights = network._initial(layout, rng).astype(np.float64)
    scaling = np.zeros(7, np.float32), np.ones(7, np.float32)
    batch = network._batch(examples(), scaling, layout, [[0]], plan, np.random.default_rng(9))
    gradient = network._gradient(weights, batch, layout, rng, dropped=0.0)
    step = 1e-4
    for n in rng.integers(0, len(weights), 20):
        up, down = weights.copy(), weights.copy()
        up[n] += step
        down[n] -= step
        difference = (loss(up, batch, layout, examples()) - loss(down, batch, layout, examples())) / (2 * step)
        assert gradient[n] == pytest.approx(difference, rel=0.05, abs=2e-6)


@PLANS
def test_train_same_examples_give_same_bytes(plan: network.Plan) -> None:
    first, second = (network.train(examples(), COLUMNS, [[0]], plan._replace(epochs=2)) for _ in range(2))
    assert first == second
    assert first != network.train(examples(4), COLUMNS, [[0]], plan._replace(epochs=2))
