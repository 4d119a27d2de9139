"""Decisions about lines of a dump that depend on their neighbours, after the model's decision about each line. Pure."""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from workers.clean.blocks import Block
from workers.clean.labelling import Prediction
from workers.clean.line_types import (
    CLOSING_MARKS,
    LEAD,
    SENTENCE_END,
    is_feed_tail,
    is_headline,
    is_link_label,
    is_notice,
    is_prompt,
)
from workers.clean.rules.lexicon import ADVERTISEMENTS
from workers.text.normalise import match_key

if TYPE_CHECKING:
    from workers.clean.model.model import Model

# Of each short line that is kept together with its neighbours; figures in decision 93.
MIN_RUN_PROBABILITY, MIN_RUN_PROBABILITY_SHORT = 0.5, 0.4  # in a long dump, and in one of at most USUAL_LINES
MIN_RESUME_PROBABILITY = 0.2  # of a statement below headlines; figures in decision 121
MIN_RESUME_BELOW_LEAD = 0.1  # of a statement below lead-ins and advertisements only; an offer has less than .05
MIN_BETWEEN_PROBABILITY = 0.4  # of a single line between two body lines; figures in decision 120
MIN_LIKELY_PROBABILITY = 0.7  # of any line that stays, however short; figures in decision 139
MAX_LIST_LINES = 8  # a longer list seldom stands between two paragraphs
MIN_HEADLINE_WORDS = 2
MAX_HEADLINE_WORDS = 14  # of a headline with a full stop
MIN_LISTED = 2  # lines below a label
MIN_STOPPED_SHARE = 0.8  # of the headlines in a list whose first one ends in a full stop
MIN_FINAL_HEADLINES, MIN_FINAL_WORDS = 3, 5  # headlines without a label at the end of a dump, and the words of each
MAX_KEY_SHARE = 0.5  # of final headlines with a key and a colon; facts of a journey or an event have more
KEY = re.compile(r"[^:：]{1,30}[:：]\s?\S")
ITEM_NUMBER = re.compile(r"[-–—•·*(\[]?\s?\d")
COLONS = (":", "：")
# A date in digits with a time, before or after a headline. In the corpus of dumps, no entry of a live blog has both.
_DATE = r"(?:\d{4}[-./年]\d{1,2}[-./月]\d{1,2}日?|\d{1,2}[-./月]\d{1,2}(?:[-./]\d{2,4})?日?)"
_TIME = r"\d{1,2}[:：]\d\d(?:[:：]\d\d)?"
STAMP_BEFORE = re.compile(rf"\W{{0,3}}(?:{_DATE}[\s,|-]{{1,3}}{_TIME}|{_TIME}[\s,|-]{{1,3}}{_DATE})(?![\d:.])")
STAMP_AFTER = re.compile(rf"(?<![\d:.]){_DATE}[\s,|-]{{1,3}}{_TIME}[)）\]]?$")
MIN_STAMPED, MAX_STAMPED_WORDS = 2, 30  # headlines in a row; words of each with its stamp
STAMP_WORDS = 2  # the most words of a stamp
QUESTION_ENDS = ("?", "!", "…", "...", "？", "！", "؟")


def decide_lines(model: "Model", blocks: Sequence[Block], predictions: list[Prediction], share: float) -> None:
    """Change *predictions* by all decisions of this module, in their order. *share*: of the cost of clutter."""
    vote_by_run(model, blocks, predictions, share)
    resume_below_list(blocks, predictions)
    keep_likely(blocks, predictions)
    keep_between_lines(blocks, predictions)
    drop_final_list(blocks, predictions)
    drop_final_headlines(blocks, predictions)
    drop_stamped_headlines(blocks, predictions)


def vote_by_run(model: "Model", blocks: Sequence[Block], predictions: list[Prediction], share: float) -> None:
    """Keep consecutive short lines if all are likely and their mean probability suffices, such as rows of a table."""
    start = 0
    likely = MIN_RUN_PROBABILITY if share > 1 else MIN_RUN_PROBABILITY_SHORT
    for n in range(len(blocks) + 1):
        if n < len(blocks) and predictions[n].probability >= likely and not blocks[n].is_sentence:
            continue
        run, start = range(start, n), n + 1
        if len(run) > 1:
            mean = sum(predictions[k].probability for k in run) / len(run)
            if model.should_keep(mean, sum(blocks[k].words for k in run), share=share):
                for k in run:
                    predictions[k] = predictions[k]._replace(keep=True)


def keep_between_lines(blocks: Sequence[Block], predictions: list[Prediction]) -> None:
    """Keep a single likely line between two body lines, such as a subheading, unless it is clutter by a rule.

    Clutter seldom stands alone there: it has a label above it, or several lines.
    """
    for n in range(1, len(blocks) - 1):
        is_between = predictions[n - 1].keep and predictions[n + 1].keep and not predictions[n].keep
        if not is_between or predictions[n].probability < MIN_BETWEEN_PROBABILITY:
            continue
        if not _is_clutter(blocks[n].text) and not _is_lead(blocks[n]):
            predictions[n] = predictions[n]._replace(keep=True)


def keep_likely(blocks: Sequence[Block], predictions: list[Prediction]) -> None:
    """Keep each likely line, unless it is clutter by a rule. By cost alone, two words need a probability of .9."""
    for n, prediction in enumerate(predictions):
        is_removed = not prediction.keep and prediction.probability >= MIN_LIKELY_PROBABILITY
        if is_removed and not _is_clutter(blocks[n].text) and not _is_lead(blocks[n]):
            predictions[n] = prediction._replace(keep=True)


def resume_below_list(blocks: Sequence[Block], predictions: list[Prediction]) -> None:
    """Keep a statement below a list of headlines without full stops: the body resumes there.

    A list is uniform: either none or most of its lines end in a full stop. Headlines with a summary each are a list.
    """
    for n, block in enumerate(blocks):
        if predictions[n].keep or predictions[n].probability < MIN_RESUME_BELOW_LEAD or not is_statement(block):
            continue
        gap = _removed_above(predictions, n)
        if predictions[n].probability < MIN_RESUME_PROBABILITY and not all(_is_lead(blocks[k]) for k in gap):
            continue
        if not 0 < len(gap) <= MAX_LIST_LINES or any(SENTENCE_END.search(blocks[k].text) for k in gap):
            continue
        if _may_end_list(blocks[n - 1]) and not _heads_summary(blocks, n + 1):
            predictions[n] = predictions[n]._replace(keep=True)


def drop_final_list(blocks: Sequence[Block], predictions: list[Prediction]) -> None:
    """Remove headlines with full stops below the last label of links, if they end the dump."""
    label = max((n for n, block in enumerate(blocks) if is_link_label(block.text)), default=len(blocks))
    below = range(label + 1, len(blocks))
    stops = [SENTENCE_END.search(blocks[n].text) is not None for n in below]
    if len(stops) < MIN_LISTED or not stops[0] or sum(stops) < MIN_STOPPED_SHARE * len(stops):
        return
    if all(blocks[n].words <= MAX_HEADLINE_WORDS for n in below):
        _remove(predictions, below)


def drop_final_headlines(blocks: Sequence[Block], predictions: list[Prediction]) -> None:
    """Remove headlines in a row at the end of a dump, unless the line above them announces a list."""
    start = len(blocks)
    while start > 0 and (not predictions[start - 1].keep or _is_bare_headline(blocks[start - 1])):
        start -= 1
    final = [n for n in range(start, len(blocks)) if predictions[n].keep]
    keys = sum(KEY.match(blocks[n].text) is not None for n in final)
    is_list = len(final) >= MIN_FINAL_HEADLINES and keys < MAX_KEY_SHARE * len(final)
    if start > 0 and is_list and not blocks[start - 1].text.endswith(COLONS):
        _remove(predictions, final)


def drop_stamped_headlines(blocks: Sequence[Block], predictions: list[Prediction]) -> None:
    """Remove headlines in a row that have a date and a time each: a list of other articles."""
    start = 0
    for n in range(len(blocks) + 1):
        if n < len(blocks) and _is_stamped(blocks[n]):
            continue
        if n - start >= MIN_STAMPED:
            _remove(predictions, range(start, n))
        start = n + 1


def _is_stamped(block: Block) -> bool:
    if not STAMP_WORDS + MIN_HEADLINE_WORDS <= block.words <= MAX_STAMPED_WORDS:
        return False
    return STAMP_BEFORE.match(block.text) is not None or STAMP_AFTER.search(block.text) is not None


def _is_bare_headline(block: Block) -> bool:
    is_short = block.words < MIN_FINAL_WORDS or SENTENCE_END.search(block.text) is not None
    return not is_short and ITEM_NUMBER.match(block.text) is None and is_headline(block.text)


def _remove(predictions: list[Prediction], removed: Iterable[int]) -> None:
    for n in removed:
        predictions[n] = predictions[n]._replace(probability=0.0, keep=False)


def _is_lead(block: Block) -> bool:
    """Return whether a line is a lead-in with a headline, or marks an advertisement; one line alone, not a list."""
    return LEAD.fullmatch(block.text) is not None or match_key(block.text) in ADVERTISEMENTS


def _may_end_list(block: Block) -> bool:
    return block.words >= MIN_HEADLINE_WORDS or match_key(block.text) in ADVERTISEMENTS


def is_statement(block: Block) -> bool:
    """Return whether a line ends in a full stop and is no clutter by any rule."""
    text = block.text
    if block.words < MIN_HEADLINE_WORDS or SENTENCE_END.search(text) is None:
        return False
    if text.rstrip(CLOSING_MARKS).endswith(QUESTION_ENDS):
        return False
    return not _is_clutter(text)


def _is_clutter(text: str) -> bool:
    return is_prompt(text) or is_notice(text) or is_link_label(text) or is_feed_tail(text)


def _removed_above(predictions: Sequence[Prediction], n: int) -> range:
    """Return the removed lines directly above line *n*; empty if no line above them is kept."""
    start = n
    while start > 0 and not predictions[start - 1].keep and n - start <= MAX_LIST_LINES:
        start -= 1
    return range(start, n) if start > 0 and predictions[start - 1].keep else range(0)


def _heads_summary(blocks: Sequence[Block], n: int) -> bool:
    """Return whether line *n* is a headline with a statement below it."""
    if n + 1 >= len(blocks) or SENTENCE_END.search(blocks[n].text) or _is_clutter(blocks[n].text):
        return False
    return blocks[n].words > MIN_HEADLINE_WORDS and is_statement(blocks[n + 1])
