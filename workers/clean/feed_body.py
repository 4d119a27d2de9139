"""Repair of a feed item's HTML text: markup that was escaped twice, and plain text that is declared as HTML. Pure."""

import html
import re

from workers.text.markup import strip_tags

MAX_TAG_CHARS = 2_000
BLOCKS = "p|div|br|ul|ol|li|table|h[1-6]|blockquote|pre|section|article|figure|hr|dl|center|iframe|img"
BLOCK_TAG = re.compile(rf"<(?:{BLOCKS})(?=[\s/>])", re.IGNORECASE)
CODE_TAG = re.compile(r"<(?:pre|code|kbd|samp|tt|xmp|textarea)(?=[\s/>])", re.IGNORECASE)
ESCAPED_START = re.compile(r"\A\s*+&lt;(?:[a-z][a-z0-9]{0,9}(?:\s|/?&gt;)|!--)", re.IGNORECASE)
ESCAPED_BLOCK = re.compile(rf"&lt;(?:{BLOCKS})(?:\s|/?&gt;)", re.IGNORECASE)
ESCAPED_BLOCK_END = re.compile(
    r"&lt;(?:/(?:p|div|ul|ol|table|h[1-6]|blockquote|figure|section)|br ?/?)&gt;", re.IGNORECASE
)
ESCAPED_REFERENCE = re.compile(
    r"&amp;(#\d{2,6};|#x[0-9a-f]{2,5};|(?:nbsp|[lr][sd]quo|quot|apos|[mn]dash|hellip|[aeiou](?:acute|grave|circ|uml)|szlig);)",
    re.IGNORECASE,
)
# Empty elements in the form of XML. HTML ignores the slash: the text behind an <iframe/> would be its content. A slash
# behind an attribute without quotation marks belongs to its value.
SELF_CLOSED = re.compile(
    r"<(iframe|script|style|textarea|title|noscript|object|video|audio|canvas|div|span|[abi]|em|strong)"
    r"((?:\s[^<>]{0,2000}[\"'\s])?)/>",
    re.IGNORECASE,
)
EMPTY_LINE = re.compile(r"\n[ \t\r]*\n\s*")
LIST_LINE = re.compile(r"[-*•·–+] |\d{1,3}[.)] ")
SHORT_LINE_CHARS = 60


def repair_markup(value: str) -> str:
    """Return the HTML of an item's text, unescaped where it was escaped twice, and with paragraphs."""
    if "<![CDATA[" in value:  # escaped together with its text; HTML reads it as a comment
        value = value.replace("<![CDATA[", "").replace("]]>", "")
    elif value.endswith("]]>"):  # of a section within a section
        value = value.removesuffix("]]>")
    if "/>" in value:
        value = SELF_CLOSED.sub(r"<\1\2></\1>", value)
    if "&amp;lt;" in value and is_escaped_twice(unescaped := html.unescape(value)):
        value = unescaped
    if is_escaped_twice(value):
        value = html.unescape(strip_tags(value, "", MAX_TAG_CHARS))
    if "&amp;" in value and not CODE_TAG.search(value):
        value = ESCAPED_REFERENCE.sub(r"&\1", value)
    if "\n" in value and not BLOCK_TAG.search(value) and EMPTY_LINE.search(value.strip()):
        value = "".join(map(_paragraph, EMPTY_LINE.split(value.strip())))
    return value


def is_escaped_twice(value: str) -> bool:
    """Return whether a whole text consists of escaped markup, possibly in one more paragraph.

    Text that only mentions a tag neither begins with one nor contains the end of a block.
    """
    if "&lt;" not in value or CODE_TAG.search(value):
        return False
    text = strip_tags(value, "", MAX_TAG_CHARS) if "<" in value else value
    if not ESCAPED_BLOCK_END.search(text) or not ESCAPED_BLOCK.search(text):
        return False
    return ESCAPED_START.match(text) is not None or text.rstrip().endswith("&gt;")


def _paragraph(text: str) -> str:
    """Return a paragraph of plain text as HTML. Lines of a list, and short lines, stay lines."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    are_lines = all(len(line) <= SHORT_LINE_CHARS for line in lines) or any(map(LIST_LINE.match, lines[1:]))
    return f"<p>{'<br>'.join(lines) if are_lines else ' '.join(lines)}</p>"
