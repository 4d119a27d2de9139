"""Removal of elements and comments from HTML text, before it is parsed. Linear time on any input.

One scan from left to right. Each start tag ends at its own end tag; the text between them is not scanned again.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

# Elements whose content is text, even if it looks like tags. Source: WHATWG HTML §13.2.6.2, raw text and RCDATA.
RAW_TEXT_ELEMENTS = "script style title textarea xmp iframe noembed noframes".split()
COMMENT = "!--"
MAX_ATTRIBUTE_CHARS = 400  # searched for the type in a script's start tag
_INVISIBLE_START = re.compile(rf"<(?:{COMMENT}|({'|'.join(RAW_TEXT_ELEMENTS)}|svg)(?=[\s/>]))", re.IGNORECASE)
_ENDS = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in (*RAW_TEXT_ELEMENTS, "svg")}
# `<!-->` and `<!--->` are comments too; `--!>` ends a comment. Source: WHATWG HTML §13.2.5.43 to 51.
_COMMENT_ENDS = re.compile(r"-->|(?<!<!)--!>")


class Span(NamedTuple):
    """An element or a comment: its name in lower case, its start and its end."""

    name: str
    start: int
    end: int


def strip_invisible_elements(html: str) -> str:
    """Return *html* without comments, styles, SVG and scripts. JSON-LD stays because it names authors and dates."""

    def is_invisible(span: Span) -> bool:
        return span.name in (COMMENT, "style", "svg") or (span.name == "script" and not _is_json_ld(html, span.start))

    return _without(html, _INVISIBLE_START, is_invisible)


def strip_tags(html: str, replacement: str, max_chars: int) -> str:
    """Return *html* with *replacement* for each tag of at most *max_chars* between its brackets."""
    *pieces, last = html.split(">")
    out = []
    for piece in pieces:
        start = piece.find("<", max(0, len(piece) - max_chars - 1))
        out.append(piece + ">" if start < 0 else piece[:start] + replacement)
    return "".join((*out, last))


def _without(html: str, start_tag: re.Pattern[str], is_dropped: Callable[[Span], bool]) -> str:
    out, position = [], 0
    for span in _spans(html, start_tag):
        if is_dropped(span):
            out.append(html[position : span.start])
            position = span.end
    return "".join((*out, html[position:]))


def _spans(html: str, start_tag: re.Pattern[str]) -> Iterator[Span]:
    """Yield the comments and elements that begin with *start_tag*, from left to right and never nested.

    An <svg> without an end tag is not yielded: the text after it may belong to the page.
    """
    svg_ends, position = True, 0
    while (match := start_tag.search(html, position)) is not None:
        name, position = (match[1] or COMMENT).lower(), match.end()
        end = _end(html, name, match.start(), position) if name != "svg" or svg_ends else -1
        if end < 0:
            svg_ends = False
            continue
        yield Span(name, match.start(), end)
        position = end


def _end(html: str, name: str, start: int, name_end: int) -> int:
    """Return the end of the element or comment that begins at *start*; -1 for an <svg> without an end tag."""
    if name == COMMENT:
        ends = _COMMENT_ENDS.search(html, start + 2)
        return ends.end() if ends else len(html)
    if name == "svg" and html[(tag_end := _find_end(html, ">", name_end)) - 2 : tag_end] == "/>":
        return tag_end
    ends = _ENDS[name].search(html, name_end)
    if ends is None:
        return -1 if name == "svg" else len(html)
    return _find_end(html, ">", ends.end())


def _find_end(html: str, text: str, start: int) -> int:
    """Return the position after the next *text*, or the end of *html*."""
    index = html.find(text, start)
    return index + len(text) if index >= 0 else len(html)


def _is_json_ld(html: str, start: int) -> bool:
    return "ld+json" in html[start : start + MAX_ATTRIBUTE_CHARS].partition(">")[0].lower()
