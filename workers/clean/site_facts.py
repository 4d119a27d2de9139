"""Site facts: headlines, repeated lines and evidence of a site, for the cleaner. Knows nothing of their storage.

Other articles' headlines identify an "Explore" list. Lines that repeat across a site's articles identify its template.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import msgspec

from workers.clean.line_types import is_sentence, word_count
from workers.text.normalise import match_key

CACHED_CHARS, CACHED_LINES = 500, 4_096  # a batch of 100 items has 2,000 lines; at most 8 MB
KEY_BYTES = 6  # with a few thousand lines per site, two lines collide in one of ten million sites
MIN_REPEATS = 2  # other articles with the line; a single one may be a version of the same article
MIN_SENTENCE_REPEATS = 4  # higher for a sentence: follow-up articles repeat the background of their topic
MIN_REPEATED_SHARE = 0.08  # of the articles in the site history
VOTE_BITS = 12  # a segment has 150 articles; several workers may add some more
CLUTTER_VOTE, BODY_VOTE = 1 << VOTE_BITS, 1 << 2 * VOTE_BITS
MAX_REPRINT_SHARE = 0.5  # above this share of repeated words an article is a copy, and proves no template


def line_key(text: str) -> bytes:
    """Return the hash of a line's match key; empty for a line without letters and digits."""
    return (_cached_line_key if len(text) <= CACHED_CHARS else _line_key)(text)


def _line_key(text: str) -> bytes:
    key = match_key(text)
    return hash_key(key) if key else b""


def hash_key(text: str) -> bytes:
    """Return the hash of *text* under which the site history counts it."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=KEY_BYTES).digest()


_cached_line_key = lru_cache(CACHED_LINES)(_line_key)  # the desk needs each key four times


class Votes(NamedTuple):
    """Numbers of earlier articles.

    `repeats`: with the line or pattern in the body text. `clutter`: with clutter there. `body`: with body text there.
    """

    repeats: int
    clutter: int
    body: int


class Evidence(msgspec.Struct, frozen=True, array_like=True):
    """Result of learning from one article.

    *votes*: key of a path or line → CLUTTER_VOTE or BODY_VOTE. *names*: key → its text, for reports.
    *fits*: whether the body text is in elements that held body text before; None if that is unknown.
    """

    votes: dict[bytes, int] = {}
    names: dict[bytes, str] = {}
    fits: bool | None = None


NO_EVIDENCE = Evidence()


@dataclass(frozen=True)
class SiteFacts:
    """Headlines, repeated lines and learned evidence of one site; empty by default."""

    headlines: Collection[bytes] = frozenset()  # keys of the titles of other articles
    counts: Mapping[bytes, int] = field(default_factory=dict)  # key of a line or path → its `Votes` in one number
    articles: int = 0  # articles in the site history

    def votes(self, key: bytes) -> Votes:
        """Return the numbers of earlier articles for a line or path."""
        count = self.counts.get(key, 0)
        return Votes(count % CLUTTER_VOTE, count // CLUTTER_VOTE % CLUTTER_VOTE, count // BODY_VOTE)

    def is_headline(self, key: bytes) -> bool:
        """Return whether the line is another article's title."""
        return key in self.headlines

    def is_repeated(self, key: bytes, *, sentence: bool = False) -> bool:
        """Return whether too many articles have the line for it to be body text; a *sentence* needs more articles."""
        count = self.counts.get(key, 0) % CLUTTER_VOTE
        minimum = MIN_SENTENCE_REPEATS if sentence else MIN_REPEATS
        return count >= minimum and count >= MIN_REPEATED_SHARE * self.articles

    def is_reprint(self, lines: Iterable[str]) -> bool:
        """Return whether most words of the sentences are repeated: the article is a copy and proves no template."""
        if not self.counts:
            return False
        words = repeated = 0
        for line in lines:
            if is_sentence(line):
                count = word_count(line)
                words += count
                repeated += count if self.is_repeated(line_key(line)) else 0
        return repeated > MAX_REPRINT_SHARE * words
