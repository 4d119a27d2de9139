"""Decisions about the lines of a feed's item, by the model's probabilities. Pure.

The publisher chose each line of an item, so only a very unlikely line is removed. Decision 165 has the figures.
"""

import re
from collections.abc import Container, Mapping, Sequence

from workers.clean.blocks import Block
from workers.clean.document import BlockDocument
from workers.clean.labelling import Prediction
from workers.clean.line_types import SENTENCE_END, contains_url

MIN_SCORED_BLOCKS = 3  # of an item, for the model to score its blocks without links
MIN_PLAIN, MIN_PLAIN_BELOW = 0.05, 0.1  # probability of a block that stays, in the body and below it
MIN_CERTAIN = 0.5  # probability of a block that no second cleaning removes
MIN_WITH_URL = 0.015  # probability of a line with words and a URL, such as a source
MAX_CLOSING_WORDS = 8  # of a last statement, which has the limit of the body
CELLS, MAX_CELL_WORDS = frozenset(("td", "th")), 3  # a longer cell may be a part of a letter, whose layout is a table
CHAPTER = re.compile(r"[(\[]?\d{1,2}:\d{2}")  # the start of a chapter of a recording


def plain_blocks(document: BlockDocument, uncertain: Container[Block]) -> set[Block]:
    """Return the blocks for the model beside the *uncertain* ones, without code, chapters and cells."""
    blocks = [block for block in document.blocks if block.text]
    if document.input_type != "html" or len(blocks) < MIN_SCORED_BLOCKS:
        return set()
    return {block for block in blocks if block not in uncertain and not _is_fixed(block)}


def plain_predictions(
    blocks: Sequence[Block], decided: Mapping[Block, Prediction], plain: Container[Block]
) -> dict[Block, Prediction]:
    """Return the predictions of the *plain* blocks.

    Clutter is likelier below the last body text, but a short statement may end the article.
    """
    pairs = [(block, decided[block]) for block in blocks if block in decided]
    end = max((n for n, (_, p) in enumerate(pairs) if p.probability >= MIN_CERTAIN), default=len(pairs))
    limits = [MIN_PLAIN if n < end or _is_short_statement(b) else MIN_PLAIN_BELOW for n, (b, _) in enumerate(pairs)]
    scored = zip(pairs, limits, strict=True)
    return {block: p._replace(keep=p.probability >= limit) for (block, p), limit in scored if block in plain}


def keep_lines_with_urls(blocks: Sequence[Block], predictions: list[Prediction]) -> None:
    """Keep lines with words and a URL, such as a source, unless they are very unlikely. Decision 168 has figures."""
    for n, (block, prediction) in enumerate(zip(blocks, predictions, strict=True)):
        if (
            not prediction.keep
            and prediction.probability >= MIN_WITH_URL
            and block.words > 1
            and contains_url(block.text)
        ):
            predictions[n] = prediction._replace(keep=True)


def doubtful_blocks(blocks: Sequence[Block], predictions: Sequence[Prediction], plain: Container[Block]) -> set[Block]:
    """Return the *plain* blocks that a second cleaning could remove."""
    scored = zip(blocks, predictions, strict=True)
    return {block for block, p in scored if block in plain and p.probability < MIN_CERTAIN}


def _is_fixed(block: Block) -> bool:
    """Return whether a block is code, a chapter of a recording or a cell of a table with data."""
    is_cell = block.tag in CELLS and block.words <= MAX_CELL_WORDS
    return is_cell or block.tag == "pre" or CHAPTER.match(block.text) is not None


def _is_short_statement(block: Block) -> bool:
    return block.words <= MAX_CLOSING_WORDS and SENTENCE_END.search(block.text) is not None
