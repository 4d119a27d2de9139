"""Ownership of articles: the feeds that may publish a revision of an article. Pure.

Without it, any feed could change the article of another feed, by offering the same link with another text.
"""

import hashlib
from functools import lru_cache
from urllib.parse import urlsplit

from streams.records import Item
from workers.dedupe.classify import MAX_FEEDS, SITE_BYTES, ArticleMemory, feed_digest
from workers.urls.domains import registrable_domain


@lru_cache(MAX_FEEDS)
def site_digest(url: str) -> bytes:
    """Return the digest of the registrable domain of a feed for `ArticleMemory.site`; b"" without a web URL."""
    site = _site(url)
    return hashlib.blake2b(site.encode("utf-8", "replace"), digest_size=SITE_BYTES).digest() if site else b""


def may_revise(memory: ArticleMemory | None, item: Item) -> bool:
    """Return whether *item* may be a revision of the article that *memory* remembers.

    The item must be from the feed of the last revision, from a feed of its site, or from a feed of the link's site.
    An item without the web URL of a feed was pushed with a token, which is trusted. A tombstone has no link.
    It only counts from the feed of the last revision: another feed of the site may drop an entry.
    """
    if memory is None or not memory.feed or feed_digest(item.feed) == memory.feed:
        return True
    site = _site(item.feed)
    if site and item.withdrawn and not item.link:
        return False
    return not site or site == _site(item.link) or site_digest(item.feed) == memory.site


def _site(url: str) -> str:
    try:
        parts = urlsplit(url)
        return registrable_domain(parts.hostname or "") if parts.scheme in ("http", "https") else ""
    except ValueError:
        return ""
