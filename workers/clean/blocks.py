"""Blocks: a story cut into the pieces that a reader sees as one, whatever it came in.

text dump   one block a line
HTML        one block a paragraph, heading, list item, caption, table cell, or run of text between <br><br>
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import lxml.html
from lxml import etree

from streams.records import Link
from workers.clean.links import clean_link

MAX_HTML_CHARS = 5_000_000  # longer documents are cut there, and say so
MAX_BLOCKS = 20_000

BLOCK_TAGS = frozenset(
    "address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hr html li main nav ol p pre section summary table tbody td tfoot th thead tr ul".split()
)  # fmt: skip
CONTAINER_TAGS = ("div", "body", "td", "section", "article", "main", "center", "blockquote", "li", "dd")
DROPPED_TAGS = frozenset(
    "script style noscript template svg math object embed applet head title meta link base button input select "
    "textarea form canvas audio map dialog".split()
)
SPACE = re.compile(r"\s+")
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff\u202a-\u202e]")
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


@dataclass(slots=True)
class Block:
    """A piece of a story. `element`: its place in the tree, for HTML."""

    text: str
    tag: str = "p"
    links: tuple[Link, ...] = ()
    link_chars: int = 0
    element: Any = None
    container: str = ""  # class and id names of what it stands in
    images: list[Any] = field(default_factory=list)

    @property
    def all_link(self) -> bool:
        """Whether there is nothing in it but links."""
        return bool(self.links) and self.link_chars >= 0.85 * len(self.text)


def plain(text: str) -> str:
    """Return *text* on one line, without invisible and control characters."""
    return SPACE.sub(" ", INVISIBLE.sub("", CONTROL.sub(" ", text))).strip()


def comparable(text: str) -> str:
    """Return *text* as it is compared: composed, case-folded, letters and digits only."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(r"[^\W_]+", folded))


def text_blocks(text: str) -> list[Block]:
    """Return a block for each line that isn't empty."""
    lines = (plain(line) for line in text.split("\n"))
    return [Block(line, "line") for line in lines if line][:MAX_BLOCKS]


def parse_html(html: str, *, page: bool = False) -> Any:
    """Return the tree of a fragment, or of a whole page; of a document longer than MAX_HTML_CHARS, the beginning."""
    html = CONTROL.sub(" ", html[:MAX_HTML_CHARS])
    parser = lxml.html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    data = (html if page else f"<div>{html}</div>").encode("utf-8", "replace")
    try:
        root = lxml.html.document_fromstring(data, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return lxml.html.Element("div")
    return root


def drop_invisible(root: Any) -> None:
    """Take scripts, styles, forms and the like out of the tree."""
    for element in list(root.iter()):
        droppable = element.getparent() is not None
        if droppable and (not isinstance(element.tag, str) or element.tag in DROPPED_TAGS):
            element.drop_tree()


def wrap_runs(root: Any) -> None:
    """Give every run of text that stands beside blocks, or between double <br>, a <p> of its own."""
    for parent in list(root.iter(*CONTAINER_TAGS)):
        children = list(parent)
        breaks = sum(c.tag == "br" for c in children)
        if not breaks and not any(c.tag in BLOCK_TAGS for c in children):
            continue
        _wrap_children(parent, children)


def _wrap_children(parent: Any, children: list[Any]) -> None:
    out: list[Any] = []
    run = _new_run(parent.text)
    parent.text = None
    for child in children:
        if child.tag in BLOCK_TAGS:
            _close(run, out)
            run, child.tail = _new_run(child.tail), None
            out.append(child)
        elif child.tag == "br" and _ends_line(run):
            _close(run, out)
            run = _new_run(child.tail)
        else:
            run.append(child)
    _close(run, out)
    parent[:] = out


def _new_run(text: str | None) -> Any:
    run = lxml.html.Element("p")
    run.text = text
    return run


def _close(run: Any, out: list[Any]) -> None:
    while len(run) and run[-1].tag == "br" and not (run[-1].tail or "").strip():
        run.remove(run[-1])
    if "".join(run.itertext()).strip() or next(run.iter("img"), None) is not None:
        out.append(run)


def _ends_line(run: Any) -> bool:
    """Whether a <br> here ends a paragraph: the second in a row, or one behind a line that is only a link."""
    if not len(run):
        return False
    if run[-1].tag == "br":
        return not (run[-1].tail or "").strip()
    return len(run) == 1 and run[0].tag == "a" and not (run.text or "").strip() and not (run[0].tail or "").strip()


def html_blocks(root: Any, base: str = "") -> list[Block]:
    """Return the blocks of a tree that went through `wrap_runs`, in reading order."""
    blocks: list[Block] = []
    placed: set[Any] = set()
    for element in root.iter():
        if element.tag == "img" and element not in placed:
            blocks.append(Block("", "img", element=element, images=[element]))
        elif element.tag in BLOCK_TAGS and not any(c.tag in BLOCK_TAGS for c in element):
            block = _block(element, base)
            placed.update(block.images)
            if block.text or block.images:
                blocks.append(block)
        if len(blocks) >= MAX_BLOCKS:
            break
    return blocks


def _block(element: Any, base: str) -> Block:
    links, link_chars = [], 0
    for a in element.iter("a"):
        words = plain("".join(a.itertext()))
        url = clean_link(a.get("href") or "", base)
        if url:
            links.append(Link(url, words))
            link_chars += len(words)
    for br in element.iter("br"):
        br.tail = " " + (br.tail or "")
    return Block(
        plain("".join(element.itertext())),
        _tag(element),
        tuple(links),
        link_chars,
        element=element,
        container=" ".join(_names(element)),
        images=list(element.iter("img")),
    )


def _tag(element: Any) -> str:
    """Return the element's tag, or that of the list or caption it stands in."""
    tag: str = element.tag
    if tag in ("p", "div"):
        parent = element.getparent()
        if parent is not None and parent.tag in ("li", "figcaption", "blockquote", "figure", "td", "dd"):
            return str(parent.tag)
    return tag


def _names(element: Any) -> Iterator[str]:
    while element is not None:
        if isinstance(element.tag, str):
            yield from filter(None, (element.get("class"), element.get("id"), element.get("data-component")))
        element = element.getparent()
