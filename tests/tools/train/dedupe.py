"""`make train-dedupe`: train the near-duplicate model from ../shared/corpus/judge.

The training data are the pairs of texts that share an index key, because the index compares no others. All copies of a
text are in one fold. `tests/tools/train/dedupe.json` has the curve on texts that the trees have not seen.
"""

import itertools
import json
import lzma
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from catboost import CatBoostClassifier

from tests.tools.skips import SHARED
from tests.tools.train.grow import TREE_OPTIONS, stored_trees
from tests.tools.train.variants import variants
from workers.dedupe.near_duplicates.compared_texts import MIN_REPEATS
from workers.dedupe.near_duplicates.copy_rules import EQUAL_TITLE, Decisions, apply_rules
from workers.dedupe.near_duplicates.model import FILE, MIN_SHARED, StoredModel, limited
from workers.dedupe.near_duplicates.pair_features import COLUMNS, MONOTONE, pair_features
from workers.dedupe.near_duplicates.signature import LAYOUT, SignatureInput, TextSignature, signatures_of_words
from workers.dedupe.near_duplicates.stories import BUCKET, joins, story_weight
from workers.dedupe.near_duplicates.word_arrays import read_words
from workers.demo.stories import PLOTS, story

CORPUS = SHARED / "corpus" / "judge"
CURVE = Path(__file__).with_name("dedupe.json")
SETS = ("natural", "synth", "synthsum", "forms", "variants")
FORMS = 600  # stories of the demo newsroom: few sentences, with different names and numbers each time
FOLDS = 5
BATCH, PAIRS = 100, 10_000  # texts and pairs of one call
NATURAL_WEIGHT = 20.0  # because natural pairs are rare
# Pairs without a label report one event or are too short. As copies they would join different stories, so they weigh
# as pairs that are no copies.
OPEN_WEIGHT = 0.3 * NATURAL_WEIGHT
OPTIONS = TREE_OPTIONS | {"iterations": 200, "depth": 6, "learning_rate": 0.1, "rsm": 1.0}
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


class Texts(NamedTuple):
    """A set of texts in order: the pairs that are copies, the pairs without a label, and the group of each text."""

    docs: list[dict[str, Any]]
    copies: set[tuple[int, int]]
    unsure: set[tuple[int, int]]
    group: list[int]


def lines(name: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file of the corpus."""
    with lzma.open(CORPUS / f"{name}.jsonl.xz", "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def texts(name: str) -> Texts:
    """Return a set of the corpus. `forms` is invented: its texts share all sentences except names and numbers."""
    if name == "forms":
        stories = [story(n) for n in range(FORMS)]
        docs = [
            {"id": str(s.number), "title": s.title, "text": "\n".join(s.paragraphs), "outlet": s.outlet.name}
            for s in stories
        ]
        starts = [sentences[-1][:12].partition("{")[0] for plots in PLOTS.values() for _, sentences in plots]
        plot = [
            next(n for n, start in enumerate(starts) if any(text.startswith(start) for text in s.paragraphs))
            for s in stories
        ]
        return Texts(docs, set(), set(), plot)  # grouped by plot, so that the test folds have unseen plots
    if name == "variants":
        return _variants()
    docs = list(lines(f"{name}_docs"))
    if name == "natural":
        number = {doc["id"]: n for n, doc in enumerate(docs)}
        labels = {(min(a, b), max(a, b)): pair["y"] for pair in lines("natural_pairs") for a, b in [(number[pair["a"]], number[pair["b"]])]}  # fmt: skip
        copies = {pair for pair, y in labels.items() if y == 1}
        return Texts(docs, copies, {pair for pair, y in labels.items() if y is None}, _groups(len(docs), copies))
    members = defaultdict(list)
    for n, doc in enumerate(docs):
        if doc["kind"] in ("orig", "copy"):
            members[doc["cluster"]].append(n)
    numbers: dict[str, int] = {}
    group = [numbers.setdefault(doc["cluster"], len(numbers)) for doc in docs]
    copies = {pair for cluster in members.values() for pair in itertools.combinations(cluster, 2)}
    return Texts(docs, copies, set(), group)


def _variants() -> Texts:
    """Return variants of real texts: seeds, copies and filled-in forms of all lengths."""
    paired = {id_ for pair in lines("natural_pairs") for id_ in (pair["a"], pair["b"])}
    natural = (doc for doc in lines("natural_docs") if doc["id"] not in paired)
    singles = (doc for doc in lines("synth_docs") if doc["kind"] in ("orig", "single"))
    table = list(variants([*natural, *singles]))
    members = defaultdict(list)
    for n, (_, seed, is_copy) in enumerate(table):
        if is_copy:
            members[seed].append(n)
    copies = {(numbers[0], numbers[1]) for numbers in members.values()}
    return Texts([doc for doc, _, _ in table], copies, set(), [seed for _, seed, _ in table])


def _groups(count: int, pairs: set[tuple[int, int]]) -> list[int]:
    parent = list(range(count))

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = n = parent[parent[n]]
        return n

    for a, b in sorted(pairs):
        parent[root(a)] = root(b)
    return [root(n) for n in range(count)]


def sign(corpus: Texts) -> list[TextSignature]:
    """Return the signature of each text, without the sentences that earlier texts of its outlet repeat.

    As in the index, copies of an earlier text of their outlet do not count.
    """
    docs, copied = corpus.docs, {b for a, b in corpus.copies if corpus.docs[a]["outlet"] == corpus.docs[b]["outlet"]}
    earlier: defaultdict[str, Counter[bytes]] = defaultdict(Counter)
    signed, own = [], []
    read = [words for n in range(0, len(docs), BATCH) for words in read_words([d["text"] for d in docs[n : n + BATCH]])]
    for n, doc in enumerate(docs):
        count, words = earlier[doc["outlet"].casefold()], read[n]
        repeated = {key for key in words.keys if count[key] >= MIN_REPEATS and key}
        signed.append(SignatureInput(doc["title"], "", doc["outlet"], 0.0, repeats=bool(repeated)))
        own.append(words.without(repeated))
        if n not in copied:
            count.update(set(words.keys))
    spans = [slice(n, n + BATCH) for n in range(0, len(signed), BATCH)]
    return [s for span in spans for s in signatures_of_words(signed[span], own[span])]


def candidates(signatures: Sequence[TextSignature]) -> list[tuple[int, int]]:
    """Return the pairs (earlier, later) that share an index key."""
    pairs: set[tuple[int, int]] = set()
    index: defaultdict[bytes, list[int]] = defaultdict(list)
    for n, signature in enumerate(signatures):
        for key in signature.keys:
            pairs.update((other, n) for other in index[key])
            if len(index[key]) < BUCKET:
                index[key].append(n)
    return sorted(pairs, key=lambda pair: pair[::-1])


class Rows(NamedTuple):
    """Pairs as rows of features. `y` is 1 for copies, 0 for other pairs, -1 for pairs without a label.

    `ruled`: probability that a rule sets, NaN if the trees decide. `least`: see `Decisions`.
    """

    rows: Any
    ruled: Any
    least: Any
    y: Any
    pairs: list[tuple[int, int]]
    fold: Any
    texts: Texts

    @property
    def are_open(self) -> Any:
        """Whether the trees decide each pair."""
        return np.isnan(self.ruled) & (self.rows[:, 1] >= MIN_SHARED)


def rows(name: str) -> Rows:
    """Return the candidate pairs of a set of texts."""
    corpus = texts(name)
    signatures = sign(corpus)
    pairs = candidates(signatures)
    if name == "variants":  # only the variants of one seed have labels; two seeds may be copies
        pairs = [(a, b) for a, b in pairs if corpus.group[a] == corpus.group[b]]
    features, rules, least = [], [], []
    for some in (pairs[n : n + PAIRS] for n in range(0, len(pairs), PAIRS)):
        b, a = (
            np.frombuffer(b"".join(signatures[n].signature for n in ends), LAYOUT) for ends in zip(*some, strict=True)
        )
        features.append(pair_features(a, b))
        decisions = apply_rules(a, b, features[-1])
        rules.append(_ruled(decisions))
        least.append(decisions.minimum)
    y = np.array([1 if p in corpus.copies else -1 if p in corpus.unsure else 0 for p in pairs], np.int8)
    fold = np.array([(g * 2654435761 % 2**32) % FOLDS for g in corpus.group])
    return Rows(np.concatenate(features), np.concatenate(rules), np.concatenate(least), y, pairs, fold, corpus)


def _ruled(decisions: Decisions) -> Any:
    """Return the probabilities that rules set for pairs, NaN where the trees decide."""
    return np.where(decisions.by_title, np.fmax(decisions.probability, EQUAL_TITLE), decisions.probability)


def train(sets: dict[str, Rows], excluded_fold: int = -1) -> CatBoostClassifier:
    """Return trees trained on the pairs that no rule takes for copies, without a text of *excluded_fold*.

    Forms that rules separate are examples for the forms that rules leave open.
    """
    x, y, weight = [], [], []
    for name, table in sets.items():
        use = ~(table.ruled > 0) & (table.rows[:, 1] >= MIN_SHARED)
        use &= (table.fold[np.array(table.pairs)] != excluded_fold).all(axis=1)
        x.append(table.rows[use])
        y.append(np.maximum(table.y[use], 0))
        weight.append(np.where(table.y[use] < 0, OPEN_WEIGHT, NATURAL_WEIGHT if name == "natural" else 1.0))
    trees = CatBoostClassifier(**OPTIONS, monotone_constraints=list(MONOTONE.values()))
    return trees.fit(np.concatenate(x), np.concatenate(y), sample_weight=np.concatenate(weight))


def stream_scores(table: Rows, probabilities: Any, threshold: float) -> dict[str, Any]:
    """Return precision, recall and F1 of the pairs in one story, and of the direct links, for texts in order.

    `wrong_links`: texts whose link is wrong, by their kind, for example follow-ups.
    """
    near = defaultdict(list)
    for (a, b), p in zip(table.pairs, probabilities, strict=True):
        near[b].append((float(p), a))
    story, link = list(range(len(table.texts.docs))), {}
    for n in range(len(story)):
        by_story: dict[int, list[tuple[float, int]]] = defaultdict(list)
        for p, a in near[n]:
            by_story[story[a]].append((p, -a))
        near_in = {s: [p for p, _ in texts] for s, texts in by_story.items()}
        joined = {s: story_weight(ps) for s, ps in near_in.items() if joins(ps, threshold)}
        best = max(joined, key=lambda s: (joined[s], -s), default=None)
        if best is not None:
            story[n], link[n] = best, -max(by_story[best])[1]
    members = defaultdict(list)
    for n, s in enumerate(story):
        members[s].append(n)
    copies, unsure = table.texts.copies, table.texts.unsure
    pairs = {pair for texts in members.values() for pair in itertools.combinations(texts, 2)} - unsure
    links = {(a, n) for n, a in link.items()} - unsure
    correct, correct_links = len(pairs & copies), len(links & copies)
    return {
        "precision": round(correct / max(1, len(pairs)), 4), "recall": round(correct / max(1, len(copies)), 4),
        "f1": round(2 * correct / max(1, len(pairs) + len(copies)), 4),
        "link_precision": round(correct_links / max(1, len(links)), 4), "links": len(links),
        "wrong_links": dict(sorted(Counter(str(table.texts.docs[n].get("kind", "other")) for _, n in links - copies).items())),
    }  # fmt: skip


def cross_validate(sets: dict[str, Rows]) -> dict[str, Any]:
    """Return the cross-validated curve of each set."""
    by_trees = {name: np.zeros(len(table.y)) for name, table in sets.items()}
    for fold in range(FOLDS):
        trees = train(sets, fold)
        for name, table in sets.items():
            in_fold = table.are_open & (table.fold[np.array(table.pairs)[:, 1]] == fold)
            if in_fold.any():
                by_trees[name][in_fold] = trees.predict_proba(table.rows[in_fold])[:, 1]
    return {
        name: {
            "texts": len(table.texts.docs), "copies": len(table.texts.copies),
            "not_compared": len(table.texts.copies - set(table.pairs)),
            "curve": {str(t): stream_scores(table, probabilities(table, by_trees[name], t), t) for t in THRESHOLDS},
        }
        for name, table in sets.items()
    }  # fmt: skip


def probabilities(table: Rows, by_trees: Any, threshold: float) -> Any:
    """Return the probabilities of pairs by the rules, else by the trees."""
    return np.where(np.isnan(table.ruled), limited(by_trees, table.least, threshold), table.ruled)


def main(threshold: float = 0.5) -> None:
    """Write the model and its curve."""
    sets = {name: rows(name) for name in SETS}
    CURVE.write_text(json.dumps(cross_validate(sets), indent=1) + "\n")
    model = StoredModel(stored_trees(train(sets), COLUMNS, OPTIONS["depth"]), threshold)
    FILE.write_bytes(msgspec.msgpack.encode(model))
    print(f"{FILE}: {FILE.stat().st_size:,} bytes; {CURVE}", file=sys.stderr)


if __name__ == "__main__":
    main()
