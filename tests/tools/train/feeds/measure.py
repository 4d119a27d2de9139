"""Scores of the cleaner on labelled items of real feeds: `python -m tests.tools.train.feeds.measure [LABELS]`.

The default labels are those of items that do not train the model. It needs ../shared.
"""

import sys
from pathlib import Path
from typing import NamedTuple

from tests.tools.train.feeds.captured import CapturedItem, captured_items, longest_html, to_document
from workers.clean.cleaner import clean

UNREAD = Path(__file__).with_name("captured_items_unread.tsv")


class Figures(NamedTuple):
    """Numbers of blocks: of body text, lost ones, of clutter, and of clutter that stays."""

    body: int
    lost: int
    clutter: int
    left: int


def figures(captured: CapturedItem) -> Figures:
    """Return the figures of the cleaned item. Neutral blocks do not count."""
    name, item, labels = captured
    html = longest_html(item)
    cleaned = clean(html, "html", title=item.title, url=item.link)
    text = _key(" ".join(cleaned.paragraphs))
    document = to_document(name, html, item.title, labels)
    keys = [_key(block.text) for block in document.blocks]
    stays = [key in text for key in keys]
    body = [n for n, is_body in enumerate(document.body) if is_body]
    clutter = [n for n, is_clutter in enumerate(document.hard) if is_clutter]
    lost = sum(not stays[n] and len(keys[n]) > 1 for n in body)
    return Figures(len(body), lost, len(clutter), sum(stays[n] for n in clutter))


def _key(text: str) -> str:
    return " ".join(text.split())


def main() -> None:
    """Print the figures of all items of the labels on the command line."""
    rows = [figures(item) for item in captured_items(labels=Path(sys.argv[1]) if len(sys.argv) > 1 else UNREAD)]
    total = Figures(*map(sum, zip(*rows, strict=True)))
    correct = sum(not row.lost and not row.left for row in rows)
    print(f"{len(rows)} items, {correct} correct; {total.lost} of {total.body} blocks of text lost;", end=" ")
    print(f"{total.left} of {total.clutter} blocks of clutter left")


if __name__ == "__main__":
    main()
