"""Clean HTML out: figures, quotes, lists, tables and headings kept, nothing executable, links without trackers."""

import html as escape
from collections.abc import Sequence
from typing import Any

import lxml.html
import nh3

from workers.clean.links import clean_link

TAGS = set(
    "a abbr b blockquote br caption cite code dd del dl dt em figcaption figure h2 h3 h4 h5 h6 hr i img ins kbd li "
    "mark ol p pre q s small strong sub sup table tbody td tfoot th thead time tr u ul".split()
)
ATTRIBUTES = {
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "blockquote": {"cite"},
    "time": {"datetime"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "abbr": {"title"},
    "*": {"lang", "dir"},
}
LAZY = ("data-src", "data-original", "data-lazy-src")


def sanitised(root: Any, base: str = "") -> str:
    """Return the tree as safe HTML: absolute links without trackers, real sources for lazy pictures."""
    for element in root.iter("a", "img"):
        attribute = "href" if element.tag == "a" else "src"
        if element.tag == "img":
            lazy = next((element.get(name) for name in LAZY if element.get(name)), None)
            if lazy:
                element.set("src", lazy)
        url = clean_link(element.get(attribute) or "", base)
        if url:
            element.set(attribute, url)
        elif attribute in element.attrib:
            del element.attrib[attribute]
    for heading in root.iter("h1"):
        heading.tag = "h2"  # the title is the only first heading that a page of ours has
    raw = lxml.html.tostring(root, encoding="unicode")
    return nh3.clean(raw, tags=TAGS, attributes=ATTRIBUTES, url_schemes={"http", "https", "mailto"}).strip()


def paragraphs_html(paragraphs: Sequence[str]) -> str:
    """Return *paragraphs* as HTML."""
    return "\n".join(f"<p>{escape.escape(p, quote=False)}</p>" for p in paragraphs)
