"""The tree of an HTML document, and changes of it that keep the text around the changed element. Pure."""

from collections.abc import Iterator
from typing import Optional

INLINE = frozenset("a abbr b cite em font i mark small span strong u".split())


class Node:
    """An element. `text` is the text before its first child, `tail` the text after its end tag.

    `attributes` has lower-case names; an attribute without a value has the value "".
    """

    __slots__ = ("attributes", "first", "last", "next", "parent", "previous", "tag", "tail", "text")

    def __init__(self, tag: str, attributes: dict[str, str] | None = None, parent: Optional["Node"] = None) -> None:
        self.tag, self.attributes = tag, attributes if attributes is not None else {}
        self.text = self.tail = ""
        self.parent = parent
        self.first: Node | None = None
        self.last: Node | None = None
        self.next: Node | None = None
        self.previous: Node | None = None
        if parent is not None:
            parent.append(self)

    def append(self, node: "Node") -> None:
        """Add *node*, which has no parent yet, as the last child."""
        node.parent, node.previous = self, self.last
        if self.last is None:
            self.first = node
        else:
            self.last.next = node
        self.last = node

    def get(self, name: str) -> str:
        """Return an attribute; "" without it."""
        return self.attributes.get(name, "")

    def __iter__(self) -> Iterator["Node"]:
        """Yield the children."""
        child = self.first
        while child is not None:
            following = child.next  # the caller may remove the child
            yield child
            child = following

    def iter(self, *tags: str) -> Iterator["Node"]:
        """Yield this element and its descendants in document order; only those with one of the *tags*, if any."""
        node: Node | None = self
        while node is not None:
            if not tags or node.tag in tags:
                yield node
            node = node.first or _following(node, self)

    def ancestors(self) -> Iterator["Node"]:
        """Yield the parent and its ancestors."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def all_text(self) -> str:
        """Return the text of the element and of its descendants."""
        if self.first is None:
            return self.text
        out = [self.text]
        node: Node | None = self.first
        while node is not None:
            out.append(node.text)
            if node.first is not None:
                node = node.first
                continue
            while node is not self:
                assert node is not None  # `self` is one of its ancestors
                out.append(node.tail)
                if node.next is not None:
                    break
                node = node.parent
            node = node.next if node is not self else None
        return "".join(out)


def _following(node: Node, top: Node) -> Node | None:
    """Return the element after *node* and its descendants in document order, within *top*."""
    while node is not top and node.next is None and node.parent is not None:
        node = node.parent
    return node.next if node is not top else None


def insert_text_before(node: Node, text: str) -> None:
    """Insert *text* before *node*."""
    if node.previous is not None:
        node.previous.tail += text
    elif node.parent is not None:
        node.parent.text += text


def remove(node: Node) -> None:
    """Remove *node* with its content; the text after it stays."""
    insert_text_before(node, node.tail)
    node.tail = ""
    _detach(node)


def _detach(node: Node) -> None:
    parent = node.parent
    if parent is None:
        return  # the root, or an element that was removed before
    if node.previous is None:
        parent.first = node.next
    else:
        node.previous.next = node.next
    if node.next is None:
        parent.last = node.previous
    else:
        node.next.previous = node.previous
    node.parent = node.previous = node.next = None


def insert_before(node: Node, new: Node) -> None:
    """Insert *new*, with its tail, directly before *node*. *new* may be elsewhere in the tree."""
    if new.parent is not None:
        _detach(new)
    new.parent, new.previous, new.next = node.parent, node.previous, node
    if node.previous is not None:
        node.previous.next = new
    elif node.parent is not None:
        node.parent.first = new
    node.previous = new


def replace_by_text(node: Node, text: str) -> None:
    """Replace *node* and its content by *text*."""
    insert_text_before(node, text)
    remove(node)


def replace_by_elements(node: Node, elements: list[Node]) -> None:
    """Replace *node* by *elements*, which may be its descendants."""
    for element in elements:
        element.tail = ""
        insert_before(node, element)
    remove(node)


def unwrap(node: Node) -> None:
    """Remove the tags of *node*; its content stays."""
    insert_text_before(node, node.text)
    for child in node:
        insert_before(node, child)
    remove(node)


def insert_after(node: Node, new: Node) -> None:
    """Insert *new* directly after *node*, before the text behind it."""
    new.tail, node.tail = node.tail, ""
    if node.next is not None:
        insert_before(node.next, new)
    elif node.parent is not None:
        node.parent.append(new)


def text_before(node: Node) -> str:
    """Return the text directly before *node*, also outside inline elements; "" at the start of a block."""
    while True:
        previous, parent = node.previous, node.parent
        if parent is None:
            return ""
        text = parent.text if previous is None else previous.tail or previous.all_text()
        if text or previous is not None or parent.tag not in INLINE or parent.parent is None:
            return text
        node = parent
