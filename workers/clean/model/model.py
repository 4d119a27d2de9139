"""The cleaner's model: the probability that a block is body text. MODEL.md is the model card; `make train` trains it.

rows ──▶ first trees ──▶ probabilities ──▶ rows with the neighbours' probabilities ──▶ second trees ──▶ probability

Only the model of feed HTML has a second pass. Networks over the lines of a dump or the blocks of a page read the rows
too. The weighted mean of the log odds of the trees and of each network counts. The networks of dumps also return the
probability that a line is the title.
"""

from array import array
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from workers.clean.blocks import Block
from workers.clean.metadata import NO_KNOWN_TEXT, KnownText
from workers.clean.model.block_features import WORD_BUCKETS, base_features, name_scores, word_scores
from workers.clean.model.context_features import (
    columns,
    context_features,
    network_columns,
    network_rows,
    second_columns,
    second_pass_features,
)
from workers.clean.model.group_features import Groups, group_blocks
from workers.clean.model.line_network import Networks, StoredNetwork, load_networks, make_group
from workers.clean.model.oblivious_trees import StoredTrees, Trees, load_trees
from workers.clean.model.vocabulary import VOCABULARY_HASH, hash_texts

Matrix = npt.NDArray[np.float32]

MIN_PROBABILITY, MAX_LOG_ODDS = 1e-5, 11.5
MIN_LIKELY_WORDS = 0.5  # log odds by the words of each block, above which an item without link blocks is not scored
FILE = Path(__file__).with_name("model.msgpack")


class InputHashes(msgspec.Struct, frozen=True):
    """Hashes of the inputs of a model: the vocabulary, and the column names of both passes in their order."""

    vocabulary: str = "missing"
    columns: str = "missing"


class StoredModel(msgspec.Struct, frozen=True):
    """The stored model of one input type. Word and name weights are int8; multiply them by their scale."""

    words: bytes
    word_scale: float
    names: bytes
    name_scale: float
    first: StoredTrees
    second: StoredTrees | None
    clutter_block_cost: float  # cost of a block of clutter that remains, in words of body text
    clutter_word_cost: float  # cost of a word of clutter, in words of body text
    inputs: InputHashes = InputHashes()
    networks: tuple[StoredNetwork, ...] = ()
    trees_weight: float = 1.0  # of the log odds of the trees; those of a network weigh 1


class Scores(NamedTuple):
    """Probabilities of the blocks: body text, and in a dump the title (zeros without networks)."""

    body: list[float]
    title: list[float]


class Model(NamedTuple):
    """The model of one input type."""

    words: "array[int]"  # multiply by word_scale
    word_scale: float
    names: list[float]
    first: Trees
    second: Trees | None
    clutter_block_cost: float
    clutter_word_cost: float
    networks: Networks | None = None
    trees_weight: float = 1.0

    def predict(self, blocks: Sequence[Block], known_text: KnownText = NO_KNOWN_TEXT) -> Scores:
        """Return the probabilities of the blocks. All blocks must have text."""
        if not blocks:
            return Scores([], [])
        words = np.array([block.words for block in blocks], dtype=np.float32)
        names = name_scores(blocks, self.names) if blocks[0].tag != "line" else None
        groups = group_blocks(blocks) if names is not None else None
        rows = context_features(
            base_features(blocks, known_text), word_scores(blocks, self.words) * self.word_scale, names, groups
        )
        body = self.first.probabilities(rows)
        if self.second is not None:
            assert groups is not None  # only feed HTML has a second pass
            body = self.second.probabilities(second_pass_features(rows, body, words, groups))
        if self.networks is None:
            return Scores(body.tolist(), [0.0] * len(blocks))
        log_odds = mean_log_odds(self.networks, rows, groups)
        joined = combine(body, log_odds[:, 0], len(self.networks.first), self.trees_weight)
        title = _probability(log_odds[:, 1]).tolist() if groups is None else [0.0] * len(blocks)
        return Scores(joined.tolist(), title)

    def has_likely_words(self, blocks: Sequence[Block]) -> bool:
        """Return whether the words of each block are those of body text, so that the item need not be scored."""
        return float(word_scores(blocks, self.words).min()) * self.word_scale >= MIN_LIKELY_WORDS

    def should_keep(self, probability: float, words: int, *, share: float = 1.0) -> bool:
        """Return whether to keep a block: its loss would cost more than the clutter that remains, on average.

        *share*: of the block's cost.
        """
        clutter_cost = share * self.clutter_block_cost + words * self.clutter_word_cost
        return probability * words > (1 - probability) * clutter_cost


def mean_log_odds(networks: Networks, rows: Matrix, groups: Groups | None) -> Matrix:
    """Return the mean over *networks* of the log odds of body text and title. *groups*: of HTML."""
    inputs = network_rows(rows, html=groups is not None)
    grouped = tuple(map(make_group, groups or ()))
    log_odds = networks.log_odds(inputs, grouped)
    mean: Matrix = np.clip(log_odds, -MAX_LOG_ODDS, MAX_LOG_ODDS).mean(axis=0, dtype=np.float32)
    return mean


def combine(trees: Matrix, network_log_odds: Matrix, networks: int, trees_weight: float = 1.0) -> Matrix:
    """Return the probability at the weighted mean log odds of trees and networks. *trees*: their probability."""
    p = np.clip(trees, MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    trees_log_odds = np.log(p / (1 - p)).astype(np.float32)
    return _probability((trees_weight * trees_log_odds + networks * network_log_odds) / (trees_weight + networks))


def _probability(log_odds: Matrix) -> Matrix:
    out: Matrix = (1 / (1 + np.exp(-np.clip(log_odds, -30, 30)))).astype(np.float32)
    return out


def load(data: bytes, input_type: str) -> Model:
    """Return the model of *input_type* in *data*.

    Raises:
        ValueError: the model was trained with another vocabulary or other columns.
    """
    stored = msgspec.msgpack.decode(data, type=dict[str, StoredModel])[input_type]
    html = input_type != "text"
    _check_inputs(input_type, stored.inputs, input_hashes(html=html))
    return Model(
        _repeat(array("b", stored.words), WORD_BUCKETS),
        stored.word_scale,
        [stored.name_scale * value for value in array("b", stored.names)],
        load_trees(stored.first, columns(html=html)),
        load_trees(stored.second, second_columns(html=html)) if stored.second is not None else None,
        stored.clutter_block_cost,
        stored.clutter_word_cost,
        load_networks(stored.networks, network_columns(html=html)) if stored.networks else None,
        stored.trees_weight,
    )


def input_hashes(*, html: bool) -> InputHashes:
    """Return the hashes of the current inputs."""
    return InputHashes(VOCABULARY_HASH, hash_texts(iter((*columns(html=html), *second_columns(html=html)))))


def _check_inputs(input_type: str, trained: InputHashes, present: InputHashes) -> None:
    for name, expected in msgspec.structs.asdict(present).items():
        actual = getattr(trained, name)
        if actual != expected:
            detail = f"{name} hash {actual} in model.msgpack, {expected} in the code"
            raise ValueError(f"model rejected: {input_type} ({detail}); run `make train`")


@lru_cache
def load_default(input_type: str) -> Model:
    """Return the shipped model for `text`, `html` or `page`."""
    return load(FILE.read_bytes(), input_type)


def _repeat(weights: "array[int]", buckets: int) -> "array[int]":
    """Return a weight per bucket. Fewer stored weights repeat: both bucket numbers are remainders of one hash."""
    return weights * (buckets // len(weights))
