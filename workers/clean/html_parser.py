"""HTML to a tree, as browsers build it (WHATWG HTML §13.2). lexbor parses; the tree is ours, with a bounded depth."""

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

from workers.clean.html_limits import limit_markup
from workers.clean.trees import Node
from workers.text.normalise import without_control

MAX_HTML_CHARS = 5_000_000  # longer documents are truncated; `CleanedContent.removed` reports it
MAX_DEPTH = 250  # deeper elements lose their tags; each level takes three calls of Python's 1,000
# Elements of which neither text nor names are used.
SKIPPED_TAGS = frozenset(("style", "svg", "template"))
READ_SCRIPTS = ("ld+json", "math/tex")  # types of scripts with metadata or formulas
# References to control characters, which HTML forbids. Those from 128 to 159 mean windows-1252 (WHATWG §13.2.5.80).
CONTROL_REFERENCE = re.compile(
    r"&#(?:0{0,9}(?:[0-8]|1[124-9]|2\d|3[01]|127)|x0{0,9}(?:[0-8bcef]|1[0-9a-f]|7f));", re.IGNORECASE
)


def parse_html(html: str, *, page: bool = False) -> Node:
    """Return the tree of a fragment, or of a whole *page*. Only the first MAX_HTML_CHARS are parsed.

    A fragment becomes the content of a <div> in the body.
    """
    html = without_control(html[:MAX_HTML_CHARS])
    if "&#" in html:
        html = CONTROL_REFERENCE.sub("", html)
    data = limit_markup(html).encode("utf-8", "replace")
    root = Node("html")
    if page:  # with scripting, the content of <noscript> is text, which cannot end the head
        source = LexborHTMLParser(data, scripting=True).root
        if source is not None:
            root.attributes = _attributes(source)
            _copy(source.first_child, root)
    else:
        _copy(LexborHTMLParser(data, is_fragment=True).root, Node("div", {}, Node("body", {}, root)))
    return root


def _copy(current: LexborNode | None, top: Node) -> None:
    """Add *current* and the nodes after it to *top*. Elements deeper than MAX_DEPTH lose their tags."""
    node, last = top, None  # the open element, and its last child
    outer: list[tuple[LexborNode | None, Node]] = []  # for each open element of lexbor: the next one, and its parent
    while current is not None or outer:
        if current is None:
            current, parent = outer.pop()
            if parent is not node:
                node, last = parent, node
            continue
        tag, following = current.tag, current.next
        if tag == "-text":
            if last is None:
                node.text += current.text_content or ""
            else:
                last.tail += current.text_content or ""
        elif tag is not None and tag[0] not in "-!" and tag not in SKIPPED_TAGS:
            attributes, child, parent = _attributes(current), current.first_child, node
            if tag == "script" and not any(map(attributes.get("type", "").__contains__, READ_SCRIPTS)):
                child = None
            is_deep = len(outer) >= MAX_DEPTH
            if not is_deep:
                last = Node(tag, attributes, node)
            if child is not None:
                outer.append((following, parent))
                if not is_deep:
                    assert last is not None
                    node, last = last, None
                current = child
                continue
        current = following


def _attributes(source: LexborNode) -> dict[str, str]:
    attributes = source.attributes
    if None in attributes.values():
        return {name: value or "" for name, value in attributes.items()}
    return attributes  # type: ignore[return-value]
