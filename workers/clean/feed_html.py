"""Preparation of a feed's HTML before it is cut into blocks. Pages skip it: their model was trained without it."""

from collections.abc import Callable

from workers.clean.embeds import link_embeds, link_posts, show_noscript
from workers.clean.inline_elements import inline_elements, inline_images, remove_hidden
from workers.clean.trees import Node, insert_before


def rename_images(root: Node) -> None:
    """Rename AMP's image element."""
    for image in list(root.iter("amp-img")):
        image.tag = "img"


def separate_labels(root: Node) -> None:
    """End the paragraph after a bold line that is its first line, if a link follows: it is a label above links."""
    for node in list(root.iter("br")):
        bold, link = node.previous, node.next
        if bold is None or link is None or bold.tag not in ("b", "strong") or link.tag != "a":
            continue
        texts = (bold.tail, node.tail, node.parent.text if node.parent is not None else "")
        if bold.previous is None and not any(text.strip() for text in texts):
            insert_before(node, Node("br"))


# Steps in order, each with the texts of which its source has at least one; most items need one or two steps.
STEPS: tuple[tuple[tuple[str, ...], Callable[[Node], None]], ...] = (
    (
        (
            "hidden",
            "display",
            "mso-hide",
            "max-height",
            "font-size",
            "screen-reader",
            "sr-only",
            "show-for-sr",
            "assistive",
        ),
        remove_hidden,
    ),
    (("<amp-img",), rename_images),
    (("<noscript",), show_noscript),
    (("<iframe", "<embed", "<video", "<audio", "<object", "<amp-", "<lite-"), link_embeds),
    (("permalink=", "cite="), link_posts),
    (("<img",), inline_images),
    (("<br",), separate_labels),
    (("<math", "<sup", "<sub", "<rt", "<q>", "<q ", "math/tex", "#"), inline_elements),
)


def simplify_feed_html(root: Node, html: str) -> None:
    """Replace elements of *root* by others that the cleaner understands, or remove hidden ones. *html*: its source."""
    source = html.lower()
    for texts, step in STEPS:
        if any(map(source.__contains__, texts)):
            step(root)
