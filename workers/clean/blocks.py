"""Block segmentation: the document model of the cleaner. Knows nothing of labels or of the model.

A block is the unit that the cleaner keeps or removes.

text dump   one block per line
HTML        one block per paragraph, heading, list item, caption, table cell, or text between two line breaks
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from workers.clean.image_sources import image_source
from workers.clean.line_types import reads_as_sentence, word_count
from workers.clean.rules.containers import PICTURE_ENDING, PIXEL_FOLDER, TRACKING_PIXEL
from workers.clean.trees import Node
from workers.text.normalise import plain_text, without_invisible

MAX_BLOCKS = 20_000

# Elements that start a block. Source: user agent style sheet of the HTML standard, §15.3.
BLOCK_TAGS = frozenset(
    "address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hr html legend li main nav ol p pre section summary table tbody td tfoot th thead tr "
    "ul".split()
)
# Invisible elements and controls. `noscript` mostly repeats the image before it.
DROPPED_TAGS = frozenset(
    "script style noscript template svg math object applet head title meta link base input select textarea "
    "canvas audio map dialog option datalist".split()
)
ARTICLE_TAGS = ("article", "main", "p")  # a button with one of them holds a part of the page
EMBED_TAGS = frozenset(("iframe", "embed", "video"))
INLINE_TAGS = frozenset("a abbr b cite code del em i ins kbd mark q s small strong sub sup u".split())
NAME_ATTRIBUTES = ("class", "id", "itemprop", "role", "data-component", "data-testid")
HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
PARAGRAPH_END = re.compile(r"[.!?…。！？][\"'”’»)\]]*\s*$")
PARAGRAPH_CHARS = 60  # a line of this length that ends a sentence before a <br> is a paragraph
SHORT_LINE_CHARS = 80  # longer lines between <br> are prose; the longest line of verse is a fourteener of about 70
NON_WEB_SCHEME = re.compile(
    r"\A(?!https?:|mailto:)[a-z][a-z0-9+.-]*:", re.IGNORECASE
)  # for example javascript:, data:, tel:
TINY_STYLE = re.compile(r"(?:^|;)\s*(?:width|height)\s*:\s*[01]px", re.IGNORECASE)
PIXELS = re.compile(r"(\d{1,5}) ?(?:px)?", re.IGNORECASE)
MAX_PIXEL_SIZE = 3  # of an image that counts readers
LINE_END = re.compile("\r\n|[\n\r\v\f\x85\u2028\u2029]")  # Unicode, UAX #14: classes BK, CR, LF and NL
WRAPPER_TAGS = frozenset("li figcaption blockquote figure td dd".split())
CELL_TAGS = frozenset(("td", "th"))
ITEM_TAGS, LIST_TAGS = frozenset("li td th dt dd".split()), frozenset("ul ol dl table".split())

Token = str | tuple[str, str]  # text, or an inline tag with its URL; an end tag begins with "/"
BREAK = ("br", "")


class Cell(NamedTuple):
    """A cell of a table: `td` or `th`, and the numbers of columns and rows that it spans, as written."""

    tag: str
    colspan: str
    rowspan: str


@dataclass(slots=True, eq=False)
class Element:
    """An ancestor element of a block: its tag, its class and id names, and its parent."""

    tag: str
    class_names: str
    parent: "Element | None"
    depth: int
    hidden: bool = False
    in_navigation: bool = False  # see `html_parser`; the model does not score it
    path_key: bytes = b""  # see `element_paths`; computed when it is needed
    cells: "list[Cell] | None" = None  # of a table's row, in order, also the empty ones
    column: int = -1  # index in the cells of its row


@dataclass(slots=True, eq=False)
class ImageTag:
    """An <img>. `source` is the URL as written, with lazy loading resolved."""

    source: str
    alt: str
    is_tracking_pixel: bool  # invisible; counts readers


@dataclass(slots=True, eq=False)
class Block:
    """The unit that the cleaner keeps or removes. `element` is its innermost block element, None in a text dump."""

    text: str
    tag: str = "p"
    links: tuple[tuple[str, str], ...] = ()  # (URL as written, link text)
    link_chars: int = 0
    tokens: list[Token] = field(default_factory=list)
    element: Element | None = None
    images: tuple[ImageTag, ...] = ()
    after_blank_line: bool = False  # in HTML: after a <hr>
    lines: str = ""  # the text with its line breaks, where they matter: in <pre> and between short lines
    _words: int = -1
    _sentence: bool = False

    @property
    def words(self) -> int:
        """The number of words in `text`."""
        if self._words < 0:
            self._words = word_count(self.text)
            self._sentence = reads_as_sentence(self.text, self._words)
        return self._words

    @property
    def is_sentence(self) -> bool:
        """Whether `text` reads like body text."""
        return self.words > 0 and self._sentence

    @property
    def is_all_links(self) -> bool:
        """Whether at least 85 % of the characters belong to links."""
        return bool(self.links) and self.link_chars >= 0.85 * len(self.text)


def text_blocks(text: str) -> list[Block]:
    """Return one block for each line that is not empty."""
    blocks: list[Block] = []
    gap = False
    for line in map(plain_text, LINE_END.split(text)):
        if line:
            blocks.append(Block(line, "line", after_blank_line=gap))
        gap = not line
    return blocks[:MAX_BLOCKS]


def html_blocks(root: Node) -> list[Block]:
    """Return the blocks of a tree in reading order."""
    builder = BlockBuilder()
    builder.visit(root, root.tag, None)
    builder.flush()
    return builder.blocks


@dataclass
class BlockBuilder:
    """One depth-first pass over a tree. Tokens accumulate until a block element, a picture or a break ends the block."""

    blocks: list[Block] = field(default_factory=list)
    element: Element | None = None  # the innermost open block element
    tokens: list[Token] = field(default_factory=list)
    open_tags: list[tuple[str, str]] = field(default_factory=list)  # inline tags, outermost first
    link: str = ""  # URL of the open link
    link_start: int = 0  # index in `tokens`
    links: list[tuple[str, str]] = field(default_factory=list)
    link_chars: int = 0
    images: list[ImageTag] = field(default_factory=list)
    line_start: int = 0  # index in `tokens`
    is_preformatted: bool = False
    after_rule: bool = False  # no block yet since a <hr>

    def visit(self, node: Node, tag: str, parent: Element | None) -> None:
        """Add the blocks of *node*; *parent* is the innermost block element around it."""
        if tag in BLOCK_TAGS:
            self._visit_block(node, tag, parent)
        elif tag == "a":
            self._visit_anchor(node, parent)
        elif tag in INLINE_TAGS:
            self._open(tag, "")
            self._visit_children(node, parent)
            self._close()
        elif tag == "br":
            self._break_line()
        elif tag == "img":
            self.images.append(_image_tag(node))
        elif tag in EMBED_TAGS:
            self._add_embed(node)
        elif tag == "button":
            if next(node.iter(*ARTICLE_TAGS), None) is not None:
                self._visit_children(node, parent)
        else:
            self._visit_children(node, parent)

    def _visit_children(self, node: Node, parent: Element | None) -> None:
        if node.text:
            self._add_text(node.text)
        child = node.first
        while child is not None:
            tag = child.tag
            if tag not in DROPPED_TAGS and len(self.blocks) < MAX_BLOCKS:
                self.visit(child, tag, parent)
            if child.tail:
                self._add_text(child.tail)
            child = child.next

    def _add_text(self, text: str) -> None:
        if self.is_preformatted or not text.isspace():
            self.tokens.append(text)
        elif self.tokens:
            self.tokens.append(" ")

    def _visit_block(self, node: Node, tag: str, parent: Element | None) -> None:
        if self.tokens or self.images:
            self.flush()
        if tag == "hr":
            self.after_rule = True
        element = _element(node, tag, parent)
        if tag in CELL_TAGS and parent is not None and parent.tag == "tr":
            _add_cell(node, element, parent)
        self.element, before = element, self.is_preformatted
        self.is_preformatted = before or tag == "pre"
        self._visit_children(node, element)
        if self.tokens or self.images:
            self.flush()
        self.element, self.is_preformatted = parent, before

    def _visit_anchor(self, node: Node, parent: Element | None) -> None:
        href = node.get("href").strip()
        if not href or self.link or href.startswith("#") or NON_WEB_SCHEME.match(href):
            self._visit_children(node, parent)
            return
        self.link = href
        self._open("a", href)
        self.link_start = len(self.tokens)
        self._visit_children(node, parent)
        self._end_link()
        self.link = ""
        self._close()

    def _end_link(self) -> None:
        text = token_text(self.tokens[self.link_start :])
        if text:
            self.links.append((self.link, text))
            self.link_chars += len(text)

    def _open(self, tag: str, href: str) -> None:
        self.open_tags.append((tag, href))
        self.tokens.append((tag, href))

    def _close(self) -> None:
        tag, _ = self.open_tags.pop()
        self.tokens.append(("/" + tag, ""))

    def _add_embed(self, node: Node) -> None:
        """Replace an embedded document by a link to it."""
        src = node.get("src").strip()
        if src and not NON_WEB_SCHEME.match(src):
            self.flush()
            self.blocks.append(_embed_block(src, self.element))

    def _break_line(self) -> None:
        """End the paragraph at a second <br> in a row, after a whole sentence, or after a line of links only."""
        if self.is_preformatted:
            self.tokens.append("\n")
            return
        line = token_text(self.tokens[self.line_start :])
        whole = len(line) >= PARAGRAPH_CHARS and PARAGRAPH_END.search(line) is not None
        if not line or whole or (not self.link and self.links and self.link_chars >= len(line)):
            self.flush()
            return
        self.tokens.append(BREAK)
        self.tokens.append(" ")
        self.line_start = len(self.tokens)

    def flush(self) -> None:
        """End the current block. Inline tags that are open continue in the next block."""
        if self.link:
            self._end_link()
        text = token_text(self.tokens)
        if self.links and len(self.links) == 1 and text == _host(self.links[0][0]):
            self.blocks.append(_embed_block(self.links[0][0], self.element))  # HTML that `render` wrote
        elif text or self.images:
            tag = block_tag(self.element) if text else "img"
            tokens = self.tokens + [("/" + tag, "") for tag, _ in reversed(self.open_tags)] if text else []
            links, images = tuple(self.links), tuple(self.images)
            lines = preformatted_lines(tokens) if self.is_preformatted else short_lines(tokens)
            self.blocks.append(
                Block(text, tag, links, self.link_chars, tokens, self.element, images, self.after_rule, lines)
            )
            self.after_rule = self.after_rule and not text
        self.tokens = list(self.open_tags)
        self.link_start = len(self.tokens)
        self.links, self.link_chars, self.images, self.line_start = [], 0, [], 0


def _element(node: Node, tag: str, parent: Element | None) -> Element:
    attributes = node.attributes
    hidden, in_navigation, depth = False, False, 0
    if parent is not None:
        hidden, in_navigation, depth = parent.hidden, parent.in_navigation, parent.depth + 1
    names = ""
    if attributes:
        names = " ".join([value for name, value in attributes.items() if name in NAME_ATTRIBUTES])
        hidden = hidden or "hidden" in attributes or HIDDEN_STYLE.search(attributes.get("style", "")) is not None
    return Element(tag, names, parent, depth, hidden, in_navigation or (tag == "nav" and node.first is None))


def _add_cell(node: Node, element: Element, row: Element) -> None:
    row.cells = row.cells if row.cells is not None else []
    element.column = len(row.cells)
    row.cells.append(Cell(element.tag, node.get("colspan"), node.get("rowspan")))


def token_text(tokens: Sequence[Token]) -> str:
    """Return the text of *tokens* on one line."""
    text = " ".join("".join([token for token in tokens if type(token) is str]).split())
    return text if text.isascii() else without_invisible(text).strip()


def preformatted_lines(tokens: Sequence[Token]) -> str:
    """Return the text of *tokens* with its line breaks and indentation; "" for a single line."""
    text = without_invisible("".join([token for token in tokens if type(token) is str])).replace("\xa0", " ")
    lines = "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")
    return lines if "\n" in lines else ""


def short_lines(tokens: Sequence[Token]) -> str:
    """Return the lines between line breaks, as in verse or addresses; "" for a single line or prose."""
    if BREAK not in tokens:
        return ""
    lines: list[list[Token]] = [[]]
    for token in tokens:
        if token == BREAK:
            lines.append([])
        else:
            lines[-1].append(token)
    texts = [text for line in lines if (text := token_text(line))]
    return "\n".join(texts) if len(texts) > 1 and max(map(len, texts)) <= SHORT_LINE_CHARS else ""


def _host(url: str) -> str:
    return url.split("/")[2] if url.count("/") > 2 else url


def _embed_block(url: str, element: Element | None) -> Block:
    host = _host(url)
    return Block("", "embed", ((url, host),), 0, [("a", url), host, ("/a", "")], element)


def block_tag(element: Element | None) -> str:
    """Return the tag of a block: its element's, or that of the list item, caption or cell around a <p> or <div>."""
    if element is None:
        return "p"
    if element.tag in ("p", "div") and element.parent is not None and element.parent.tag in WRAPPER_TAGS:
        return element.parent.tag
    return element.tag


def _image_tag(element: Node) -> ImageTag:
    source = image_source(element)
    return ImageTag(source, plain_text(element.get("alt")), _is_pixel(element, source))


def _is_pixel(element: Node, source: str) -> bool:
    """Return whether an image counts readers, by its size or its URL. A picture in such a folder is none."""
    width, height = _pixels(element.get("width")), _pixels(element.get("height"))
    if (width, height) in ((1, 1), (0, 0), (1, -1), (-1, 1)) or TINY_STYLE.search(element.get("style")) is not None:
        return True
    if TRACKING_PIXEL.search(source) is not None:
        return True
    if max(width, height) > MAX_PIXEL_SIZE or element.get("srcset") or PIXEL_FOLDER.search(source) is None:
        return False
    return PICTURE_ENDING.search(source) is None


def _pixels(value: str) -> int:
    """Return a width or height in pixels; -1 without one."""
    number = PIXELS.fullmatch(value.strip())
    return int(number[1]) if number is not None else -1


def ancestors(element: Element | None) -> Iterable[Element]:
    """Yield *element* and its ancestors, innermost first."""
    while element is not None:
        yield element
        element = element.parent


def list_members(blocks: Sequence[Block]) -> list[list[int]]:
    """Return the block indexes of each list or table that holds several blocks."""
    members: dict[Element, list[int]] = {}
    for n, block in enumerate(blocks):
        item = block.element if block.tag in ITEM_TAGS and block.text else None
        parent = next((element for element in ancestors(item) if element.tag in LIST_TAGS), None)
        if parent is not None:
            members.setdefault(parent, []).append(n)
    return [indexes for indexes in members.values() if len(indexes) > 1]
