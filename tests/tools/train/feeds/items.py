"""Reads the invented feed items of `items*.txt`. All texts are invented.

= LANGUAGE, builder or kind | TITLE
HTML, over any number of lines, up to the next item

An element with `data-c` is clutter, one with `data-n` is neutral; <x-c> and <x-n> mark a text without an element. The marks
are removed. Each item is read twice: as it is, and without class names and ids, so that words and form decide.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from lxml import html

from tests.tools.train.corpus import Document
from workers.clean.blocks import Block
from workers.clean.document import to_blocks
from workers.clean.metadata import KnownText

FILES = tuple(sorted(Path(__file__).parent.glob("items*.txt")))
CLUTTER, NEUTRAL, BODY = "\ue000", "\ue001", "\ue002"  # private characters that mark texts while labels are read
MARKS = (("data-c", "x-c", CLUTTER), ("data-n", "x-n", NEUTRAL))
NAMES = ("class", "id")
GROUP = "invented"  # of the documents
_HEADER = re.compile(r"= (?P<language>[a-z]{2,3}), (?P<kind>[^|]+) \| (?P<title>.+)")


class FeedItem(NamedTuple):
    """An invented item: its language, its title and its HTML with marks."""

    language: str
    title: str
    source: str


def read_items(files: Iterable[Path] = FILES) -> list[FeedItem]:
    """Return all items. Raises ValueError for a line of text above the first header of a file."""
    items: list[FeedItem] = []
    for file in files:
        own: list[FeedItem] = []
        for line in file.read_text(encoding="utf8").splitlines():
            header = _HEADER.fullmatch(line)
            if header is not None:
                own.append(FeedItem(header["language"], header["title"].strip(), ""))
            elif own:
                own[-1] = own[-1]._replace(source=f"{own[-1].source}{line}\n")
            elif line.strip() and not line.startswith("#"):
                raise ValueError(f"item has no header: {file.name} ({line[:60]!r})")
        items += own
    return items


def feed_documents(files: Iterable[Path] = FILES) -> Iterator[Document]:
    """Yield each item with and without class names."""
    for number, item in enumerate(read_items(files)):
        for variant, names in enumerate((True, False)):
            document = labelled_item(item, f"{GROUP}/feed-{number}-{variant}", f"feed {number}", with_names=names)
            if document is None:
                print(f"feed item skipped: {item.title}", file=sys.stderr)
                break
            yield document


def labelled_item(item: FeedItem, name: str, site: str, *, with_names: bool = True) -> Document | None:
    """Return an item with the label of each block; None if marks change its blocks."""
    blocks = _blocks(_without_marks(item.source, with_names=with_names, mark=False), item.title)
    marked = _blocks(_without_marks(item.source, with_names=with_names, mark=True), item.title)
    if len(blocks) != len(marked) or not blocks:
        return None
    kinds = [{char for char in (CLUTTER, NEUTRAL, BODY) if char in block.text} for block in marked]
    clutter, body = [kind == {CLUTTER} for kind in kinds], [kind == {BODY} for kind in kinds]
    truth = "\n".join(block.text for block, keep in zip(blocks, body, strict=True) if keep)
    return Document(
        name,
        site,
        GROUP,
        blocks,
        body,
        [float(c or b) for c, b in zip(clutter, body, strict=True)],
        clutter,
        KnownText(item.title),
        truth,
        (),
        (),
    )


def _blocks(source: str, title: str) -> list[Block]:
    return [block for block in to_blocks(source, "html", title=title).blocks if block.text]


def _without_marks(source: str, *, with_names: bool, mark: bool) -> str:
    """Return the HTML without marks; *mark*: with a private character before each marked text instead."""
    root = html.fragment_fromstring(source, create_parent="div")
    for attribute, tag, char in MARKS:
        for element in list(root.iter()):
            if isinstance(element.tag, str) and (attribute in element.attrib or element.tag == tag):
                element.attrib.pop(attribute, None)
                if mark:
                    _mark_texts(element, char)
    if mark:
        _mark_texts(root, BODY)
    for _, tag, _ in MARKS:
        for element in list(root.iter(tag)):
            element.drop_tag()
    if not with_names:
        for name in NAMES:
            for element in root.iter():
                element.attrib.pop(name, None)
    return html.tostring(root, encoding="unicode")


def _mark_texts(element: html.HtmlElement, char: str) -> None:
    """Put *char* before each text in *element* that has no mark yet."""
    for inner in element.iter():
        if _is_unmarked(inner.text):
            inner.text = char + inner.text
        if inner is not element and _is_unmarked(inner.tail):
            inner.tail = char + inner.tail


def _is_unmarked(text: str | None) -> bool:
    return text is not None and bool(text.strip()) and text[0] not in (CLUTTER, NEUTRAL, BODY)
