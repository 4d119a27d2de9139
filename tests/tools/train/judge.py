"""`make train-judge`: what tells copies of a text from texts about the same, from ../shared/corpus/judge.

Pairs that share an index key are what the judge ever sees. Folds go by groups of copies, so that no text helps to judge
its own copies; `tests/tools/train/judge.json` has the curve, on texts that the trees hadn't seen.
"""

import itertools
import json
import lzma
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from catboost import CatBoostClassifier

from tests.conftest import SHARED
from tests.tools.train.grow import TREE_OPTIONS, stored_trees
from workers.dedupe.near_duplicates.index import BUCKET, joins
from workers.dedupe.near_duplicates.signature import (
    COLUMNS,
    FILE,
    MIN_SHARED,
    StoredModel,
    TextSignature,
    pair_features,
    signature_of,
)
from workers.demo.stories import PLOTS, story

CORPUS = SHARED / "corpus" / "judge"
CURVE = Path(__file__).with_name("judge.json")
SETS = ("natural", "synth", "synthsum", "forms")
FORMS = 600  # stories that the demo newsroom invents: few sentences, with other names and numbers in them each time
FOLDS = 5
NATURAL_WEIGHT = 4.0  # real pairs are few
OPTIONS = TREE_OPTIONS | {"iterations": 120, "depth": 4, "learning_rate": 0.1, "rsm": 1.0}
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


class Texts(NamedTuple):
    """A set of texts in their order: which pairs are copies, which nobody can say, and a group for each text."""

    docs: list[dict[str, Any]]
    copies: set[tuple[int, int]]
    unsure: set[tuple[int, int]]
    group: list[int]


def lines(name: str) -> Iterator[dict[str, Any]]:
    with lzma.open(CORPUS / f"{name}.jsonl.xz", "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def texts(name: str) -> Texts:
    """Return a set of the corpus; `forms` is our own, and has nothing but what is filled in anew."""
    if name == "forms":
        made = [story(n) for n in range(FORMS)]
        docs = [
            {"id": str(s.number), "title": s.title, "text": "\n".join(s.paragraphs), "outlet": s.outlet.name}
            for s in made
        ]
        plots = [sentences[-1][:12].partition("{")[0] for _, sentences in PLOTS]
        plot = [next(n for n, begins in enumerate(plots) if s.paragraphs[-1].startswith(begins)) for s in made]
        return Texts(docs, set(), set(), plot)  # by its plot: whether forms are told that it hasn't seen
    docs = list(lines(f"{name}_docs"))
    if name == "natural":
        number = {doc["id"]: n for n, doc in enumerate(docs)}
        said = {(min(a, b), max(a, b)): pair["y"] for pair in lines("natural_pairs") for a, b in [(number[pair["a"]], number[pair["b"]])]}  # fmt: skip
        copies = {pair for pair, y in said.items() if y == 1}
        return Texts(docs, copies, {pair for pair, y in said.items() if y is None}, _groups(len(docs), copies))
    members = defaultdict(list)
    for n, doc in enumerate(docs):
        if doc["kind"] in ("orig", "copy"):
            members[doc["cluster"]].append(n)
    numbers: dict[str, int] = {}
    group = [numbers.setdefault(doc["cluster"], len(numbers)) for doc in docs]
    return Texts(docs, {pair for of in members.values() for pair in itertools.combinations(of, 2)}, set(), group)


def _groups(count: int, pairs: set[tuple[int, int]]) -> list[int]:
    parent = list(range(count))

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = n = parent[parent[n]]
        return n

    for a, b in sorted(pairs):
        parent[root(a)] = root(b)
    return [root(n) for n in range(count)]


def signed(docs: Sequence[dict[str, Any]]) -> list[TextSignature]:
    return [signature_of(doc["title"], doc["text"], doc["outlet"], 0.0) for doc in docs]


def candidates(signs: Sequence[TextSignature]) -> list[tuple[int, int]]:
    """Return the pairs that share an index key, (earlier, later)."""
    found, shown = set(), defaultdict(list)
    for n, one in enumerate(signs):
        for key in one.keys:
            found.update((other, n) for other in shown[key])
            if len(shown[key]) < BUCKET:
                shown[key].append(n)
    return sorted(found)


class Rows(NamedTuple):
    """Pairs as the trees see them: y is 1 for copies, 0 for others, -1 where nobody can say."""

    rows: Any
    y: Any
    pairs: list[tuple[int, int]]
    fold: Any
    texts: Texts


def rows(name: str) -> Rows:
    found = texts(name)
    signs = signed(found.docs)
    pairs = candidates(signs)
    made = np.concatenate([pair_features(signs[b].signature, [signs[a].signature]) for a, b in pairs])
    y = np.array([1 if p in found.copies else -1 if p in found.unsure else 0 for p in pairs], np.int8)
    fold = np.array([(g * 2654435761 % 2**32) % FOLDS for g in found.group])
    return Rows(made, y, pairs, fold, found)


def trained(sets: dict[str, Rows], left_out: int = -1) -> CatBoostClassifier:
    """Return trees grown on all pairs of which neither text is in the fold *left_out*."""
    x, y, weight = [], [], []
    for name, of in sets.items():
        ends = np.array(of.pairs)
        use = (of.y >= 0) & (of.fold[ends] != left_out).all(axis=1)
        x.append(of.rows[use])
        y.append(of.y[use])
        weight.append(np.full(use.sum(), NATURAL_WEIGHT if name == "natural" else 1.0))
    trees = CatBoostClassifier(**OPTIONS)
    return trees.fit(np.concatenate(x), np.concatenate(y), sample_weight=np.concatenate(weight))


def streamed(of: Rows, probabilities: Any, copy_at: float) -> dict[str, float]:
    """Return precision, recall and F1 of the pairs that end up in one story, and of the direct links."""
    near = defaultdict(list)
    for (a, b), p in zip(of.pairs, probabilities, strict=True):
        near[b].append((float(p), a))
    story, link = list(range(len(of.texts.docs))), {}
    for n in range(len(story)):
        told: dict[int, list[tuple[float, int]]] = defaultdict(list)
        for p, a in near[n]:
            told[story[a]].append((p, -a))
        sure = {s: max(found)[0] for s, found in told.items() if joins([p for p, _ in found], copy_at)}
        best = max(sure, key=lambda s: (sure[s], -s), default=None)
        if best is not None:
            story[n], link[n] = best, -max(told[best])[1]
    members = defaultdict(list)
    for n, s in enumerate(story):
        members[s].append(n)
    pairs = {pair for of_ in members.values() for pair in itertools.combinations(of_, 2)} - of.texts.unsure
    links = {(a, n) for n, a in link.items()} - of.texts.unsure
    right, right_links = len(pairs & of.texts.copies), len(links & of.texts.copies)
    return {
        "precision": round(right / max(1, len(pairs)), 4), "recall": round(right / max(1, len(of.texts.copies)), 4),
        "f1": round(2 * right / max(1, len(pairs) + len(of.texts.copies)), 4),
        "link_precision": round(right_links / max(1, len(links)), 4), "links": len(links),
    }  # fmt: skip


def validated(sets: dict[str, Rows]) -> dict[str, Any]:
    """Return the curve of each set, cross-validated."""
    probabilities = {name: np.zeros(len(of.y)) for name, of in sets.items()}
    for fold in range(FOLDS):
        trees = trained(sets, fold)
        for name, of in sets.items():
            mine = of.fold[np.array(of.pairs)[:, 1]] == fold
            enough = of.rows[mine, 1] >= MIN_SHARED
            probabilities[name][mine] = np.where(enough, trees.predict_proba(of.rows[mine])[:, 1], 0.0)
    return {
        name: {
            "texts": len(of.texts.docs), "copies": len(of.texts.copies),
            "not_compared": len(of.texts.copies - set(of.pairs)),
            "curve": {str(t): streamed(of, probabilities[name], t) for t in THRESHOLDS},
        }
        for name, of in sets.items()
    }  # fmt: skip


def main(copy_at: float = 0.7) -> None:
    """Write the model and its curve."""
    sets = {name: rows(name) for name in SETS}
    CURVE.write_text(json.dumps(validated(sets), indent=1) + "\n")
    model = StoredModel(stored_trees(trained(sets), COLUMNS, OPTIONS["depth"]), copy_at)
    FILE.write_bytes(msgspec.msgpack.encode(model))
    print(f"{FILE}: {FILE.stat().st_size:,} bytes; {CURVE}", file=sys.stderr)


if __name__ == "__main__":
    main()
