"""Registrable domains: the name that an organisation registered, such as `mill.co.uk` of `feeds.news.mill.co.uk`. Pure.

Source: the public suffix list (publicsuffix.org), as bundled with the package publicsuffixlist.
"""

from functools import lru_cache
from ipaddress import ip_address

from publicsuffixlist import PublicSuffixList

MAX_DOMAINS = 65_536  # cached results


@lru_cache(MAX_DOMAINS)
def registrable_domain(host: str) -> str:
    """Return the registrable domain of *host*; *host* itself if it is an address, a suffix, or a name without a dot.

    >>> [registrable_domain(host) for host in ("feeds.mill.co.uk", "mill.github.io", "10.0.0.1")]
    ['mill.co.uk', 'mill.github.io', '10.0.0.1']
    """
    host = host.lower().rstrip(".")
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return _suffixes().privatesuffix(host) or host
    return host


def read_suffixes() -> None:
    """Read the list now, which takes 50 ms once in a process, instead of in its first step."""
    _suffixes()


@lru_cache(1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
