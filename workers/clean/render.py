"""Rendering of blocks as safe HTML: figures, quotes, lists, tables and headings; links without trackers.

The HTML is built from the blocks, not cut out of the input. So only the elements listed here can occur.
"""

import html as escape
import re
from collections.abc import Iterable, Sequence

import nh3

from workers.clean.blocks import Block, Cell, Element, Token, ancestors
from workers.text.normalise import INVISIBLE, may_have_invisible
from workers.urls.tracking import clean_link, image_link

# Elements whose nesting is preserved.
NESTING_TAGS = frozenset("ul ol li blockquote table tr td th dl dt dd figure figcaption pre".split())
HEADINGS = {"h1": "h2", "h2": "h2", "h3": "h3", "h4": "h4", "h5": "h5", "h6": "h6"}  # the one <h1> is the title
INLINE_CONTAINERS = frozenset("li td th dt dd figcaption pre".split())  # hold their text without a <p>
REQUIRED_PARENTS = {"li": ("ul", "ol"), "tr": ("table",), "td": ("tr",), "th": ("tr",), "dt": ("dl",), "dd": ("dl",)}
TAGS = set(
    "a abbr b blockquote br cite code dd del dl dt em figcaption figure h2 h3 h4 h5 h6 i img ins kbd li mark ol p pre "
    "q s small strong sub sup table td th tr u ul".split()
)
SPAN = re.compile("[2-9]|[1-9][0-9]{1,2}")  # columns or rows of a cell
ATTRIBUTES = {"a": {"href"}, "img": {"src", "alt"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}
_PLAIN = re.compile(r"(?:<(p|h[2-6])>(?:[^<>&\xa0\r\0]++|&(?:amp|lt|gt);)*+</\1>\n)*+")
_SANITISER = nh3.Cleaner(tags=TAGS, attributes=ATTRIBUTES, url_schemes={"http", "https", "mailto"})


def blocks_html(blocks: Iterable[Block], base: str = "") -> str:
    """Return *blocks* as safe HTML with absolute links without trackers; *base* resolves relative URLs."""
    out: list[str] = []
    path: list[tuple[Element, str]] = []
    filled: Element | None = None  # the container of the last text
    columns: dict[Element, int] = {}  # row → the number of its cells so far
    for block in blocks:
        next_path = _nesting(block)
        shared = 0
        while shared < min(len(path), len(next_path)) and path[shared][0] is next_path[shared][0]:
            shared += 1
        out += [f"</{tag}>" for _, tag in reversed(path[shared:])]
        out += [_start(element, tag, columns) for element, tag in next_path[shared:]]
        path = next_path
        container = path[-1][0] if path else None
        out.append(_content(block, path, base, is_first=container is None or container is not filled))
        filled = container if block.text else filled
    out += [f"</{tag}>" for _, tag in reversed(path)]
    return _safe("".join(out))


def _start(element: Element, tag: str, columns: dict[Element, int]) -> str:
    """Return the start tag of an element; before a cell, also the empty and removed cells to the left of it."""
    row = element.parent
    if row is None or row.cells is None or element.column < 0:
        return f"<{tag}>"
    left = row.cells[columns.get(row, 0) : element.column]
    columns[row] = element.column + 1
    return "".join(f"{_cell_start(cell)}</{cell.tag}>" for cell in left) + _cell_start(row.cells[element.column])


def _cell_start(cell: Cell) -> str:
    spans = {"colspan": cell.colspan, "rowspan": cell.rowspan}
    return f"<{cell.tag}" + "".join(f' {k}="{v}"' for k, v in spans.items() if SPAN.fullmatch(v)) + ">"


def paragraphs_html(paragraphs: Sequence[str]) -> str:
    """Return *paragraphs* as HTML."""
    return "\n".join(f"<p>{escape.escape(p, quote=False)}</p>" for p in paragraphs)


def _safe(raw: str) -> str:
    """Return *raw* sanitised. Plain paragraphs and headings skip the sanitiser, which would not change them."""
    return (raw if _PLAIN.fullmatch(raw) else _SANITISER.clean(raw)).strip()


def _nesting(block: Block) -> list[tuple[Element, str]]:
    """Return the preserved ancestors of a block, outermost first. List items and cells need their parent."""
    chain = [element for element in ancestors(block.element) if element.tag in NESTING_TAGS]
    out: list[tuple[Element, str]] = []
    for element in reversed(chain):
        tag, parent = element.tag, out[-1][1] if out else ""
        if tag not in REQUIRED_PARENTS or parent in REQUIRED_PARENTS[tag]:
            out.append((element, tag))
    return out


def _content(block: Block, path: list[tuple[Element, str]], base: str, *, is_first: bool) -> str:
    """Return a block's images and text. *is_first*: the first text of its container, which needs no <p> in a cell."""
    images = "".join(
        f'<img src="{escape.escape(url)}" alt="{escape.escape(image.alt)}">'
        for image in block.images
        if not image.is_tracking_pixel and (url := image_link(image.source, base))
    )
    is_preformatted = any(tag == "pre" for _, tag in path)
    text = _markup(block.tokens or [block.text], base, is_preformatted=is_preformatted)
    tag = HEADINGS.get(block.tag, "p")
    if text and not (tag == "p" and is_first and path and path[-1][1] in INLINE_CONTAINERS):
        text = f"<{tag}>{text}</{tag}>"
    return images + text + ("\n" if not path else "")


def _markup(tokens: Sequence[Token], base: str, *, is_preformatted: bool) -> str:
    out: list[str] = []
    open_links: list[bool] = []
    for token in _without_invisible(tokens):
        if isinstance(token, str):
            out.append(escape.escape(token, quote=False))
        elif token[0] == "a":
            url = clean_link(token[1], base)
            open_links.append(bool(url))
            out.append(f'<a href="{escape.escape(url)}">' if url else "")
        elif token[0] == "/a":
            out.append("</a>" if open_links and open_links.pop() else "")
        else:
            out.append(f"<{token[0]}>")
    if is_preformatted:
        return "".join(out).strip("\r\n").rstrip()
    markup = " ".join("".join(out).split())
    while markup.endswith("<br>"):
        markup = markup[:-4].rstrip()
    return markup


def _without_invisible(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return *tokens* without invisible characters. Letters beside a joiner decide on it, even across tags."""
    text = "".join([token for token in tokens if isinstance(token, str)])
    if not may_have_invisible(text):
        return tokens
    dropped = {match.start() for match in INVISIBLE.finditer(text)}
    if not dropped:
        return tokens
    out: list[Token] = []
    offset = 0
    for token in tokens:
        if isinstance(token, str):
            out.append("".join([char for n, char in enumerate(token, offset) if n not in dropped]))
            offset += len(token)
        else:
            out.append(token)
    return out
