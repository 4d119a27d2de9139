"""Changes of an lxml tree that keep the text around the changed element."""

from typing import Any

INLINE = frozenset("a abbr b cite em font i mark small span strong u".split())


def append_text(node: Any, text: str) -> None:
    """Insert *text* before *node*."""
    previous, parent = node.getprevious(), node.getparent()
    if previous is not None:
        previous.tail = (previous.tail or "") + text
    else:
        parent.text = (parent.text or "") + text


def remove(node: Any) -> None:
    """Remove *node* with its content; the text after it stays."""
    append_text(node, node.tail or "")
    node.getparent().remove(node)


def replace_by_text(node: Any, text: str) -> None:
    """Replace *node* and its content by *text*."""
    append_text(node, text)
    remove(node)


def replace_by_elements(node: Any, elements: list[Any]) -> None:
    """Replace *node* by *elements*, which may be its descendants."""
    for element in elements:
        element.tail = None
        node.addprevious(element)
    remove(node)


def unwrap(node: Any) -> None:
    """Remove the tags of *node*; its content stays."""
    append_text(node, node.text or "")
    for child in list(node):
        node.addprevious(child)
    remove(node)


def move_content_behind(node: Any) -> None:
    """Move the content of *node* behind it."""
    text, node.text = node.text or "", None
    for child in reversed(node):
        node.addnext(child)
    if text:
        node.tail = text + (node.tail or "")


def text_before(node: Any) -> str:
    """Return the text directly before *node*, also outside inline elements; "" at the start of a block."""
    while True:
        previous, parent = node.getprevious(), node.getparent()
        text = parent.text if previous is None else previous.tail or "".join(previous.itertext())
        if text or previous is not None or parent.tag not in INLINE or parent.getparent() is None:
            return text or ""
        node = parent
