"""The table of contents within a feed's item: a list whose entries are the headings below it. Pure."""

from collections.abc import Sequence

from workers.clean.blocks import ITEM_TAGS, Block
from workers.text.normalise import match_key

MIN_ENTRIES = 3  # of a table of contents; two equal lines may be a coincidence
HEADING_TAGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))


def contents_entries(blocks: Sequence[Block]) -> set[int]:
    """Return the indexes of the entries of a table of contents. Most entries of a list must be headings below it."""
    headings = {match_key(block.text): n for n, block in enumerate(blocks) if block.tag in HEADING_TAGS and block.text}
    if len(headings) < MIN_ENTRIES:
        return set()
    out: set[int] = set()
    start = 0
    for n, block in enumerate((*blocks, None)):
        if block is not None and _may_be_entry(block):
            continue
        entries = range(start, n)
        found = [k for k in entries if headings.get(match_key(blocks[k].text), -1) >= n]
        if len(found) >= MIN_ENTRIES and 2 * len(found) > len(entries):
            out.update(entries)
        start = n + 1
    return out


def _may_be_entry(block: Block) -> bool:
    return block.tag not in HEADING_TAGS and (block.tag in ITEM_TAGS or block.is_all_links)
