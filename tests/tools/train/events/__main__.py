"""`make train-events`: train the event model from ../shared/corpus/events. The same data gives the same bytes.

The labels of the pairs (1: same, to 4: different) become similarities from 1 to 0, which the first trees estimate with
the cross entropy, and a support vector regression beside them. The second trees learn from pairs of one event, and from the pairs of an invented day. `curve.json` has the scores on pairs whose articles, or their translations, the model has not seen.
"""

import hashlib
import json
import lzma
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from catboost import CatBoostClassifier, Pool
from sklearn.svm import SVR
from threadpoolctl import threadpool_limits

from streams.records import Article
from tests.tools.skips import SHARED
from tests.tools.train.events.day import day, plot_names
from tests.tools.train.events.scores import best_f1, pearson
from tests.tools.train.grow import TREE_OPTIONS, stored_trees
from workers.events.article_text import TextReader
from workers.events.pair_features import COLUMNS, MONOTONE, SIMILARITY, WITHOUT_VECTOR, pair_features
from workers.events.pair_model import (
    FILE,
    INPUT_DIMS,
    Projection,
    StoredEstimators,
    StoredKernel,
    StoredModel,
    load_kernel,
    mean_similarity,
)
from workers.events.signature import DIMS, HAS_VECTOR, LAYOUT, digests, quantise

PAIRS = SHARED / "corpus" / "events" / "pairs.jsonl.xz"
CURVE = Path(__file__).with_name("curve.json")
FOLDS = 5
OPTIONS = TREE_OPTIONS | {
    "iterations": 250, "depth": 4, "learning_rate": 0.05, "rsm": 0.5, "l2_leaf_reg": 10
}  # fmt: skip
SVR_OPTIONS = {"C": 1.0, "epsilon": 0.1}  # the defaults of scikit-learn
KERNEL_WIDTH = 0.5  # divided by the number of columns
TRAINING_DAY, TRAINING_REPORTS, NEAREST = "train", 500, 4
INVENTED_WEIGHT = 0.3  # of all invented pairs, relative to all real ones
SAME_EVENT = 2.0  # label up to which a pair counts as one event
# Media Cloud numbers stories in the order of their collection: about 900,000 a day around the first day of 2020.
FIRST_ID, IDS_PER_DAY, FIRST_DAY = 1_483_800_000, 900_000, datetime(2020, 1, 1, tzinfo=UTC)
IDENTITY = Projection(np.eye(INPUT_DIMS, dtype=np.float32), {"": np.zeros(INPUT_DIMS, np.float32)})
_NUMBER = re.compile(r"\d+")
_TITLE_END = re.compile(r"\n|  ")
MAX_TITLE_CHARS = 250


Rows = tuple[Any, Any]  # features and labels


class Text(NamedTuple):
    """A text of a pair: its signature without the vector, the vector of the text model, and its language."""

    record: Any
    vector: Any
    language: str


class Pairs(NamedTuple):
    """Texts, the two texts of each pair by index, similarities from 0 to 1, and the fold of each pair."""

    texts: Sequence[Text]
    ends: Any
    similarity: Any
    fold: Any


def to_article(number: int, text: str, language: str) -> Article:
    """Return a text of the corpus as an article; its first line is the title."""
    end = _TITLE_END.search(text.strip())
    title, body = "", text.strip()
    if end is not None and end.start() < MAX_TITLE_CHARS:
        title, body = body[: end.start()], body[end.end() :].strip()
    published = FIRST_DAY + timedelta(days=(number - FIRST_ID) / IDS_PER_DAY)
    return Article(
        id=f"{number:020d}", revision=1, title=title, paragraphs=(body,), language=language, published=published
    )


def read_pairs(reader: TextReader) -> Pairs:
    """Return all pairs. Pairs that share an article, or translations of one, are in one fold."""
    with lzma.open(PAIRS, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    texts, ends, numbers = [], [], []
    for row in rows:
        ids = [int(match) for match in _NUMBER.findall(row["pair_id"])[:2]]
        numbers.append(ids)
        for id_, end in zip(ids, ("1", "2"), strict=True):
            texts.append(_text(reader, to_article(id_, row[f"text{end}"], row[f"lang{end}"])))
        ends.append((len(texts) - 2, len(texts) - 1))
    labels = np.array([float(row["Overall"]) for row in rows])
    return Pairs(texts, np.array(ends), (4 - labels) / 3, folds(numbers))


def _text(reader: TextReader, article: Article) -> Text:
    text = reader.read(article)
    record = np.zeros((), LAYOUT)
    assert article.published is not None
    record["time_s"], record["flags"] = int(article.published.timestamp()), HAS_VECTOR
    record["language"] = text.language.encode()
    for name, keys in (("term", text.terms), ("number", text.numbers), ("place", text.place_keys)):
        record[name] = digests(keys, len(record[name]))
    return Text(record, text.vector, text.language)


def folds(numbers: Sequence[Sequence[int]]) -> Any:
    """Return a fold for each pair; connected pairs have one fold."""
    parent: dict[int, int] = {}

    def root(n: int) -> int:
        parent.setdefault(n, n)
        while parent[n] != n:
            parent[n] = n = parent[parent[n]]
        return n

    for one, two in numbers:
        parent[root(one)] = root(two)
    digest = {n: int(hashlib.blake2b(str(root(n)).encode(), digest_size=4).hexdigest(), 16) for n, _ in numbers}
    return np.array([digest[one] % FOLDS for one, _ in numbers])


def fit_projection(texts: Sequence[Text]) -> Projection:
    """Return the axes along which the vectors of *texts* differ most, after their language's mean is subtracted."""
    vectors, languages = np.stack([text.vector for text in texts]), np.array([text.language for text in texts])
    means = {"": vectors.mean(axis=0)}
    means |= {str(language): vectors[languages == language].mean(axis=0) for language in np.unique(languages)}
    centred = np.stack([text.vector - means[text.language] for text in texts])
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    signs = np.sign(axes[np.arange(DIMS), np.abs(axes[:DIMS]).argmax(axis=1)])  # else they depend on the library
    axes16 = (axes[:DIMS] * signs[:, None]).T.astype(np.float16)
    return Projection(
        axes16.astype(np.float32), {name: mean.astype(np.float16).astype(np.float32) for name, mean in means.items()}
    )


def records_of(texts: Sequence[Text], projection: Projection) -> Any:
    """Return the signatures of *texts*, quantised as the window holds them."""
    records = np.array([text.record for text in texts], LAYOUT)
    for number, text in enumerate(texts):
        records["vector"][number] = quantise(projection.apply(text.vector, text.language))
    return records


def rows_of(pairs: Pairs, projection: Projection) -> Any:
    """Return the features of all pairs."""
    records = records_of(pairs.texts, projection)
    return np.concatenate([pair_features(records[a], records[b : b + 1]) for a, b in pairs.ends])


def read_day(reader: TextReader) -> tuple[list[Text], Any]:
    """Return the texts of an invented day of the plots for training, and the event of each."""
    reports = day(TRAINING_DAY, TRAINING_REPORTS, training_plots())
    return [_text(reader, report.article) for report in reports], np.array([report.event for report in reports])


def training_plots() -> list[str]:
    """Return every second plot; the others are left for the benchmark."""
    return plot_names()[::2]


def invented_rows(texts: Sequence[Text], events: Any, projection: Projection) -> tuple[Any, Any]:
    """Return features and labels of pairs of the invented day: of one event, and nearest ones of other events."""
    records = records_of(texts, projection)
    rows, labels = [], []
    for number, record in enumerate(records):
        features = pair_features(record, records)
        same = np.flatnonzero(events == events[number])
        same = same[same != number][:NEAREST]
        others = np.argsort(-np.where(events == events[number], -2.0, features[:, 0]), kind="stable")[:NEAREST]
        rows += [features[same], features[others]]
        labels += [np.ones(len(same)), np.zeros(len(others))]
    return np.concatenate(rows), np.concatenate(labels)


class Similarity(NamedTuple):
    """Trees and a kernel regression that estimate the similarity."""

    trees: CatBoostClassifier
    kernel: StoredKernel

    def estimate(self, rows: Any, columns: int) -> Any:
        """Return the similarity by the last *columns* of the rows."""
        by_kernel = load_kernel(self.kernel, columns).estimate(rows[:, -columns:])
        return mean_similarity(estimate(self.trees, rows, columns), by_kernel)


def fit_similarity(rows: Any, similarity: Any, columns: tuple[str, ...]) -> Similarity:
    """Return estimators of the similarity from *columns*, the last ones of the rows."""
    constraints = [MONOTONE[column] for column in columns]
    trees = CatBoostClassifier(**OPTIONS, loss_function="CrossEntropy", monotone_constraints=constraints)
    used = rows[:, -len(columns) :]
    return Similarity(trees.fit(Pool(used, similarity)), fit_kernel(used, similarity))


def fit_kernel(rows: Any, similarity: Any) -> StoredKernel:
    """Return a support vector regression with a Gaussian kernel on standardised columns."""
    means, scales = np.nanmean(rows, axis=0), np.nanstd(rows, axis=0)
    scales[scales == 0] = 1
    gamma = KERNEL_WIDTH / rows.shape[1]
    model = SVR(gamma=gamma, **SVR_OPTIONS).fit(np.nan_to_num((rows - means) / scales), similarity)
    return StoredKernel(
        means.astype("<f4").tobytes(), scales.astype("<f4").tobytes(), model.support_vectors_.astype("<f2").tobytes(),
        model.dual_coef_[0].astype("<f4").tobytes(), float(model.intercept_[0]), gamma,
    )  # fmt: skip


def fit_event(real: Rows, invented: Rows, columns: tuple[str, ...]) -> CatBoostClassifier:
    """Return trees that estimate the probability of one event. The rows end with the similarity."""
    constraints = [*(MONOTONE[column] for column in columns), 1]
    rows = np.concatenate([real[0], invented[0]])[:, -len(constraints) :]
    labels = np.concatenate([real[1], invented[1]])
    invented_weight = INVENTED_WEIGHT * len(real[1]) / len(invented[1])
    weights = np.repeat([1.0, invented_weight], [len(real[1]), len(invented[1])])
    trees = CatBoostClassifier(**OPTIONS, loss_function="Logloss", monotone_constraints=constraints)
    return trees.fit(Pool(rows, labels.astype(int), weight=weights))


def with_similarity(rows: Any, similarity: Any) -> Any:
    """Return *rows* with the similarity as last column."""
    return np.column_stack((rows, similarity))


def estimate(trees: CatBoostClassifier, rows: Any, columns: int) -> Any:
    """Return the probabilities by the last *columns* of the rows."""
    return trees.predict_proba(rows[:, -columns:])[:, 1]


class Validated(NamedTuple):
    """Similarities and probabilities of one event of pairs that the trees had not seen, by set of columns."""

    similarity: dict[int, Any]
    event: dict[int, Any]


def cross_validate(pairs: Pairs, invented: tuple[Sequence[Text], Any]) -> Validated:
    """Return the estimates of pairs of each fold by trees and axes of the other folds."""
    is_same = is_one_event(pairs)
    out = Validated({}, {})
    for columns in (COLUMNS, WITHOUT_VECTOR):
        out.similarity[len(columns)], out.event[len(columns)] = np.zeros((2, len(pairs.fold)))
    for fold in range(FOLDS):
        inside = pairs.fold == fold
        seen = [text for number, text in enumerate(pairs.texts) if pairs.fold[number // 2] != fold]
        projection = fit_projection(seen)
        rows, (more, labels) = rows_of(pairs, projection), invented_rows(*invented, projection)
        for columns in (COLUMNS, WITHOUT_VECTOR):
            count = len(columns)
            inner = unseen_similarity(rows, pairs, columns, ~inside)
            estimators = fit_similarity(rows[~inside], pairs.similarity[~inside], columns)
            similarity = estimators.estimate(rows, count)
            out.similarity[count][inside] = similarity[inside]
            event = fit_event(
                (with_similarity(rows, inner)[~inside], is_same[~inside]),
                (with_similarity(more, estimators.estimate(more, count)), labels), columns,
            )  # fmt: skip
            out.event[count][inside] = estimate(event, with_similarity(rows, similarity)[inside], count + 1)
    return out


def unseen_similarity(rows: Any, pairs: Pairs, columns: tuple[str, ...], used: Any) -> Any:
    """Return the similarity of each of the *used* pairs by estimators without its fold."""
    out = np.zeros(len(rows))
    for fold in sorted(set(pairs.fold[used])):
        training, inside = used & (pairs.fold != fold), used & (pairs.fold == fold)
        estimators = fit_similarity(rows[training], pairs.similarity[training], columns)
        out[inside] = estimators.estimate(rows[inside], len(columns))
    return out


def is_one_event(pairs: Pairs) -> Any:
    """Return whether the label of each pair means one event."""
    return pairs.similarity >= (4 - SAME_EVENT) / 3


def scores_of(pairs: Pairs, validated: Validated) -> dict[str, Any]:
    """Return the scores of estimates for unseen pairs."""
    is_same = is_one_event(pairs)
    languages = np.array([pairs.texts[a].language == pairs.texts[b].language for a, b in pairs.ends])
    scores: dict[str, Any] = {"pairs": len(pairs.fold), "same_event": int(is_same.sum())}
    for name, count in (("all", len(COLUMNS)), ("without_vector", len(WITHOUT_VECTOR))):
        similarity = validated.similarity[count]
        scores[name] = {
            "pearson": pearson(similarity, pairs.similarity), "by_similarity": best_f1(similarity, is_same),
            "by_event": best_f1(validated.event[count], is_same),
        }  # fmt: skip
    similarity = validated.similarity[len(COLUMNS)]
    for name, mask in (("one_language", languages), ("two_languages", ~languages)):
        scores[name] = {"pairs": int(mask.sum()), "pearson": pearson(similarity[mask], pairs.similarity[mask])}
    return scores


def train(pairs: Pairs, invented: Rows, rows: Any, columns: tuple[str, ...]) -> StoredEstimators:
    """Return all estimators, trained on all pairs."""
    inner = unseen_similarity(rows, pairs, columns, np.ones(len(rows), bool))
    estimators = fit_similarity(rows, pairs.similarity, columns)
    more = with_similarity(invented[0], estimators.estimate(invented[0], len(columns)))
    event = fit_event((with_similarity(rows, inner), is_one_event(pairs)), (more, invented[1]), columns)
    depth = OPTIONS["depth"]
    return StoredEstimators(
        stored_trees(estimators.trees, columns, depth), estimators.kernel,
        stored_trees(event, (*columns, SIMILARITY), depth),
    )  # fmt: skip


def main() -> int:
    """Cross-validate, train on all pairs, and write the model and its scores."""
    threadpool_limits(1)  # on more threads the order of BLAS's additions varies, and so do the bytes
    reader = TextReader(IDENTITY)
    pairs, invented = read_pairs(reader), read_day(reader)
    scores = scores_of(pairs, cross_validate(pairs, invented))
    CURVE.write_text(json.dumps(scores, indent=1) + "\n")
    print(json.dumps(scores), file=sys.stderr)
    projection = fit_projection(pairs.texts)
    rows, more = rows_of(pairs, projection), invented_rows(*invented, projection)
    estimators, by_names = (train(pairs, more, rows, columns) for columns in (COLUMNS, WITHOUT_VECTOR))
    means = np.stack(list(projection.means.values())).astype("<f2").tobytes()
    model = StoredModel(estimators, by_names, projection.axes.astype("<f2").tobytes(), tuple(projection.means), means)
    FILE.write_bytes(msgspec.msgpack.encode(model))
    print(f"{FILE}: {FILE.stat().st_size:,} bytes; {CURVE}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
