"""The link of an XML entry: one rule for RSS, Atom and RDF. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from workers.urls.web_url import web_url, with_host

# Elements with the address of a page whose <link> leads to a redirector, by feedparser's keys.
# Sources: FeedBurner's and Pheedo's namespaces.
ORIGINAL_LINKS = ("feedburner_origlink", "pheedo_origlink")
HTML_TYPES = frozenset(("text/html", "html", "application/xhtml+xml", "xhtml", "application/vnd.wap.xhtml+xml"))
# RFC 4287 §4.2.7.2: a full URI means the same as the registered name.
RELATIONS = ("http://www.iana.org/assignments/relation/", "https://www.iana.org/assignments/relation/")
PERMALINK = frozenset(("true", "1", "yes", ""))  # RSS 2.0: `isPermaLink` is true by default


def is_permalink(attributes: Mapping[str, str]) -> bool:
    """Return whether a guid with these attributes is a permalink."""
    return attributes.get("ispermalink", "true").strip().lower() in PERMALINK


def entry_link(entry: Mapping[str, Any], document_url: str) -> str:
    """Return the link of an entry; "" without a link.

    The first http or https URL wins: the original link of a redirector, an alternate link (HTML before other types),
    the permalink, the source of the content. A guid is only a link if it is absolute or begins with "/" (a path).
    """
    return next(filter(None, (web_url(str(link)) for link in _candidates(entry, document_url) if link)), "")


def _candidates(entry: Mapping[str, Any], document_url: str) -> Iterator[Any]:
    yield from (entry.get(key) for key in ORIGINAL_LINKS)
    alternates = [link for link in entry.get("links") or () if relation(link) == "alternate"]
    yield from (link.get("href") for link in alternates if _is_html(link))
    yield from (link.get("href") for link in alternates if not _is_html(link))
    guid = str(entry.get("id") or "")
    if entry.get("permalink", True):
        target = with_host(guid)
        is_path = guid.startswith("/") and not guid.startswith("//")
        yield web_url(target, document_url) if is_path or target != guid else guid
    for content in entry.get("content") or ():
        if src := content.get("src"):
            yield web_url(str(src), content.get("base") or document_url)


def _is_html(link: Mapping[str, Any]) -> bool:
    return str(link.get("type") or "text/html").partition(";")[0].strip().lower() in HTML_TYPES


def relation(link: Mapping[str, Any]) -> str:
    """Return the registered name of a link's relation; `alternate` is the default."""
    rel = str(link.get("rel") or "alternate").strip().lower()
    for prefix in RELATIONS:
        rel = rel.removeprefix(prefix)
    return rel
