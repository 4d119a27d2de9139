"""Plain text of titles and names in feeds. Feeds declare text and contain HTML, and vice versa. Pure."""

import html
import re

from workers.text.normalise import plain_text

# Source: WHATWG HTML Living Standard, index of elements, and §16.2 (obsolete ones).
ELEMENTS = frozenset(
    """a abbr address area article aside audio b base bdi bdo blockquote body br button canvas caption cite code col
    colgroup data datalist dd del details dfn dialog div dl dt em embed fieldset figcaption figure footer form h1 h2 h3
    h4 h5 h6 head header hgroup hr html i iframe img input ins kbd label legend li link main map mark math menu meta
    meter nav noscript object ol optgroup option output p param picture pre progress q rp rt ruby s samp script search
    section select slot small source span strong style sub summary sup svg table tbody td template textarea tfoot th
    thead time title tr track u ul var video wbr
    acronym applet basefont bgsound big blink center dir font frame frameset isindex keygen listing marquee nextid
    nobr noembed noframes plaintext rb rtc spacer strike tt xmp""".split()
)
BREAKS = frozenset("br hr".split())  # markup even without attributes and end tag
SPACED = BREAKS | frozenset("div p li ul ol tr td th table h1 h2 h3 h4 h5 h6 blockquote section dd dt".split())
_TAG = re.compile(r"<(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9]{0,9})(?P<rest>(?:[\s/][^<>]{0,5000})?)>")
_ALT = re.compile(r"""\salt\s*=\s*(?:"([^"<>]{1,300})"|'([^'<>]{1,300})')""", re.IGNORECASE)


def title_text(value: str, media_type: str = "") -> str:
    """Return a title or name as one line of plain text.

    *media_type* is the declared type: `text/plain` stays as written, `text/html` has all its elements removed. For
    any other type (RSS does not declare it) a tag of HTML is markup if it has attributes, or if its element is closed.
    Other tags are words: "Nice <gorilla>", "<kbd> in manuals", "x < y and z > w". Character references are decoded
    once. A text of tags only stays as written.
    """
    if media_type == "text/plain" or not ("<" in value or "&" in value):
        return plain_text(value)
    if "<" not in value:
        return plain_text(html.unescape(value))
    stripped = strip_markup(value, is_html=media_type == "text/html")
    return plain_text(html.unescape(stripped)) or plain_text(html.unescape(_alternative(value)))


def strip_markup(value: str, *, is_html: bool = False) -> str:
    """Return *value* without elements of HTML. *is_html* False keeps tags that may be words."""
    if "<!" in value:
        value = _replace(_replace(value, "<![CDATA[", "]]>", keeps_content=True), "<!--", "-->", keeps_content=False)
    tags = [tag for tag in _TAG.finditer(value) if tag["name"].lower() in ELEMENTS]
    closed = {(tag["name"].lower(), tag["end"]) for tag in tags}
    out, position = [], 0
    for tag in tags:
        name = tag["name"].lower()
        is_closed = {(name, ""), (name, "/")} <= closed
        if is_html or name in BREAKS or is_closed or "=" in tag["rest"]:
            out += [value[position : tag.start()], " " if name in SPACED else ""]
            position = tag.end()
    return "".join((*out, value[position:]))


def _replace(value: str, start: str, end: str, *, keeps_content: bool) -> str:
    """Return *value* without the sections from *start* to *end*, or without these two only."""
    out, position = [], 0
    while (begin := value.find(start, position)) >= 0 and (stop := value.find(end, begin + len(start))) >= 0:
        out += [value[position:begin], value[begin + len(start) : stop] if keeps_content else ""]
        position = stop + len(end)
    return "".join((*out, value[position:]))


def _alternative(value: str) -> str:
    """Return the alternative text of an image, or *value*."""
    alt = _ALT.search(value)
    return (alt[1] or alt[2]) if alt else value
