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
# A character beyond U+FFFF as two references to UTF-16 units, in XML or in escaped HTML.
_HIGH = rb"(?:0{0,8}(55(?:29[6-9]|[3-9]\d\d)|56(?:[0-2]\d\d|3[01]\d))|[xX]0{0,8}([dD][89abAB][0-9a-fA-F]{2}));"
_LOW = rb"(?:0{0,8}(56(?:3[2-9]\d|[4-9]\d\d)|57(?:[0-2]\d\d|3[0-3]\d|34[0-3]))|[xX]0{0,8}([dD][c-fC-F][0-9a-fA-F]{2}));"
_PAIR = re.compile(rb"(&(?:amp;)?#)" + _HIGH + rb"&(?:amp;)?#" + _LOW)


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


def with_joined_surrogates(data: bytes) -> bytes:
    """Return *data* with one reference instead of each pair of references to the surrogates of a character.

    >>> with_joined_surrogates(b"&#55357;&#56832; &#xD83D; &amp;#xd83d;&amp;#xDE00;")
    b'&#128512; &#xD83D; &amp;#128512;'
    """
    return _PAIR.sub(_joined, data) if b"#" in data else data


def _joined(match: re.Match[bytes]) -> bytes:
    high = int(match[2]) if match[2] else int(match[3], 16)
    low = int(match[4]) if match[4] else int(match[5], 16)
    return b"%b%d;" % (match[1], 0x10000 + ((high - 0xD800) << 10) + low - 0xDC00)
