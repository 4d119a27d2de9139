"""Training of the cleaner's model: word and name weights, then one or two passes of trees.

Each step is trained on scores of documents that the previous step has not seen.
"""

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from catboost import CatBoostClassifier
from sklearn.linear_model import LogisticRegression

from tests.tools.train import network
from tests.tools.train.corpus import Document, fold_of
from workers.clean.blocks import Element
from workers.clean.line_types import word_count
from workers.clean.model.block_features import NAME_BUCKETS, WORD_BUCKETS, base_features, name_buckets, word_tokens
from workers.clean.model.context_features import (
    columns,
    context_features,
    network_columns,
    network_rows,
    second_columns,
    second_pass_features,
)
from workers.clean.model.group_features import group_blocks
from workers.clean.model.line_network import ALL, StoredNetwork
from workers.clean.model.model import StoredModel, input_hashes
from workers.clean.model.oblivious_trees import StoredTrees

DEPTH = 6
WORD_C, NAME_C = 1.0, 0.05  # inverse strengths of regularisation
HARD_WEIGHT = 3.0
SENTENCE_WEIGHT = 5.0  # of a labelled sentence in the training of word weights
REAL_WEIGHT = 2.25  # of a real dump; a synthetic one weighs 1
SYNTHETIC, PSEUDO = "synthetic", "pseudo"  # groups of synthetic dumps; the words of the latter mean nothing
TITLE_LINES = 12  # after the first line of the story; later lines have no weight for the title
TREE_OPTIONS: dict[str, Any] = {
    "depth": DEPTH, "l2_leaf_reg": 5,
    "boosting_type": "Plain", "bootstrap_type": "Bernoulli", "subsample": 0.7, "rsm": 0.5,
    "random_seed": 1, "thread_count": 1,  # reproducible: the same data gives the same bytes
    "verbose": 0, "allow_writing_files": False,
}  # fmt: skip


class Plan(NamedTuple):
    """The trees of an input type.

    *folds*: for first-pass probabilities of documents that the trees have not seen; 0 without a second pass.
    *word_folds*: for scores of documents that the weights have not seen.
    """

    trees: int
    rate: float = 0.05
    folds: int = 3
    word_folds: int = 4
    borders: int = 64
    network_plan: network.Plan = network.DUMP_PLAN
    seeds: tuple[int, ...] = ()  # one network each; the mean of several networks errs less than one (decision 139)
    trees_weight: float = 1.0  # of the log odds of the trees beside those of the networks, which weigh 1 each


# Dumps have fewer trees with larger steps: a network reads them as well, and their training set is larger.
# Networks read the lines around a line, and blocks of pages have group features, so a second pass does not help there
# (figures in decisions 94 and 139).
# On pages, three networks lower the log loss of the trees by 4 % (decision 157).
DUMP_NETWORK = network.Plan(epochs=14, weighted_means=2)
PAGE_NETWORK = network.Plan(
    width=32, dilations=(1, 2, 4, 8, 1, 2), groups=(1, 2, 0, ALL, 1, 2), epochs=20, hidden=(0.12, 0.1), smoothing=0.02
)
# Feed items are short, so their networks are small (decision 167).
ITEM_NETWORK = network.Plan(
    width=32,
    dilations=(1, 2, 4, 1, 2),
    groups=(ALL,) * 5,
    epochs=14,
    hidden=(0.12, 0.1),
    smoothing=0.02,
    weighted_means=2,
)
PLANS = {
    "text": Plan(240, 0.12, 0, network_plan=DUMP_NETWORK, seeds=(1, 2, 3)),
    "html": Plan(400, network_plan=ITEM_NETWORK, seeds=(1, 2)),
    "page": Plan(300, 0.07, 0, 3, 32, PAGE_NETWORK, seeds=(1, 2, 3), trees_weight=2.0),
}


@dataclass
class Sample:
    """A document as arrays. The fields with a default are scratch space of `grow`."""

    site: str
    base: Any
    words: Any
    word_tokens: Any
    name_tokens: Any
    body: Any
    weight: Any
    title: Any = None
    title_weight: Any = None
    has_real_words: bool = True
    word_scores: Any = None
    name_scores: Any = None
    rows: Any = None
    first: Any = None
    groups: Any = None


def make_sample(document: Document, *, html: bool) -> Sample:
    """Return the arrays of a document.

    All documents have the same weight. A block weighs the square root of its words; hard clutter at least HARD_WEIGHT.
    """
    blocks = document.blocks
    words = np.array([word_count(block.text) for block in blocks], np.float32)
    base = np.sqrt(np.minimum(words, 100) + 1)
    weight = np.array(document.trust, np.float32) * np.where(document.hard, np.maximum(base, HARD_WEIGHT), base)
    total = weight.sum()
    if total > 0:
        weight *= 100 * min(1, len(blocks) / 20) / total
    if html:
        weight *= _subsample(document.body)
    elif document.group not in (SYNTHETIC, PSEUDO):
        weight *= REAL_WEIGHT
    cache: dict[Element, tuple[int, ...]] = {}

    def buckets(element: Element) -> tuple[int, ...]:
        if element not in cache:
            cache[element] = (buckets(element.parent) if element.parent else ()) + name_buckets("u", element)
        return cache[element]

    names = [buckets(b.element) + name_buckets("o", b.element) for b in blocks if b.element] if html else []
    return Sample(
        document.site, base_features(blocks, document.known_text), words,
        _sparse([word_tokens(block.text) for block in blocks], WORD_BUCKETS, rooted=True),
        _sparse(names, NAME_BUCKETS) if html else None,
        np.array(document.body, np.int8), weight.astype(np.float32), *_title(document), document.group != PSEUDO,
        groups=group_blocks(blocks) if html else None,
    )  # fmt: skip


def _title(document: Document) -> tuple[Any, Any]:
    """Return the labels and the weights of the title; no weight without a title."""
    count = len(document.blocks)
    labels = np.array(document.title or [False] * count, np.float32)
    first = next((n for n, body in enumerate(document.body) if body), count)
    near = np.arange(count) < first + TITLE_LINES
    return labels, near.astype(np.float32) * float(labels.any()) * np.where(labels > 0, 3.0, 1.0).astype(np.float32)


def _subsample(body: Sequence[bool], distance: int = 6, keep: int = 8) -> Any:
    """Return weights that omit most blocks far from body text, because a page has hundreds of similar ones."""
    near = np.convolve(np.array(body, np.float32), np.ones(2 * distance + 1), mode="same")[: len(body)] > 0
    return np.where(near, 1.0, np.where(np.arange(len(body)) % keep == 0, keep / 3, 0.0)).astype(np.float32)


def _sparse(rows: Sequence[Sequence[int]], columns: int, *, rooted: bool = False) -> Any:
    counts = np.array([len(row) for row in rows])
    ones = np.repeat(1 / np.sqrt(np.maximum(counts, 1)) if rooted else np.ones(len(rows)), counts)
    buckets = np.array([bucket for row in rows for bucket in row], np.int32)
    ends = np.concatenate([[0], np.cumsum(counts)])
    return scipy.sparse.csr_matrix((ones.astype(np.float32), buckets, ends), shape=(len(rows), columns))


class Sentences(NamedTuple):
    """Labelled sentences outside a document, as arrays: they train the word weights only."""

    word_tokens: Any
    body: Any
    weight: Any


def make_sentences(texts: Sequence[tuple[str, bool]], weight: float = SENTENCE_WEIGHT) -> Sentences:
    """Return the arrays of *texts*, each with whether it is body text. *weight*: of each text."""
    body = np.array([is_body for _, is_body in texts], np.int8)
    tokens = _sparse([word_tokens(text) for text, _ in texts], WORD_BUCKETS, rooted=True)
    return Sentences(tokens, body, np.full(len(texts), weight, np.float32))


class TrainedModel(NamedTuple):
    """Trained weights and trees."""

    words: Any
    names: Any
    first: CatBoostClassifier
    second: CatBoostClassifier | None
    networks: tuple[StoredNetwork, ...]
    trees_weight: float


def grow(samples: Sequence[Sample], plan: Plan, sentences: Sequence[Sentences] = ()) -> TrainedModel:
    """Return a model of *samples*. Overwrites their score fields."""
    words = _scored(samples, "word_tokens", "word_scores", WORD_C, plan.word_folds, sentences)
    names = None
    if samples[0].name_tokens is not None:
        names = _scored(samples, "name_tokens", "name_scores", NAME_C, plan.word_folds)
    for s in samples:
        s.rows = _rows(s)
    first = _trees(samples, lambda s: s.rows, plan)
    second = None
    if plan.folds:
        _cross_fit(samples, "t", plan.folds, lambda rest: _trees(rest, lambda s: s.rows, plan), _set_first)
        second = _trees(samples, _second_rows, plan)
    return TrainedModel(words, names, first, second, _networks(samples, plan), plan.trees_weight)


def _networks(samples: Sequence[Sample], plan: Plan) -> tuple[StoredNetwork, ...]:
    if not plan.seeds:
        return ()
    html = samples[0].groups is not None
    examples = [
        network.Example(
            network_rows(s.rows, html=html), np.stack([s.body, s.title], axis=1).astype(np.float32),
            np.stack([s.weight, s.title_weight], axis=1), s.groups or (),
        )
        for s in samples
    ]  # fmt: skip
    names = network_columns(html=html)
    hidden = [[names.index(name) for name in ("word_score", "word_score_size")]]
    hidden += [[names.index("name_score")]] if html else []
    # Processes that are forked share the examples. Each network has its own, so their number does not change the bytes.
    with ProcessPoolExecutor(os.cpu_count(), get_context("fork"), _share, (examples, names, hidden, plan)) as pool:
        return tuple(pool.map(_train_network, plan.seeds))


_shared: list[Any] = []  # of a training process: examples, names of the columns, hidden columns, plan


def _share(*data: Any) -> None:
    _shared[:] = data


def _train_network(seed: int) -> StoredNetwork:
    examples, names, hidden, plan = _shared
    return network.train(examples, names, hidden, plan.network_plan, seed)


def _set_first(s: Sample, trees: CatBoostClassifier) -> None:
    s.first = trees.predict_proba(s.rows)[:, 1].astype(np.float32)


def _second_rows(s: Sample) -> Any:
    return second_pass_features(s.rows, s.first, s.words, s.groups)


def _rows(s: Sample) -> Any:
    return context_features(s.base, s.word_scores, s.name_scores, s.groups)


def _scored(
    samples: Sequence[Sample], tokens: str, scores: str, c: float, folds: int, sentences: Sequence[Sentences] = ()
) -> Any:
    """Return weights of all samples with real words, and set the scores by weights that have not seen a sample's site."""

    def set_scores(s: Sample, weights: Any) -> None:
        setattr(s, scores, getattr(s, tokens) @ weights)

    def weights(some: Sequence[Sample]) -> Any:
        return _weights([*(s for s in some if s.has_real_words), *sentences], tokens, c)

    _cross_fit(samples, "w", folds, weights, set_scores)
    return weights(samples)


def _cross_fit(
    samples: Sequence[Sample],
    salt: str,
    folds: int,
    train: Callable[[list[Sample]], Any],
    apply: Callable[[Sample, Any], None],
) -> None:
    """Apply to each sample a model that was trained without the fold of its site."""
    for fold in range(folds):
        model = train([s for s in samples if fold_of(s.site, folds, salt) != fold])
        for s in samples:
            if fold_of(s.site, folds, salt) == fold:
                apply(s, model)


def _weights(samples: Sequence[Sample | Sentences], tokens: str, c: float) -> Any:
    rows = scipy.sparse.vstack([getattr(s, tokens) for s in samples])
    body, weight = _labels_and_weights(samples)
    used = weight > 0
    regression = LogisticRegression(C=c, solver="liblinear", max_iter=60, tol=1e-3, random_state=1)
    regression.fit(rows[used], body[used], sample_weight=weight[used])
    return _quantise(regression.coef_[0])[0]


def _quantise(weights: Any) -> tuple[Any, Any, float]:
    """Return the weights after quantisation, the int8 values, and their scale."""
    scale = float(np.abs(weights).max()) / 127 or 1.0
    quantised = np.round(weights / scale).astype(np.int8)
    return quantised.astype(np.float32) * scale, quantised, scale


def _labels_and_weights(samples: Sequence[Sample | Sentences]) -> tuple[Any, Any]:
    return np.concatenate([s.body for s in samples]), np.concatenate([s.weight for s in samples])


def _trees(samples: Sequence[Sample], rows: Callable[[Sample], Any], plan: Plan) -> CatBoostClassifier:
    body, weight = _labels_and_weights(samples)
    used = weight > 0
    trees = CatBoostClassifier(
        iterations=plan.trees, learning_rate=plan.rate, border_count=plan.borders, **TREE_OPTIONS
    )
    trees.fit(np.concatenate([rows(s) for s in samples])[used], body[used], sample_weight=weight[used])
    return trees


def stored_model(model: TrainedModel, *, html: bool, block_cost: float, word_cost: float) -> StoredModel:
    """Return the form of *model* for the file, with the hashes of its inputs."""
    _, words, word_scale = _quantise(model.words)
    _, names, name_scale = _quantise(model.names) if html else (None, np.zeros(0, np.int8), 1.0)
    first, second = columns(html=html), second_columns(html=html)
    return StoredModel(
        words.tobytes(), word_scale, names.tobytes(), name_scale,
        stored_trees(model.first, first), stored_trees(model.second, second) if model.second is not None else None, block_cost, word_cost, input_hashes(html=html), model.networks, model.trees_weight,
    )  # fmt: skip


def stored_trees(trees: CatBoostClassifier, names: tuple[str, ...], depth: int = DEPTH) -> StoredTrees:
    """Return the form of *trees* for the file; *names*: their columns."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trees.json"
        trees.save_model(str(path), format="json")
        data = json.loads(path.read_text())
    asked, borders, leaves = [], [], []
    for tree in data["oblivious_trees"]:
        splits = tree["splits"] or []
        missing = depth - len(splits)  # of a tree that stopped early; the answer to the added questions is always no
        asked += [split["float_feature_index"] for split in splits] + [0] * missing
        borders += [split["border"] for split in splits] + [3e38] * missing
        leaves += [*tree["leaf_values"], *[0.0] * ((1 << depth) - len(tree["leaf_values"]))]
    scale, (bias,) = data["scale_and_bias"]
    return StoredTrees(
        names, depth, np.array(asked, "<u2").tobytes(), np.array(borders, "<f4").tobytes(),
        (np.array(leaves, "<f8") * scale).astype("<f4").tobytes(), float(bias),
    )  # fmt: skip
