"""Identity: the one spelling of a link that copydesk compares, and the key of an item."""

import hashlib
import re
from urllib.parse import urlsplit

from workers.clean.links import without_trackers

DEFAULT_PORTS = {"http": "80", "https": "443"}
# Fragments that choose what a page shows: hash-bang routes and their heirs. Source: Google's AJAX crawling scheme.
ROUTING_FRAGMENT = re.compile(r"[!/].+")
ID_HEX_CHARS = 20  # 80 bits: among a billion articles, one chance in two million of any two colliding
_AUTHORITY = re.compile(r"(?P<user>[^@]*@)?(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>\d*))?")


def canonical_url(link: str) -> str:
    """Return the one spelling of *link* that copydesk compares and publishes; "" for what isn't http or https.

    Clutter and the fragment go; scheme and host lose their capitals. Whatever could change which page is served
    stays exactly as written, escapes and order included: publishing a story twice is a nuisance, merging two is a loss.

    >>> canonical_url("HTTPS://News.Example:443/a?b=%7E&utm_source=rss#top")
    'https://news.example/a?b=%7E'
    """
    link = link.strip()
    try:
        scheme, authority, path, query, fragment = urlsplit(link)
    except ValueError:
        return ""
    found = _AUTHORITY.fullmatch(authority)
    if scheme not in DEFAULT_PORTS or found is None or not found["host"].strip("."):
        return ""
    host, port = found["host"].lower().rstrip("."), found["port"]
    user = found["user"] or ""
    suffix = f":{port}" if port and port != DEFAULT_PORTS[scheme] else ""
    url = f"{scheme}://{user}{host}{suffix}{path or '/'}" + (f"?{query}" if query else "")
    return without_trackers(url) + (f"#{fragment}" if ROUTING_FRAGMENT.fullmatch(fragment) else "")


def is_identity(url: str) -> bool:
    """Whether *url* names a story: the front page of a site doesn't."""
    parts = urlsplit(url)
    return bool(parts.path.strip("/") or parts.query or parts.fragment)


def item_key(feed: str, guid: str, url: str, *, shared_link: bool = False, fallback: str = "") -> str:
    """Return the key of an item: its canonical URL, else its guid within *feed*, else a digest of *fallback*.

    *shared_link*: several items of the feed's document have this link but guids of their own (podcasts, live blogs).
    """
    if url and is_identity(url) and not (shared_link and guid):
        return url
    if guid:
        return f"{feed}#{guid}"
    return f"{feed}#{hashlib.sha256(fallback.encode('utf-8', 'replace')).hexdigest()[:ID_HEX_CHARS]}"


def article_id(key: str) -> str:
    """Return the stable id of the article that an item key belongs to."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:ID_HEX_CHARS]
