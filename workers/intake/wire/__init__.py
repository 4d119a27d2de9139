"""Wire formats: news articles as agencies send them; one module per format. Pure.

NewsML 1.2, NewsML-G2, NITF and ninjs are standards of the IPTC (iptc.org/standards), as is IPTC 7901. ANPA 1312 is
the American one. `read_wire` detects the format.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from streams.errors import UnreadableError
from workers.intake.wire import anpa, iptc7901, newsml1, newsml_g2, ninjs, nitf, rbnews
from workers.intake.wire.article import WireArticle
from workers.intake.wire.xml_tree import parse_xml

__all__ = ["WireArticle", "looks_like_wire", "read_wire"]


class XmlFormat(Protocol):
    """A module that reads an XML format."""

    def matches(self, head: bytes) -> bool: ...

    def read(self, root: Any) -> Sequence[WireArticle]: ...


class BytesFormat(Protocol):
    """A module that reads a format of text or JSON."""

    def matches(self, head: bytes) -> bool: ...

    def read(self, data: bytes) -> Sequence[WireArticle]: ...


XML_FORMATS: tuple[XmlFormat, ...] = (newsml_g2, newsml1, nitf, rbnews)
TEXT_FORMATS: tuple[BytesFormat, ...] = (anpa, iptc7901)


def looks_like_wire(head: bytes) -> bool:
    """Return whether *head* begins a document of a wire format."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<"):
        return any(xml_format.matches(start) for xml_format in XML_FORMATS)
    return ninjs.matches(start) or any(text_format.matches(head) for text_format in TEXT_FORMATS)


def read_wire(data: bytes) -> Sequence[WireArticle]:
    """Return the articles of a wire document.

    Raises:
        UnreadableError: no known format, or damaged.
    """
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    for xml_format in XML_FORMATS:
        if start.startswith(b"<") and xml_format.matches(start[:65_536]):
            return xml_format.read(parse_xml(start))
    if ninjs.matches(start[:65_536]):
        return ninjs.read(start)
    for text_format in TEXT_FORMATS:
        if text_format.matches(data[:65_536]):
            return text_format.read(data)
    raise UnreadableError("unknown wire format")
