"""Markup: elements and comments cut out of HTML as text, before it is parsed. Linear time on any text.

One scan from left to right. Each opener ends at its own end tag; what stands between them is not looked at again.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

# Elements whose content is text, whatever it looks like. Source: WHATWG HTML §13.2.6.2, raw text and RCDATA.
RAW = frozenset("script style title textarea xmp iframe noembed noframes".split())
COMMENT = "!--"
MAX_ATTRIBUTE_CHARS = 400  # of a script's start tag, in which its type stands
_OPENS_UNSEEN, _OPENS_BUTTON = (
    re.compile(rf"<(?:{COMMENT}|({'|'.join(sorted(RAW))}|{element})(?=[\s/>]))", re.IGNORECASE)
    for element in ("svg", "button")
)
_ENDS = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in (*RAW, "svg")}
# `<!-->` and `<!--->` are comments, too; `--!>` ends one. Source: WHATWG HTML §13.2.5.43 to 51.
_COMMENT_ENDS = re.compile(r"-->|(?<!<!)--!>")
_BUTTON = re.compile(r"<(/?)button(?=[\s/>])", re.IGNORECASE)


class Span(NamedTuple):
    """An element or a comment: its name in lower case, and where it begins and ends."""

    name: str
    start: int
    end: int


def strip_invisible_elements(html: str) -> str:
    """Return *html* without comments, styles, drawings and scripts; JSON-LD stays, for it names authors and dates."""

    def unseen(span: Span) -> bool:
        return span.name in (COMMENT, "style", "svg") or (span.name == "script" and not _is_json_ld(html, span.start))

    return _without(html, _OPENS_UNSEEN, unseen)


def strip_buttons(html: str) -> str:
    """Return *html* without buttons.

    `</button>` closes whatever was left open in the button (WHATWG HTML §13.2.6.4.7). libxml2 overlooks it there, and
    takes the rest of the page for the button's content.
    """
    if _BUTTON.search(html) is None:
        return html
    return _without(html, _OPENS_BUTTON, lambda span: span.name == "button")


def strip_tags(html: str, gap: str, most_chars: int) -> str:
    """Return *html* with *gap* for each tag of at most *most_chars* between its brackets."""
    *pieces, last = html.split(">")
    out = []
    for piece in pieces:
        start = piece.find("<", max(0, len(piece) - most_chars - 1))
        out.append(piece + ">" if start < 0 else piece[:start] + gap)
    return "".join((*out, last))


def _without(html: str, opens: re.Pattern[str], goes: Callable[[Span], bool]) -> str:
    out, at = [], 0
    for span in _spans(html, opens):
        if goes(span):
            out.append(html[at : span.start])
            at = span.end
    return "".join((*out, html[at:]))


def _spans(html: str, opens: re.Pattern[str]) -> Iterator[Span]:
    """Yield the comments and elements that *opens* finds, from left to right; none lies in another.

    A drawing without an end tag is left out: text that follows it may be the page's.
    """
    svg_ends, at = True, 0
    while (found := opens.search(html, at)) is not None:
        name, at = (found[1] or COMMENT).lower(), found.end()
        end = _end(html, name, found.start(), at) if name != "svg" or svg_ends else -1
        if end < 0:
            svg_ends = False
            continue
        yield Span(name, found.start(), end)
        at = end


def _end(html: str, name: str, start: int, at: int) -> int:
    """Return where the element that begins at *start* ends, its name at *at*: -1 for a drawing without an end."""
    if name == COMMENT:
        ends = _COMMENT_ENDS.search(html, start + 2)
        return ends.end() if ends else len(html)
    if name == "button":
        return _button_end(html, at)
    if name == "svg" and html[(tag_end := _past(html, ">", at)) - 2 : tag_end] == "/>":
        return tag_end
    ends = _ENDS[name].search(html, at)
    if ends is None:
        return -1 if name == "svg" else len(html)
    return _past(html, ">", ends.end())


def _button_end(html: str, at: int) -> int:
    """Return the end of a button; of one that isn't closed before the next, the end of its start tag."""
    following = _BUTTON.search(html, at)
    return _past(html, ">", following.end() if following and following[1] else at)


def _past(html: str, mark: str, at: int) -> int:
    found = html.find(mark, at)
    return found + len(mark) if found >= 0 else len(html)


def _is_json_ld(html: str, start: int) -> bool:
    return "ld+json" in html[start : start + MAX_ATTRIBUTE_CHARS].partition(">")[0].lower()
