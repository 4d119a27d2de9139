"""Site facts: headlines and repeated lines of a site, as input of the cleaner. Knows nothing of their storage.

Other articles' headlines identify an "Explore" list. Lines that repeat across a site's articles identify its template.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from workers.clean.line_types import is_sentence, word_count
from workers.text.normalise import match_key

CACHED_CHARS, CACHED_LINES = 500, 4_096  # a batch of 100 items has 2,000 lines; at most 8 MB
KEY_BYTES = 6  # with a few thousand lines per site, two lines collide in one of ten million sites
MIN_REPEATS = 2  # other articles with the line; a single one may be a version of the same story
MIN_SENTENCE_REPEATS = 4  # higher for a sentence: follow-up articles repeat the background of their story
MIN_REPEATED_SHARE = 0.08  # of the articles in the site history
MAX_REPRINT_SHARE = 0.5  # above this share of repeated words an article is a copy, and proves no template


def line_key(text: str) -> bytes:
    """Return the hash of a line's match key; empty for a line without letters and digits."""
    return (_cached_line_key if len(text) <= CACHED_CHARS else _line_key)(text)


def _line_key(text: str) -> bytes:
    key = match_key(text)
    return hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=KEY_BYTES).digest() if key else b""


_cached_line_key = lru_cache(CACHED_LINES)(_line_key)  # the desk needs each key four times


@dataclass(frozen=True)
class SiteFacts:
    """Headlines and repeated lines of one site; empty by default."""

    headlines: Collection[bytes] = frozenset()  # keys of the titles of other articles
    repeats: Mapping[bytes, int] = field(default_factory=dict)  # key of a line → number of articles with it
    articles: int = 0  # articles in the site history

    def is_headline(self, key: bytes) -> bool:
        """Whether the line is another article's title."""
        return key in self.headlines

    def is_repeated(self, key: bytes, *, sentence: bool = False) -> bool:
        """Whether the line occurs in too many articles to be part of an article; a *sentence* needs more of them."""
        count = self.repeats.get(key, 0)
        minimum = MIN_SENTENCE_REPEATS if sentence else MIN_REPEATS
        return count >= minimum and count >= MIN_REPEATED_SHARE * self.articles

    def is_reprint(self, lines: Iterable[str]) -> bool:
        """Whether most words of the sentences are repeated: the article is a copy and proves no template."""
        if not self.repeats:
            return False
        words = repeated = 0
        for line in lines:
            if is_sentence(line):
                count = word_count(line)
                words += count
                repeated += count if self.is_repeated(line_key(line)) else 0
        return repeated > MAX_REPRINT_SHARE * words
