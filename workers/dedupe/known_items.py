"""Known items: recognised before cleaning by a digest of the item without its link lists.

Many outlets append links to other articles to each item. They rotate the links with each new article, so all items of
the feed change. The digest has all fields of the item, and its texts without the blocks that are links. For the same
digest, cleaning gives the same fingerprint, unless the cleaner keeps one of the new links. An item with such a kept
block is never stored here.

The memory belongs to a process and is bounded. Decision 107 has the figures.
"""

import hashlib
import html
import re
from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from msgspec.structs import replace

from streams.codec import encode
from streams.records import Content, Item
from workers.dedupe.fingerprint import MAX_TAG_CHARS
from workers.text.markup import strip_tags
from workers.text.normalise import match_key

MAX_KNOWN = 32_768  # about 12 MB
MAX_TEXT_CHARS = 200_000  # of the texts of an item; a longer text is cleaned, because its digest takes long too
MAX_AGE_S = 3600.0  # by the times of polls; limits the delay of a change that the digest does not show
CACHED_CHARS, CACHED_BLOCKS = 500, 2_048  # of a block of links; at most 4 MB
MAX_LABEL_WORDS = 3  # before the links of a block, such as "Also read:"
DIGEST_BYTES = 16
_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
# Elements that begin or end a block. Source: HTML Living Standard §15.3, elements with `display: block` or `list-item`
# that feeds use, cells of tables and line breaks. Lower-case patterns take a tenth of the
# time. An item with upper-case tags counts as one without link lists, and is cleaned.
_BLOCK_TAG = (
    r"</?(?:p|li|[uo]l|h[1-6r]|div|br|t[drh]|d[tdl]|t(?:able|body|head|foot)|blockquote|section|article|aside|"
    r"fig(?:ure|caption)|header|footer|nav|main|pre|address|details|summary)\b[^<>]*+>\s*+"
)
# `re` finds a pattern that begins with `<` in half the time.
_BLOCK_TAGS = re.compile(f"{_BLOCK_TAG}(?:{_BLOCK_TAG})*+")
_INLINE_TAG = r"</?(?:b|strong|i|em|u|small|span|font)\b[^<>]*+>"
_LINK = r"<a\b[^<>]*+>(?:[^<]++|<(?!/?a\b|img\b))*+</a>"  # without an image
# A label of some words, then links with marks between them.
_LINKS = re.compile(
    rf"(?:\s++|{_INLINE_TAG})*+(?:[^<>\s]++(?:\s++|{_INLINE_TAG})*+){{0,{MAX_LABEL_WORDS}}}+"
    rf"(?:\s++|{_INLINE_TAG}|{_LINK}|[|/,;:\u00b7\u2022\u203a\u00bb\u2013\u2014-])*+"
)


class ItemDigest(NamedTuple):
    """The digest of an item without its link lists. `links`: the blocks of links that it lacks, as HTML."""

    digest: bytes
    links: tuple[str, ...] = ()

    def keeps_links(self, lines: Iterable[str]) -> bool:
        """Return whether the cleaner has kept one of the links in the text, whose blocks are *lines*."""
        if not self.links:
            return False
        keys = {*map(match_key, lines)}
        together = _key(" ".join(self.links))  # one key takes a quarter of the time of a key for each block
        return any(key in together for key in keys) and not keys.isdisjoint(map(_key, self.links))


def _is_links(block: str) -> bool:
    return (_cached_match if len(block) <= CACHED_CHARS else _LINKS.fullmatch)(block) is not None


_cached_match = lru_cache(CACHED_BLOCKS)(_LINKS.fullmatch)  # the items of a feed link to the same articles


def _key(block: str) -> str:
    return match_key(html.unescape(strip_tags(block, " ", MAX_TAG_CHARS)))


class KnownItem(NamedTuple):
    """The result of cleaning: id of the article, and fingerprint of its content. `fetched_s`: time of the poll."""

    article_id: str
    fingerprint: bytes
    fetched_s: float


class KnownItems:
    """Cleaned items by their digest, bounded by number and age. The oldest are removed first."""

    def __init__(self, max_items: int = MAX_KNOWN) -> None:
        self.max_items = max_items
        # The first entry of a dict takes long to find after many removals.
        self._items: OrderedDict[bytes, KnownItem] = OrderedDict()

    def __len__(self) -> int:
        return len(self._items)

    def get(self, digest: ItemDigest | None, fetched_s: float) -> KnownItem | None:
        """Return the result of an item with *digest* that was polled at *fetched_s*; None if it must be cleaned."""
        known = self._items.get(digest.digest) if digest is not None else None
        return known if known is not None and abs(fetched_s - known.fetched_s) <= MAX_AGE_S else None

    def add(self, digest: ItemDigest, known: KnownItem, lines: Iterable[str]) -> None:
        """Remember a cleaned item, whose text has *lines*, unless one of them is a link that the digest lacks."""
        self._items.pop(digest.digest, None)
        if not self.max_items or digest.keeps_links(lines):
            return
        self._items[digest.digest] = known
        while len(self._items) > self.max_items or self._oldest().fetched_s < known.fetched_s - MAX_AGE_S:
            self._items.popitem(last=False)

    def _oldest(self) -> KnownItem:
        return next(iter(self._items.values()))


def item_digest(item: Item) -> ItemDigest | None:
    """Return the digest of *item* without its link lists; None for a long item, a page or a dump."""
    texts = [text.value for text in (*item.content, item.summary) if text is not None]
    if item.page is not None or item.text_dump or item.withdrawn or sum(map(len, texts)) > MAX_TEXT_CHARS:
        return None
    links: list[str] = []
    content = tuple([_without_links(text, links) for text in item.content])
    summary = _without_links(item.summary, links) if item.summary is not None else None
    rest = replace(item, content=content, summary=summary, fetched_at=_NO_TIME, fingerprint="", poll_id="")
    return ItemDigest(hashlib.blake2b(encode(rest), digest_size=DIGEST_BYTES).digest(), tuple(links))


def _without_links(content: Content, links: list[str]) -> Content:
    """Return *content* without blocks that are links; add these to *links*."""
    if "<a" not in content.value:
        return content
    kept: list[str] = []
    for block in _BLOCK_TAGS.split(content.value):
        if block:
            (links if "<a" in block and _is_links(block) else kept).append(block)
    return replace(content, value="\n".join(kept))
