"""Labels of an article's head: title, standfirst, byline, date, reading time, caption, kicker."""

import re
import unicodedata
from datetime import datetime

from workers.clean.blocks import Block
from workers.clean.credits import parse_byline
from workers.clean.dump_fields import (
    author_in_line,
    byline_names,
    date_in_line,
    is_date_line,
    is_person,
    may_be_person,
    person_names,
)
from workers.clean.labelling import MAX_HEAD_BLOCKS, BlockLabel, Labelling, is_sure, label_caption, reject
from workers.clean.line_types import (
    CJK,
    is_feed_tail,
    is_headline,
    is_link_label,
    is_notice,
    is_prompt,
    is_sentence,
    prompt_reason,
    word_count,
)
from workers.clean.publisher_names import is_publisher_name
from workers.clean.rules.bylines import BYLINE, READING_TIME
from workers.clean.rules.dump_fields import BREADCRUMB, READING_TIME_LINE, UPDATED
from workers.text.date_lines import parse_date_line
from workers.text.normalise import match_key

LATE_FIELDS = 8  # lines below the title in which its date and byline stand
MAX_TITLES = 6  # candidates above an article
TITLE_LOOKAHEAD = 12  # lines after the start of the article: a standfirst can precede the title
MIN_TITLE_PROBABILITY = 0.05
FIRST_SENTENCES, STEM_CHARS = 3, 4  # compared with a title
NO_SHARED_WORDS = 0.1  # counts for a title without words of the body text
MAX_TITLE_WORDS = 24  # a longer line without a full stop is a truncated sentence
MAX_PUBLISHER_WORDS = 3  # a longer line may be a headline about a newspaper
MAX_BYLINE_WORDS = 12
MAX_KICKER_WORDS, MAX_KICKER_CHARS = 3, 8  # characters in scripts without spaces
KICKER_MARKS = frozenset(" -&\u200c\u200d")  # besides letters and their combining marks
KICKER_DISTANCE = 3  # lines above the title of a dump
MIN_DEK_WORDS, MAX_DEK_WORDS = 5, 60
DEK_LOOKAHEAD = 4  # blocks after a standfirst, one of which must be a byline, a date or the title


def label_head(labelling: Labelling) -> int:
    """Label the title and the fields around it; return the index of the first block of the body."""
    title = _find_title(labelling)
    if title < 0:
        if labelling.has_surroundings:
            for n in range(labelling.start):
                _label_above_title(labelling, n)
        return labelling.start
    for n in range(title):
        if labelling.is_dump or labelling.predictions[n].keep or n >= title - MAX_HEAD_BLOCKS:
            _label_above_title(labelling, n, title)
        else:
            reject(labelling, n)  # a date far above the title of a page is that of the visit
    head, text = labelling.head, labelling.blocks[title].text
    head.title = head.title or text
    same = match_key(text) == match_key(head.title)
    labelling.labels[title] = BlockLabel("title", "the title, kept as a field" if same else "the page's own headline")
    return _label_below_title(labelling, title)


def _label_below_title(labelling: Labelling, title: int) -> int:
    n = title + 1
    while n < len(labelling.blocks) and n <= title + MAX_HEAD_BLOCKS:
        if not (_label_field_or_prompt(labelling, n) or _label_dek(labelling, n, title)):
            if not labelling.has_surroundings or labelling.predictions[n].keep or n >= labelling.start:
                break
            _label_above_title(labelling, n)
        n += 1
    return n


def label_late_fields(labelling: Labelling, body: int) -> None:
    """Label the date and the byline of a dump that a kept standfirst separates from the title.

    *body*: the first block of the body. A byline needs a role word there.
    """
    title = next((n for n in range(body) if labelling.labels[n].label == "title"), -1)
    if not labelling.is_dump or title < 0:
        return
    head = labelling.head
    for n in range(body, min(len(labelling.blocks), title + LATE_FIELDS)):
        if labelling.predictions[n].keep:
            continue
        if head.published is None and (moment := _date(labelling, n)) is not None:
            head.published, head.is_update = moment, UPDATED.search(labelling.blocks[n].text) is not None
            labelling.labels[n] = BlockLabel("date", "the date, kept as a field")
        elif not head.byline and (names := _late_byline(labelling, n)):
            head.byline = names
            labelling.labels[n] = BlockLabel("byline", "the byline, kept as a field")


def _late_byline(labelling: Labelling, n: int) -> tuple[str, ...]:
    """Return the names of a line with a role word, or of a name above or below a date."""
    text = labelling.blocks[n].text
    if names := byline_names(text):
        return names
    beside = (labelling.blocks[k].text for k in (n - 1, n + 1) if 0 <= k < len(labelling.blocks))
    is_bare = is_person(text) and not _is_clutter_by_rule(text) and any(map(is_date_line, beside))
    return person_names(text) if is_bare else ()


def _find_title(labelling: Labelling) -> int:
    """Return the index of the title; -1 without one."""
    blocks, start = labelling.blocks, labelling.start
    nearby = range(max(0, start - MAX_HEAD_BLOCKS), min(len(blocks), start + MAX_HEAD_BLOCKS))
    title_key = match_key(labelling.title)
    if title_key:
        same = [n for n in nearby if match_key(blocks[n].text) == title_key]
        above = [n for n in nearby if n <= start and blocks[n].tag == "h1"] if labelling.has_surroundings else []
        return (same or above or [-1])[0]  # a feed's title may differ from that of its page
    if labelling.is_dump and (title := _title_by_model(labelling)) >= 0:
        return title
    candidates = [n for n in nearby if _may_be_title(blocks[n].text)]
    candidates = candidates or [n for n in nearby if blocks[n].tag == "h1"]  # headlines of one or two words
    keys = [match_key(blocks[n].text) for n in nearby]
    for n in candidates:
        if n <= start + 2 and keys.count(match_key(blocks[n].text)) > 1:
            return n  # a headline that occurs both above and below its image
    before = [n for n in candidates if n <= start]
    headings = [n for n in before if blocks[n].tag == "h1"] or before[-MAX_TITLES:]
    if labelling.is_dump:
        return headings[-1] if headings else -1
    return max(headings, key=lambda n: labelling.predictions[n].probability, default=-1)


def _title_by_model(labelling: Labelling) -> int:
    """Return the index of the likeliest title of a dump; of equal lines near it, the first. -1 without one."""
    near = range(min(len(labelling.blocks), labelling.start + TITLE_LOOKAHEAD))
    likely = [n for n in near if not _is_known_line(labelling.blocks[n].text)]
    likely = [n for n in likely if labelling.predictions[n].title >= MIN_TITLE_PROBABILITY]
    likely = [n for n in likely if not _is_short_publisher_name(labelling, n)] or likely
    if not likely:
        return -1
    body_stems = _stems(" ".join(labelling.blocks[n].text for n in labelling.kept_sentences[:FIRST_SENTENCES]))
    best = max(likely, key=lambda n: _title_score(labelling, n, body_stems))
    key = match_key(labelling.blocks[best].text)
    inner = [n for n in likely if _is_title_of_breadcrumb(labelling, n, key)]
    if inner:
        best = max(inner, key=lambda n: labelling.predictions[n].title)
        key = match_key(labelling.blocks[best].text)
    return next(
        n for n in range(max(0, best - MAX_HEAD_BLOCKS), best + 1) if match_key(labelling.blocks[n].text) == key
    )


def _is_known_line(text: str) -> bool:
    return _is_clutter_by_rule(text) or is_date_line(text) or BREADCRUMB.match(text) is not None


def _is_short_publisher_name(labelling: Labelling, n: int) -> bool:
    text = labelling.blocks[n].text
    return word_count(text) <= MAX_PUBLISHER_WORDS and is_publisher_name(text, labelling.owners)


def _title_score(labelling: Labelling, n: int, body_stems: frozenset[str]) -> float:
    """Return the probability of the title times the share of its stems in *body_stems*. Other headlines share few."""
    stems = _stems(labelling.blocks[n].text)
    return labelling.predictions[n].title * (NO_SHARED_WORDS + len(stems & body_stems) / max(1, len(stems)))


def _stems(text: str) -> frozenset[str]:
    """Return the first letters of each longer word; in scripts without spaces, each pair of characters."""
    words = match_key(text).split()
    if CJK.search(text) is not None:
        return frozenset(word[n : n + 2] for word in words for n in range(len(word) - 1))
    return frozenset(word[:STEM_CHARS] for word in words if len(word) >= STEM_CHARS)


def _is_title_of_breadcrumb(labelling: Labelling, n: int, key: str) -> bool:
    """Return whether line *n* is a likely title that ends a breadcrumb with this *key*."""
    own = match_key(labelling.blocks[n].text)
    is_likely = labelling.predictions[n].title >= MIN_TITLE_PROBABILITY and is_headline(labelling.blocks[n].text)
    return is_likely and own != key and key.endswith(own)


def _may_be_title(text: str) -> bool:
    return (
        is_headline(text)
        and word_count(text) <= MAX_TITLE_WORDS
        and not is_link_label(text)
        and not is_prompt(text)
        and not BYLINE.fullmatch(text)
        and not READING_TIME.fullmatch(text)
        and parse_date_line(text) is None
        and BREADCRUMB.match(text) is None
    )


def _label_above_title(labelling: Labelling, n: int, title: int = -1) -> None:
    """Label a header field, the kicker, or a removed block. *title*: the index of a title below."""
    text = labelling.blocks[n].text
    if labelling.is_dump and is_publisher_name(text, labelling.owners):
        labelling.labels[n] = BlockLabel("template", "the name of the publisher")
        return
    if _label_reading_time(labelling, n) or _label_field_or_prompt(labelling, n):
        return
    if _is_dump_kicker(labelling, n, title) if labelling.is_dump else _is_kicker(labelling, n):
        labelling.head.kicker = text
        labelling.labels[n] = BlockLabel("kicker", "the section label, kept as a field")
    elif not labelling.predictions[n].keep:
        reject(labelling, n)


def _is_kicker(labelling: Labelling, n: int) -> bool:
    text = labelling.blocks[n].text
    may_be = n >= labelling.start - MAX_HEAD_BLOCKS and not labelling.head.kicker
    return may_be and word_count(text) <= MAX_KICKER_WORDS and text.upper() == text and text.lower() != text


def _is_dump_kicker(labelling: Labelling, n: int, title: int) -> bool:
    """Return whether a line of a dump is the section label; the nearest line above the title counts."""
    text = labelling.blocks[n].text
    return (
        title - KICKER_DISTANCE <= n < title
        and not labelling.predictions[n].keep
        and (word_count(text) <= MAX_KICKER_WORDS or (CJK.match(text) is not None and len(text) <= MAX_KICKER_CHARS))
        and all(char.isalpha() or char in KICKER_MARKS or unicodedata.category(char)[0] == "M" for char in text)
        and not is_link_label(text)
        and not is_prompt(text)
        and not is_notice(text)
        and not any(BREADCRUMB.match(labelling.blocks[k].text) for k in range(n + 1, title))
    )


def _label_reading_time(labelling: Labelling, n: int) -> bool:
    text = labelling.blocks[n].text
    match, minutes = READING_TIME.fullmatch(text), 0
    if match is not None:
        minutes = int(match["minutes"] or match["minutes2"])
    elif (match := READING_TIME_LINE.fullmatch(text)) is not None:
        minutes = int(match["minutes"])
    if match is not None:
        labelling.head.reading_minutes = minutes
        labelling.labels[n] = BlockLabel("reading time", "the reading time, kept as a field")
    return match is not None


def _label_field_or_prompt(labelling: Labelling, n: int) -> bool:
    """Label byline, date, reading time, caption, repeated title or prompt; False for any other block."""
    text, head, labels = labelling.blocks[n].text, labelling.head, labelling.labels
    if head.title and match_key(text) == match_key(head.title):
        labels[n] = BlockLabel("title", "the title again")
    elif _label_reading_time(labelling, n):
        pass
    elif is_sure(labelling, n) and not is_date_line(text):
        return False
    elif (moment := _date(labelling, n)) is not None:
        is_update = labelling.is_dump and UPDATED.search(text) is not None
        if head.published is None or (head.is_update and not is_update):
            head.published, head.is_update = moment, is_update
        head.byline = head.byline or (author_in_line(text) if labelling.is_dump else ())
        labels[n] = BlockLabel("date", "the date, kept as a field")
    elif names := _byline(labelling, n):
        head.byline = head.byline or names
        labels[n] = BlockLabel("byline", "the byline, kept as a field")
    elif label_caption(labelling, n, in_head=True):
        pass
    elif is_prompt(text):
        labels[n] = BlockLabel("prompt", prompt_reason(text))
    elif is_feed_tail(text):
        labels[n] = BlockLabel("feed tail", "a line that a feed builder appends")
    else:
        return False
    return True


def _date(labelling: Labelling, n: int) -> datetime | None:
    """Return the date of a line that is one; in a dump, also of a line that the model removes and that contains one."""
    text = labelling.blocks[n].text
    if labelling.is_dump and (not labelling.predictions[n].keep or is_date_line(text)):
        return date_in_line(text)
    return parse_date_line(text)


def _byline(labelling: Labelling, n: int) -> tuple[str, ...]:
    """Return the names in a byline; empty for any other line."""
    text = labelling.blocks[n].text
    match = _match_byline(text)
    if labelling.is_dump and not labelling.predictions[n].keep and labelling.head.title:
        names = byline_names(text)
        if names or match is not None:
            return names or parse_byline(match["names"] or match["named"] if match is not None else "")
        return person_names(text) if _is_bare_byline(labelling, n) else ()
    if match is None or is_sentence(text):
        return ()
    return parse_byline(match["names"] or match["named"])


def _is_bare_byline(labelling: Labelling, n: int) -> bool:
    """Return whether a line of a dump is a name alone. In a script without capitals it must stand beside the date."""
    text = labelling.blocks[n].text
    if labelling.head.byline or _is_clutter_by_rule(text):
        return False
    beside = (labelling.blocks[k].text for k in (n - 1, n + 1) if 0 <= k < len(labelling.blocks))
    return is_person(text) or (may_be_person(text) and any(date_in_line(other) is not None for other in beside))


def _is_clutter_by_rule(text: str) -> bool:
    return is_prompt(text) or is_link_label(text) or is_notice(text)


def _match_byline(text: str) -> re.Match[str] | None:
    match = BYLINE.fullmatch(text)
    return match if match is not None and word_count(text) <= MAX_BYLINE_WORDS else None


def _label_dek(labelling: Labelling, n: int, title: int) -> bool:
    """Label a standfirst: the line below the title if a header field separates it from the body."""
    text = labelling.blocks[n].text
    is_next = n == title + 1 and not labelling.head.dek and labelling.has_surroundings
    if not is_next or not MIN_DEK_WORDS <= word_count(text) <= MAX_DEK_WORDS:
        return False
    if not set(labelling.kept_sentences) - {n}:
        return False  # the only sentence of a page is its article
    if not any(_is_field_or_title(labelling, labelling.blocks[k]) for k in _above_body(labelling, n)):
        return False
    labelling.head.dek = text
    labelling.labels[n] = BlockLabel("dek", "the standfirst, kept as a field")
    return True


def _above_body(labelling: Labelling, n: int) -> range:
    """Return the blocks that may separate standfirst *n* from the body: those above the first sentence of the body."""
    last = min(len(labelling.blocks), n + 1 + DEK_LOOKAHEAD)
    sentences = (k for k in range(n + 1, last) if labelling.predictions[k].keep and labelling.blocks[k].is_sentence)
    return range(n + 1, next(sentences, last))


def _is_field_or_title(labelling: Labelling, block: Block) -> bool:
    title = labelling.head.title
    return (
        parse_date_line(block.text) is not None
        or _match_byline(block.text) is not None
        or (bool(title) and match_key(block.text) == match_key(title))
    )
