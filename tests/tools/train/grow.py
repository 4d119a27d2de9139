"""Growing a model: word and name weights, then two rounds of trees, each from scores of documents it wasn't grown on."""

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from catboost import CatBoostClassifier
from sklearn.linear_model import LogisticRegression

from tests.tools.train.corpus import Document, part
from workers.clean.blocks import Element
from workers.clean.line_types import word_count
from workers.clean.model.block_features import BUCKETS, base_features, name_buckets, word_tokens
from workers.clean.model.context_features import columns, context_features, second_columns, second_pass_features
from workers.clean.model.group_features import group_blocks
from workers.clean.model.model import StoredModel
from workers.clean.model.oblivious_trees import StoredTrees

TREES = {"text": 800, "html": 400, "page": 600}
DEPTH = 6
INNER = 4  # parts, for scores of documents that weights and trees haven't seen
WORD_C, NAME_C = 1.0, 0.05  # inverse strengths of regularisation
HARD_WEIGHT = 3.0
TREE_OPTIONS: dict[str, Any] = {
    "depth": DEPTH, "learning_rate": 0.05, "l2_leaf_reg": 5, "border_count": 64,
    "boosting_type": "Plain", "bootstrap_type": "Bernoulli", "subsample": 0.7, "rsm": 0.5,
    "random_seed": 1, "thread_count": 1,  # the same bytes from the same data
    "verbose": 0, "allow_writing_files": False,
}  # fmt: skip


@dataclass
class Sample:
    """A document as arrays: what doesn't depend on any weights."""

    site: str
    fixed: Any
    words: Any
    word_tokens: Any
    name_tokens: Any
    body: Any
    weight: Any
    word_scores: Any = None
    name_scores: Any = None
    rows: Any = None
    first: Any = None
    groups: Any = None


def sample(document: Document, *, html: bool) -> Sample:
    """Return the arrays of a document. Each weighs alike; a block by the root of its words, clutter that shows more."""
    blocks = document.blocks
    words = np.array([word_count(block.text) for block in blocks], np.float32)
    base = np.sqrt(np.minimum(words, 100) + 1)
    weight = np.array(document.trust, np.float32) * np.where(document.hard, np.maximum(base, HARD_WEIGHT), base)
    total = weight.sum()
    if total > 0:
        weight *= 100 * min(1, len(blocks) / 20) / total
    if html:
        weight *= _thinned(document.body)
    above: dict[Element, tuple[int, ...]] = {}

    def up(place: Element) -> tuple[int, ...]:
        if place not in above:
            above[place] = (up(place.parent) if place.parent else ()) + name_buckets("u", place)
        return above[place]

    names = [up(b.element) + name_buckets("o", b.element) for b in blocks if b.element] if html else []
    return Sample(
        document.site, base_features(blocks, document.hints), words,
        _sparse([word_tokens(block.text) for block in blocks], rooted=True), _sparse(names) if html else None,
        np.array(document.body, np.int8), weight.astype(np.float32), groups=group_blocks(blocks) if html else None,
    )  # fmt: skip


def _thinned(body: Sequence[bool], near: int = 6, keep: int = 8) -> Any:
    """Return weights that leave out most of the blocks far from any body text: a page has hundreds, all alike."""
    marks = np.convolve(np.array(body, np.float32), np.ones(2 * near + 1), mode="same")[: len(body)] > 0
    return np.where(marks, 1.0, np.where(np.arange(len(body)) % keep == 0, keep / 3, 0.0)).astype(np.float32)


def _sparse(rows: Sequence[Sequence[int]], *, rooted: bool = False) -> Any:
    counts = np.array([len(row) for row in rows])
    ones = np.repeat(1 / np.sqrt(np.maximum(counts, 1)) if rooted else np.ones(len(rows)), counts)
    at = np.array([bucket for row in rows for bucket in row], np.int32)
    ends = np.concatenate([[0], np.cumsum(counts)])
    return scipy.sparse.csr_matrix((ones.astype(np.float32), at, ends), shape=(len(rows), BUCKETS))


class Grown(NamedTuple):
    """Everything that was learned."""

    words: Any
    names: Any
    first: CatBoostClassifier
    second: CatBoostClassifier


def grow(samples: Sequence[Sample], trees: int) -> Grown:
    """Return a model of these samples, with so many trees a round. Uses their score fields as scratch."""
    words = _scored(samples, "word_tokens", "word_scores", WORD_C)
    names = _scored(samples, "name_tokens", "name_scores", NAME_C) if samples[0].name_tokens is not None else None
    for s in samples:
        s.rows = _rows(s)
    first = _trees(samples, lambda s: s.rows, trees)
    _out_of_part(samples, "t", 3, lambda rest: _trees(rest, lambda s: s.rows, trees), _set_first)
    second = _trees(samples, _second, trees)
    return Grown(words, names, first, second)


def probabilities(grown: Grown, s: Sample) -> Any:
    """Return what the model makes of a sample that it wasn't grown on."""
    s.word_scores = s.word_tokens @ grown.words
    s.name_scores = s.name_tokens @ grown.names if s.name_tokens is not None else None
    s.rows = _rows(s)
    _set_first(s, grown.first)
    return grown.second.predict_proba(_second(s))[:, 1]


def _set_first(s: Sample, trees: CatBoostClassifier) -> None:
    s.first = trees.predict_proba(s.rows)[:, 1].astype(np.float32)


def _second(s: Sample) -> Any:
    return second_pass_features(s.rows, s.first, s.words, s.groups)


def _rows(s: Sample) -> Any:
    return context_features(s.fixed, s.word_scores, s.name_scores, s.groups)


def _scored(samples: Sequence[Sample], tokens: str, scores: str, c: float) -> Any:
    """Return weights of all samples, and give each its scores by weights that haven't seen its site."""

    def give(s: Sample, weights: Any) -> None:
        setattr(s, scores, getattr(s, tokens) @ weights)

    _out_of_part(samples, "w", INNER, lambda rest: _weights(rest, tokens, c), give)
    return _weights(samples, tokens, c)


def _out_of_part(
    samples: Sequence[Sample],
    salt: str,
    parts: int,
    learn: Callable[[list[Sample]], Any],
    give: Callable[[Sample, Any], None],
) -> None:
    for n in range(parts):
        learned = learn([s for s in samples if part(s.site, parts, salt) != n])
        for s in samples:
            if part(s.site, parts, salt) == n:
                give(s, learned)


def _weights(samples: Sequence[Sample], tokens: str, c: float) -> Any:
    rows = scipy.sparse.vstack([getattr(s, tokens) for s in samples])
    body, weight = _joined(samples)
    used = weight > 0
    learner = LogisticRegression(C=c, solver="liblinear", max_iter=60, tol=1e-3, random_state=1)
    learner.fit(rows[used], body[used], sample_weight=weight[used])
    return _rounded(learner.coef_[0])[0]


def _rounded(weights: Any) -> tuple[Any, Any, float]:
    """Return weights as the file will have them: as int8 and a scale."""
    scale = float(np.abs(weights).max()) / 127 or 1.0
    small = np.round(weights / scale).astype(np.int8)
    return small.astype(np.float32) * scale, small, scale


def _joined(samples: Sequence[Sample]) -> tuple[Any, Any]:
    return np.concatenate([s.body for s in samples]), np.concatenate([s.weight for s in samples])


def _trees(samples: Sequence[Sample], rows: Callable[[Sample], Any], count: int) -> CatBoostClassifier:
    body, weight = _joined(samples)
    used = weight > 0
    trees = CatBoostClassifier(iterations=count, **TREE_OPTIONS)
    trees.fit(np.concatenate([rows(s) for s in samples])[used], body[used], sample_weight=weight[used])
    return trees


def stored(grown: Grown, *, html: bool, left_cost: float, word_cost: float) -> StoredModel:
    """Return a model as the file has it."""
    _, words, word_scale = _rounded(grown.words)
    _, names, name_scale = _rounded(grown.names) if html else (None, np.zeros(0, np.int8), 1.0)
    first, second = columns(html=html), second_columns(html=html)
    return StoredModel(
        words.tobytes(), word_scale, names.tobytes(), name_scale,
        stored_trees(grown.first, first), stored_trees(grown.second, second), left_cost, word_cost,
    )  # fmt: skip


def stored_trees(trees: CatBoostClassifier, names: tuple[str, ...], depth: int = DEPTH) -> StoredTrees:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trees.json"
        trees.save_model(str(path), format="json")
        data = json.loads(path.read_text())
    asked, borders, leaves = [], [], []
    for tree in data["oblivious_trees"]:
        splits = tree["splits"]
        missing = depth - len(splits)  # a tree that stopped early: questions that nobody can answer with yes
        asked += [split["float_feature_index"] for split in splits] + [0] * missing
        borders += [split["border"] for split in splits] + [3e38] * missing
        leaves += [*tree["leaf_values"], *[0.0] * ((1 << depth) - len(tree["leaf_values"]))]
    scale, (bias,) = data["scale_and_bias"]
    return StoredTrees(
        names, depth, np.array(asked, "<u2").tobytes(), np.array(borders, "<f4").tobytes(),
        (np.array(leaves, "<f8") * scale).astype("<f4").tobytes(), float(bias),
    )  # fmt: skip
