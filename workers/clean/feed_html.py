"""Preparation of a feed's HTML before it is cut into blocks. Pages skip it: their model was trained without it."""

from collections.abc import Callable
from typing import NamedTuple

from workers.clean.embeds import EMBEDS, link_embeds, link_posts, show_noscript
from workers.clean.inline_elements import inline_elements, inline_images, remove_hidden
from workers.clean.trees import Node, insert_before


def rename_images(root: Node) -> None:
    """Rename AMP's image element."""
    for image in list(root.iter("amp-img")):
        image.tag = "img"


def separate_labels(root: Node) -> None:
    """End the paragraph after its first line if that is bold and a link follows: it is a label above links."""
    for node in list(root.iter("br")):
        bold, link = node.previous, node.next
        if bold is None or link is None or bold.tag not in ("b", "strong") or link.tag != "a":
            continue
        texts = (bold.tail, node.tail, node.parent.text if node.parent is not None else "")
        if bold.previous is None and not any(text.strip() for text in texts):
            insert_before(node, Node("br"))


class Step(NamedTuple):
    """A change of trees that have one of the elements and attributes *names*, and whose source has one of *texts*."""

    change: Callable[[Node], None]
    names: frozenset[str]
    texts: tuple[str, ...]


HIDING = (
    "hidden", "display", "mso-hide", "max-height", "font-size", "screen-reader", "sr-only", "show-for-sr", "assistive",
)  # fmt: skip
# Steps in order; most items need one or none.
STEPS = (
    Step(remove_hidden, frozenset(("hidden", "style", "class")), HIDING),
    Step(rename_images, frozenset(("amp-img",)), ("<amp-img",)),
    Step(show_noscript, frozenset(("noscript",)), ("<noscript",)),
    Step(
        link_embeds, frozenset(EMBEDS), ("<iframe", "<embed", "<video", "<audio", "<object", "<amp-", "<lite-")
    ),
    Step(link_posts, frozenset(("blockquote",)), ("permalink=", "cite=")),
    Step(inline_images, frozenset(("img", "amp-img")), ("<img",)),
    Step(separate_labels, frozenset(("br",)), ("<br",)),
    Step(
        inline_elements, frozenset(("math", "script", "sup", "sub", "rt", "q", "a")),
        ("#", "<math", "<sup", "<sub", "<rt", "<q>", "<q ", "math/tex"),
    ),
)  # fmt: skip


def simplify_feed_html(root: Node, html: str) -> None:
    """Replace elements of *root* by others that the cleaner understands, or remove hidden ones. *html*: its source."""
    if "<" not in html:
        return
    names, source = _names(root), ""
    for step in STEPS:
        if not names.isdisjoint(step.names):
            source = source or html.lower()
            if any(map(source.__contains__, step.texts)):
                step.change(root)
                names |= _names(root) if step.change is show_noscript else set()


def _names(root: Node) -> set[str]:
    """Return the names of the elements and attributes of a tree."""
    names = set[str]()
    for node in root.iter():
        names.add(node.tag)
        names.update(node.attributes)
    return names
