"""The URLs of feeds: their normal form, and those of [[feeds]] tables without a registered feed. Pure."""

from collections.abc import Collection, Sequence
from urllib.parse import urlsplit

from streams.config.tables import FeedOptions
from streams.errors import SettingsError
from workers.urls.canonical import canonical_url
from workers.urls.web_url import web_url

DEFAULT_PORTS = {"http": 80, "https": 443}
WILDCARDS = frozenset("*?[")  # of fnmatch, which matches the tables


def validate_feed_url(url: str) -> str:
    """Return *url* in its normal form (RFC 3986 §6.2): without surrounding white space, default port and fragment.

    >>> validate_feed_url(" HTTPS://EXAMPLE.org:443/x#top")
    'https://example.org/x'

    Raises:
        SettingsError: it isn't http or https, or contains credentials.
    """
    valid = web_url(url)
    if not valid or not canonical_url(valid):
        raise SettingsError(f"invalid feed URL: {url!r} (not an http or https URL); begin it with https://")
    parts = urlsplit(valid)
    if "@" in parts.netloc:
        raise SettingsError(
            f"feed URL with credentials: {parts.hostname} (logs and articles would show them);"
            " put them into a [[feeds]] table of copydesk.toml"
        )
    host, _, port = parts.netloc.lower().rpartition(":") if parts.port is not None else (parts.netloc.lower(), "", "")
    is_default = not port or int(port) == DEFAULT_PORTS.get(parts.scheme)
    netloc = host.rstrip(":").rstrip(".") + ("" if is_default else f":{port}")
    return parts._replace(netloc=netloc, path=parts.path or "/", fragment="").geturl()


def unregistered_feeds(tables: Sequence[FeedOptions], registered: Collection[str]) -> list[str]:
    """Return the URLs of the tables without wildcards whose feeds aren't registered."""
    urls = [table.url for table in tables if not WILDCARDS.intersection(table.url)]
    return [url for url in urls if url not in registered]
