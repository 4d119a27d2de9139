"""Blocks: a story cut into the pieces that a reader sees as one, whatever it came in.

text dump   one block a line
HTML        one block a paragraph, heading, list item, caption, table cell, or run of text between two line breaks
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from workers.clean.line_types import is_sentence, word_count
from workers.clean.rules.patterns import TRACKING_PIXEL
from workers.text.markup import strip_buttons
from workers.text.normalise import CONTROL, plain_text, without_invisible

MAX_HTML_CHARS = 5_000_000  # longer documents are cut there, and say so
MAX_BLOCKS = 20_000

# Elements that begin a block of their own, by the user agent style sheet of the HTML standard, §15.3.
BLOCK_TAGS = frozenset(
    "address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hr html legend li main nav ol p pre section summary table tbody td tfoot th thead tr "
    "ul".split()
)
# What no reader sees, or sees as a control. `noscript` mostly repeats the picture before it.
DROPPED_TAGS = frozenset(
    "script style noscript template svg math object applet head title meta link base button input select textarea "
    "canvas audio map dialog option datalist".split()
)
EMBED_TAGS = frozenset(("iframe", "embed", "video"))
INLINE_TAGS = frozenset("a abbr b cite code del em i ins kbd mark q s small strong sub sup u".split())
NAMED_BY = ("class", "id", "itemprop", "role", "data-component", "data-testid")
LAZY_SOURCES = (
    "data-src",
    "data-original",
    "data-lazy-src",
    "data-srcset",
    "srcset",
)  # where pictures wait to be scrolled to
HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
PARAGRAPH_END = re.compile(r"[.!?…。！？][\"'”’»)\]]*\s*$")
PARAGRAPH_CHARS = 60  # a line this long that ends a sentence before a <br> is a paragraph
NON_WEB_SCHEME = re.compile(
    r"\A(?!https?:|mailto:)[a-z][a-z0-9+.-]*:", re.IGNORECASE
)  # another scheme: javascript:, data:, tel:
WRAPPER_TAGS = frozenset("li figcaption blockquote figure td dd".split())
ITEM_TAGS, LIST_TAGS = frozenset("li td th dt dd".split()), frozenset("ul ol dl table".split())

Token = str | tuple[str, str]  # text, or an inline tag with its address; a closing one begins with "/"


@dataclass(slots=True, eq=False)
class Element:
    """An element that blocks stand in: its tag, its class and id names, and what it stands in itself."""

    tag: str
    class_names: str
    parent: "Element | None"
    depth: int
    hidden: bool = False


@dataclass(slots=True, eq=False)
class ImageTag:
    """An <img>: where it really comes from, as written."""

    source: str
    alt: str
    is_tracking_pixel: bool  # counts readers, shows nothing


@dataclass(slots=True, eq=False)
class Block:
    """A piece of a story. `run` is what is in it; `place` the element it stands in, None for text."""

    text: str
    tag: str = "p"
    links: tuple[tuple[str, str], ...] = ()  # addresses as written, and their words
    link_chars: int = 0
    tokens: list[Token] = field(default_factory=list)
    element: Element | None = None
    images: tuple[ImageTag, ...] = ()
    after_blank_line: bool = False  # an empty line stands before it
    _words: int = -1
    _sentence: bool = False

    @property
    def words(self) -> int:
        """How many words it has."""
        if self._words < 0:
            self._words, self._sentence = word_count(self.text), is_sentence(self.text)
        return self._words

    @property
    def is_sentence(self) -> bool:
        """Whether it reads like body copy."""
        return self.words > 0 and self._sentence

    @property
    def is_all_links(self) -> bool:
        """Whether there is nothing in it but links."""
        return bool(self.links) and self.link_chars >= 0.85 * len(self.text)


def text_blocks(text: str) -> list[Block]:
    """Return a block for each line that isn't empty."""
    blocks: list[Block] = []
    gap = False
    for line in map(plain_text, text.split("\n")):
        if line:
            blocks.append(Block(line, "line", after_blank_line=gap))
        gap = not line
    return blocks[:MAX_BLOCKS]


def parse_html(html: str, *, page: bool = False) -> Any:
    """Return the tree of a fragment, or of a whole page; of a document longer than MAX_HTML_CHARS, the beginning."""
    html = strip_buttons(CONTROL.sub(" ", html[:MAX_HTML_CHARS]))
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    data = (html if page else f"<div>{html}</div>").encode("utf-8", "replace")
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        root = None  # nothing in it
    return etree.Element("div") if root is None else root


def html_blocks(root: Any) -> list[Block]:
    """Return the blocks of a tree in reading order."""
    walk = BlockBuilder()
    walk.element(root, root.tag, None)
    walk.flush()
    return walk.blocks


@dataclass
class BlockBuilder:
    """One pass over a tree. Text runs on until something begins or ends a block."""

    blocks: list[Block] = field(default_factory=list)
    place: Element | None = None
    run: list[Token] = field(default_factory=list)
    inline: list[tuple[str, str]] = field(default_factory=list)  # open inline tags, outermost first
    link: str = ""
    link_start: int = 0  # where in `run` the present link begins
    links: list[tuple[str, str]] = field(default_factory=list)
    link_chars: int = 0
    pictures: list[ImageTag] = field(default_factory=list)
    line_start: int = 0  # where in `run` the present line begins

    def element(self, element: Any, tag: str, parent: Element | None) -> None:
        if tag in BLOCK_TAGS:
            self._block(element, tag, parent)
        elif tag == "a":
            self._anchor(element, parent)
        elif tag in INLINE_TAGS:
            self._open(tag, "")
            self._inside(element, parent)
            self._shut()
        elif tag == "br":
            self._break()
        elif tag == "img":
            self.pictures.append(_picture(element))
        elif tag in EMBED_TAGS:
            self._embed(element)
        else:
            self._inside(element, parent)

    def _inside(self, element: Any, place: Element | None) -> None:
        if element.text:
            self._words(element.text)
        for child in element:
            tag = child.tag
            if tag not in DROPPED_TAGS and len(self.blocks) < MAX_BLOCKS:
                self.element(child, tag, place)
            if child.tail:
                self._words(child.tail)

    def _words(self, text: str) -> None:
        if not text.isspace():
            self.run.append(text)
        elif self.run:
            self.run.append(" ")

    def _block(self, element: Any, tag: str, parent: Element | None) -> None:
        if self.run or self.pictures:
            self.flush()
        names, hidden = "", parent is not None and parent.hidden
        attributes = element.attrib
        if attributes:
            names = " ".join([value for name, value in attributes.items() if name in NAMED_BY])
            hidden = hidden or "hidden" in attributes or HIDDEN_STYLE.search(attributes.get("style", "")) is not None
        place = Element(tag, names, parent, parent.depth + 1 if parent else 0, hidden)
        self.place = place
        self._inside(element, place)
        if self.run or self.pictures:
            self.flush()
        self.place = parent

    def _anchor(self, element: Any, parent: Element | None) -> None:
        href = (element.get("href") or "").strip()
        if not href or self.link or href.startswith("#") or NON_WEB_SCHEME.match(href):
            self._inside(element, parent)
            return
        self.link = href
        self._open("a", href)
        self.link_start = len(self.run)
        self._inside(element, parent)
        self._end_link()
        self.link = ""
        self._shut()

    def _end_link(self) -> None:
        words = run_text(self.run[self.link_start :])
        if words:
            self.links.append((self.link, words))
            self.link_chars += len(words)

    def _open(self, tag: str, href: str) -> None:
        self.inline.append((tag, href))
        self.run.append((tag, href))

    def _shut(self) -> None:
        tag, _ = self.inline.pop()
        self.run.append(("/" + tag, ""))

    def _embed(self, element: Any) -> None:
        """An embedded document becomes a link to itself."""
        src = (element.get("src") or "").strip()
        if src and not NON_WEB_SCHEME.match(src):
            self.flush()
            self.blocks.append(_embedded(src, self.place))

    def _break(self) -> None:
        """A second <br> in a row ends a paragraph; so does one behind a link alone, or behind a whole sentence."""
        line = run_text(self.run[self.line_start :])
        whole = len(line) >= PARAGRAPH_CHARS and PARAGRAPH_END.search(line) is not None
        if not line or whole or (not self.link and self.links and self.link_chars >= len(line)):
            self.flush()
            return
        self.run.append(("br", ""))
        self.run.append(" ")
        self.line_start = len(self.run)

    def flush(self) -> None:
        """End the run of text."""
        if self.link:
            self._end_link()
        text = run_text(self.run)
        if self.links and len(self.links) == 1 and text == _host(self.links[0][0]):
            self.blocks.append(_embedded(self.links[0][0], self.place))  # as we wrote it ourselves
        elif text or self.pictures:
            tag = block_tag(self.place) if text else "img"
            run = self.run + [("/" + tag, "") for tag, _ in reversed(self.inline)] if text else []
            links, pictures = tuple(self.links), tuple(self.pictures)
            self.blocks.append(Block(text, tag, links, self.link_chars, run, self.place, pictures))
        self.run = list(self.inline)
        self.link_start = len(self.run)
        self.links, self.link_chars, self.pictures, self.line_start = [], 0, [], 0


def run_text(run: Sequence[Token]) -> str:
    """Return the words of a run, on one line."""
    text = " ".join("".join([token for token in run if type(token) is str]).split())
    return text if text.isascii() else without_invisible(text).strip()


def _host(address: str) -> str:
    return address.split("/")[2] if address.count("/") > 2 else address


def _embedded(address: str, place: Element | None) -> Block:
    host = _host(address)
    return Block("", "embed", ((address, host),), 0, [("a", address), host, ("/a", "")], place)


def block_tag(place: Element | None) -> str:
    """Return what a block is: its own tag, or that of the list, caption or cell it fills."""
    if place is None:
        return "p"
    if place.tag in ("p", "div") and place.parent is not None and place.parent.tag in WRAPPER_TAGS:
        return place.parent.tag
    return place.tag


def _picture(element: Any) -> ImageTag:
    source = next((value for name in LAZY_SOURCES[:3] if (value := element.get(name))), element.get("src") or "")
    if not source or source.startswith("data:"):
        candidates = element.get("data-srcset") or element.get("srcset") or ""
        source = candidates.split(",")[0].split(" ")[0] if candidates else ""
    size = (element.get("width"), element.get("height"))
    pixel = size in (("1", "1"), ("0", "0"), ("1", None), (None, "1")) or TRACKING_PIXEL.search(source) is not None
    return ImageTag(source.strip(), plain_text(element.get("alt") or ""), pixel)


def ancestors(place: Element | None) -> Iterable[Element]:
    """Yield *place* and what it stands in, inside out."""
    while place is not None:
        yield place
        place = place.parent


def list_members(blocks: Sequence[Block]) -> list[list[int]]:
    """Return the numbers of the blocks that stand in one list or table, for each that has several."""
    members: dict[Element, list[int]] = {}
    for n, block in enumerate(blocks):
        place = block.element if block.tag in ITEM_TAGS and block.text else None
        place = next((p for p in ancestors(place) if p.tag in LIST_TAGS), None)
        if place is not None:
            members.setdefault(place, []).append(n)
    return [numbers for numbers in members.values() if len(numbers) > 1]
