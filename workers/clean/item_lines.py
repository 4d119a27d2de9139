"""Lines that site builders put around the story of a feed's item. Pure.

A line counts by its form; some forms count above or below the story only.
"""

import re
from collections.abc import Sequence

from workers.clean import line_types
from workers.clean.blocks import ITEM_TAGS, Block
from workers.clean.labelling import Labelling
from workers.clean.line_types import is_feed_tail, is_notice, is_prompt
from workers.clean.rules.item_lines import (
    DETAILS,
    DRUPAL_HEAD,
    EDGE_LINES,
    EXACT_EDGE_LINES,
    EXACT_LINES,
    LINES,
    MAX_CHARS,
    SHORTCODE,
    SPONSOR_LABEL,
    SUBMITTED,
)
from workers.text.normalise import match_key
from workers.text.pattern_filter import PatternFilter

SECTION_TAGS = frozenset(("h2", "h3", "h4", "h5", "h6"))  # a heading of a section of the story may have such words
MAX_BESIDE = 12  # blocks above or below a line at the edge of a story
QUOTES = str.maketrans(dict.fromkeys("”“″'’", '"'))  # WordPress makes typographic quotes of those in shortcodes
_ANY_LINE = re.compile("|".join(f"(?:{line.pattern})" for line in LINES), re.IGNORECASE)
_ANY_EDGE_LINE = re.compile("|".join(f"(?:{line.pattern})" for line in EDGE_LINES), re.IGNORECASE)
_MAY_BE_LINE = PatternFilter(*(line.pattern for line in LINES))
_MAY_BE_EDGE_LINE = PatternFilter(*(line.pattern for line in EDGE_LINES))


def read_patterns() -> None:
    """Read the patterns of lines now. It takes 0.1 s once in a process, which would delay its first step."""
    line_types.read_patterns()
    for filter_ in (_MAY_BE_LINE, _MAY_BE_EDGE_LINE):
        filter_.may_match("")


def is_item_line(labelling: Labelling, n: int) -> bool:
    """Return whether block *n* of a feed's item is a line that a site builder adds."""
    text = labelling.blocks[n].text
    if n in labelling.contents_entries or is_shortcodes(text) or _is_sponsor(labelling, n):
        return True
    if not text or len(text) > MAX_CHARS:
        return False
    if is_line(text) or _is_drupal_head(text, labelling.title):
        return labelling.blocks[n].tag not in SECTION_TAGS or _is_at_edge(labelling, n) or _is_above_links(labelling, n)
    return (is_edge_line(text) or _heads_details(labelling, n)) and _is_at_edge(labelling, n)


def _is_sponsor(labelling: Labelling, n: int) -> bool:
    """Return whether block *n* is in a list below a line such as "This episode is sponsored by:", or this line."""
    block = labelling.blocks[n]
    label = labelling.blocks[labelling.list_starts[n]] if block.tag in ITEM_TAGS else block
    return SPONSOR_LABEL.fullmatch(label.text) is not None


def is_shortcodes(text: str) -> bool:
    """Return whether *text* consists of WordPress shortcodes, which a page builder left in the feed."""
    if not text.startswith("[") or not text.endswith("]") or SHORTCODE.sub("", text).strip():
        return False
    codes = SHORTCODE.finditer(text)
    return all("_" in code["name"] or '="' in code["attributes"].translate(QUOTES) for code in codes)


def _is_above_links(labelling: Labelling, n: int) -> bool:
    """Return whether the block below block *n* is a list item or only links: a table of contents, or a share bar."""
    below = next((block for block in labelling.blocks[n + 1 : n + 1 + MAX_BESIDE] if block.text), None)
    return below is not None and (below.is_all_links or below.tag in ITEM_TAGS)


def is_line(text: str) -> bool:
    """Return whether all of *text* is a line that is clutter at any place of an item."""
    if match_key(text) in EXACT_LINES:
        return True
    return _MAY_BE_LINE.may_match(text) and _ANY_LINE.fullmatch(text) is not None


def is_edge_line(text: str) -> bool:
    """Return whether all of *text* is a line that is clutter above or below a story."""
    if match_key(text) in EXACT_EDGE_LINES:
        return True
    return _MAY_BE_EDGE_LINE.may_match(text) and _ANY_EDGE_LINE.fullmatch(text) is not None


def _is_drupal_head(text: str, title: str) -> bool:
    """Return whether *text* is the title, the author and the time, or the last two with a verb."""
    if title and text.startswith(title) and DRUPAL_HEAD.fullmatch(text[len(title) :].strip()) is not None:
        return True
    return " - " in text and SUBMITTED.fullmatch(text) is not None


def _heads_details(labelling: Labelling, n: int) -> bool:
    """Return whether block *n* is the heading of the details of an article, and an edge line or a field is below it."""
    below = labelling.blocks[n + 1 : n + 4]
    return match_key(labelling.blocks[n].text) in DETAILS and any(is_edge_line(block.text) for block in below)


def _is_at_edge(labelling: Labelling, n: int) -> bool:
    """Return whether few blocks and no sentence of the story are above block *n*, or below it."""
    blocks = labelling.blocks
    if not labelling.kept_sentences:
        return False  # a list of facts may be the story
    return _has_no_story(blocks[max(0, n - MAX_BESIDE) : n], n) or _has_no_story(
        blocks[n + 1 : n + 1 + MAX_BESIDE], len(blocks) - n - 1
    )


def _has_no_story(blocks: Sequence[Block], count: int) -> bool:
    return count <= MAX_BESIDE and not any(map(_is_story, blocks))


def _is_story(block: Block) -> bool:
    text = block.text
    if not block.is_sentence or block.is_all_links:
        return False
    return not (is_notice(text) or is_feed_tail(text) or is_prompt(text) or is_line(text) or is_edge_line(text))
