"""What each block is, and whether it stays: the decision of the cleaner, over the lexicon of `clutter.py`.

    above the title │ title │ dek, caption, byline, date … │ body, with labels and link blocks in it │ below the story

Body text is sacred: where in doubt a block stays. Losing a sentence is worse than leaving a link.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from streams.records import Image
from workers.clean.blocks import Block, comparable
from workers.clean.clutter import (
    BYLINE,
    CAPTIONS,
    CLUTTER_CLASSES,
    FEED_TAILS,
    INLINE_LEADS,
    LINK_LABELS,
    PROMPTS,
    READING_TIME,
    SOURCE_CREDIT,
)
from workers.clean.dates import date_in

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


@dataclass
class Verdict:
    """What a block is. `removed` gives the reason when it goes; `group` is the label block of a list it belongs to."""

    label: str = "body"
    removed: str = ""
    group: int = -1


@dataclass
class Head:
    """What the furniture around a story tells about it."""

    title: str = ""
    dek: str = ""
    kicker: str = ""
    byline: tuple[str, ...] = ()
    published: datetime | None = None
    reading_minutes: int = 0
    source_credit: str = ""
    images: list[Image] = field(default_factory=list)


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


class Labeller:
    """Labels the blocks of one story. `verdicts[n]` belongs to `blocks[n]`; `head` collects the furniture."""

    def __init__(
        self, blocks: Sequence[Block], title: str = "", *, whole_page: bool = False, block_cost: int = DUMP_BLOCK_COST
    ) -> None:
        self.blocks = blocks
        self.title = title
        self.verdicts = [Verdict() for _ in blocks]
        self.head = Head(title=title)
        self.start, self.end = body_span(blocks, block_cost) if whole_page else (0, len(blocks))
        self.whole_page = whole_page

    def run(self) -> None:
        """Label everything: the head first, then the body, then what lies below."""
        body = self._label_head() if self.whole_page or self.title else 0
        if self.whole_page:
            self._label_below(max(self.end, body))
        n = body
        while n < (self.end if self.whole_page else len(self.blocks)):
            n = self._label_at(n)
        if not self.whole_page:
            self._label_tail(body)

    # -- head -------------------------------------------------------------------------------------------------

    def _label_head(self) -> int:
        """Label title and furniture; returns where the body begins."""
        at = self._find_title()
        if at < 0:
            if self.whole_page:
                for n in range(self.start):
                    self._above(n)
            return self.start
        for n in range(at):
            self._above(n)
        self.head.title = self.head.title or self.blocks[at].text
        self.verdicts[at] = Verdict("title", "the title, kept as such")
        n, seen_furniture = at + 1, False
        while n < len(self.blocks) and n <= at + MAX_HEAD_BLOCKS:
            if not (self._furniture(n) or self._dek(n, at)):
                if seen_furniture or n >= self.start or is_sentence(self.blocks[n].text):
                    break
                self._above(n)
            seen_furniture = True
            n += 1
        return n

    def _find_title(self) -> int:
        wanted = comparable(self.title)
        reach = range(max(0, self.start - MAX_HEAD_BLOCKS), min(len(self.blocks), self.start + MAX_HEAD_BLOCKS))
        if wanted:
            return next((n for n in reach if comparable(self.blocks[n].text) == wanted), -1)
        candidates = [n for n in reach if self._may_be_title(n)]
        texts = [comparable(self.blocks[n].text) for n in reach]
        for n in candidates:
            if texts.count(comparable(self.blocks[n].text)) > 1:
                return n  # a headline that comes twice: above its picture and below
        before = [n for n in candidates if n <= self.start]
        headings = [n for n in before if self.blocks[n].tag == "h1"]
        return (headings or before[-3:] or [-1])[0] if len(before) < 6 else before[-1]

    def _may_be_title(self, n: int) -> bool:
        text = self.blocks[n].text
        return (
            is_headline(text)
            and not is_label(text)
            and not is_prompt(text)
            and not BYLINE.fullmatch(text)
            and not READING_TIME.fullmatch(text)
            and date_in(text) is None
        )

    def _above(self, n: int) -> None:
        """Above a title stand a section label and a reading time, or the page's furniture."""
        text = self.blocks[n].text
        minutes = READING_TIME.fullmatch(text)
        if minutes:
            self.head.reading_minutes = int(minutes["minutes"] or minutes["minutes2"])
            self.verdicts[n] = Verdict("reading time", "the reading time, kept as such")
        elif self._furniture(n):
            pass
        elif self._kicker(n):
            self.head.kicker = text
            self.verdicts[n] = Verdict("kicker", "the section label, kept as such")
        else:
            self.verdicts[n] = Verdict("template", "above the title")

    def _kicker(self, n: int) -> bool:
        text = self.blocks[n].text
        near = n >= self.start - MAX_HEAD_BLOCKS
        return near and not self.head.kicker and word_count(text) <= 3 and text.upper() == text and text.lower() != text

    def _furniture(self, n: int) -> bool:
        """Label byline, date, reading time, caption, repeated title and prompts; False for anything else."""
        text = self.blocks[n].text
        if self.head.title and comparable(text) == comparable(self.head.title):
            self.verdicts[n] = Verdict("title", "the title again")
        elif (minutes := READING_TIME.fullmatch(text)) is not None:
            self.head.reading_minutes = int(minutes["minutes"] or minutes["minutes2"])
            self.verdicts[n] = Verdict("reading time", "the reading time, kept as such")
        elif (when := date_in(text)) is not None:
            self.head.published = self.head.published or when
            self.verdicts[n] = Verdict("date", "the date, kept as such")
        elif (byline := BYLINE.fullmatch(text)) is not None and word_count(text) <= 12 and not is_sentence(text):
            self.head.byline = self.head.byline or names_in(byline["names"] or byline["named"])
            self.verdicts[n] = Verdict("byline", "the byline, kept as such")
        elif self._caption(n, in_head=True):
            pass
        elif is_prompt(text) or is_feed_tail(text):
            self.verdicts[n] = Verdict("prompt", "asks something of the reader")
        else:
            return False
        return True

    def _caption(self, n: int, *, in_head: bool) -> bool:
        block = self.blocks[n]
        if block.tag == "figcaption" or block.tag == "caption":
            caption, credit = split_credit(block.text)
        else:
            found = next((m for p, anywhere in CAPTIONS if anywhere or in_head if (m := p.fullmatch(block.text))), None)
            if found is None or word_count(block.text) > 80:
                return False
            caption, credit = found["caption"].strip(), found["credit"].strip()
        self.head.images.append(Image(caption=caption, credit=credit))
        self.verdicts[n] = Verdict("caption", "a caption, kept with its picture")
        return True

    def _dek(self, n: int, title: int) -> bool:
        """A standfirst stands right below the title, and furniture follows it before the body does."""
        text = self.blocks[n].text
        if n != title + 1 or self.head.dek or not 5 <= word_count(text) <= 60 or not self.whole_page:
            return False
        following = self.blocks[n + 1 : n + 5]
        if not any(self._marks_head(b) for b in following):
            return False
        self.head.dek = text
        self.verdicts[n] = Verdict("dek", "the standfirst, kept as such")
        return True

    def _marks_head(self, block: Block) -> bool:
        return (
            date_in(block.text) is not None
            or bool(BYLINE.fullmatch(block.text) and word_count(block.text) <= 12)
            or (bool(self.head.title) and comparable(block.text) == comparable(self.head.title))
        )

    # -- body -------------------------------------------------------------------------------------------------

    def _label_at(self, n: int) -> int:
        """Label block *n*, and the list it opens; returns the next to look at."""
        block = self.blocks[n]
        rules: tuple[tuple[str, str, Callable[[Block], bool]], ...] = (
            ("feed tail", "what a feed builder appends", lambda b: is_feed_tail(b.text)),
            ("prompt", "asks something of the reader", lambda b: is_prompt(b.text)),
            ("link", "a lead-in and a link to another story", self._is_lead),
            ("link", "stands in a container of links or prompts", self._in_clutter_container),
        )
        if is_label(block.text) or self._labels_links(n):
            return self._label_list(n)
        for label, reason, rule in rules:
            if rule(block):
                self.verdicts[n] = Verdict(label, reason)
                return n + 1
        credit = SOURCE_CREDIT.fullmatch(block.text)
        if credit is not None:
            self.head.source_credit = credit["credit"].strip()
            self.verdicts[n] = Verdict("source credit", "the source, kept as such")
        elif self._caption(n, in_head=False):
            pass
        elif block.all_link and is_headline(block.text):
            return self._label_links(n)
        return n + 1

    def _labels_links(self, n: int) -> bool:
        """Whether a short line that ends in a colon stands above a list of nothing but links."""
        text, rest = self.blocks[n].text, self.blocks[n + 1 : n + 3]
        return (
            text.endswith(":")
            and word_count(text) <= MAX_LABEL_WORDS
            and len(rest) == 2
            and all(b.all_link for b in rest)
        )

    def _label_list(self, at: int) -> int:
        """Label the list of headlines below a label; a label that body text follows goes alone."""
        self.verdicts[at] = Verdict("label", "a label above links")
        n = at + 1
        limit = self.end if self.whole_page else len(self.blocks)
        while n < limit and self._belongs_to_list(self.blocks[n]):
            n += 1
        for member in range(at + 1, n):
            self.verdicts[member] = Verdict("link", "below a label, a list of other stories", group=at)
        return n

    def _belongs_to_list(self, block: Block) -> bool:
        if block.all_link:
            return True
        if block.tag in ("h2", "h3", "h4", "blockquote") or block.links:
            return False
        text = block.text
        if is_sentence(text) or is_label(text) or SOURCE_CREDIT.fullmatch(text):
            return False
        return is_headline(text) or date_in(text) is not None

    def _label_links(self, at: int) -> int:
        """Label a run of lines that are nothing but links to other stories."""
        n = at + 1
        while n < len(self.blocks) and self.blocks[n].all_link and is_headline(self.blocks[n].text):
            n += 1
        if n - at == 1 and (self.blocks[at].tag not in ("li", "p") or len(self.blocks) == 1):
            return n
        for member in range(at, n):
            self.verdicts[member] = Verdict("link", "nothing but a link to another story", group=at)
        return n

    def _is_lead(self, block: Block) -> bool:
        lead = LEAD.fullmatch(block.text)
        if lead is None:
            return False
        return (bool(block.links) and block.link_chars >= 0.6 * len(lead["rest"])) or is_headline(lead["rest"])

    def _in_clutter_container(self, block: Block) -> bool:
        linked = block.link_chars >= 0.5 * len(block.text)
        return bool(block.container) and linked and CLUTTER_CLASSES.search(block.container) is not None

    # -- below ------------------------------------------------------------------------------------------------

    def _label_below(self, end: int) -> None:
        """Below the body of a whole page: label lists, a source credit, and all the rest that isn't the story."""
        n = end
        while n < len(self.blocks):
            if is_label(self.blocks[n].text):
                limit, self.end = self.end, len(self.blocks)
                n = self._label_list(n)
                self.end = limit
                continue
            credit = SOURCE_CREDIT.fullmatch(self.blocks[n].text)
            if credit is not None and not self.head.source_credit:
                self.head.source_credit = credit["credit"].strip()
                self.verdicts[n] = Verdict("source credit", "the source, kept as such")
            else:
                self.verdicts[n] = Verdict("template", "below the story")
            n += 1

    def _label_tail(self, body: int) -> None:
        """At the end of a feed item, headlines in a row that no sentence follows are other stories."""
        n = len(self.blocks)
        while n > body and (self.verdicts[n - 1].removed or _bare_headline(self.blocks[n - 1])):
            n -= 1
        loose = [m for m in range(n, len(self.blocks)) if not self.verdicts[m].removed]
        if len(loose) >= 3 and n > body:
            for m in loose:
                self.verdicts[m] = Verdict("link", "headlines in a row at the end", group=loose[0])


def _bare_headline(block: Block) -> bool:
    return (
        block.tag in ("line", "li", "p", "h3", "h4") and is_headline(block.text) and not SENTENCE_END.search(block.text)
    )


def split_credit(text: str) -> tuple[str, str]:
    """Return caption and credit of a caption; the credit may be ""."""
    for pattern, _ in CAPTIONS:
        found = pattern.fullmatch(text)
        if found is not None:
            return found["caption"].strip(), found["credit"].strip()
    return text, ""


def names_in(byline: str) -> tuple[str, ...]:
    """Return the names in what follows "By"."""
    byline = re.split(
        r"\s+[|•·–—]\s+|\s+(?:in|for|at)\s+(?=[A-Z])|,\s+(?=(?:[A-Z][\w.]+ )?(?:Correspondent|Reporter|Editor|Staff))",
        byline,
    )[0]
    names = re.split(r"\s*,\s*|\s+(?:and|et|und|y|e|en|ve|и)\s+|\s*&\s*|\s*;\s*", byline)
    return tuple(n.strip(" .") for n in names if n.strip(" ."))
