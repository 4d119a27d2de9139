"""Items of real feeds whose blocks readers labelled.

`captured_items.tsv` has a line for each item: the feed in ../shared/corpus/feeds.tar.xz, the hash of the item's HTML, the
numbers of its blocks of clutter, and those of its neutral blocks. All other blocks are body text. No text is stored.
The items of `captured_items_unread.tsv` do not train the model: `measure.py` uses them.
"""

import csv
import hashlib
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from streams.records import Item
from tests.tools.skips import SHARED
from tests.tools.train.corpus import Document
from workers.clean.document import to_blocks
from workers.clean.metadata import KnownText
from workers.poller.formats import parse_feed

ARCHIVE = SHARED / "corpus" / "feeds.tar.xz"
LABELS = Path(__file__).with_name("captured_items.tsv")
HASH_CHARS = 12
GROUP = "captured"  # of the documents


class ItemLabels(NamedTuple):
    """Labels of an item: numbers of its blocks of clutter, and of its neutral blocks."""

    clutter: frozenset[int]
    neutral: frozenset[int]


class CapturedItem(NamedTuple):
    """A labelled item, named by its feed and its hash."""

    name: str
    item: Item
    labels: ItemLabels


def read_labels(path: Path = LABELS) -> dict[str, dict[str, ItemLabels]]:
    """Return the labels of each item by document and hash."""
    documents: dict[str, dict[str, ItemLabels]] = {}
    with path.open(encoding="utf8") as file:
        for document, item, clutter, neutral in csv.reader(file, delimiter="\t"):
            documents.setdefault(document, {})[item] = ItemLabels(_numbers(clutter), _numbers(neutral))
    return documents


def _numbers(text: str) -> frozenset[int]:
    return frozenset(map(int, filter(None, text.split(","))))


def captured_documents(archive: Path = ARCHIVE, labels: Path = LABELS) -> Iterator[Document]:
    """Yield the labelled items as documents, in the order of the feeds in *archive*."""
    for name, item, own in captured_items(archive, labels):
        yield to_document(name, longest_html(item), item.title, own)


def captured_items(archive: Path = ARCHIVE, labels: Path = LABELS) -> Iterator[CapturedItem]:
    """Yield the labelled items, in the order of the feeds in *archive*."""
    wanted = read_labels(labels)
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.name in wanted else None
            if file is not None:
                yield from _labelled_items(member.name, file.read(), wanted[member.name])


def _labelled_items(name: str, source: bytes, labels: dict[str, ItemLabels]) -> Iterator[CapturedItem]:
    feed = parse_feed(source, "https://feed.example/", fetched_at=datetime.now(UTC))
    items = {item_hash(body): item for item in feed.items if (body := longest_html(item))}
    for hash_, label in labels.items():
        yield CapturedItem(f"{name}/{hash_}", items[hash_], label)


def to_document(name: str, body: str, title: str, label: ItemLabels) -> Document:
    """Return an item with the label of each block."""
    blocks = [block for block in to_blocks(body, "html", title=title).blocks if block.text]
    numbers = range(len(blocks))
    is_body = [n not in label.clutter and n not in label.neutral for n in numbers]
    return Document(
        name, name.rpartition("/")[0], GROUP, blocks, is_body,
        trust=[float(n not in label.neutral) for n in numbers], hard=[n in label.clutter for n in numbers],
        known_text=KnownText(title),
        truth="\n".join(block.text for block, keep in zip(blocks, is_body, strict=True) if keep),
    )  # fmt: skip


def longest_html(item: Item) -> str:
    """Return the HTML that the cleaner reads: the longest content, or the summary."""
    summary = item.summary.value if item.summary is not None else ""
    return max((content.value for content in item.content), key=len, default=summary)


def item_hash(body: str) -> str:
    """Return the hash of the HTML of an item."""
    return hashlib.sha256(body.encode()).hexdigest()[:HASH_CHARS]
