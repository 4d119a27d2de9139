"""Labelled documents from ../shared/corpus/pages: the cleaner's blocks, with a label for body text.

Text dumps have one label per line. Pages have their true text; a block is labelled by its overlap with that text.
Fragments stand for the items of feeds: the smallest element of a page that contains the whole story.
"""

import gzip
import json
import re
import tarfile
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workers.clean.blocks import Block, Element, ancestors, html_blocks
from workers.clean.candidates import candidates
from workers.clean.html_parser import parse_html
from workers.clean.line_types import is_sentence
from workers.clean.metadata import NO_KNOWN_TEXT, KnownText, extract_metadata
from workers.clean.model.block_features import best_segment
from workers.text.encoding import decode
from workers.text.normalise import match_key, plain_text

PAGES = Path(__file__).resolve().parents[4] / "shared" / "corpus" / "pages"
ARCHIVES = ("dev_core.tar.xz", "dev_multi.tar.xz", "dev_wcxb.tar.xz")  # trafeval lacks the full true text
HARD = frozenset(("label", "prompt", "link", "struct"))  # kinds of clutter lines that make a page dirty
WORD = re.compile(r"[^\W_]+|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
DENSE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
MIN_OVERLAP_WORDS = 5  # shingles of three words are unreliable for shorter blocks
BODY_OVERLAP, UNSURE_OVERLAP = 0.6, (0.3, 0.8)
REPEATED_TITLE_TRUST = 0.3
FOLDS = Path("bench-results/folds")  # models that have not seen some of the sites, for `make bench-clean`
FOLDS_SALT = "v"
MIN_BODY_SHARE = 0.5  # of a fragment's words: a feed's item is mostly story


@dataclass
class Document:
    """A labelled document. `body`, `trust` and `hard` have one value per block.

    `trust` is the weight of the label, 0 to 1. A document with a `hard` block in its output counts as dirty.
    """

    name: str
    site: str
    group: str
    blocks: list[Block]
    body: list[bool]
    trust: list[float]
    hard: list[bool]
    known_text: KnownText = NO_KNOWN_TEXT
    truth: str = ""
    clutter: Sequence[str] = ()
    neutral: Sequence[str] = ()
    title: Sequence[bool] = ()  # per block; empty: unknown


def fold_of(site: str, folds: int, salt: str) -> int:
    """Return the fold of a site. All documents of a site are in one fold."""
    return zlib.crc32((salt + site).encode()) % folds


def words_of(text: str) -> list[str]:
    """Return the words for the scores; in scripts without spaces, each character is a word."""
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
            title, repeated = _titles(lines, row["title"] or "")
            trust = [
                REPEATED_TITLE_TRUST if again else float(label in "AC")
                for (_, label, _), again in zip(lines, repeated, strict=True)
            ]
            yield Document(
                f"{row['set']}/{row['id']}", row["site"], row["set"],
                [Block(text, "line") for text, _, _ in lines],
                [label == "A" and not again for (_, label, _), again in zip(lines, repeated, strict=True)],
                trust,
                [label == "C" and kind in HARD for _, label, kind in lines],
                NO_KNOWN_TEXT, "\n".join(text for text, label, _ in lines if label == "A"),
                [text for text, label, kind in lines if label == "C" and kind in HARD],
                [text for text, label, _ in lines if label not in "AC"],
                title,
            )  # fmt: skip


def _titles(lines: Sequence[tuple[str, str, str]], known: str) -> tuple[list[bool], list[bool]]:
    """Return for each line whether it is the title, and whether it repeats the title.

    The corpus labels a repeated title as story on some pages and as clutter on others. Here no title is story: the
    lines up to the first sentence of the story are the title, later ones repeat it.
    """
    keys = [match_key(text) for text, _, _ in lines]
    titles = {key for key, (_, label, kind) in zip(keys, lines, strict=True) if label == "M" and kind == "title"}
    titles |= {match_key(known)} if known else set()
    titles.discard("")
    first = next((n for n, (text, label, _) in enumerate(lines) if label == "A" and is_sentence(text)), len(lines))
    again = [key in titles and not is_sentence(text) for key, (text, _, _) in zip(keys, lines, strict=True)]
    return [same and n <= first + 1 for n, same in enumerate(again)], again


def scored(document: Document) -> Document:
    """Return *document* with the blocks of a page that the model scores only."""
    indexes = candidates(document.blocks)
    return replace(
        document,
        blocks=[document.blocks[n] for n in indexes],
        body=[document.body[n] for n in indexes],
        trust=[document.trust[n] for n in indexes],
        hard=[document.hard[n] for n in indexes],
    )


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
        for (group, name), page_files in sorted(files.items()):
            if "truth.txt" in page_files:
                yield group, name, page_files["page.html"], page_files["truth.txt"].decode("utf8")


def label_rows() -> dict[str, dict[str, Any]]:
    """Return the rows with each page's clutter lines, by set and id."""
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
            body, trust, hard = align(blocks, truth, clutter, neutral)
            site = row.get("site") or group
            known_text = KnownText(head.title, head.article_body, head.description)
            yield Document(
                f"{group}/{name}", site, group, blocks, body, trust, hard, known_text, truth, clutter, neutral
            )


def align(
    blocks: Sequence[Block], truth: str, clutter: Iterable[str], neutral: Iterable[str]
) -> tuple[list[bool], list[float], list[bool]]:
    """Return `body`, `trust` and `hard` of a Document, by the overlap of each block with *truth*.

    A line of the truth matches one block only. Blocks near the rest of the story have precedence.
    """
    flat = f" {' '.join(words_of(truth))} "
    shingles = _shingles(flat.split())
    lines = Counter(" ".join(words_of(line)) for line in truth.split("\n"))
    clutter_lines = {" ".join(words_of(line)) for line in clutter}
    neutral_lines = {" ".join(words_of(line)) for line in neutral}
    words = [words_of(block.text) for block in blocks]
    overlap = [_overlap(w, shingles) if len(w) >= MIN_OVERLAP_WORDS else -1.0 for w in words]
    start, end = best_segment([_gain(len(w), o) for w, o in zip(words, overlap, strict=True)])
    body, trust, hard = [False] * len(blocks), [1.0] * len(blocks), [False] * len(blocks)
    matched: Counter[str] = Counter()
    for n in sorted(range(len(blocks)), key=lambda n: (not start - 4 <= n < end + 3, n)):
        key, inside = " ".join(words[n]), start - 4 <= n < end + 3
        is_clutter = key in clutter_lines
        body[n], trust[n] = _label(key, len(words[n]), overlap[n], flat, lines, matched[key], inside, is_clutter)
        matched[key] += body[n]
        hard[n] = not body[n] and is_clutter
        if not key or (not body[n] and key in neutral_lines):
            trust[n] = 0.0
    return body, trust, hard


def _gain(count: int, overlap: float) -> float:
    if count < 8:
        return -0.5
    return float(count) if overlap >= BODY_OVERLAP else -float(min(count, 12))


def _label(
    key: str, count: int, overlap: float, flat: str, lines: Counter[str], matched: int, inside: bool, clutter: bool
) -> tuple[bool, float]:
    """Return whether a block is body text, and the trust in that label."""
    occurrences = flat.count(f" {key} ") if key else 0
    if count >= MIN_OVERLAP_WORDS:
        trust = 0.3 if UNSURE_OVERLAP[0] < overlap < UNSURE_OVERLAP[1] else 1.0
        return overlap >= BODY_OVERLAP and (not occurrences or matched < occurrences), trust
    if count == 4:
        return matched < occurrences and (inside or key in lines), 1.0
    if matched < lines[key]:
        return True, 1.0
    partial = not clutter and inside and matched < occurrences
    return partial, 0.3 if partial else 1.0


def _overlap(words: list[str], shingles: set[tuple[str, str, str]]) -> float:
    own = _shingles(words)
    return len(own & shingles) / len(own)


def _shingles(words: list[str]) -> set[tuple[str, str, str]]:
    return set(zip(words, words[1:], words[2:], strict=False))


def fragment(page: Document) -> Document | None:
    """Return the smallest element with the whole story as a document; None if it contains too much clutter.

    Modifies the blocks of *page*, so use them before.
    """
    chains = [list(ancestors(b.element))[::-1] for b, body in zip(page.blocks, page.body, strict=True) if body]
    if not chains:
        return None
    common = [level[0] for level in zip(*chains, strict=False) if all(element is level[0] for element in level)]
    top = common[-1] if common[-1].tag not in ("p", "li", "h1") or not common[-1].parent else common[-1].parent
    picked = [n for n, block in enumerate(page.blocks) if top in set(ancestors(block.element))]
    counts = [len(words_of(page.blocks[n].text)) for n in picked]
    if sum(c for c, n in zip(counts, picked, strict=True) if page.body[n]) < MIN_BODY_SHARE * sum(counts):
        return None
    _make_root(page, picked, top)
    return Document(
        page.name, page.site, page.group, [page.blocks[n] for n in picked], [page.body[n] for n in picked],
        [page.trust[n] for n in picked], [page.hard[n] for n in picked], KnownText(page.known_text.title), page.truth, page.clutter, page.neutral,
    )  # fmt: skip


def _make_root(page: Document, picked: Sequence[int], top: Element) -> None:
    """Make *top* the root of a fragment: a <div> without names, as in `parse_html`."""
    level = top.depth
    for element in {element for n in picked for element in ancestors(page.blocks[n].element)}:
        element.depth = max(0, element.depth - level) + 2  # below html and body
    body = Element("body", "", Element("html", "", None, 0), 1)
    top.parent, top.class_names, top.tag = body, "", "div"
