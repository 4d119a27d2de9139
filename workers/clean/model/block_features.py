"""Block features: the text, the position and the ancestors of a block, as numbers.

    block    ──▶ base features ─┐
    words    ──▶ word score    ─┼──▶ one row per block, with context features ──▶ the model
    elements ──▶ name score    ─┘

Pure. Training (`tests/tools/train`) and the cleaner use the same code; the model file names the columns that it expects.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from workers.clean.blocks import Block, Element, Token, ancestors
from workers.clean.metadata import KnownText
from workers.clean.model.line_features import line_features
from workers.clean.model.metadata_features import metadata_features
from workers.clean.model.text_features import (
    CACHE_CHARS,
    CACHE_LINES,
    DENSE,
    RECENT_CHARS,
    RECENT_LINES,
    SOME_WORDS,
    TEXT_COLUMNS,
    text_features,
)
from workers.text.normalise import match_key, without_joiners

Matrix = npt.NDArray[np.float32]

# Of hashed words, and of hashed class names. Words and word pairs of 40 languages fill 2^15 buckets many times; with
# 2^20, the log loss of a network over unseen dumps is 13 % lower (decision 156).
WORD_BUCKETS, NAME_BUCKETS = 1 << 20, 1 << 15
TOKENS = re.compile(r"[^\W\d_]+|\d+|[|©@»›•·…:?!]")
NAME_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
OTHER_BLOCK_COST = 9  # words that a block without a sentence subtracts from a segment of body text
FIRST_WORDS, LAST_WORDS = 14, 6  # words of a block that are used: clutter shows at its ends
FIRST_CHARS, LAST_CHARS = 160, 80
ANCESTOR_TAGS = ("nav", "aside", "header", "footer", "article", "main", "form", "ul", "table", "figure", "section")
TAGS = {"p": 0, "line": 0, "h1": 1, "h2": 2, "h3": 2, "h4": 2, "h5": 2, "h6": 2, "li": 3, "td": 4, "th": 4,
        "figcaption": 5, "caption": 5, "figure": 5, "blockquote": 6, "dd": 7, "dt": 7, "pre": 8, "div": 9}  # fmt: skip

ITALICS, BOLDS = {"em": 1, "i": 1, "/em": -1, "/i": -1}, {"b": 1, "strong": 1, "/b": -1, "/strong": -1}

BLOCK_COLUMNS = (
    *TEXT_COLUMNS, "link_share", "links", "is_title", "title_share", "repeats", "gap", "cohesion", "word_score",
)  # fmt: skip
POSITION_COLUMNS = (
    "index",
    "from_start",
    "to_end",
    "words_before",
    "words_after",
    "in_span",
    "to_span",
    "past_span",
    "past_title",
)
ELEMENT_COLUMNS = (
    "tag", "depth", "depth_of_body", "hidden", "name_score", "pictures", *ANCESTOR_TAGS,
    *(f"{name}_{level}" for level in (1, 2, 3) for name in ("blocks", "body_share", "container_links")),
    "levels_to_body", "italic", "bold",
)  # fmt: skip


def word_tokens(text: str) -> Sequence[int]:
    """Return the buckets of a block's words, word pairs and ends; in scripts without spaces, of character pairs."""
    chars = len(text)
    return (_cached_tokens if chars <= CACHE_CHARS else _recent_tokens if chars <= RECENT_CHARS else _tokens)(text)


def _tokens(text: str) -> tuple[int, ...]:
    text = text.casefold()
    if len(text) > FIRST_CHARS + LAST_CHARS:
        words = TOKENS.findall(text[:FIRST_CHARS])[:-1] + TOKENS.findall(text[-LAST_CHARS:])[1:]
    else:
        words = TOKENS.findall(text)
    if not text.isascii() and DENSE.search(text):
        words = [part for word in words for part in _character_pairs(word)]
    if len(words) > FIRST_WORDS + LAST_WORDS:
        words = [*words[:FIRST_WORDS], "…", *words[-LAST_WORDS:]]
    words = ["#" if word.isdigit() else word for word in words]
    out = [*words, *map(" ".join, pairwise(words))]
    if words:
        out += ["^" + words[0], "$" + words[-1]]
        if len(words) <= 5:
            out.append("=" + " ".join(words))
    return tuple([crc32(word.encode()) % WORD_BUCKETS for word in dict.fromkeys(out)])


_cached_tokens, _recent_tokens = lru_cache(CACHE_LINES)(_tokens), lru_cache(RECENT_LINES)(_tokens)


def _character_pairs(word: str) -> list[str]:
    return [word[n : n + 2] for n in range(max(1, len(word) - 1))] if DENSE.match(word) else [word]


def name_buckets(prefix: str, element: Element) -> tuple[int, ...]:
    """Return the buckets of an element's tag and names. *prefix*: `o` for a block's own element, `u` for any ancestor."""
    return _buckets(prefix, element.tag, element.class_names)


@lru_cache(8192)
def _buckets(prefix: str, tag: str, names: str) -> tuple[int, ...]:
    parts = [part.lower() for part in NAME_PARTS.findall(names)[:24] if len(part) > 1]
    tokens = sorted({tag, *parts, *map("-".join, pairwise(parts))})
    return tuple([crc32((prefix + token).encode()) % NAME_BUCKETS for token in tokens])


def word_scores(blocks: Sequence[Block], weights: Sequence[int]) -> Matrix:
    """Return the log odds that each block is body text, by its words, in units of the weights."""
    out, weight = [], weights.__getitem__
    for block in blocks:
        tokens = word_tokens(without_joiners(block.text))
        out.append(sum(map(weight, tokens)) / math.sqrt(len(tokens) or 1))
    return np.array(out, dtype=np.float32)


def name_scores(blocks: Sequence[Block], weights: Sequence[float]) -> Matrix:
    """Return the log odds that each block is body text, by the names of its element and of its ancestors."""
    by_ancestors: dict[Element, float] = {}
    by_element: dict[Element, float] = {}
    weight = weights.__getitem__

    def score(element: Element) -> float:
        if element not in by_ancestors:
            own = sum(map(weight, name_buckets("u", element)))
            by_ancestors[element] = own + (score(element.parent) if element.parent is not None else 0.0)
        return by_ancestors[element]

    for element in {block.element for block in blocks if block.element is not None}:
        by_element[element] = score(element) + sum(map(weight, name_buckets("o", element)))
    return np.array([by_element[b.element] if b.element is not None else 0.0 for b in blocks], dtype=np.float32)


def base_features(blocks: Sequence[Block], known_text: KnownText) -> Matrix:
    """Return one row per block: BLOCK_COLUMNS and POSITION_COLUMNS, then those of the input type.

    For HTML they are ELEMENT_COLUMNS and METADATA_COLUMNS, for text LINE_COLUMNS.

    Word and name scores are 0; `context_features` fills them in.
    """
    html = bool(blocks) and blocks[0].tag != "line"
    title = match_key(known_text.title)
    keys = [match_key(block.text) for block in blocks]
    repeats = Counter(keys)
    title_words = set(title.split())
    frequency = _word_frequency(blocks, keys)
    rows = [
        _block_row(b, key, repeats[key], title, title_words, frequency) for b, key in zip(blocks, keys, strict=True)
    ]
    own = np.array(rows, dtype=np.float32).reshape(len(blocks), len(BLOCK_COLUMNS))
    parts = [own, _positions(blocks, own)]
    if html:
        parts += [_element_features(blocks), metadata_features(known_text, keys)]
    else:
        parts.append(line_features(blocks, {name: own[:, n] for n, name in enumerate(BLOCK_COLUMNS)}))
    return np.hstack(parts)


def _word_frequency(blocks: Sequence[Block], keys: Sequence[str]) -> Counter[str]:
    """Return the number of sentences with each longer word: the lines of one article share words."""
    frequency: Counter[str] = Counter()
    for block, key in zip(blocks, keys, strict=True):
        if block.is_sentence and not block.is_all_links:
            frequency.update(set(_content_words(key)))
    return frequency


def _content_words(key: str) -> list[str]:
    if not key.isascii() and DENSE.search(key):
        return [key[n : n + 2] for n in range(min(len(key), 80) - 1)]
    return [word for word in key.split(None, SOME_WORDS)[:SOME_WORDS] if len(word) > 3]


def _cohesion(key: str, frequency: Counter[str], is_counted: bool) -> float:
    """Return the share of content words that other sentences have too; -1 without content words."""
    content = _content_words(key)
    return sum([frequency.get(word, 0) > is_counted for word in content]) / len(content) if content else -1.0


def _block_row(
    block: Block, key: str, repeats: int, title: str, title_words: set[str], frequency: Counter[str]
) -> tuple[float, ...]:
    tokens = key.split(None, SOME_WORDS)[:SOME_WORDS] if title_words else []
    return (
        *text_features(without_joiners(block.text), key, block.words),
        block.link_chars / (len(block.text) or 1),
        math.log1p(len(block.links)),
        float(bool(title) and key == title),
        sum([token in title_words for token in tokens]) / (len(tokens) or 1),
        math.log(repeats) if key else 0.0,
        float(block.after_blank_line),
        _cohesion(key, frequency, block.is_sentence),
        0.0,
    )


def _positions(blocks: Sequence[Block], own: Matrix) -> Matrix:
    count = len(blocks)
    order = np.arange(count, dtype=np.float32)
    words = np.expm1(own[:, BLOCK_COLUMNS.index("words")])
    before = np.cumsum(words) - words
    total = max(1.0, float(words.sum()))
    start, end = body_span(blocks, OTHER_BLOCK_COST)
    is_title = own[:, BLOCK_COLUMNS.index("is_title")]
    title = int(is_title.argmax()) if is_title.any() else -1
    return np.stack(
        [
            order / max(1, count),
            np.log1p(order),
            np.log1p(count - order),
            before / total,
            (total - before - words) / total,
            ((order >= start) & (order < end)).astype(np.float32),
            signed_log(order - start),
            signed_log(order - end + 1),
            signed_log(order - title) if title >= 0 else np.full(count, -9.0),
        ],
        axis=1,
    ).astype(np.float32)


def body_span(blocks: Sequence[Block], block_cost: int) -> tuple[int, int]:
    """Return the half-open span of blocks with most running text. Each other block in it costs *block_cost* words."""
    return best_segment(
        [block.words if block.is_sentence and not block.is_all_links else -block_cost for block in blocks]
    )


def best_segment(gains: Sequence[float]) -> tuple[int, int]:
    """Return the half-open segment with the largest sum (Bentley 1984)."""
    best, span, total, start = 0.0, (0, len(gains)), 0.0, 0
    for n, gain in enumerate(gains):
        total += gain
        if total > best:
            best, span = total, (start, n + 1)
        if total <= 0:
            total, start = 0.0, n + 1
    return span


def signed_log(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return log(1 + distance) with the sign of the distance."""
    out: npt.NDArray[Any] = np.sign(values) * np.log1p(np.abs(values))
    return out


def _element_features(blocks: Sequence[Block]) -> Matrix:
    body_words = [b.words if b.is_sentence and not b.is_all_links else 0 for b in blocks]
    totals = _container_totals(blocks, body_words)
    total = sum(body_words) or 1
    levels = _levels(_main_container(blocks, body_words))
    depths = [b.element.depth for b, words in zip(blocks, body_words, strict=True) if words and b.element is not None]
    median_depth = sorted(depths)[len(depths) // 2] if depths else 0
    cache: dict[Element, tuple[float, ...]] = {}
    return np.array([_element_row(b, totals, total, levels, median_depth, cache) for b in blocks], dtype=np.float32)


def _container_totals(blocks: Sequence[Block], body_words: Sequence[int]) -> dict[Element, list[int]]:
    """Return for each element the number of its blocks, words of body text, characters, and link characters."""
    totals: dict[Element, list[int]] = {}
    for block, words in zip(blocks, body_words, strict=True):
        element: Element | None = block.element
        while element is not None and element not in totals:
            totals[element] = [0, 0, 0, 0]
            element = element.parent
        if block.element is not None:
            _add(totals[block.element], (1, words, len(block.text), block.link_chars))
    for inner in sorted(totals, key=lambda element: -element.depth):
        if inner.parent is not None:
            _add(totals[inner.parent], totals[inner])
    return totals


def _add(row: list[int], more: Sequence[int]) -> None:
    row[0] += more[0]
    row[1] += more[1]
    row[2] += more[2]
    row[3] += more[3]


def _main_container(blocks: Sequence[Block], body_words: Sequence[int]) -> Element | None:
    """Return the element with most body text. A parent counts fully, the next two ancestors by 0.6 and 0.36."""
    scores: Counter[Element] = Counter()
    for block, words in zip(blocks, body_words, strict=True):
        weight, element = float(words), block.element
        for _ in range(3):
            if not weight or element is None or element.parent is None:
                break
            element = element.parent
            scores[element] += weight  # type: ignore[assignment]
            weight *= 0.6
    return max(scores, key=lambda element: scores[element], default=None)


def _levels(container: Element | None) -> dict[Element, int]:
    return {element: level for level, element in enumerate(ancestors(container))}


def _element_row(
    block: Block, totals: dict[Element, list[int]], total: int, levels: dict[Element, int], median_depth: int,
    cache: dict[Element, tuple[float, ...]],
) -> tuple[float, ...]:  # fmt: skip
    element = block.element
    if element is None:
        return (0.0,) * len(ELEMENT_COLUMNS)
    containers: list[float] = []
    outer: Element | None = element
    for _ in (1, 2, 3):
        outer = outer.parent if outer is not None else None
        count, words, chars, link_chars = totals[outer] if outer is not None else (0, total, 1, 0)
        containers += (math.log1p(count), words / total, link_chars / (chars or 1))
    shared = _level(element, levels)
    return (
        float(TAGS.get(block.tag, 10)),
        float(element.depth),
        float(element.depth - median_depth),
        float(element.hidden),
        0.0,
        float(len(block.images)),
        *_ancestor_flags(element, cache),
        *containers,
        float(min(shared, 20)),
        *emphasis(block.tokens),
    )


def emphasis(tokens: Sequence[Token]) -> tuple[float, float]:
    """Return the shares of characters in italics and in bold, which notes and promotions often use."""
    if len(tokens) < 3:
        return 0.0, 0.0
    chars = italic = bold = italics = bolds = 0
    for token in tokens:
        if type(token) is str:
            size = len(token)
            chars += size
            italic += size if italics > 0 else 0
            bold += size if bolds > 0 else 0
        elif token[0] in ITALICS:
            italics += ITALICS[token[0]]
        elif token[0] in BOLDS:
            bolds += BOLDS[token[0]]
    return (italic / chars, bold / chars) if chars else (0.0, 0.0)


def _level(element: Element, levels: dict[Element, int]) -> int:
    """Return the level of the innermost ancestor in *levels*, 20 without one."""
    outer: Element | None = element
    while outer is not None:
        level = levels.get(outer)
        if level is not None:
            return level
        outer = outer.parent
    return 20


def _ancestor_flags(element: Element, cache: dict[Element, tuple[float, ...]]) -> tuple[float, ...]:
    flags = cache.get(element)
    if flags is None:
        outer = _ancestor_flags(element.parent, cache) if element.parent is not None else (0.0,) * len(ANCESTOR_TAGS)
        own = [1.0 if tag == element.tag else flag for tag, flag in zip(ANCESTOR_TAGS, outer, strict=True)]
        flags = cache[element] = tuple(own)
    return flags
