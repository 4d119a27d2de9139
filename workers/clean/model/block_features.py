"""What a block looks like, as numbers: its words, its place on the page, and what stands around it.

    block ──▶ own figures ─┐
    words ──▶ word score  ─┼──▶ a row a block, neighbours' figures beside it ──▶ the model
    place ──▶ name score  ─┘

Pure. The same code serves training (`tests/tools/train`) and the cleaner; a model knows the names of the columns it wants.
"""

import math
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from workers.clean.blocks import Block, Element, ancestors
from workers.clean.metadata import KnownText
from workers.clean.model.metadata_features import metadata_features
from workers.clean.model.text_features import CACHE_CHARS, CACHE_LINES, DENSE, SOME_WORDS, TEXT_COLUMNS, text_features
from workers.text.normalise import match_key, without_joiners

Matrix = npt.NDArray[np.float32]

BUCKETS = 1 << 15  # of hashed words and of hashed class names
TOKENS = re.compile(r"[^\W\d_]+|\d+|[|©@»›•·…:?!]")
NAME_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
OTHER_BLOCK_COST = 9  # words that a block which is no sentence takes from a segment of body text
FIRST, LAST = 14, 6  # words of a block that are looked at: clutter shows at its ends
FIRST_CHARS, LAST_CHARS = 160, 80
WITHIN = ("nav", "aside", "header", "footer", "article", "main", "form", "ul", "table", "figure", "section")
TAGS = {"p": 0, "line": 0, "h1": 1, "h2": 2, "h3": 2, "h4": 2, "h5": 2, "h6": 2, "li": 3, "td": 4, "th": 4,
        "figcaption": 5, "caption": 5, "figure": 5, "blockquote": 6, "dd": 7, "dt": 7, "pre": 8, "div": 9}  # fmt: skip

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
    "tag", "depth", "depth_of_body", "hidden", "name_score", "pictures", *WITHIN,
    *(f"{what}_{level}" for level in (1, 2, 3) for what in ("blocks", "body_share", "container_links")),
    "levels_to_body",
)  # fmt: skip


def word_tokens(text: str) -> Sequence[int]:
    """Return the buckets of a block's words, pairs and ends; of scripts without spaces, of pairs of characters."""
    return (_remembered_tokens if len(text) <= CACHE_CHARS else _tokens)(text)


def _tokens(text: str) -> tuple[int, ...]:
    text = text.casefold()
    if len(text) > FIRST_CHARS + LAST_CHARS:
        words = TOKENS.findall(text[:FIRST_CHARS])[:-1] + TOKENS.findall(text[-LAST_CHARS:])[1:]
    else:
        words = TOKENS.findall(text)
    if not text.isascii() and DENSE.search(text):
        words = [part for word in words for part in _dense(word)]
    if len(words) > FIRST + LAST:
        words = [*words[:FIRST], "…", *words[-LAST:]]
    words = ["#" if word.isdigit() else word for word in words]
    out = [*words, *map(" ".join, pairwise(words))]
    if words:
        out += ["^" + words[0], "$" + words[-1]]
        if len(words) <= 5:
            out.append("=" + " ".join(words))
    return tuple([zlib.crc32(word.encode()) % BUCKETS for word in dict.fromkeys(out)])


_remembered_tokens = lru_cache(CACHE_LINES)(_tokens)


def _dense(word: str) -> list[str]:
    return [word[n : n + 2] for n in range(max(1, len(word) - 1))] if DENSE.match(word) else [word]


def name_buckets(prefix: str, place: Element) -> tuple[int, ...]:
    """Return the buckets of an element's tag and names. *prefix*: o for a block's own element, u for any."""
    return _buckets(prefix, place.tag, place.class_names)


@lru_cache(8192)
def _buckets(prefix: str, tag: str, names: str) -> tuple[int, ...]:
    parts = [part.lower() for part in NAME_PARTS.findall(names)[:24] if len(part) > 1]
    tokens = sorted({tag, *parts, *(f"{a}-{b}" for a, b in pairwise(parts))})
    return tuple([zlib.crc32(f"{prefix}{token}".encode()) % BUCKETS for token in tokens])


def word_scores(blocks: Sequence[Block], weights: Sequence[float]) -> Matrix:
    """Return how much like body text the words of each block are, as log odds."""
    out = []
    for block in blocks:
        tokens = word_tokens(without_joiners(block.text))
        out.append(sum([weights[token] for token in tokens]) / math.sqrt(len(tokens) or 1))
    return np.array(out, dtype=np.float32)


def name_scores(blocks: Sequence[Block], weights: Sequence[float]) -> Matrix:
    """Return how much like places of body text the names of the elements are that each block stands in, as log odds."""
    above: dict[Element, float] = {}
    whole: dict[Element, float] = {}

    def up(place: Element) -> float:
        if place not in above:
            inner = sum([weights[bucket] for bucket in name_buckets("u", place)])
            above[place] = inner + (up(place.parent) if place.parent is not None else 0.0)
        return above[place]

    for place in {block.element for block in blocks if block.element is not None}:
        whole[place] = up(place) + sum([weights[bucket] for bucket in name_buckets("o", place)])
    return np.array([whole[b.element] if b.element is not None else 0.0 for b in blocks], dtype=np.float32)


def base_features(blocks: Sequence[Block], hints: KnownText) -> Matrix:
    """Return the columns OWN, WHERE and, for HTML, PLACE, a row a block; scores are left at 0."""
    html = bool(blocks) and blocks[0].tag != "line"
    wanted = match_key(hints.title)
    keys = [match_key(block.text) for block in blocks]
    repeats = Counter(keys)
    title_words = set(wanted.split())
    told = _word_frequency(blocks, keys)
    own = [_own(b, key, repeats[key], wanted, title_words, told) for b, key in zip(blocks, keys, strict=True)]
    out = np.array(own, dtype=np.float32).reshape(len(blocks), len(BLOCK_COLUMNS))
    parts = [out, _where(blocks, out)]
    if html:
        parts += [_places(blocks, out), metadata_features(hints, keys)]
    return np.hstack(parts)


def _word_frequency(blocks: Sequence[Block], keys: Sequence[str]) -> Counter[str]:
    """Return in how many sentences each longer word stands: a story's own lines share its words."""
    told: Counter[str] = Counter()
    for block, key in zip(blocks, keys, strict=True):
        if block.is_sentence and not block.is_all_links:
            told.update(set(_content(key)))
    return told


def _content(key: str) -> list[str]:
    if not key.isascii() and DENSE.search(key):
        return [key[n : n + 2] for n in range(min(len(key), 80) - 1)]
    return [word for word in key.split(None, SOME_WORDS)[:SOME_WORDS] if len(word) > 3]


def _cohesion(key: str, told: Counter[str], itself: bool) -> float:
    content = _content(key)
    return sum([told.get(word, 0) > itself for word in content]) / len(content) if content else -1.0


def _own(
    block: Block, key: str, repeats: int, title: str, title_words: set[str], told: Counter[str]
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
        _cohesion(key, told, block.is_sentence),
        0.0,
    )


def _where(blocks: Sequence[Block], own: Matrix) -> Matrix:
    count = len(blocks)
    order = np.arange(count, dtype=np.float32)
    words = np.expm1(own[:, BLOCK_COLUMNS.index("words")])
    before = np.cumsum(words) - words
    total = max(1.0, float(words.sum()))
    start, end = body_span(blocks, OTHER_BLOCK_COST)
    title = own[:, BLOCK_COLUMNS.index("is_title")]
    at = int(title.argmax()) if title.any() else -1
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
            signed_log(order - at) if at >= 0 else np.full(count, -9.0),
        ],
        axis=1,
    ).astype(np.float32)


def body_span(blocks: Sequence[Block], block_cost: int) -> tuple[int, int]:
    """Return the half-open span of blocks with the most running text, where any other block costs so many words."""
    return best_segment(
        [block.words if block.is_sentence and not block.is_all_links else -block_cost for block in blocks]
    )


def best_segment(gains: Sequence[float]) -> tuple[int, int]:
    """Return the half-open segment of largest sum (Bentley 1984)."""
    best, span, total, start = 0.0, (0, len(gains)), 0.0, 0
    for n, gain in enumerate(gains):
        total += gain
        if total > best:
            best, span = total, (start, n + 1)
        if total <= 0:
            total, start = 0.0, n + 1
    return span


def signed_log(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the logarithms of distances, with their signs."""
    out: npt.NDArray[Any] = np.sign(values) * np.log1p(np.abs(values))
    return out


def _places(blocks: Sequence[Block], own: Matrix) -> Matrix:
    bodies = [b.words if b.is_sentence and not b.is_all_links else 0 for b in blocks]
    held = _container_totals(blocks, bodies)
    total = sum(bodies) or 1
    levels = _levels(_main_container(blocks, bodies))
    body_depths = [b.element.depth for b, body in zip(blocks, bodies, strict=True) if body and b.element is not None]
    usual = sorted(body_depths)[len(body_depths) // 2] if body_depths else 0
    within: dict[Element, tuple[float, ...]] = {}
    return np.array([_place(block, held, total, levels, usual, within) for block in blocks], dtype=np.float32)


def _container_totals(blocks: Sequence[Block], bodies: Sequence[int]) -> dict[Element, list[int]]:
    """Return for each element how many blocks, words of body text, characters and characters of links it holds."""
    held: dict[Element, list[int]] = {}
    for block, body in zip(blocks, bodies, strict=True):
        place: Element | None = block.element
        while place is not None and place not in held:
            held[place] = [0, 0, 0, 0]
            place = place.parent
        if block.element is not None:
            _add(held[block.element], (1, body, len(block.text), block.link_chars))
    for inner in sorted(held, key=lambda place: -place.depth):
        if inner.parent is not None:
            _add(held[inner.parent], held[inner])
    return held


def _add(row: list[int], more: Sequence[int]) -> None:
    row[0] += more[0]
    row[1] += more[1]
    row[2] += more[2]
    row[3] += more[3]


def _main_container(blocks: Sequence[Block], bodies: Sequence[int]) -> Element | None:
    """Return the element in or close below which most running text stands."""
    scores: Counter[Element] = Counter()
    for block, body in zip(blocks, bodies, strict=True):
        weight, place = float(body), block.element
        for _ in range(3):
            if not weight or place is None or place.parent is None:
                break
            place = place.parent
            scores[place] += weight  # type: ignore[assignment]
            weight *= 0.6
    return max(scores, key=lambda place: scores[place], default=None)


def _levels(body: Element | None) -> dict[Element, int]:
    return {place: level for level, place in enumerate(ancestors(body))}


def _place(
    block: Block, held: dict[Element, list[int]], total: int, levels: dict[Element, int], usual: int,
    within: dict[Element, tuple[float, ...]],
) -> tuple[float, ...]:  # fmt: skip
    place = block.element
    if place is None:
        return (0.0,) * len(ELEMENT_COLUMNS)
    around: list[float] = []
    outer: Element | None = place
    for _ in (1, 2, 3):
        outer = outer.parent if outer is not None else None
        count, body, chars, link_chars = held[outer] if outer is not None else (0, total, 1, 0)
        around += (math.log1p(count), body / total, link_chars / (chars or 1))
    shared = next((levels[p] for p in ancestors(place) if p in levels), 20)
    return (
        float(TAGS.get(block.tag, 10)),
        float(place.depth),
        float(place.depth - usual),
        float(place.hidden),
        0.0,
        float(len(block.images)),
        *_within(place, within),
        *around,
        float(min(shared, 20)),
    )


def _within(place: Element, known: dict[Element, tuple[float, ...]]) -> tuple[float, ...]:
    found = known.get(place)
    if found is None:
        above = _within(place.parent, known) if place.parent is not None else (0.0,) * len(WITHIN)
        found = known[place] = tuple([1.0 if tag == place.tag else a for tag, a in zip(WITHIN, above, strict=True)])
    return found
