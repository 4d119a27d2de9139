"""Repair of ill-formed XML: references that XML does not know, the most frequent defect of feeds. Pure."""

import re
from html.entities import html5
from xml.parsers import expat

_PREDEFINED = frozenset((b"amp", b"lt", b"gt", b"quot", b"apos"))  # XML 1.0 §4.6
# CDATA sections and comments contain no references. A reference ends with a semicolon.
_REFERENCE = re.compile(
    rb"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)|&(?:#[0-9]{1,7};|#[xX][0-9a-fA-F]{1,6};|([A-Za-z][A-Za-z0-9]{1,31});)?",
    re.DOTALL,
)


def ill_formed_error(data: bytes) -> str:
    """Return the first error of an XML document in UTF-8; "" if it is well-formed."""
    try:
        expat.ParserCreate("utf-8", namespace_separator=" ").Parse(data, True)
    except expat.ExpatError as exc:
        return str(exc)
    return ""


def with_known_references(data: bytes) -> bytes:
    """Return *data* with a bare `&` escaped, and with the named characters of HTML as numeric references.

    A document that defines entities stays as written.
    """
    return data if b"<!ENTITY" in data else _REFERENCE.sub(_known_reference, data)


def _known_reference(match: re.Match[bytes]) -> bytes:
    text, name = match[0], match[1]
    if text == b"&":
        return b"&amp;"
    if not name or name in _PREDEFINED:
        return text
    characters = html5.get(f"{name.decode()};")
    return "".join(f"&#{ord(c)};" for c in characters).encode() if characters else b"&amp;" + text[1:]
