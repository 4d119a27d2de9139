"""Labels of the body: link labels and lists, prompts, lines of the site's template, blocks outside the article."""

import re

from workers.clean.blocks import ITEM_TAGS, Block, ancestors
from workers.clean.item_lines import SECTION_TAGS, is_item_line
from workers.clean.labelling import (
    MAX_HEAD_BLOCKS,
    BlockLabel,
    Labelling,
    is_sure,
    label_caption,
    label_source_credit,
    reject,
)
from workers.clean.line_types import (
    LEAD,
    SENTENCE_END,
    contains_url,
    is_feed_tail,
    is_headline,
    is_link_label,
    is_notice,
    is_prompt,
    is_sentence,
    may_be_lead,
    notice_reason,
    prompt_reason,
    word_count,
)
from workers.clean.link_lists import (
    COLONS,
    LIKELY,
    MAX_LABEL_WORDS,
    all_unlikely,
    heads_links,
    heads_reading_list,
    is_bold,
    is_likely,
    leads_to_site,
)
from workers.clean.rules.bylines import CORRECTION_NOTE, SOURCE_CREDIT
from workers.clean.rules.containers import CLUTTER_CLASSES, COMMENT_HEADING, PROMPT_BOXES
from workers.clean.rules.feed_tails import HASHTAGS, ONE_HASHTAG
from workers.text.date_lines import parse_date_line
from workers.text.normalise import match_key

BUILDER_LINE = "a line that a site builder adds"
MAX_TAIL_BLOCKS = 4  # distance of an image caption below the body
NOTICE_REPEATS = 3  # occurrences of one sentence on a page that make it a notice
MIN_LINK_WORDS = 4  # a paragraph that is a shorter link may be a heading or a name
MIN_LINKED_WORDS = 20  # of a body sentence that is one link; headlines and summaries are shorter
MIN_LINK_SHARE = 0.5  # of a block in a container of clutter
MOSTLY_LINK = 0.6
LIKELY_BELOW_LABEL = 0.8
REMOVED_WITH_LABEL = frozenset(("link", "clutter", "prompt", "feed tail"))
MIN_NOTE_WORDS = 4  # of a correction; "Corrections" alone is a link in the footer
MAX_ITEM_LINK_WORDS = 8  # of a link to the item's own page
MAX_ITEM_WORDS = 2  # of an item whose words may name a network or a label
ITEMS_BESIDE = 4  # of a list, above and below an item
CELL_TAGS = frozenset(("td", "th"))
MAX_BOX_WORDS = 60  # a larger container with such a name holds the article, as in the feed of a newsletter
BRACKETED = re.compile(r"\A[\[(（【].{3,}[\])）】]\.?")


def label_body_block(labelling: Labelling, n: int) -> int:
    """Label block *n* and the list that it opens; return the index of the next block."""
    block = labelling.blocks[n]
    removed_by_model = not labelling.predictions[n].keep
    if _is_label_of_links(labelling, n):
        return _label_list(labelling, n)
    if block.words >= MIN_NOTE_WORDS and CORRECTION_NOTE.fullmatch(block.text) and not block.is_all_links:
        labelling.labels[n] = BlockLabel("note")
    elif labelling.has_surroundings and removed_by_model and not labelling.start <= n < labelling.end:
        _label_outside_article(labelling, n)
    elif is_notice(block.text):
        labelling.labels[n] = BlockLabel("prompt", notice_reason(block.text))
    elif (not is_sure(labelling, n) or _has_long_lead(block)) and (label := _label_by_rule(labelling, n)) is not None:
        labelling.labels[n] = label
        return _label_links_beside(labelling, n) if label.label == "link" else n + 1
    elif not labelling.has_surroundings and is_item_line(labelling, n):
        labelling.labels[n] = BlockLabel("feed tail", BUILDER_LINE)
    elif _label_field(labelling, n) or _label_by_history(labelling, n) or is_announced(labelling, n):
        pass
    elif removed_by_model:
        reject(labelling, n)
    elif block.is_all_links and is_headline(block.text) and not labelling.has_surroundings:
        return _label_links(labelling, n)
    return n + 1


def _is_label_of_links(labelling: Labelling, n: int) -> bool:
    is_label = is_link_label(labelling.blocks[n].text) and not _is_plain_item(labelling, n)
    may_be = is_label and not is_sure(labelling, n)
    return may_be or (heads_links(labelling, n) and not heads_reading_list(labelling, n))


def _label_by_rule(labelling: Labelling, n: int) -> BlockLabel | None:
    label = _matching_rule(labelling, n)
    overruled = label is not None and label.label != "feed tail" and _is_likely_sentence(labelling, n)
    return None if overruled else label


def _is_likely_sentence(labelling: Labelling, n: int) -> bool:
    """Return whether a feed item's sentence without links only begins like a prompt, as "Read also the small print"."""
    block = labelling.blocks[n]
    return not labelling.has_surroundings and block.is_sentence and not block.links and is_likely(labelling, n)


def _matching_rule(labelling: Labelling, n: int) -> BlockLabel | None:
    block = labelling.blocks[n]
    if _is_plain_item(labelling, n):
        return None
    if is_feed_tail(block.text):
        return BlockLabel("feed tail", "a line that a feed builder appends")
    if is_prompt(block.text):
        return BlockLabel("prompt", prompt_reason(block.text))
    if _is_lead(block):
        return BlockLabel("link", "a lead-in and a link to another article")
    if not labelling.has_surroundings:  # in pages and dumps the model is better than class names
        if _in_prompt_box(labelling, block) and not _overrules_names(labelling, n):
            return BlockLabel("prompt", "in a box that asks to subscribe, share or follow")
        if block.is_all_links and COMMENT_HEADING.fullmatch(block.text):
            return BlockLabel("prompt", "a link to the comments")
        if HASHTAGS.fullmatch(block.text) or _is_hashtag_in_a_row(labelling, n):
            return BlockLabel("feed tail", "hashtags only")
        if _leads_to_item(labelling, block):
            return BlockLabel("feed tail", "a link to the item itself")
        is_clutter = _in_clutter_container(block) and not _overrules_names(labelling, n)
        return BlockLabel("link", "in a container of links or prompts") if is_clutter else None
    if _is_link_paragraph(block):
        return BlockLabel("link", "a paragraph with only a link to another article")
    if labelling.sentence_counts[block.text] >= NOTICE_REPEATS and not _is_first_copy(labelling, n):
        return BlockLabel("prompt", "a notice: the page repeats this sentence")
    return None


def _is_plain_item(labelling: Labelling, n: int) -> bool:
    """Return whether block *n* is a word in a table or a list of text, such as a network that an article names.

    A share bar has links, or consists of such words only.
    """
    block, blocks = labelling.blocks[n], labelling.blocks
    if block.tag not in ITEM_TAGS or block.links or block.words > MAX_ITEM_WORDS:
        return False
    if block.tag in CELL_TAGS or is_announced(labelling, n):
        return True
    beside = (*blocks[max(0, n - ITEMS_BESIDE) : n], *blocks[n + 1 : n + 1 + ITEMS_BESIDE])
    return any(_is_same_list(block, other) and _is_text_item(other) for other in beside)


def _is_same_list(block: Block, other: Block) -> bool:
    own, its = block.element, other.element
    return own is not None and its is not None and own.parent is its.parent and block.tag == other.tag


def _is_text_item(block: Block) -> bool:
    """Return whether an item of a list is neither a link nor a line of a share bar or a label."""
    return bool(block.text) and not block.links and not is_prompt(block.text) and not is_link_label(block.text)


def _is_first_copy(labelling: Labelling, n: int) -> bool:
    """Return whether a likely sentence is the first of copies that repeat a neighbour as well, one for each device.

    A notice stands between different paragraphs.
    """
    counts = labelling.sentence_counts
    if n != labelling.first_sentences[labelling.blocks[n].text] or not is_likely(labelling, n):
        return False
    return any(counts[_text_at(labelling, n + k)] >= NOTICE_REPEATS for k in (-1, 1))


def _text_at(labelling: Labelling, n: int) -> str:
    return labelling.blocks[n].text if 0 <= n < len(labelling.blocks) else ""


def _is_hashtag_in_a_row(labelling: Labelling, n: int) -> bool:
    """Return whether block *n* is a hashtag, and so is the block above or below it."""
    blocks = labelling.blocks
    if ONE_HASHTAG.fullmatch(blocks[n].text) is None or is_announced(labelling, n):
        return False
    return any(ONE_HASHTAG.fullmatch(block.text) for block in (*blocks[n - 1 : n], *blocks[n + 1 : n + 2]))


def _overrules_names(labelling: Labelling, n: int) -> bool:
    """Return whether the model is surer of body text than the class names of a box.

    The button with the slides of a speech has the class of a call to act.
    """
    return labelling.predictions[n].is_scored and is_likely(labelling, n, LIKELY_BELOW_LABEL)


def _label_field(labelling: Labelling, n: int, *, captions: bool = True) -> bool:
    return label_source_credit(labelling, n) or (captions and label_caption(labelling, n, in_head=False))


def _label_outside_article(labelling: Labelling, n: int) -> None:
    # Captions further away belong to other articles.
    near = labelling.start - MAX_HEAD_BLOCKS <= n < labelling.end + MAX_TAIL_BLOCKS
    if (labelling.blocks[n].is_all_links and not near) or not _label_field(labelling, n, captions=near):
        reject(labelling, n)


def _label_by_history(labelling: Labelling, n: int) -> bool:
    """Label a headline of another article, or a line that occurs in many of the site's articles."""
    facts, text = labelling.facts, labelling.blocks[n].text
    key = labelling.keys[n] if labelling.keys else b""
    if not key or match_key(labelling.head.title) == match_key(text):
        return False
    if facts.is_headline(key) and word_count(text) >= MIN_LINK_WORDS:
        reason = "the headline of another article of this site"
        labelling.labels[n] = BlockLabel("link", reason, by_history=True)
    elif labelling.trusts_repeats and facts.is_repeated(key, sentence=is_sentence(text)):
        reason = f"{facts.votes(key).repeats} of the last {facts.articles} articles of this site have this line"
        labelling.labels[n] = BlockLabel("template", reason, by_history=True)
    else:
        return False
    return True


def _leads_to_other_page(labelling: Labelling, block: Block) -> bool:
    """Return whether a headline leads to another page of the item's site, not to a place on its own page."""
    item_url = labelling.url.rstrip("/")
    return leads_to_site(labelling, block) and all(
        link.partition("#")[0].rstrip("/") != item_url for link, _ in block.links
    )


def _leads_to_item(labelling: Labelling, block: Block) -> bool:
    """Return whether a short block is mostly a link to the item's own page, such as "read on our site"."""
    if not labelling.url or not block.links or block.words > MAX_ITEM_LINK_WORDS or block.is_sentence:
        return False
    if block.link_chars < MIN_LINK_SHARE * len(block.text):
        return False
    item_url = labelling.url.rstrip("/")
    return all(link.partition("?")[0].rstrip("/") == item_url for link, _ in block.links)


def is_announced(labelling: Labelling, n: int) -> bool:
    """Return whether the block of a feed's item is in a list below a line that announces it.

    Such a line ends in a colon and is longer than a label, or the links of the list lead to other sites.
    """
    blocks = labelling.blocks
    if labelling.has_surroundings or blocks[n].tag not in ITEM_TAGS:
        return False
    start = labelling.list_starts[n]
    text = blocks[start].text
    if labelling.labels[start].reason:
        return False
    return (text.endswith(COLONS) and word_count(text) > MAX_LABEL_WORDS) or heads_reading_list(labelling, start)


def is_label_of_removed(labelling: Labelling, n: int) -> bool:
    """Return whether a bold line, a heading or a line that ends in a colon is above removed links and nothing else.

    A heading of a section stays if text of the section follows.
    """
    block, labels, blocks = labelling.blocks[n], labelling.labels, labelling.blocks
    if labels[n].reason or block.links or not 0 < block.words <= MAX_LABEL_WORDS + 2 or contains_url(block.text):
        return False
    end = n + 1
    while end < len(blocks) and (not blocks[end].text or labels[end].label in REMOVED_WITH_LABEL):
        end += 1
    removed = [other for other in blocks[n + 1 : end] if other.text]
    if not removed:
        return False
    is_heading = block.tag in SECTION_TAGS
    is_above_items = removed[0].tag in ITEM_TAGS and SENTENCE_END.search(block.text) is None
    if not (is_heading or block.text.endswith(COLONS) or is_bold(block) or is_above_items):
        return False
    ends_section = end == len(blocks) or blocks[end].tag in SECTION_TAGS or is_bold(blocks[end])
    is_list = len(removed) > 1 or removed[0].tag in ITEM_TAGS
    return ends_section or (is_list and not is_heading)


def _label_list(labelling: Labelling, label: int) -> int:
    """Label the headlines below a label; a label above body text is removed alone, unless it heads a section."""
    end = label + 1
    while end < len(labelling.blocks) and _belongs_to_list(labelling, end):
        end += 1
    if end == label + 1 and _heads_section(labelling, label):
        return end
    labelling.labels[label] = BlockLabel("label", "a label above links")
    for n in range(label + 1, end):
        labelling.labels[n] = BlockLabel("link", "in a list of other articles below a label", list_start=label)
    return end


def _heads_section(labelling: Labelling, n: int) -> bool:
    """Return whether the label of a feed's item is likely the heading of a section, such as "Tools:"."""
    block, below = labelling.blocks[n], labelling.blocks[n + 1 : n + 2]
    heads_list = bool(below) and below[0].tag in ITEM_TAGS
    is_heading = block.tag in SECTION_TAGS or block.text.endswith(COLONS) or is_bold(block) or heads_list
    return is_heading and not labelling.has_surroundings and is_likely(labelling, n)


def _belongs_to_list(labelling: Labelling, n: int) -> bool:
    block, text = labelling.blocks[n], labelling.blocks[n].text
    if block.is_all_links:
        return True
    if is_link_label(text) or SOURCE_CREDIT.fullmatch(text):
        return False
    if labelling.has_surroundings and not labelling.predictions[n].keep:
        return True
    if labelling.is_dump or block.tag in ("h2", "h3", "h4", "blockquote") or block.links or block.is_sentence:
        return False  # the article resumes
    if text.endswith(COLONS) and not _is_above_links(labelling, n):
        return False  # the article resumes with a list
    return (is_headline(text) or parse_date_line(text) is not None) and not is_likely(labelling, n)


def _is_above_links(labelling: Labelling, n: int) -> bool:
    return n + 1 < len(labelling.blocks) and labelling.blocks[n + 1].is_all_links


def _label_links_beside(labelling: Labelling, start: int) -> int:
    """Label the links that follow a lead-in with a link in the same element; return the index of the next block."""
    blocks, end = labelling.blocks, start + 1
    element = blocks[start].element
    while element is not None and end < len(blocks) and blocks[end].is_all_links and blocks[end].element is element:
        labelling.labels[end] = BlockLabel("link", "a link below a lead-in", list_start=start)
        end += 1
    return end


def _label_links(labelling: Labelling, start: int) -> int:
    """Label consecutive lines that are links to other articles."""
    blocks, end = labelling.blocks, start + 1
    while end < len(blocks) and blocks[end].is_all_links and is_headline(blocks[end].text):
        end += 1
    single = end - start == 1 and (blocks[start].tag not in ("li", "p") or len(blocks) == 1)
    of_site = all(_leads_to_other_page(labelling, block) for block in blocks[start:end])
    if single or not all_unlikely(labelling, start, end, LIKELY_BELOW_LABEL if of_site else LIKELY):
        return end
    for n in range(start, end):
        labelling.labels[n] = BlockLabel("link", "only a link to another article", list_start=start)
    return end


def _is_lead(block: Block) -> bool:
    lead = LEAD.fullmatch(block.text) if may_be_lead(block.text) else None
    if lead is not None and (_is_mostly_link(block, len(lead["rest"])) or is_headline(lead["rest"])):
        return True
    return _is_mostly_link(block, len(block.text)) and BRACKETED.fullmatch(block.text) is not None


def _has_long_lead(block: Block) -> bool:
    """Return whether a line begins with a lead-in of two words or more, such as "read also". No sentence does."""
    lead = LEAD.fullmatch(block.text) if may_be_lead(block.text) else None
    return lead is not None and word_count(block.text[: lead.start("rest")]) > 1 and is_headline(lead["rest"])


def _is_mostly_link(block: Block, chars: int) -> bool:
    return bool(block.links) and block.link_chars >= MOSTLY_LINK * chars


def _is_link_paragraph(block: Block) -> bool:
    """Return whether a paragraph is a link to another article, and no long sentence that the model keeps."""
    is_text = block.is_sentence and block.words >= MIN_LINKED_WORDS and len(block.links) == 1
    return block.tag in ("p", "div") and block.is_all_links and not is_text and block.words >= MIN_LINK_WORDS


def _in_clutter_container(block: Block) -> bool:
    if block.link_chars < MIN_LINK_SHARE * len(block.text):
        return False
    return any(
        element.class_names and CLUTTER_CLASSES.search(element.class_names) for element in ancestors(block.element)
    )


def _in_prompt_box(labelling: Labelling, block: Block) -> bool:
    """Return whether a block stands in a small container whose name is that of a prompt."""
    chain = ancestors(block.element)
    box = next((element for element in chain if element.class_names and PROMPT_BOXES.search(element.class_names)), None)
    if box is None:
        return False
    words = labelling.words_in(box)
    return words <= MAX_BOX_WORDS and words < labelling.words
