"""Facts: what the stream knows of a site, handed to the cleaner, which asks nobody itself.

An "Explore" list consists of other stories' headlines, which the stream has carried; a template repeats across a
site's articles, and a story doesn't.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from workers.clean.line_types import is_sentence, word_count
from workers.text.normalise import match_key

KEY_BYTES = 6  # of a few thousand lines a site, two share a key once in ten million sites
MIN_REPEATS = 2  # other articles that have the line; one may be another version of the same story
MIN_SENTENCES = 4  # the same for a sentence: a running story tells its background again and again
MIN_REPEATED_SHARE = 0.08  # of the articles that are remembered
MAX_REPRINT_SHARE = 0.5  # an article of which more than this is repeated is a copy of another, and shows nothing


def line_key(text: str) -> bytes:
    """Return the key of a line: alike for lines that read alike, "" for one without letters and digits."""
    key = match_key(text)
    return hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=KEY_BYTES).digest() if key else b""


@dataclass(frozen=True)
class SiteFacts:
    """What is known of the site that a story stands on. Nothing is known by default."""

    headlines: Collection[bytes] = frozenset()  # keys of the titles of its other stories
    repeats: Mapping[bytes, int] = field(default_factory=dict)  # key of a line → articles that have it
    articles: int = 0  # how many are remembered

    def is_headline(self, key: bytes) -> bool:
        """Whether the line is another story's title."""
        return key in self.headlines

    def is_repeated(self, key: bytes, *, sentence: bool = False) -> bool:
        """Whether the line, a *sentence* or not, stands in so many articles that it can't belong to one of them."""
        count = self.repeats.get(key, 0)
        return count >= (MIN_SENTENCES if sentence else MIN_REPEATS) and count >= MIN_REPEATED_SHARE * self.articles

    def is_reprint(self, lines: Iterable[str]) -> bool:
        """Whether most of a story's sentences are repeated: it is another article's copy, and shows no template."""
        words = repeated = 0
        for line in lines:
            if is_sentence(line):
                count = word_count(line)
                words += count
                repeated += count if self.is_repeated(line_key(line)) else 0
        return repeated > MAX_REPRINT_SHARE * words
