"""Texts of recently published articles, for diffs of revisions. Bounded by count (`streams.state.segments`).

copydesk:recent-texts:<segment>:0    hash: article id → title, dek and paragraphs, compressed
copydesk:archive-texts:<segment>:0   the same for articles of the archive lane
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from streams.brokers.base import RedisCommand
from streams.state.lookup import Lookup, look_up
from streams.state.segments import SegmentedHash, Segments

PREFIX = "copydesk:recent-texts"
ARCHIVE_PREFIX = "copydesk:archive-texts"  # separate: a backfill must not displace the texts of live articles
SEGMENT_ARTICLES = 10_000  # two segments: 32 MB of articles of 600 words
SEGMENTS = 2
# Most articles of feeds are small. With a window of their size and smaller tables, zlib takes a quarter of the time: it
# clears less memory. The result has the same size.
SMALL_BYTES, SMALL_WINDOW, SMALL_TABLES = 4_096, 12, 5
LINE_START = "\x1e"  # record separator of ASCII; a line may contain line breaks
MAX_BYTES = 100_000  # compressed; revisions of longer texts have no diff


class RecentTexts:
    """Store of texts by article id. A text is a sequence of lines: title, dek, paragraphs."""

    def __init__(self, state: Any, segment_articles: int = SEGMENT_ARTICLES, prefix: str = PREFIX) -> None:
        self.state = state
        self._hash = SegmentedHash(state, Segments(prefix, segment_articles, SEGMENTS))

    async def get(self, ids: Sequence[str]) -> dict[str, Sequence[str]]:
        """Return the text of each of *ids* that is stored."""
        [texts] = await look_up(self.state, self.lookup(ids))
        return dict(texts)

    def lookup(self, ids: Sequence[str]) -> Lookup[dict[str, Sequence[str]]]:
        """Return the look-up of the text of each of *ids* that is stored."""
        return self._hash.lookup([bytes.fromhex(id_) for id_ in ids]).map(_decompress_all)

    def set_commands(self, texts: Mapping[str, Sequence[str]]) -> list[RedisCommand]:
        """Return the commands that store the text of each article."""
        values = {bytes.fromhex(id_): _compress(text) for id_, text in texts.items()}
        return self._hash.set_commands({id_: value for id_, value in values.items() if len(value) <= MAX_BYTES})


def _compress(text: Sequence[str]) -> bytes:
    data = "".join([LINE_START + line.replace(LINE_START, " ") for line in text]).encode("utf-8", "replace")
    if len(data) > SMALL_BYTES:
        return zlib.compress(data, 1)
    compressor = zlib.compressobj(1, zlib.DEFLATED, SMALL_WINDOW, SMALL_TABLES)
    return compressor.compress(data) + compressor.flush()


def _decompress_all(values: Mapping[bytes, bytes]) -> dict[str, Sequence[str]]:
    return {field.hex(): _decompress(value) for field, value in values.items()}


def _decompress(value: bytes) -> Sequence[str]:
    text = zlib.decompress(value).decode()
    return text[1:].split(LINE_START) if text.startswith(LINE_START) else text.split("\n")  # as earlier versions wrote
