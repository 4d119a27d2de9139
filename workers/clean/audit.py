"""The audit of a cleaned article: its removed blocks with their reasons. Pure."""

from collections.abc import Sequence

from streams.records import Link, RemovedBlock
from workers.clean.blocks import Block
from workers.clean.document import BlockDocument
from workers.clean.labeller import BlockLabel
from workers.text.counts import format_count
from workers.urls.tracking import clean_link

FIELD_REASONS = ("kept as a field", "kept with its picture")


def removed_blocks(pairs: Sequence[tuple[Block, BlockLabel]], base: str) -> list[RemovedBlock]:
    """Return the audit: all blocks that are neither body text nor the content of another field."""
    lists: dict[int, list[Block]] = {}
    for block, label in pairs:
        if label.list_start >= 0:
            lists.setdefault(label.list_start, []).append(block)
    out: list[RemovedBlock] = []
    outside: list[Block] = []
    for n, (block, label) in enumerate(pairs):
        if label.label == "template" and not label.by_history and label.reason:
            outside.append(block)
            continue
        if outside:
            out.append(_outside_article(outside))
            outside = []
        if label.reason and label.list_start in (-1, n) and not label.reason.endswith(FIELD_REASONS):
            out.append(_removed_block(block, label, lists.get(n, []), base))
    return [*out, _outside_article(outside)] if outside else out


def _outside_article(blocks: Sequence[Block]) -> RemovedBlock:
    return RemovedBlock("template", "\n".join(b.text for b in blocks if b.text), "outside the article")


def _removed_block(block: Block, label: BlockLabel, members: Sequence[Block], base: str) -> RemovedBlock:
    if not members and label.label != "label":
        return RemovedBlock(label.label, block.text, label.reason, links=_links([block], base))
    if not members:
        return RemovedBlock("label", block.text, "a label without the links that followed it", label=block.text)
    heading = block.text if label.label == "label" else ""
    reason = f"the label {heading!r} and the {format_count(len(members), 'line')} below it" if heading else label.reason
    return RemovedBlock(
        "link block", "\n".join(b.text for b in members), reason, label=heading, links=_links(members, base)
    )


def _links(blocks: Sequence[Block], base: str) -> tuple[Link, ...]:
    return tuple(Link(url, text) for b in blocks for href, text in b.links if (url := clean_link(href, base)))


def tracking_pixels(document: BlockDocument) -> list[RemovedBlock]:
    """Return the images of a feed's item or a text that count readers."""
    if document.input_type == "page":
        return []
    pixels = [tag for block in document.blocks for tag in block.images if tag.is_tracking_pixel]
    return [RemovedBlock("tracking pixel", p.source[:500], "an invisible image that counts readers") for p in pixels]
