"""A limit on the attributes of a start tag, before libxml2 sees the tag. Linear time on any input. Pure.

libxml2 compares each attribute of a tag with all earlier ones, in C code that no signal interrupts.
32,000 attributes take 2 s of CPU time, and 500 take less than 1 ms.
"""

import re

from workers.text.markup import RAW_TEXT_ELEMENTS

# The tags of 120 pages in ../shared/corpus have up to 40 attributes.
MAX_ATTRIBUTES = 500
# The start of a tag, and elements whose content is text, by WHATWG HTML §13.2.5.
_SPACE = r"[ \t\n\f\r/]"
_VALUE = r"(?:\"[^\"]*+\"?+|'[^']*+'?+|[^ \t\n\f\r>\"'][^ \t\n\f\r>]*+)"
_ATTRIBUTE = rf"[^ \t\n\f\r/>][^ \t\n\f\r/>=]*+(?:[ \t\n\f\r]*+=[ \t\n\f\r]*+{_VALUE}?+)?+{_SPACE}*+"
_START = rf"<[a-z][^ \t\n\f\r/>]*+{_SPACE}*+"
_COMMENT = r"<!--(?:-?>|(?:[^-]++|-(?!->|-!>))*+(?:--!?>)?+)"
_FEW = rf"(?:{_ATTRIBUTE}){{0,{MAX_ATTRIBUTES}}}+(?:>|\Z)"
_RAW_TEXT = "|".join(
    rf"(?<=<){name}(?=[ \t\n\f\r/>]){_SPACE}*+{_FEW}(?:[^<]++|<(?!/{name}[ \t\n\f\r/>]))*+"
    for name in RAW_TEXT_ELEMENTS
)
_READABLE = re.compile(rf"(?:[^<]++|{_COMMENT}|<(?:{_RAW_TEXT})|{_START}{_FEW}|<(?![a-z]))*+", re.IGNORECASE)
_CROWDED = re.compile(rf"({_START})(?:{_ATTRIBUTE})*+", re.IGNORECASE)


def limit_attributes(html: str) -> str:
    """Return *html* without the attributes of each start tag that has more than MAX_ATTRIBUTES."""
    out, position = [], 0
    while crowded := _CROWDED.match(html, _readable_end(html, position)):  # no match at the end of *html*
        out += [html[position : crowded.start()], crowded[1]]
        position = crowded.end()
    return "".join((*out, html[position:])) if out else html


def _readable_end(html: str, start: int) -> int:
    """Return the start of the next tag with too many attributes, or the end of *html*."""
    match = _READABLE.match(html, start)
    return match.end() if match else start
