"""Identity: which items are the same article, and the article's id."""

import hashlib

ID_HEX_CHARS = 20  # 80 bits: among a billion articles, one chance in two million of any two colliding


def identifies_article(key: str) -> bool:
    """Whether a link's *key* (`urls.spell`) names a story: the front page of a site doesn't."""
    return bool(key.partition("/")[2])


def item_key(feed: str, guid: str, key: str, *, shared_link: bool = False, fallback: str = "") -> str:
    """Return the key of an item: its link's *key*, else its guid within *feed*, else a digest of *fallback*.

    *shared_link*: several items of the feed's document have this link but guids of their own (podcasts, live blogs).
    """
    if key and identifies_article(key) and not (shared_link and guid):
        return key
    if guid:
        return f"{feed}#{guid}"
    return f"{feed}#{hashlib.sha256(fallback.encode('utf-8', 'replace')).hexdigest()[:ID_HEX_CHARS]}"


def article_id(key: str) -> str:
    """Return the stable id of the article that an item key belongs to."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:ID_HEX_CHARS]
