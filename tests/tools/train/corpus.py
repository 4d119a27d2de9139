"""Labelled documents from ../shared/corpus/pages: blocks as the cleaner cuts them, and which of them are body text.

Text dumps come with a label a line. Pages come with the true text; their blocks are labelled by how much of them is
in it. Fragments, for what feeds carry, are a page's smallest element with the whole story in it.
"""

import gzip
import json
import re
import tarfile
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.clean.blocks import Block, Element, ancestors, html_blocks, parse_html
from workers.clean.metadata import NO_KNOWN_TEXT, KnownText, extract_metadata
from workers.clean.model.block_features import best_segment
from workers.text.encoding import decode
from workers.text.normalise import plain_text

PAGES = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "pages"
ARCHIVES = ("dev_core.tar.xz", "dev_multi.tar.xz", "dev_wcxb.tar.xz")  # trafeval has no full truth
HARD = frozenset(("label", "prompt", "link", "struct"))  # kinds of clutter lines that make a page dirty
WORD = re.compile(r"[^\W_]+|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
DENSE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
LONG_ENOUGH = 5  # words; three-word sequences say little about shorter blocks
MOSTLY, PARTLY = 0.6, (0.3, 0.8)
FOLDS = Path("bench-results/folds")  # models that haven't seen a part of the sites, for `make bench-clean`
FOLDS_SALT = "v"
MIN_BODY_SHARE = 0.5  # of a fragment's words: feeds carry stories, not pages


@dataclass
class Document:
    """One document: blocks, whether each is body text, how much its label is to be trusted, whether leaving it is dirty."""

    name: str
    site: str
    group: str
    blocks: list[Block]
    body: list[bool]
    trust: list[float]
    hard: list[bool]
    hints: KnownText = NO_KNOWN_TEXT
    truth: str = ""
    clutter: Sequence[str] = ()
    neutral: Sequence[str] = ()


def part(site: str, parts: int, salt: str) -> int:
    """Return which of *parts* a site belongs to: all documents of a site stay together."""
    return zlib.crc32((salt + site).encode()) % parts


def words_of(text: str) -> list[str]:
    """Return the words that the scores count; a character of a script without spaces is one."""
    out: list[str] = []
    for word in WORD.findall(unicodedata.normalize("NFKC", text).lower()):
        out.extend(word if DENSE.match(word) else [word])
    return out


def dumps() -> Iterator[Document]:
    """Yield the text dumps."""
    with gzip.open(PAGES / "dev.jsonl.gz", "rt", encoding="utf8") as file:
        for row in map(json.loads, file):
            lines = [(plain_text(text), label, kind) for text, label, kind in row["lines"]]
            lines = [line for line in lines if line[0]]
            yield Document(
                f"{row['set']}/{row['id']}", row["site"], row["set"],
                [Block(text, "line") for text, _, _ in lines],
                [label == "A" for _, label, _ in lines],
                [float(label in "AC") for _, label, _ in lines],
                [label == "C" and kind in HARD for _, label, kind in lines],
                NO_KNOWN_TEXT, "\n".join(text for text, label, _ in lines if label == "A"),
                [text for text, label, kind in lines if label == "C" and kind in HARD],
                [text for text, label, _ in lines if label not in "AC"],
            )  # fmt: skip


def raw_pages() -> Iterator[tuple[str, str, bytes, str]]:
    """Yield set, id, HTML and true text of each page, in the order of their names."""
    for archive in ARCHIVES:
        with tarfile.open(PAGES / archive) as tar:
            files: dict[tuple[str, str], dict[str, bytes]] = {}
            for member in tar:
                parts = member.name.split("/")
                if member.isfile() and len(parts) >= 3:
                    file = tar.extractfile(member)
                    files.setdefault((parts[-3], parts[-2]), {})[parts[-1]] = file.read() if file else b""
        for (group, name), found in sorted(files.items()):
            if "truth.txt" in found:
                yield group, name, found["page.html"], found["truth.txt"].decode("utf8")


def label_rows() -> dict[str, dict[str, Any]]:
    """Return what is known of each page's clutter, by set and id."""
    with gzip.open(PAGES / "html_labels.jsonl.gz", "rt", encoding="utf8") as file:
        return {f"{row['set']}/{row['id']}": row for row in map(json.loads, file)}


def pages() -> Iterator[Document]:
    """Yield the whole pages."""
    labels = label_rows()
    for group, name, html, truth in raw_pages():
        row = labels.get(f"{group}/{name}", {})
        root = parse_html(decode(html), page=True)
        head = extract_metadata(root)
        blocks = [block for block in html_blocks(root) if block.text]
        if blocks:
            clutter, neutral = row.get("clutter", ()), row.get("neutral", ())
            body, trust, hard = aligned(blocks, truth, clutter, neutral)
            site = row.get("site") or group
            hints = KnownText(head.title, head.article_body, head.description)
            yield Document(f"{group}/{name}", site, group, blocks, body, trust, hard, hints, truth, clutter, neutral)


def aligned(
    blocks: Sequence[Block], truth: str, clutter: Iterable[str], neutral: Iterable[str]
) -> tuple[list[bool], list[float], list[bool]]:
    """Return for each block whether it is in *truth*, how sure that is, and whether leaving it would be dirty.

    A truth line can be told by one block only: of several, by the one amid the rest of the story.
    """
    flat = f" {' '.join(words_of(truth))} "
    known = _triples(flat.split())
    lines = Counter(" ".join(words_of(line)) for line in truth.split("\n"))
    clutter_lines = {" ".join(words_of(line)) for line in clutter}
    neutral_lines = {" ".join(words_of(line)) for line in neutral}
    words = [words_of(block.text) for block in blocks]
    overlap = [len(_triples(w) & known) / len(_triples(w)) if len(w) >= LONG_ENOUGH else -1.0 for w in words]
    start, end = best_segment([_gain(len(w), o) for w, o in zip(words, overlap, strict=True)])
    body, trust, hard = [False] * len(blocks), [1.0] * len(blocks), [False] * len(blocks)
    told: Counter[str] = Counter()
    for n in sorted(range(len(blocks)), key=lambda n: (not start - 4 <= n < end + 3, n)):
        key, inside = " ".join(words[n]), start - 4 <= n < end + 3
        body[n], trust[n] = _told(key, len(words[n]), overlap[n], flat, lines, told[key], inside, key in clutter_lines)
        told[key] += body[n]
        hard[n] = not body[n] and key in clutter_lines
        if not key or (not body[n] and key in neutral_lines):
            trust[n] = 0.0
    return body, trust, hard


def _gain(count: int, overlap: float) -> float:
    if count < 8:
        return -0.5
    return float(count) if overlap >= MOSTLY else -float(min(count, 12))


def _told(
    key: str, count: int, overlap: float, flat: str, lines: Counter[str], told: int, inside: bool, clutter: bool
) -> tuple[bool, float]:
    whole = flat.count(f" {key} ") if key else 0
    if count >= LONG_ENOUGH:
        sure = 0.3 if PARTLY[0] < overlap < PARTLY[1] else 1.0
        return overlap >= MOSTLY and (not whole or told < whole), sure
    if count == 4:
        return told < whole and (inside or key in lines), 1.0
    if told < lines[key]:
        return True, 1.0
    part = not clutter and inside and told < whole
    return part, 0.3 if part else 1.0


def _triples(words: list[str]) -> set[tuple[str, str, str]]:
    return set(zip(words, words[1:], words[2:], strict=False))


def fragment(page: Document) -> Document | None:
    """Return the smallest element with the whole story in it as a document of its own; None where it holds too much else.

    Takes the page's blocks: use those before.
    """
    chains = [list(ancestors(b.element))[::-1] for b, body in zip(page.blocks, page.body, strict=True) if body]
    if not chains:
        return None
    common = [level[0] for level in zip(*chains, strict=False) if all(place is level[0] for place in level)]
    top = common[-1] if common[-1].tag not in ("p", "li", "h1") or not common[-1].parent else common[-1].parent
    picked = [n for n, block in enumerate(page.blocks) if top in set(ancestors(block.element))]
    counts = [len(words_of(page.blocks[n].text)) for n in picked]
    if sum(c for c, n in zip(counts, picked, strict=True) if page.body[n]) < MIN_BODY_SHARE * sum(counts):
        return None
    _cut(page, picked, top)
    return Document(
        page.name, page.site, page.group, [page.blocks[n] for n in picked], [page.body[n] for n in picked],
        [page.trust[n] for n in picked], [page.hard[n] for n in picked], KnownText(page.hints.title), page.truth, page.clutter, page.neutral,
    )  # fmt: skip


def _cut(page: Document, picked: Sequence[int], top: Element) -> None:
    """Make *top* a fragment's root: a nameless <div>, as `parse_html` gives one."""
    level = top.depth
    for place in {place for n in picked for place in ancestors(page.blocks[n].element)}:
        place.depth = max(0, place.depth - level) + 2  # below html and body
    body = Element("body", "", Element("html", "", None, 0), 1)
    top.parent, top.class_names, top.tag = body, "", "div"
