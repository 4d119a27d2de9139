"""The table of contents within a feed's item: a list whose entries are the headings below it. Pure."""

from collections.abc import Sequence

from workers.clean.blocks import ITEM_TAGS, Block
from workers.text.normalise import match_key

MIN_ENTRIES = 3  # of a table of contents; two equal lines may be a coincidence
MIN_LINKED_ENTRIES = 2  # each of them is a link to a place on its own page
HEADING_TAGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))


def contents_entries(blocks: Sequence[Block]) -> set[int]:
    """Return the indexes of the entries of a table of contents. Most entries of a list must be headings below it."""
    headings = {match_key(block.text): n for n, block in enumerate(blocks) if block.tag in HEADING_TAGS and block.text}
    if len(headings) < MIN_LINKED_ENTRIES:
        return set()
    out: set[int] = set()
    start = 0
    for n, block in enumerate((*blocks, None)):
        if block is not None and _may_be_entry(block):
            continue
        entries = range(start, n)
        found = [k for k in entries if headings.get(match_key(blocks[k].text), -1) >= n]
        least = MIN_LINKED_ENTRIES if all(_leads_to_place(blocks[k]) for k in entries) else MIN_ENTRIES
        if len(found) >= least and 2 * len(found) > len(entries):
            out.update(entries)
        start = n + 1
    return out


def _leads_to_place(block: Block) -> bool:
    return bool(block.links) and all("#" in link for link, _ in block.links)


def _may_be_entry(block: Block) -> bool:
    return block.tag not in HEADING_TAGS and (block.tag in ITEM_TAGS or block.is_all_links)
