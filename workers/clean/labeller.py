"""Labelling: decides for each block of an article whether it is body text, a header field or clutter.

    above the title │ title │ dek, caption, byline, date … │ body, with labels and link blocks in it │ below the article

Uses the rules, the model's predictions and the site history. A block stays in case of doubt: a lost sentence is worse
than a link that remains.
"""

import re
from collections.abc import Sequence

from workers.clean.blocks import Block, ancestors
from workers.clean.body_labels import BUILDER_LINE, is_announced, is_label_of_removed, label_body_block
from workers.clean.head_labels import label_head, label_late_fields
from workers.clean.labelling import BlockLabel, Labelling, Prediction
from workers.clean.line_types import SENTENCE_END, contains_url, is_headline
from workers.clean.link_lists import is_likely
from workers.clean.site_evidence import apply_evidence
from workers.clean.site_facts import SiteFacts

MIN_TAIL_HEADLINES = 3  # in a row at the end of a feed's item
MIN_RESTORED_WORDS = 4  # of a block beside the longest one; shorter links are navigation
MIN_HEADLINE_LINK_SHARE = 0.5  # of the characters; in a line of release notes only its reference is a link
RESTORED = frozenset(("link", "clutter", "template"))  # labels of blocks that may be an article
RESTORED_LAST = frozenset(("prompt", "label", "feed tail"))  # of a feed's item that has no such blocks
# The start of a line with a time, a quantity, a number or a key. It is no headline, but a chapter of a recording.
FACT = re.compile(r"[-–—•·*(\[]?\s?\d|[^:：]{1,30}[:：]\s?\S")
HEADLINE_TAGS = frozenset(("line", "li", "p", "h3", "h4"))


def label_blocks(
    blocks: Sequence[Block], predictions: Sequence[Prediction], title: str = "", *,
    facts: SiteFacts | None = None, has_surroundings: bool = False, url: str = "", may_be_empty: bool = False,
) -> Labelling:  # fmt: skip
    """Return the labels of all blocks: the head first, then the body from top to bottom.

    *may_be_empty*: the page's head holds the text too, so no removed block has to replace the body.
    """
    labelling = Labelling(blocks, predictions, title, facts=facts, has_surroundings=has_surroundings, url=url)
    body = label_head(labelling) if has_surroundings or title else 0
    label_late_fields(labelling, body)
    n = body
    while n < len(blocks):
        n = n + 1 if labelling.labels[n].reason else label_body_block(labelling, n)
    if has_surroundings and facts is not None:
        apply_evidence(labelling)
    if not has_surroundings:
        _label_tail(labelling, body)
        for n in range(body, len(blocks)):
            if is_label_of_removed(labelling, n):
                labelling.labels[n] = BlockLabel("label", "a label above removed lines")
    if not may_be_empty:
        _restore_body(labelling)
    return labelling


def _restore_body(labelling: Labelling) -> None:
    """Keep the longest removed block if nothing is left; on a page, also the longer ones in the same container.

    It is an article of one link or sentence, or a page of links. Of a feed's item with other labels only, all blocks
    without links stay.
    """
    blocks, labels = labelling.blocks, labelling.labels
    if any(block.text and not label.reason for block, label in zip(blocks, labels, strict=True)):
        return
    candidates = [n for n, label in enumerate(labels) if blocks[n].text and label.label in RESTORED]
    if not candidates and not labelling.has_surroundings:
        for n, block in enumerate(blocks):
            if block.text and not block.links and labels[n].label in RESTORED_LAST:
                labels[n] = BlockLabel()
    if candidates:
        longest = max(candidates, key=lambda n: (blocks[n].is_sentence, blocks[n].words))
        element = blocks[longest].element if labelling.has_surroundings else None
        container = element.parent if element is not None else None
        for n in candidates:
            beside = container is not None and container in ancestors(blocks[n].element)
            if n == longest or (beside and blocks[n].words >= MIN_RESTORED_WORDS):
                labels[n] = BlockLabel()


def _label_tail(labelling: Labelling, body: int) -> None:
    """Remove headlines in a row at the end of a feed's item, if no sentence follows them.

    A headline that is no link, such as a line of release notes, counts if the model considers it unlikely.
    """
    blocks, labels = labelling.blocks, labelling.labels
    start = len(blocks)
    while start > body and (labels[start - 1].reason or _is_bare_headline(labelling, start - 1)):
        if is_announced(labelling, start - 1) or _is_call(labelling, start - 1):
            break
        start -= 1
    headlines = [n for n in range(start, len(blocks)) if not labels[n].reason or labels[n].label == "clutter"]
    if len(headlines) >= MIN_TAIL_HEADLINES and start > body:
        for n in headlines:
            labels[n] = BlockLabel("link", "headlines in a row at the end", list_start=headlines[0])


def _is_call(labelling: Labelling, n: int) -> bool:
    """Return whether block *n* is a removed call of the author, such as one to comment. A list above it is text."""
    return labelling.labels[n].reason == BUILDER_LINE and labelling.blocks[n].is_sentence


def _is_bare_headline(labelling: Labelling, n: int) -> bool:
    block = labelling.blocks[n]
    if block.tag not in HEADLINE_TAGS or SENTENCE_END.search(block.text) or not is_headline(block.text):
        return False
    if contains_url(block.text):
        return False  # such as a source in the notes of an episode
    if block.link_chars >= MIN_HEADLINE_LINK_SHARE * len(block.text) and block.links:
        return True
    is_above_links = n + 1 < len(labelling.blocks) and labelling.blocks[n + 1].is_all_links
    return not FACT.match(block.text) and (is_above_links or not is_likely(labelling, n))


__all__ = ["BlockLabel", "Labelling", "Prediction", "label_blocks"]
