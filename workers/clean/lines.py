"""Lines: what a line of text reads like by itself: a sentence, a headline, a label above links, a prompt."""

import re
from collections.abc import Sequence

from workers.clean.blocks import Block, comparable
from workers.clean.clutter import FEED_TAILS, INLINE_LEADS, LINK_LABELS, PROMPTS

LABELS = frozenset(comparable(label) for group in LINK_LABELS.values() for label in group)
LEAD = re.compile(
    rf"(?:{'|'.join(sorted(map(re.escape, INLINE_LEADS), key=len, reverse=True))})\s*[:：|–—»>]+\s*(?P<rest>\S.*)",
    re.IGNORECASE,
)
SENTENCE_END = re.compile(r"[.!?…。！？।؟][\"'”’»)\]]*$")
HEADLINE_MARK_END = re.compile(r"[.。।…][\"'”’»)\]]*$")
CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")
MAX_HEAD_BLOCKS = 14  # how far above the body a title may stand
MAX_LABEL_WORDS = 6
MAX_HEADLINE_WORDS = 30
SENTENCE_WORDS = 8
# What a block that is no sentence costs the body's segment, in words: much in a dump of all that a page shows, little
# where the story's own container is known. Chosen on ../shared/corpus/pages: less loses fewer sentences, leaves more.
DUMP_BLOCK_COST, STORY_BLOCK_COST = 9, 2


def word_count(text: str) -> int:
    """Return how many words *text* has; scripts without spaces count two characters a word."""
    dense = len(CJK.findall(text))
    return len(CJK.sub(" ", text).split()) + (dense + 1) // 2


def is_sentence(text: str) -> bool:
    """Whether *text* reads like body copy rather than a headline or a label."""
    words = word_count(text)
    return (words >= SENTENCE_WORDS and bool(SENTENCE_END.search(text))) or words > MAX_HEADLINE_WORDS


def is_headline(text: str) -> bool:
    """Whether *text* could be the headline of a story."""
    return 3 <= word_count(text) <= MAX_HEADLINE_WORDS and not HEADLINE_MARK_END.search(text)


def is_label(text: str) -> bool:
    """Whether *text* is nothing but a label above links, such as "Recommended"."""
    return len(text) < 60 and comparable(text) in LABELS


def is_prompt(text: str) -> bool:
    """Whether all of *text* asks something of its reader, or is a share bar."""
    return len(text) < 300 and any(p.fullmatch(text.strip(" .!»›>|")) or p.fullmatch(text) for p in PROMPTS)


def is_feed_tail(text: str) -> bool:
    """Whether *text* is what a feed builder appends to an item."""
    return len(text) < 600 and any(p.fullmatch(text) for p in FEED_TAILS)


def body_span(blocks: Sequence[Block], block_cost: int) -> tuple[int, int]:
    """Return the half-open span of blocks with the most running text: the segment of largest sum (Bentley 1984)."""
    best, best_span, total, start = 0, (0, len(blocks)), 0, 0
    for n, block in enumerate(blocks):
        total += word_count(block.text) if is_sentence(block.text) and not block.all_link else -block_cost
        if total > best:
            best, best_span = total, (start, n + 1)
        if total <= 0:
            total, start = 0, n + 1
    return best_span
