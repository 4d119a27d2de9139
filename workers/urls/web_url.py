"""Validation of untrusted URLs from feeds, pages and headers, before copydesk uses or publishes them. Pure."""

import re
from ipaddress import IPv6Address
from urllib.parse import quote, urljoin, urlsplit

# RFC 9110 §4.1 recommends at least 8,000 octets. The longest of 164,000 URLs in collected feeds has 437.
MAX_URL_CHARS = 8_000
SCHEMES = ("http", "https")
_LINE_BREAK = re.compile(r"[\t\n\r]")  # wrapped lines; the URL Standard (whatwg.org) §4.4 removes them
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # Unicode's category Cc
_SPACE = re.compile(r"\s")
_NO_HOST = re.compile(r"[\s<>\"\\^`{|}%]|^\.*$")  # URL Standard §3.5, forbidden domain code points
# A host without a scheme, as writers of feeds leave it out: RFC 3986 takes it for a relative path.
_HOST = re.compile(
    r"(?![^/?#]{0,300}\.(?:html?|php|aspx?|jsp|xml)(?:[?#]|\Z))www\.[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,4}(?=[/?#]|\Z)",
    re.IGNORECASE,
)
# Schemes that open a program for feeds. Sources: links for Safari, iTunes and Juice.
FEED_SCHEME = re.compile(r"\A(?:feed|itpc|pcast):(?://)?(?=https?://|[^/:]+[./])", re.IGNORECASE)
# Absolute URLs that `_is_web` accepts and `urljoin` returns unchanged: plain ASCII, a host without user, port and
# brackets, no path parameters, no empty query or fragment. 99.5 % of 82,217 URLs in collected feeds are of this form.
USUAL_URL = re.compile(
    r"https?://[A-Za-z0-9-][A-Za-z0-9.-]{0,252}(?:/[!\"$-:<->@-~]{0,4000})?(?:\?[!\"$-~]{1,2000})?(?:#[!-~]{1,1000})?"
)


def web_url(link: str, base: str = "") -> str:
    """Return *link*, resolved against *base*, as a well-formed http or https URL; "" for any other link.

    Surrounding white space and line breaks are removed, other white space is percent-encoded. The rest stays as
    written.

    >>> web_url(" https://news.example/a b ")
    'https://news.example/a%20b'
    >>> web_url("javascript:alert(1)"), web_url("http://[::1"), web_url("http://news.example:99999/")
    ('', '', '')
    """
    if USUAL_URL.fullmatch(link):
        return link
    if len(link) > 2 * MAX_URL_CHARS:
        return ""
    link = _LINE_BREAK.sub("", link.strip())
    try:
        link = urljoin(base, link) if base else link
        if _CONTROL.search(link) or not _is_web(link):
            return ""
        link = encode_spaces(link)
    except ValueError:
        return ""
    return link if len(link) <= MAX_URL_CHARS else ""


def with_host(reference: str) -> str:
    """Return a reference that begins with `www.` and a host as one to that host; any other one unchanged.

    >>> with_host("www.lock.example/a"), with_host("www.lock.html")
    ('//www.lock.example/a', 'www.lock.html')
    """
    return f"//{reference}" if _HOST.match(reference) else reference


def without_feed_scheme(reference: str) -> str:
    """Return a reference with the scheme https instead of `feed:` and its like; any other one without white space.

    >>> without_feed_scheme("feed://mill.example/f"), without_feed_scheme("feed:http://mill.example/f")
    ('https://mill.example/f', 'http://mill.example/f')
    """
    reference = reference.strip()
    rest = FEED_SCHEME.sub("", reference)
    if rest == reference:
        return reference
    return rest if rest.lower().startswith("http") else f"https://{rest}"


def encode_spaces(link: str) -> str:
    """Return *link* without line breaks, and with other white space percent-encoded."""
    return _SPACE.sub(lambda space: quote(space[0]), _LINE_BREAK.sub("", link)) if _SPACE.search(link) else link


def _is_web(link: str) -> bool:
    """Return whether *link* has the scheme http or https and a host.

    Raises:
        ValueError: brackets or port are malformed.
    """
    parts = urlsplit(link)
    host, port = parts.hostname or "", parts.port
    if "[" in parts.netloc:
        IPv6Address(host)
    return parts.scheme in SCHEMES and _NO_HOST.search(host) is None and "\\" not in parts.netloc and port != 0
