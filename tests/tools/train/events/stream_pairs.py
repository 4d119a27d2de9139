"""Pairs of items of real feeds that readers labelled: whether both report one event.

`stream_pairs.tsv` has a line for each pair: the month of the captures, the ids of both articles, the label (1: one event).
The pairs are near neighbours in a window of all articles of the month, which the model before found similar. The texts
are captures in ../shared/corpus/feeds.tar.xz.
"""

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from streams.records import Article, Item
from tests.tools.bench.desk_items import capture_items, unpack_captures
from tests.tools.train.feeds.captured import longest_html
from workers.clean.cleaner import clean
from workers.dedupe.identity import article_id
from workers.events.article_text import ArticleText, TextReader
from workers.events.grouping import signature
from workers.events.pair_features import pair_features, same_publisher
from workers.events.pair_model import Projection
from workers.events.signature import DIMS, quantise
from workers.events.window import Window

LABELS = Path(__file__).with_name("stream_pairs.tsv")


class StreamPairs(NamedTuple):
    """Articles of one month: signatures without vector, vectors of the text model, and the labelled pairs by index."""

    records: Any
    vectors: Any
    ends: Any
    labels: Any


def read_labels() -> dict[str, list[tuple[str, str, int]]]:
    """Return the labelled pairs by month."""
    months: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
    for line in LABELS.read_text().splitlines():
        month, one, other, label = line.split("\t")
        months[month].append((one, other, int(label)))
    return months


def stream_articles(months: frozenset[str] | None = None) -> Iterator[tuple[str, Article]]:
    """Yield the month and the article of the first version of each captured item. *months*: only these."""
    seen: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        for item in capture_items(unpack_captures(Path(folder))):
            if item.identity_key not in seen:
                seen.add(item.identity_key)
                month = f"{item.fetched_at:%Y-%m}"
                if months is None or month in months:
                    yield month, _article(item)


def _article(item: Item) -> Article:
    outlet = item.feed.removeprefix("https://").partition(".")[0]
    return Article(
        id=article_id(item.identity_key), revision=1, title=item.title, language="en", publisher=outlet,
        paragraphs=clean(longest_html(item), "html", title=item.title).paragraphs,
        published=item.published or item.fetched_at, fetched_at=item.fetched_at,
    )  # fmt: skip


def read_stream_pairs(reader: TextReader) -> list[StreamPairs]:
    """Return the labelled pairs of each month. *reader*: its vectors are those of the text model."""
    labels = read_labels()
    texts: dict[str, list[tuple[Article, ArticleText]]] = {month: [] for month in labels}
    for month, article in stream_articles(frozenset(labels)):
        texts[month].append((article, reader.read(article)))
    return [_pairs(texts[month], labels[month]) for month in sorted(labels)]


def _pairs(texts: list[tuple[Article, ArticleText]], labels: list[tuple[str, str, int]]) -> StreamPairs:
    index = {article.id: number for number, (article, _) in enumerate(texts)}
    blank = np.zeros(DIMS, np.float32)
    records = np.array([signature(article, text._replace(vector=blank)) for article, text in texts])
    window = Window()
    window.load(len(records), records)
    used = sorted({index[id_] for one, other, _ in labels for id_ in (one, other)})
    place = {number: n for n, number in enumerate(used)}
    ends = [(place[index[one]], place[index[other]]) for one, other, _ in labels]
    vectors = np.stack([texts[number][1].vector for number in used])
    return StreamPairs(
        window.without_common_terms(records[used]), vectors, np.array(ends), np.array([label for *_, label in labels])
    )


def stream_rows(pairs: StreamPairs, projection: Projection) -> tuple[Any, Any]:
    """Return the features of all pairs, and whether the publishers are equal."""
    records = pairs.records.copy()
    for number, vector in enumerate(pairs.vectors):
        records["vector"][number] = quantise(projection.apply(vector, "en"))
    ends = [(records[two], records[one : one + 1]) for one, two in pairs.ends]
    rows = np.concatenate([pair_features(*end) for end in ends])
    return rows, np.concatenate([same_publisher(*end) for end in ends])
