"""Preparation of a feed's HTML before it is cut into blocks. Pages skip it: their model was trained without it."""

from typing import Any

from workers.clean.embeds import link_embeds, show_noscript
from workers.clean.inline_elements import inline_elements, inline_images, remove_hidden


def simplify_feed_html(root: Any) -> None:
    """Replace elements by others with the same meaning that the cleaner understands, or remove hidden ones."""
    remove_hidden(root)
    for image in list(root.iter("amp-img")):
        image.tag = "img"
    show_noscript(root)
    link_embeds(root)
    inline_images(root)
    _separate_labels(root)
    inline_elements(root)


def _separate_labels(root: Any) -> None:
    """End the paragraph after a bold line that is its first line, if a link follows: it is a label above links."""
    for node in root.iter("br"):
        bold, link = node.getprevious(), node.getnext()
        if bold is None or link is None or bold.tag not in ("b", "strong") or link.tag != "a":
            continue
        texts = (bold.tail, node.tail, node.getparent().text)
        if bold.getprevious() is None and not any(text and text.strip() for text in texts):
            bold.addnext(bold.makeelement("br"))
