"""Clean HTML out: figures, quotes, lists, tables and headings kept, nothing executable, links without trackers.

Built anew from the blocks that stay, rather than cut out of what came: what isn't written here can't come through.
"""

import html as escape
from collections.abc import Iterable, Sequence

import nh3

from workers.clean.blocks import Block, Element, Token
from workers.text.normalise import INVISIBLE, SPACE
from workers.urls.tracking import clean_link, image_link

# Elements whose nesting is kept, and what stands directly in each of them.
NESTING_TAGS = frozenset("ul ol li blockquote table tr td th dl dt dd figure figcaption pre".split())
HEADINGS = {"h1": "h2", "h2": "h2", "h3": "h3", "h4": "h4", "h5": "h5", "h6": "h6"}  # the one <h1> is the title
INLINE_CONTAINERS = frozenset("li td th dt dd figcaption pre".split())  # hold their words without a <p>
REQUIRED_PARENTS = {"li": ("ul", "ol"), "tr": ("table",), "td": ("tr",), "th": ("tr",), "dt": ("dl",), "dd": ("dl",)}
TAGS = set(
    "a abbr b blockquote br cite code dd del dl dt em figcaption figure h2 h3 h4 h5 h6 i img ins kbd li mark ol p pre "
    "q s small strong sub sup table td th tr u ul".split()
)
ATTRIBUTES = {"a": {"href"}, "img": {"src", "alt"}}


def blocks_html(blocks: Iterable[Block], base: str = "") -> str:
    """Return *blocks* as safe HTML: absolute links without trackers, pictures with their real sources."""
    out: list[str] = []
    path: list[tuple[Element, str]] = []
    for block in blocks:
        wanted = _nesting(block)
        shared = 0
        while shared < min(len(path), len(wanted)) and path[shared][0] is wanted[shared][0]:
            shared += 1
        out += [f"</{tag}>" for _, tag in reversed(path[shared:])]
        out += [f"<{tag}>" for _, tag in wanted[shared:]]
        path = wanted
        out.append(_content(block, path, base))
    out += [f"</{tag}>" for _, tag in reversed(path)]
    return _safe("".join(out))


def paragraphs_html(paragraphs: Sequence[str]) -> str:
    """Return *paragraphs* as HTML."""
    return "\n".join(f"<p>{escape.escape(p, quote=False)}</p>" for p in paragraphs)


def _safe(raw: str) -> str:
    return nh3.clean(raw, tags=TAGS, attributes=ATTRIBUTES, url_schemes={"http", "https", "mailto"}).strip()


def _nesting(block: Block) -> list[tuple[Element, str]]:
    """Return the elements to keep that the block stands in, outermost first; stray list items and cells are none."""
    chain: list[tuple[Element, str]] = []
    place = block.element
    while place is not None:
        if place.tag in NESTING_TAGS:
            chain.append((place, place.tag))
        place = place.parent
    out: list[tuple[Element, str]] = []
    for place, tag in reversed(chain):
        inside = out[-1][1] if out else ""
        if tag not in REQUIRED_PARENTS or inside in REQUIRED_PARENTS[tag]:
            out.append((place, tag))
    return out


def _content(block: Block, path: list[tuple[Element, str]], base: str) -> str:
    pictures = "".join(
        f'<img src="{escape.escape(url)}" alt="{escape.escape(p.alt)}">'
        for p in block.images
        if not p.is_tracking_pixel and (url := image_link(p.source, base))
    )
    words = _markup(block.tokens, base) if block.tokens else escape.escape(block.text, quote=False)
    tag = HEADINGS.get(block.tag, "p")
    if words and not (tag == "p" and path and path[-1][1] in INLINE_CONTAINERS):
        words = f"<{tag}>{words}</{tag}>"
    return pictures + words + ("\n" if not path else "")


def _markup(run: Sequence[Token], base: str) -> str:
    out: list[str] = []
    open_links: list[bool] = []
    for token in _visible(run):
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
    markup = SPACE.sub(" ", "".join(out)).strip()
    while markup.endswith("<br>"):
        markup = markup[:-4].rstrip()
    return markup


def _visible(run: Sequence[Token]) -> Sequence[Token]:
    """Return *run* without invisible characters; the letters beside a joiner decide on it, tags between them or not."""
    text = "".join([token for token in run if isinstance(token, str)])
    gone = set() if text.isascii() else {found.start() for found in INVISIBLE.finditer(text)}
    if not gone:
        return run
    out: list[Token] = []
    at = 0
    for token in run:
        if isinstance(token, str):
            out.append("".join([char for n, char in enumerate(token, at) if n not in gone]))
            at += len(token)
        else:
            out.append(token)
    return out
