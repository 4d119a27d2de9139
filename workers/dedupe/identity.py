"""Identity: the key of an item, and the id of its article. Items with one key are one article. Pure."""

import hashlib

TITLE_MARK = "#title="
ID_HEX_CHARS = 20  # 80 bits: for a billion articles, the probability of any collision is 1 in 2 million


def identifies_article(key: str) -> bool:
    """Return whether a link's *key* (`urls.canonical`) has a path; a site's front page identifies no article."""
    return bool(key.partition("/")[2])


def item_key(feed: str, guid: str, key: str, *, shared_link: bool = False, fallback: str = "") -> str:
    """Return the key of an item: its link's *key*, else its guid within *feed*, else a digest of *fallback*.

    *shared_link*: several items of the feed have this link and different guids (podcasts, live blogs).
    """
    if key and identifies_article(key) and not (shared_link and guid):
        return key
    if guid:
        return f"{feed}#{guid}"
    return f"{feed}#{hashlib.sha256(fallback.encode('utf-8', 'replace')).hexdigest()[:ID_HEX_CHARS]}"


def titled_key(key: str, label: str) -> str:
    """Return the key of an item that shares *key* with other items of its document. *label*: its title or text."""
    return f"{key}{TITLE_MARK}{hashlib.sha256(label.encode('utf-8', 'replace')).hexdigest()[:ID_HEX_CHARS]}"


def untitled_key(key: str) -> str:
    """Return *key* without the digest that `titled_key` added."""
    return key.rpartition(TITLE_MARK)[0] or key


def article_id(key: str) -> str:
    """Return the stable article id of an item key."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:ID_HEX_CHARS]
