"""`make train-events`: train the event model from ../shared/corpus/events. The same data gives the same bytes.

The labels of the pairs (1: same, to 4: different) become similarities from 1 to 0, which the first trees estimate with
the cross entropy, and a support vector regression beside them. The second trees learn from labelled pairs of real feeds,
from these pairs, and from the pairs of an invented day. `curve.json` has the scores on pairs of the corpus whose
articles, or their translations, the model has not seen, and on pairs of feeds of a month that it has not seen.
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
from tests.tools.train.events.scores import average_precision, best_f1, pearson
from tests.tools.train.events.stream_pairs import StreamPairs, read_stream_pairs, stream_rows
from tests.tools.train.grow import TREE_OPTIONS, stored_trees
from workers.events.article_text import TextReader
from workers.events.pair_features import (
    COLUMNS,
    EVENT_MONOTONE,
    MONOTONE,
    WITHOUT_VECTOR,
    pair_features,
    same_publisher,
)
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
from workers.events.signature import DIMS, HAS_VECTOR, LAYOUT, padded, publisher_key, quantise

PAIRS = SHARED / "corpus" / "events" / "pairs.jsonl.xz"
CURVE = Path(__file__).with_name("curve.json")
FOLDS = 5
OPTIONS = TREE_OPTIONS | {
    "iterations": 250, "depth": 4, "learning_rate": 0.05, "rsm": 0.5, "l2_leaf_reg": 10
}  # fmt: skip
SVR_OPTIONS = {"C": 1.0, "epsilon": 0.1}  # the defaults of scikit-learn
KERNEL_WIDTH = 0.5  # divided by the number of columns
TRAINING_DAY, TRAINING_REPORTS, NEAREST = "train", 500, 4
# Weights of all pairs of the corpus and of all invented ones, relative to all pairs of feeds.
CORPUS_WEIGHT, INVENTED_WEIGHT = 0.3, 0.3
SAME_EVENT = 2.0  # label up to which a pair counts as one event
# Media Cloud numbers stories in the order of their collection: about 900,000 a day around the first day of 2020.
FIRST_ID, IDS_PER_DAY, FIRST_DAY = 1_483_800_000, 900_000, datetime(2020, 1, 1, tzinfo=UTC)
IDENTITY = Projection(np.eye(INPUT_DIMS, dtype=np.float32), {"": np.zeros(INPUT_DIMS, np.float32)})
_NUMBER = re.compile(r"\d+")
_TITLE_END = re.compile(r"\n|  ")
MAX_TITLE_CHARS = 250


class EventRows(NamedTuple):
    """Rows of `pair_features`, whether each pair is one event, its publishers, and the weight of all rows together."""

    rows: Any
    labels: Any
    same_publisher: Any
    weight: float


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
    record["language"], record["publisher"] = text.language.encode(), publisher_key(article.publisher)
    for name, keys in (("term", text.terms), ("number", text.numbers), ("place", text.place_keys)):
        record[name] = padded(keys, len(record[name]))
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


def invented_rows(texts: Sequence[Text], events: Any, projection: Projection) -> tuple[Any, Any, Any]:
    """Return rows, labels and equal publishers of pairs of the invented day: of one event, and nearest ones of others."""
    records = records_of(texts, projection)
    rows, labels, publishers = [], [], []
    for number, record in enumerate(records):
        features, equal = pair_features(record, records), same_publisher(record, records)
        same = np.flatnonzero(events == events[number])
        same = same[same != number][:NEAREST]
        others = np.argsort(-np.where(events == events[number], -2.0, features[:, 0]), kind="stable")[:NEAREST]
        rows += [features[same], features[others]]
        publishers += [equal[same], equal[others]]
        labels += [np.ones(len(same)), np.zeros(len(others))]
    return np.concatenate(rows), np.concatenate(labels), np.concatenate(publishers)


class Similarity(NamedTuple):
    """Trees and a kernel regression that estimate the similarity."""

    trees: CatBoostClassifier
    kernel: StoredKernel

    def estimate(self, rows: Any, columns: int) -> Any:
        """Return the similarity by the last *columns* of the rows."""
        used = rows[:, -columns:]
        return mean_similarity(estimate(self.trees, used), load_kernel(self.kernel, columns).estimate(used))


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


def fit_event(parts: Sequence[tuple[EventRows, Any]], columns: tuple[str, ...]) -> CatBoostClassifier:
    """Return trees that estimate the probability of one event. *parts*: pairs, and the similarity of each."""
    constraints = [*(MONOTONE[column] for column in columns), *EVENT_MONOTONE.values()]
    rows = np.concatenate([event_table(part, columns, similarity) for part, similarity in parts])
    labels = np.concatenate([part.labels for part, _ in parts]).astype(int)
    weights = np.concatenate([np.full(len(part.labels), part.weight / len(part.labels)) for part, _ in parts])
    trees = CatBoostClassifier(**OPTIONS, loss_function="Logloss", monotone_constraints=constraints)
    return trees.fit(Pool(rows, labels, weight=weights * len(labels) / weights.sum()))


def event_table(pairs: EventRows, columns: tuple[str, ...], similarity: Any) -> Any:
    """Return the rows of the second trees: *columns*, the last ones of the rows, and those of EVENT_MONOTONE."""
    return np.column_stack((pairs.rows[:, -len(columns) :], similarity, pairs.same_publisher))


def estimate(trees: CatBoostClassifier, rows: Any) -> Any:
    """Return the probability of each row."""
    return trees.predict_proba(rows)[:, 1]


class Validated(NamedTuple):
    """Similarities and probabilities of one event of pairs that the trees had not seen, by set of columns."""

    similarity: dict[int, Any]
    event: dict[int, Any]


class Sources(NamedTuple):
    """All training data: pairs of the corpus, pairs of feeds by month, and texts and events of an invented day."""

    pairs: Pairs
    streams: Sequence[StreamPairs]
    day: tuple[Sequence[Text], Any]


class Projected(NamedTuple):
    """The rows of all sources by one projection."""

    corpus: EventRows
    streams: Sequence[EventRows]
    invented: EventRows


def project(sources: Sources, projection: Projection) -> Projected:
    """Return the rows of all sources."""
    corpus, (more, labels, equal) = rows_of(sources.pairs, projection), invented_rows(*sources.day, projection)
    streams = [(stream, *stream_rows(stream, projection)) for stream in sources.streams]
    count = sum(len(stream.labels) for stream in sources.streams)
    return Projected(
        EventRows(corpus, is_one_event(sources.pairs), np.full(len(corpus), np.nan), CORPUS_WEIGHT),
        [EventRows(rows, stream.labels, same, len(rows) / count) for stream, rows, same in streams],
        EventRows(more, labels, equal, INVENTED_WEIGHT),
    )


def select(rows: EventRows, chosen: Any) -> EventRows:
    """Return the *chosen* pairs."""
    return EventRows(rows.rows[chosen], rows.labels[chosen], rows.same_publisher[chosen], rows.weight)


def cross_validate(sources: Sources) -> Validated:
    """Return the estimates of pairs of each fold by trees and axes of the other folds."""
    pairs, out = sources.pairs, Validated({}, {})
    for columns in (COLUMNS, WITHOUT_VECTOR):
        out.similarity[len(columns)], out.event[len(columns)] = np.zeros((2, len(pairs.fold)))
    for fold in range(FOLDS):
        inside = pairs.fold == fold
        seen = [text for number, text in enumerate(pairs.texts) if pairs.fold[number // 2] != fold]
        projected = project(sources, fit_projection(seen))
        rows = projected.corpus.rows
        for columns in (COLUMNS, WITHOUT_VECTOR):
            estimators = fit_similarity(rows[~inside], pairs.similarity[~inside], columns)
            inner = unseen_similarity(rows, pairs, columns, ~inside)
            own = select(projected.corpus, inside)
            similarity = estimators.estimate(own.rows, len(columns))
            more = [
                (part, estimators.estimate(part.rows, len(columns)))
                for part in (*projected.streams, projected.invented)
            ]
            event = fit_event([(select(projected.corpus, ~inside), inner[~inside]), *more], columns)
            out.similarity[len(columns)][inside] = similarity
            out.event[len(columns)][inside] = estimate(event, event_table(own, columns, similarity))
    return out


def stream_scores(projected: Projected, pairs: Pairs) -> dict[str, Any]:
    """Return the scores of pairs of each month by trees that have not seen this month."""
    estimators = fit_similarity(projected.corpus.rows, pairs.similarity, COLUMNS)
    inner = unseen_similarity(projected.corpus.rows, pairs, COLUMNS, np.ones(len(pairs.fold), bool))
    fixed = [
        (projected.corpus, inner),
        (projected.invented, estimators.estimate(projected.invented.rows, len(COLUMNS))),
    ]
    estimates, labels = [], np.concatenate([part.labels for part in projected.streams])
    months = [(part, estimators.estimate(part.rows, len(COLUMNS))) for part in projected.streams]
    for n, (part, similarity) in enumerate(months):
        event = fit_event([*fixed, *months[:n], *months[n + 1 :]], COLUMNS)
        estimates.append(estimate(event, event_table(part, COLUMNS, similarity)))
    by_event = np.concatenate(estimates)
    return {"pairs": len(labels), "same_event": int(labels.sum()), "average_precision": average_precision(by_event, labels),
            "by_event": best_f1(by_event, labels.astype(bool))}  # fmt: skip


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


def train(projected: Projected, pairs: Pairs, columns: tuple[str, ...]) -> StoredEstimators:
    """Return all estimators, trained on all pairs."""
    corpus = projected.corpus
    inner = unseen_similarity(corpus.rows, pairs, columns, np.ones(len(corpus.rows), bool))
    estimators = fit_similarity(corpus.rows, pairs.similarity, columns)
    more = [(part, estimators.estimate(part.rows, len(columns))) for part in (*projected.streams, projected.invented)]
    event = fit_event([(corpus, inner), *more], columns)
    depth = OPTIONS["depth"]
    return StoredEstimators(
        stored_trees(estimators.trees, columns, depth), estimators.kernel,
        stored_trees(event, (*columns, *EVENT_MONOTONE), depth),
    )  # fmt: skip


def main() -> int:
    """Cross-validate, train on all pairs, and write the model and its scores."""
    threadpool_limits(1)  # on more threads the order of BLAS's additions varies, and so do the bytes
    reader = TextReader(IDENTITY)
    sources = Sources(read_pairs(reader), read_stream_pairs(reader), read_day(reader))
    pairs = sources.pairs
    scores = scores_of(pairs, cross_validate(sources))
    projection = fit_projection(pairs.texts)
    projected = project(sources, projection)
    scores["feeds"] = stream_scores(projected, pairs)
    CURVE.write_text(json.dumps(scores, indent=1) + "\n")
    print(json.dumps(scores), file=sys.stderr)
    estimators, by_names = (train(projected, pairs, columns) for columns in (COLUMNS, WITHOUT_VECTOR))
    means = np.stack(list(projection.means.values())).astype("<f2").tobytes()
    model = StoredModel(estimators, by_names, projection.axes.astype("<f2").tobytes(), tuple(projection.means), means)
    FILE.write_bytes(msgspec.msgpack.encode(model))
    print(f"{FILE}: {FILE.stat().st_size:,} bytes; {CURVE}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
