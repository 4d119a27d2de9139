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
    inline_elements(root)
