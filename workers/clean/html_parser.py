"""HTML to a tree, as browsers build it (WHATWG HTML §13.2). lexbor parses; the tree is ours, with a bounded depth."""

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

from workers.clean.html_limits import limit_markup
from workers.clean.rules.containers import is_navigation
from workers.clean.trees import Node
from workers.text.normalise import has_control, without_control

MAX_HTML_CHARS = 5_000_000  # longer documents are truncated; `CleanedContent.removed` reports it
MAX_DEPTH = 250  # deeper elements lose their tags; each level takes three calls of Python's 1,000
# Elements of which neither text nor names are used.
SKIPPED_TAGS = frozenset(("style", "svg", "template"))
READ_SCRIPTS = ("ld+json", "math/tex")  # types of scripts with metadata or formulas
ARTICLE_ELEMENTS = "article, main, h1, p, script, style"
CONTAINERS = frozenset("nav footer div ul ol section header aside table".split())
SECTIONING = frozenset(("article", "main", "section", "aside"))
# References to control characters, which HTML forbids. Those from 128 to 159 mean windows-1252 (WHATWG §13.2.5.80).
CONTROL_REFERENCE = re.compile(
    rb"&#(?:0{0,9}(?:[0-8]|1[124-9]|2\d|3[01]|127)|x0{0,9}(?:[0-8bcef]|1[0-9a-f]|7f));", re.IGNORECASE
)
PLAIN_PARAGRAPHS = re.compile(r"(?:<p>(?:[^<]++|<br>)*+</p>)++")


def parse_html(html: str, *, page: bool = False) -> Node:
    """Return the tree of a fragment, or of a whole *page*. Only the first MAX_HTML_CHARS are parsed.

    A fragment becomes the content of a <div> in the body.
    """
    data = _without_control(html[:MAX_HTML_CHARS])
    if b"&#" in data:
        data = CONTROL_REFERENCE.sub(b"", data)
    data = limit_markup(data)
    root = Node("html")
    if page:  # with scripting, the content of <noscript> is text, which cannot end the head
        source = LexborHTMLParser(data, scripting=True).root
        assert source is not None  # a document has a root element, even an empty one
        root.attributes = _attributes(source)
        _copy(source.first_child, root, page=True)
    else:
        _copy(LexborHTMLParser(data, is_fragment=True).root, Node("div", {}, Node("body", {}, root)))
    return root


def plain_tree(html: str) -> Node | None:
    """Return the tree of a fragment of plain text, or of paragraphs with nothing but line breaks in them; else None.

    It is the tree of `parse_html`. Half of all feeds send only such texts.
    """
    if "&" in html or len(html) > MAX_HTML_CHARS or not html.replace("\n", "").isprintable():
        return None
    has_tags = "<" in html
    if has_tags and not PLAIN_PARAGRAPHS.fullmatch(html):
        return None
    root = Node("html")
    top = Node("div", {}, Node("body", {}, root))
    if not has_tags:
        top.text = html
        return root
    for paragraph in html[len("<p>") : -len("</p>")].split("</p><p>"):
        node = Node("p", {}, top)
        node.text, *lines = paragraph.split("<br>")
        for line in lines:
            Node("br", {}, node).tail = line
    return root


def _without_control(html: str) -> bytes:
    """Return *html* in UTF-8 without control characters."""
    data = html.encode("utf-8", "replace")
    return without_control(html).encode("utf-8", "replace") if has_control(data) else data


def _copy(current: LexborNode | None, top: Node, *, page: bool = False) -> None:
    """Add *current* and the nodes after it to *top*. Elements deeper than MAX_DEPTH lose their tags.

    The navigation of a page becomes one <nav> with its text.
    """
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
            if tag == "script" and not any(map(attributes.get("type", "").lower().__contains__, READ_SCRIPTS)):
                child = None
            is_deep = len(outer) >= MAX_DEPTH
            if not is_deep:
                last = Node(tag, attributes, node)
                if page and tag in CONTAINERS and not is_deep and _is_plain_navigation(current, tag, attributes, last):
                    last.tag, last.text = "nav", current.text(separator="\n", strip=True)
                    child = None
            if child is not None:
                outer.append((following, parent))
                if not is_deep:
                    assert last is not None
                    node, last = last, None
                current = child
                continue
        current = following


def _is_plain_navigation(source: LexborNode, tag: str, attributes: dict[str, str], node: Node) -> bool:
    """Return whether an element holds only navigation of the site, without a headline, body text or code."""
    names = " ".join([attributes[name] for name in ("class", "id", "role") if name in attributes]) if attributes else ""
    if not is_navigation(tag, names) and not (tag == "footer" and _is_site_footer(node)):
        return False
    return source.css_first(ARTICLE_ELEMENTS) is None


def _is_site_footer(node: Node) -> bool:
    """Return whether a <footer> is that of the page, not that of a part of it (HTML §4.3.8)."""
    return all(outer.tag not in SECTIONING for outer in node.ancestors())


def _attributes(source: LexborNode) -> dict[str, str]:
    attributes = source.attributes
    if None in attributes.values():
        return {name: value or "" for name, value in attributes.items()}
    return attributes  # type: ignore[return-value]
