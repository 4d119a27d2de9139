"""Application of a site rule to the tree of a page. Pure.

lxml evaluates the XPath expressions on a copy of the tree; each element of the copy knows its original.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from lxml import etree

from streams.records import RemovedBlock
from workers.clean.credits import parse_byline
from workers.clean.rules.bylines import BYLINE
from workers.clean.site_rules.rule import Selector, SiteRule
from workers.clean.trees import Node, remove
from workers.text.dates import parse_date
from workers.text.normalise import plain_text

MAX_FIELD_CHARS = 1_000
MAX_REPORTED_CHARS = 2_000
Originals = Mapping[Any, Node]


class AppliedRule(NamedTuple):
    """The result of a rule: the body, the fields, and the removed text. `body`: None where no body selector matches."""

    body: Node | None
    title: str = ""
    byline: tuple[str, ...] = ()
    published: datetime | None = None
    removed: tuple[RemovedBlock, ...] = ()
    matches: tuple[tuple[str, int], ...] = ()  # each selector with the number of its matches, for `rules test`


def replace_strings(html: str, rule: SiteRule) -> str:
    """Return *html* with the replacements of *rule*."""
    for old, new in rule.replacements:
        html = html.replace(old, new) if old else html
    return html


def apply_rule(root: Node, rule: SiteRule) -> AppliedRule:
    """Return the result of *rule*. Stripped elements are removed from *root*; the elements of the body leave it."""
    copy, originals = _copy(root)
    matches: list[tuple[str, int]] = []
    title = _first_text(rule.title, copy, originals, matches)
    author = _first_text(rule.author, copy, originals, matches)
    date = _first_text(rule.date, copy, originals, matches)
    removed = _strip(rule, copy, originals, matches)
    body = _body(rule.body, copy, originals, root, matches)
    match = BYLINE.fullmatch(author)
    byline = parse_byline((match["names"] or match["named"]) if match else author) if author else ()
    return AppliedRule(body, title, byline, parse_date(date) if date else None, tuple(removed), tuple(matches))


def _copy(root: Node) -> tuple[Any, dict[Any, Node]]:
    """Return a copy of the tree for lxml, and the original of each of its elements."""
    top = _element(root)
    originals: dict[Any, Node] = {top: root}
    pending = [(root, top)]
    while pending:
        node, element = pending.pop()
        for child in node:
            copied = _element(child)
            element.append(copied)
            originals[copied] = child
            pending.append((child, copied))
    return top, originals


def _element(node: Node) -> Any:
    """Return *node* without children. A name that XML does not allow becomes `x`, such an attribute is left out."""
    try:
        element = etree.Element(node.tag)
    except ValueError:
        element = etree.Element("x")
    for name, value in node.attributes.items():
        _set(element, name, value)
    _set_text(element, "text", node.text)
    _set_text(element, "tail", node.tail)
    return element


def _set(element: Any, name: str, value: str) -> None:
    try:
        element.set(name, value)
    except ValueError:
        return


def _set_text(element: Any, name: str, text: str) -> None:
    if text:
        try:
            setattr(element, name, text)
        except ValueError:  # a character that XML does not allow
            setattr(element, name, "".join(char for char in text if char.isprintable() or char.isspace()))


def _evaluate(selector: Selector, copy: Any, matches: list[tuple[str, int]]) -> list[Any]:
    """Return the elements and strings that *selector* selects."""
    try:
        result = selector.xpath(copy)
    except etree.XPathError:  # for example an unknown function, which shows only now
        result = []
    found = result if isinstance(result, list) else [str(result)] if isinstance(result, str) and result else []
    matches.append((selector.text, len(found)))
    return found


def _first_text(selectors: Sequence[Selector], copy: Any, originals: Originals, matches: list[tuple[str, int]]) -> str:
    for selector in selectors:
        texts = [_text(match, originals) for match in _evaluate(selector, copy, matches)]
        if text := plain_text(next(filter(None, texts), "")):
            return text[:MAX_FIELD_CHARS]
    return ""


def _text(match: Any, originals: Originals) -> str:
    node = originals.get(match) if not isinstance(match, str) else None
    return node.all_text().strip() if node is not None else str(match).strip() if isinstance(match, str) else ""


def _strip(rule: SiteRule, copy: Any, originals: Originals, matches: list[tuple[str, int]]) -> list[RemovedBlock]:
    """Remove the matches of all strip selectors from both trees; return the text of each."""
    removed: list[RemovedBlock] = []
    for selector in rule.strip:
        for match in _evaluate(selector, copy, matches):
            node = originals.get(match) if not isinstance(match, str) else None
            if node is None or node.parent is None:
                continue
            text = plain_text(node.all_text())[:MAX_REPORTED_CHARS]
            removed.append(RemovedBlock("site rule", text, f"{rule.name}: {selector.text}"))
            remove(node)
            match.getparent().remove(match)
    return removed


def _body(
    selectors: Sequence[Selector], copy: Any, originals: Originals, root: Node, matches: list[tuple[str, int]]
) -> Node | None:
    """Return a tree of the elements that the first matching selector selects; None without a match."""
    for selector in selectors:
        nodes = [originals[match] for match in _evaluate(selector, copy, matches) if match in originals]
        chosen = set(map(id, nodes))
        outer = [node for node in nodes if not any(id(ancestor) in chosen for ancestor in node.ancestors())]
        outer = [node for node in outer if node is not root]
        if any(node.all_text().strip() for node in outer):
            document = Node("html", root.attributes)
            body = Node("div", {}, Node("body", {}, document))
            for node in outer:
                remove(node)
                body.append(node)
            return document
    return None
