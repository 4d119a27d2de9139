"""Labels of the invented feed items that train the model of feed HTML."""

import io
import tarfile
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path

import pytest

from tests.tools.skips import NO_CORPUS
from tests.tools.train.feeds.captured import (
    ARCHIVE,
    CapturedItem,
    ItemLabels,
    captured_documents,
    captured_items,
    item_hash,
    read_labels,
)
from tests.tools.train.feeds.items import FILES, FeedItem, feed_documents, labelled_item, read_items
from tests.tools.train.feeds.measure import UNREAD, Figures, figures
from workers.poller.formats import parse_feed

SHARE = '<div class="sharedaddy" data-c><h3>Share this:</h3><ul><li>Click to share on X</li></ul></div>'
STORY = "<p>The tide was late again.</p>"


def labels(source: str, *, with_names: bool = True) -> list[tuple[str, bool, float]]:
    document = labelled_item(FeedItem("en", "Late tide", source), "item", "site", with_names=with_names)
    assert document is not None
    return [
        (b.text, body, trust) for b, body, trust in zip(document.blocks, document.body, document.trust, strict=True)
    ]


def test_marked_elements_are_clutter() -> None:
    assert labels(STORY + SHARE) == [
        ("The tide was late again.", True, 1.0), ("Share this:", False, 1.0), ("Click to share on X", False, 1.0),
    ]  # fmt: skip


def test_marked_text_between_breaks_is_clutter() -> None:
    assert labels("The tide was late.<br><br><x-c>Follow us on Telegram</x-c><br><br>It came at nine.") == [
        ("The tide was late.", True, 1.0), ("Follow us on Telegram", False, 1.0), ("It came at nine.", True, 1.0),
    ]  # fmt: skip


def test_neutral_and_mixed_blocks_have_no_weight() -> None:
    neutral, mixed = labels("<p data-n>Photo: Nell Orme</p><p>The tide was late. <span data-c>Read more</span></p>")
    assert (neutral[2], mixed[2]) == (0.0, 0.0)


def test_variant_has_no_class_names() -> None:
    document = labelled_item(FeedItem("en", "Late tide", STORY + SHARE), "item", "site", with_names=False)
    assert document is not None
    assert {block.element.class_names for block in document.blocks if block.element} == {""}


def test_text_above_first_header_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "items.txt"
    path.write_text("<p>The tide was late.</p>\n")
    with pytest.raises(ValueError, match=r"item has no header: items\.txt"):
        read_items([path])


def test_nearly_all_items_have_labels() -> None:
    documents = list(feed_documents(FILES[:1]))
    assert len(documents) >= 0.95 * 2 * len(read_items(FILES[:1])), "marks change the blocks of an item"
    assert sum(any(document.body) for document in documents) >= 0.95 * len(documents)


RSS = """<rss version="2.0"><channel><title>Quay</title><item><title>Late tide</title><link>https://quay.example/1</link>
<description><![CDATA[<p>The tide was late.</p><p>Photo: Nell Orme</p><p>Follow us</p>]]></description></item></channel></rss>"""


def test_captured_item_has_the_labels_of_its_readers(tmp_path: Path) -> None:
    body = "<p>The tide was late.</p><p>Photo: Nell Orme</p><p>Follow us</p>"
    with tarfile.open(tmp_path / "feeds.tar.xz", "w:xz") as tar:
        info = tarfile.TarInfo("quay/1.xml")
        info.size = len(RSS.encode())
        tar.addfile(info, io.BytesIO(RSS.encode()))
    (tmp_path / "labels.tsv").write_text(f"quay/1.xml\t{item_hash(body)}\t2\t1\n")
    [document] = captured_documents(tmp_path / "feeds.tar.xz", tmp_path / "labels.tsv")
    assert [block.text for block in document.blocks] == ["The tide was late.", "Photo: Nell Orme", "Follow us"]
    assert (document.body, document.trust) == ([True, False, False], [1.0, 0.0, 1.0])
    assert (document.hard, document.site) == ([False, False, True], "quay/1.xml")


@pytest.mark.skipif(not ARCHIVE.exists(), reason=NO_CORPUS)
def test_labels_of_captured_items_fit_their_blocks() -> None:
    documents = list(captured_documents())
    labels = [label for items in read_labels().values() for label in items.values()]
    assert len(documents) == len(labels)
    for document, label in zip(sorted(documents, key=lambda d: d.name), sorted_labels(), strict=True):
        assert max((*label.clutter, *label.neutral), default=0) < len(document.blocks), document.name


@pytest.mark.skipif(not ARCHIVE.exists(), reason=NO_CORPUS)
def test_real_items_outside_the_training_keep_their_text() -> None:
    rows = [figures(item) for item in captured_items(labels=UNREAD)]
    lost, left = sum(row.lost for row in rows), sum(row.left for row in rows)
    assert len(rows) == 518
    assert lost <= 40  # 28 when measured, of 6,710
    assert left <= 125  # 116 when measured, of 480


def test_figures_of_an_item_count_lost_and_remaining_blocks() -> None:
    feed = parse_feed(RSS.encode(), "https://quay.example/feed", fetched_at=datetime.now(UTC))
    labels = ItemLabels(clutter=frozenset((0, 2)), neutral=frozenset())
    assert figures(CapturedItem("quay/1", feed.items[0], labels)) == Figures(body=1, lost=1, clutter=2, left=1)


def sorted_labels() -> list[ItemLabels]:
    named = [(f"{path}/{hash_}", label) for path, items in read_labels().items() for hash_, label in items.items()]
    return [label for _, label in sorted(named, key=itemgetter(0))]
