"""Networks over the blocks of a page: their columns, groups, and the mean with the trees. The page is invented."""

import msgspec
import numpy as np
import pytest

from workers.clean.blocks import Block, html_blocks
from workers.clean.html_parser import parse_html
from workers.clean.model.context_features import columns, network_columns, network_rows
from workers.clean.model.line_network import ALL, Layout, StoredNetwork, load_networks, make_group, shapes
from workers.clean.model.model import combine, load_default

COLUMNS = network_columns(html=True)
LAYOUT = Layout(len(COLUMNS), 8, (1, 2), (0, ALL))
HTML = (
    "<html><head><title>Salt canal</title></head><body><article><h1>Salt canal</h1>"
    "<p>The harbour board reopened the salt canal on Monday, nine years after the flood.</p>"
    "<p>Twelve boats passed the gate before noon, and a brass band played on the quay.</p></article>"
    "<ul><li><a href='/1'>Board sells the gates</a></li><li><a href='/2'>Ferry starts in June</a></li></ul></body></html>"
)


def stored_network(last_bias: float, layout: Layout = LAYOUT) -> StoredNetwork:
    """Return a network whose log odds of body text are *last_bias* for each block."""
    weights = np.zeros(sum(int(np.prod(shape)) for shape in shapes(layout)), "<f2")
    weights[-2] = last_bias
    size = np.zeros(len(COLUMNS), "<f4").tobytes()
    return StoredNetwork(COLUMNS, size, size, weights.tobytes(), layout.width, layout.dilations, layout.groups)


def page_blocks() -> list[Block]:
    return [block for block in html_blocks(parse_html(HTML, page=True)) if block.text]


def test_page_model_networks_share_mean_log_odds() -> None:
    model = load_default("page")._replace(networks=None, trees_weight=1.0)
    blocks = page_blocks()
    trees = np.array(model.predict(blocks).body, np.float32)
    networks = load_networks([stored_network(1.0), stored_network(3.0)], COLUMNS)
    scores = model._replace(networks=networks).predict(blocks)
    expected = combine(trees, np.full(len(blocks), 2.0, np.float32), 2)
    assert scores.body == pytest.approx(expected.tolist(), abs=1e-6)
    assert scores.title == [0.0] * len(blocks)  # only dumps have labels of the title


def test_page_model_trees_weigh_as_stored() -> None:
    model = load_default("page")._replace(networks=None)
    blocks = page_blocks()
    trees = np.array(model.predict(blocks).body, np.float32)
    networks = load_networks([stored_network(2.0)], COLUMNS)
    scores = model._replace(networks=networks, trees_weight=3.0).predict(blocks)
    expected = combine(trees, np.full(len(blocks), 2.0, np.float32), 1, 3.0)
    assert scores.body == pytest.approx(expected.tolist(), abs=1e-6)
    log_odds = np.log(trees / (1 - trees))
    assert expected == pytest.approx(1 / (1 + np.exp(-(3 * log_odds + 2) / 4)), abs=1e-5)


def test_network_rows_of_page_name_tag_codes() -> None:
    width = len(columns(html=True))
    rows = np.arange(2 * width, dtype=np.float32).reshape(2, width)
    rows[:, columns(html=True).index("tag")] = (3, 10)
    inputs = network_rows(rows, html=True)
    assert inputs.shape == (2, len(COLUMNS))
    assert [COLUMNS[n] for n in np.flatnonzero(inputs[0, -11:]) - 11] == ["tag_3"]
    assert [COLUMNS[n] for n in np.flatnonzero(inputs[1, -11:]) - 11] == ["tag_10"]
    shared = [name for name in COLUMNS if name in columns(html=True)]
    own = [columns(html=True).index(name) for name in shared]
    assert (inputs[:, [COLUMNS.index(name) for name in shared]] == rows[:, own]).all()


def test_networks_of_several_sizes_are_rejected() -> None:
    other = stored_network(1.0, Layout(len(COLUMNS), 8, (1, 4), (0, ALL)))
    with pytest.raises(ValueError, match="several sizes"):
        load_networks([stored_network(1.0), other], COLUMNS)


def test_networks_weighted_means_read_lines_in_any_order() -> None:
    rng = np.random.default_rng(3)
    layout = Layout(4, 8, (64,), (ALL,), weighted_means=2)  # no line is 64 lines away
    weights = rng.standard_normal(sum(int(np.prod(shape)) for shape in shapes(layout))).astype("<f2")
    sizes = np.zeros(4, "<f4").tobytes(), np.ones(4, "<f4").tobytes()
    stored = StoredNetwork(tuple("abcd"), *sizes, weights.tobytes(), 8, (64,), (ALL,), 2)
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(stored), type=StoredNetwork)
    networks = load_networks([stored, stored], tuple("abcd"))
    rows = rng.standard_normal((6, 4)).astype(np.float32)
    out = networks.log_odds(rows)
    assert (out[0] == out[1]).all()
    assert networks.log_odds(rows[::-1])[0] == pytest.approx(out[0, ::-1], rel=1e-4)
    rows[5] *= 3
    assert (np.abs(networks.log_odds(rows)[0, :5] - out[0, :5]) > 1e-6).any(axis=1).all()
    plain = Layout(4, 8, (64,), (ALL,))
    assert len(weights) - sum(int(np.prod(shape)) for shape in shapes(plain)) == 2 * 8 + 2 * 8 * 8


def test_networks_group_mean_reads_only_own_group() -> None:
    rng = np.random.default_rng(3)
    layout = Layout(4, 8, (64,), (0,))  # no block is 64 blocks away, so only the group connects blocks
    weights = rng.standard_normal(sum(int(np.prod(shape)) for shape in shapes(layout))).astype("<f2")
    scale = np.ones(4, "<f4").tobytes()
    stored = StoredNetwork(tuple("abcd"), np.zeros(4, "<f4").tobytes(), scale, weights.tobytes(), 8, (64,), (0,))
    networks = load_networks([stored], tuple("abcd"))
    rows = rng.standard_normal((6, 4)).astype(np.float32)
    group = [make_group(np.array([0, 0, 1, 1, 0, 2]))]
    before = networks.log_odds(rows, group)[0, :, 0]
    rows[4] += 1
    changed = np.abs(networks.log_odds(rows, group)[0, :, 0] - before) > 1e-6
    assert changed.tolist() == [True, True, False, False, True, False]
