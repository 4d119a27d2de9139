"""Decisions about lists of a page, after the model's decision about each block. Pure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workers.clean.blocks import Block, list_members
from workers.clean.labelling import Prediction
from workers.clean.line_types import SENTENCE_END

if TYPE_CHECKING:
    from workers.clean.model.model import Model

MIN_SENTENCE_LIST = 0.3  # mean probability of a list of sentences that follows body text
LINK_LIST_SHARE, MIN_LINK_LIST = 0.3, 0.85  # share of items that are links only; mean probability that keeps the list


def vote_by_list(model: "Model", blocks: Sequence[Block], predictions: list[Prediction]) -> None:
    """Keep or remove the items of a list or table together; single items are too short for a reliable prediction.

    In a list of links with summaries, the words of the summaries would otherwise outweigh each low probability.
    """
    for indexes in list_members(blocks):
        mean = sum(predictions[n].probability for n in indexes) / len(indexes)
        keep = model.should_keep(mean, sum(blocks[n].words for n in indexes))
        if sum(blocks[n].is_all_links for n in indexes) >= LINK_LIST_SHARE * len(indexes):
            keep = keep and mean >= MIN_LINK_LIST
        keep = keep or (mean >= MIN_SENTENCE_LIST and _continues_body(blocks, predictions, indexes))
        for n in indexes:
            predictions[n] = predictions[n]._replace(keep=keep)


def _continues_body(blocks: Sequence[Block], predictions: Sequence[Prediction], indexes: Sequence[int]) -> bool:
    """Whether a list of sentences without links directly follows a kept block."""
    before = indexes[0] - 1
    is_prose = all(SENTENCE_END.search(blocks[n].text) is not None and not blocks[n].links for n in indexes)
    return is_prose and before >= 0 and predictions[before].keep
