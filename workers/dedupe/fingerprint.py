"""Fingerprints: stable digests of what a reader would notice.

Not of bytes, markup, white space, invisible characters or links: those change while the story doesn't.
"""

import hashlib
import html
import re
import unicodedata
from collections.abc import Iterable

DIGEST_BYTES = 8  # compared only with the last few of one article, never across articles
_TAG = re.compile(r"<[^>]{0,5000}>")
_WORD = re.compile(r"\w+")


def fingerprint(parts: Iterable[str]) -> bytes:
    """Return the digest of plain-text *parts*, in order; where one ends and the next begins makes no difference."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        visible = "".join(c for c in unicodedata.normalize("NFKC", part) if unicodedata.category(c) != "Cf")
        for word in _WORD.findall(visible):
            digest.update(word.encode("utf-8", "replace") + b" ")
    return digest.digest()


def markup_fingerprint(parts: Iterable[str]) -> bytes:
    """Return the digest of *parts* that may hold HTML. Cheap: decides only whether an item is worth a closer look."""
    return fingerprint(html.unescape(_TAG.sub(" ", part)) for part in parts)
