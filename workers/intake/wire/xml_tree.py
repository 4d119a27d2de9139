"""XML of wire documents: parsing without entities and network, tags without namespaces, markup of bodies."""

from collections.abc import Iterable
from typing import Any

from lxml import etree

from streams.errors import UnreadableError
from workers.poller.formats import normalise_document

MAX_DEPTH = 100
# Elements of NITF without a meaning in HTML, by their replacement; "" keeps the content only. Source: NITF 3.6.
NITF_TAGS = {
    "hl1": "h2", "hl2": "h3", "block": "div", "media": None, "body.end": None,
    "tagline": "p", "nitf-table": "table", "bq": "blockquote", "fn": "p", "note": "p", "nitf-table-metadata": None,
    "datasource": "p", "credit": "p", "script": None, "style": None, "header": None, "title": None,
}  # fmt: skip
HTML_TAGS = frozenset(
    "a b blockquote br caption cite code dd div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img li ol p pre q s "
    "small span strong sub sup table tbody td tfoot th thead tr u ul".split()
)


def parse_xml(data: bytes) -> Any:
    """Return the root of an XML document, its tags and attributes without namespaces. Raises UnreadableError."""
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, recover=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(normalise_document(data), parser)
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise UnreadableError(f"broken XML: {exc}") from exc
    if root is None:
        raise UnreadableError("broken XML: no element")
    for element in root.iter(etree.Element):
        element.tag = etree.QName(element).localname
        for name in [str(name) for name in element.attrib if "}" in str(name)]:
            element.set(name.partition("}")[2], element.attrib.pop(name))
    return root


def text_of(parent: Any, *paths: str) -> str:
    """Return the text of the first element at one of *paths* that has any."""
    return next(iter(texts_of(parent, *paths)), "")


def texts_of(parent: Any, *paths: str) -> list[str]:
    """Return the texts of all elements at *paths*, with single spaces; empty texts are left out."""
    if parent is None:
        return []
    elements = (element for path in paths for element in parent.iterfind(path))
    return [text for element in elements if (text := " ".join("".join(element.itertext()).split()))]


def names_of(parent: Any, *paths: str) -> str:
    """Return the texts of all elements at *paths*, with a space between the elements inside of each."""
    elements = [element for path in paths for element in parent.iterfind(path)] if parent is not None else []
    return "; ".join(filter(None, (" ".join(" ".join(element.itertext()).split()) for element in elements)))


def attribute(parent: Any, path: str, name: str) -> str:
    """Return the attribute of the first element at *path* that has it."""
    return next(iter(attributes(parent, path, name)), "")


def attributes(parent: Any, path: str, name: str) -> list[str]:
    """Return the values of an attribute of all elements at *path*."""
    if parent is None:
        return []
    return [value.strip() for element in parent.iterfind(path) if (value := element.get(name, "")).strip()]


def to_html(elements: Iterable[Any]) -> str:
    """Return the content of *elements* as HTML. Unknown elements keep their content only."""
    return "".join(_inner_html(element, 0) for element in elements).strip()


def _inner_html(element: Any, depth: int) -> str:
    parts = [_escape(element.text)]
    for child in element:
        if isinstance(child.tag, str) and depth < MAX_DEPTH:
            parts.append(_outer_html(child, depth + 1))
        parts.append(_escape(child.tail))
    return "".join(parts)


def _outer_html(element: Any, depth: int) -> str:
    tag = NITF_TAGS.get(element.tag, element.tag if element.tag in HTML_TAGS else "")
    if tag is None:
        return ""
    inner = _inner_html(element, depth)
    if not tag:
        return inner
    names = {"a": ("href",), "img": ("src", "alt")}.get(tag, ())
    values = "".join(f' {name}="{_escape(element.get(name, ""))}"' for name in names)
    return f"<{tag}{values}>" if tag in ("br", "hr", "img") else f"<{tag}{values}>{inner}</{tag}>"


def _escape(text: str | None) -> str:
    return (text or "").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
