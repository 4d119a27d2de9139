"""Candidates: the blocks of a page that the model scores. Others are navigation, or far from running text. Pure.

Two thirds of a page's blocks are not scored. The model then takes a third of the time. The neighbours of a block are
its neighbours in the text.
"""

from collections.abc import Sequence

from workers.clean.blocks import Block

REACH = 3  # blocks from running text
MIN_WORDS = 6  # of a line without a full stop, and mostly without links, that may be running text
MAX_LINK_SHARE = 0.5


def candidates(blocks: Sequence[Block]) -> list[int]:
    """Return the indexes of the blocks with text to score; all of them on a page without running text."""
    possible = [n for n, b in enumerate(blocks) if b.text and (b.element is None or not b.element.in_navigation)]
    anchors = [k for k, n in enumerate(possible) if _may_be_running_text(blocks[n])]
    if not anchors:
        return [n for n, block in enumerate(blocks) if block.text]
    out: list[int] = []
    end = 0  # of the part that is in `out` already
    for anchor in anchors:
        start, stop = max(end, anchor - REACH), min(len(possible), anchor + REACH + 1)
        out += possible[start:stop]
        end = max(end, stop)
    return out


def _may_be_running_text(block: Block) -> bool:
    return block.link_chars < MAX_LINK_SHARE * len(block.text) and (block.is_sentence or block.words >= MIN_WORDS)
