"""What each block is, and whether it stays: rules over the lexicon, the model, and what the stream knows of the site.

    above the title │ title │ dek, caption, byline, date … │ body, with labels and link blocks in it │ below the story

Body text is sacred: where in doubt a block stays. Losing a sentence is worse than leaving a link.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from streams.records import Image
from workers.clean.blocks import Block, ancestors
from workers.clean.credits import parse_byline, split_credit
from workers.clean.line_types import (
    LEAD,
    SENTENCE_END,
    is_feed_tail,
    is_headline,
    is_link_label,
    is_prompt,
    is_sentence,
    word_count,
)
from workers.clean.rules.patterns import BYLINE, CAPTIONS, CLUTTER_CLASSES, CORRECTION_NOTE, READING_TIME, SOURCE_CREDIT
from workers.clean.site_facts import SiteFacts, line_key
from workers.text.dates import parse_date_line
from workers.text.normalise import match_key

MAX_HEAD_BLOCKS = 14  # how far above the body a title may stand
MAX_TAIL_BLOCKS = 4  # how far below the body a picture of it may stand
MAX_TITLES = 6  # lines above a story of which one may be its title
MAX_TITLE_WORDS = 24  # longer lines without a full stop are sentences cut short
MAX_LABEL_WORDS = 6
NOTICE_REPEATS = 3  # times that a page says the same sentence, for it to be a notice and not the story
MIN_LINK_WORDS = 4  # a paragraph that is a link of fewer words may be a heading or a name
LIKELY = 0.5
BRACKETED = re.compile(r"\A[\[(（【].{3,}[\])）】]\.?")


@dataclass
class BlockLabel:
    """What a block is. `removed` gives the reason when it goes; `group` is the first block of a list it belongs to.

    `known`: it goes because the stream knows it, not for how it looks.
    """

    label: str = "body"
    reason: str = ""
    list_start: int = -1
    by_history: bool = False


@dataclass
class HeaderFields:
    """What the furniture around a story tells about it."""

    title: str = ""
    dek: str = ""
    kicker: str = ""
    byline: tuple[str, ...] = ()
    published: datetime | None = None
    reading_minutes: int = 0
    source_credit: str = ""
    images: list[Image] = field(default_factory=list)


@dataclass(frozen=True)
class Prediction:
    """What the model says of a block: how likely it is to be body text, and whether that is enough."""

    probability: float = 1.0
    keep: bool = True


class Labeller:
    """Labels the blocks of one story. `verdicts[n]` belongs to `blocks[n]`; `head` collects the furniture.

    *whole_page*: there may be anything above and below the story, a title and furniture included.
    """

    def __init__(
        self, blocks: Sequence[Block], opinions: Sequence[Prediction], title: str = "", *,
        facts: SiteFacts | None = None, whole_page: bool = False,
    ) -> None:  # fmt: skip
        self.blocks, self.predictions = blocks, opinions
        self.title, self.whole_page = title, whole_page
        self.facts = facts or SiteFacts()
        self.labels = [BlockLabel() for _ in blocks]
        self.head = HeaderFields(title=title)
        self.keys = [line_key(block.text) for block in blocks] if facts is not None else []
        self.trusts_repeats = facts is not None and not facts.is_reprint(block.text for block in blocks)
        stays = [n for n, (b, o) in enumerate(zip(blocks, opinions, strict=True)) if o.keep and b.is_sentence]
        self.sentence_counts = Counter(b.text for b in blocks if b.is_sentence) if whole_page else Counter()
        self.start, self.end = (stays[0], stays[-1] + 1) if stays and whole_page else (0, len(blocks))

    def run(self) -> None:
        """Label everything: the head first, then the rest from top to bottom."""
        body = self._label_head() if self.whole_page or self.title else 0
        n = body
        while n < len(self.blocks):
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
                    self._label_above_title(n)
            return self.start
        for n in range(at):
            self._label_above_title(n)
        self.head.title = self.head.title or self.blocks[at].text
        alike = match_key(self.blocks[at].text) == match_key(self.head.title)
        self.labels[at] = BlockLabel("title", "the title, kept as such" if alike else "the page's own headline")
        n = at + 1
        while n < len(self.blocks) and n <= at + MAX_HEAD_BLOCKS:
            if not (self._label_furniture(n) or self._dek(n, at)):
                if not self.whole_page or self.predictions[n].keep or n >= self.start:
                    break
                self._label_above_title(n)
            n += 1
        return n

    def _find_title(self) -> int:
        wanted = match_key(self.title)
        reach = range(max(0, self.start - MAX_HEAD_BLOCKS), min(len(self.blocks), self.start + MAX_HEAD_BLOCKS))
        if wanted:
            same = [n for n in reach if match_key(self.blocks[n].text) == wanted]
            above = [n for n in reach if n <= self.start and self.blocks[n].tag == "h1"] if self.whole_page else []
            return (same or above or [-1])[0]  # a feed may word it otherwise than its page
        candidates = [n for n in reach if self._may_be_title(n)]
        candidates = candidates or [n for n in reach if self.blocks[n].tag == "h1"]  # of a word or two
        texts = [match_key(self.blocks[n].text) for n in reach]
        for n in candidates:
            if n <= self.start + 2 and texts.count(match_key(self.blocks[n].text)) > 1:
                return n  # a headline that comes twice: above its picture and below
        before = [n for n in candidates if n <= self.start]
        headings = [n for n in before if self.blocks[n].tag == "h1"] or before[-MAX_TITLES:]
        return max(headings, key=lambda n: self.predictions[n].probability, default=-1)

    def _may_be_title(self, n: int) -> bool:
        text = self.blocks[n].text
        return (
            is_headline(text)
            and word_count(text) <= MAX_TITLE_WORDS
            and not is_link_label(text)
            and not is_prompt(text)
            and not BYLINE.fullmatch(text)
            and not READING_TIME.fullmatch(text)
            and parse_date_line(text) is None
        )

    def _label_above_title(self, n: int) -> None:
        """Above a title stand a section label and a reading time, or the page's furniture."""
        text = self.blocks[n].text
        minutes = READING_TIME.fullmatch(text)
        if minutes:
            self.head.reading_minutes = int(minutes["minutes"] or minutes["minutes2"])
            self.labels[n] = BlockLabel("reading time", "the reading time, kept as such")
        elif self._label_furniture(n):
            pass
        elif self._kicker(n):
            self.head.kicker = text
            self.labels[n] = BlockLabel("kicker", "the section label, kept as such")
        elif not self.predictions[n].keep:
            self._reject(n)

    def _kicker(self, n: int) -> bool:
        text = self.blocks[n].text
        near = n >= self.start - MAX_HEAD_BLOCKS
        return near and not self.head.kicker and word_count(text) <= 3 and text.upper() == text and text.lower() != text

    def _label_furniture(self, n: int) -> bool:
        """Label byline, date, reading time, caption, repeated title and prompts; False for anything else."""
        text = self.blocks[n].text
        if self.head.title and match_key(text) == match_key(self.head.title):
            self.labels[n] = BlockLabel("title", "the title again")
        elif (minutes := READING_TIME.fullmatch(text)) is not None:
            self.head.reading_minutes = int(minutes["minutes"] or minutes["minutes2"])
            self.labels[n] = BlockLabel("reading time", "the reading time, kept as such")
        elif (when := parse_date_line(text)) is not None:
            self.head.published = self.head.published or when
            self.labels[n] = BlockLabel("date", "the date, kept as such")
        elif (byline := BYLINE.fullmatch(text)) is not None and word_count(text) <= 12 and not is_sentence(text):
            self.head.byline = self.head.byline or parse_byline(byline["names"] or byline["named"])
            self.labels[n] = BlockLabel("byline", "the byline, kept as such")
        elif self._caption(n, in_head=True):
            pass
        elif is_prompt(text) or is_feed_tail(text):
            self.labels[n] = BlockLabel("prompt", "asks something of the reader")
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
        self.labels[n] = BlockLabel("caption", "a caption, kept with its picture")
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
        self.labels[n] = BlockLabel("dek", "the standfirst, kept as such")
        return True

    def _marks_head(self, block: Block) -> bool:
        return (
            parse_date_line(block.text) is not None
            or bool(BYLINE.fullmatch(block.text) and word_count(block.text) <= 12)
            or (bool(self.head.title) and match_key(block.text) == match_key(self.head.title))
        )

    # -- body -------------------------------------------------------------------------------------------------

    def _label_at(self, n: int) -> int:
        """Label block *n*, and the list it opens; returns the next to look at."""
        block = self.blocks[n]
        if is_link_label(block.text) or self._labels_links(n):
            return self._label_list(n)
        if CORRECTION_NOTE.fullmatch(block.text) and not block.is_all_links:
            self.labels[n] = BlockLabel("note")
            return n + 1
        if self.whole_page and not self.predictions[n].keep and not self.start <= n < self.end:
            self._outside(n)
            return n + 1
        for label, reason, rule in self._rules():
            if rule(block):
                self.labels[n] = BlockLabel(label, reason)
                return n + 1
        if self._credit(n) or self._caption(n, in_head=False) or self._label_by_history(n):
            pass
        elif not self.predictions[n].keep:
            self._reject(n)
        elif block.is_all_links and is_headline(block.text) and not self.whole_page:
            return self._label_links(n)
        return n + 1

    def _rules(self) -> tuple[tuple[str, str, Callable[[Block], bool]], ...]:
        return (
            ("feed tail", "what a feed builder appends", lambda b: is_feed_tail(b.text)),
            ("prompt", "asks something of the reader", lambda b: is_prompt(b.text)),
            ("link", "a lead-in and a link to another story", self._is_lead),
            ("link", "stands in a container of links or prompts", self._in_clutter_container),
            ("link", "a paragraph that is nothing but a link to another story", self._is_link_paragraph),
            ("prompt", "a notice: the same sentence stands on this page again and again", self._is_notice),
        )

    def _outside(self, n: int) -> None:
        near = self.start - MAX_HEAD_BLOCKS <= n < self.end + MAX_TAIL_BLOCKS  # captions elsewhere are other stories'
        if not self._credit(n) and not (near and self._caption(n, in_head=False)):
            self._reject(n)

    def _credit(self, n: int) -> bool:
        credit = SOURCE_CREDIT.fullmatch(self.blocks[n].text)
        if credit is None or self.head.source_credit:
            return False
        self.head.source_credit = credit["credit"].strip()
        self.labels[n] = BlockLabel("source credit", "the source, kept as such")
        return True

    def _reject(self, n: int) -> None:
        block, p = self.blocks[n], self.predictions[n].probability
        label = "link" if block.is_all_links else "template" if not self.start <= n < self.end else "clutter"
        where = "outside the story" if label == "template" else "amid the story"
        self.labels[n] = BlockLabel(
            label, f"{where}, and by its words and its place only {p:.0%} likely to be part of it"
        )

    def _label_by_history(self, n: int) -> bool:
        """Label what the stream knows: another story's headline, a line that stands in many of the site's articles."""
        if not self.keys or not self.keys[n] or match_key(self.head.title) == match_key(self.blocks[n].text):
            return False
        text, key = self.blocks[n].text, self.keys[n]
        if self.facts.is_headline(key) and word_count(text) >= MIN_LINK_WORDS:
            self.labels[n] = BlockLabel("link", "the headline of another story of this site", by_history=True)
        elif self.trusts_repeats and self.facts.is_repeated(key, sentence=is_sentence(text)):
            count = f"{self.facts.repeats[key]} of this site's last {self.facts.articles} articles have it too"
            self.labels[n] = BlockLabel("template", count, by_history=True)
        else:
            return False
        return True

    def _labels_links(self, n: int) -> bool:
        """Whether a short line that ends in a colon stands above a list of nothing but links."""
        text, rest = self.blocks[n].text, self.blocks[n + 1 : n + 3]
        return (
            text.endswith(":")
            and word_count(text) <= MAX_LABEL_WORDS
            and len(rest) == 2
            and all(b.is_all_links for b in rest)
            and self._unlikely(n + 1, n + 3)
        )

    def _unlikely(self, start: int, end: int) -> bool:
        """Whether none of these blocks looks like body text: a blog's own list of links does."""
        return all(opinion.probability < LIKELY for opinion in self.predictions[start:end])

    def _label_list(self, at: int) -> int:
        """Label the list of headlines below a label; a label that body text follows goes alone."""
        self.labels[at] = BlockLabel("label", "a label above links")
        n = at + 1
        while n < len(self.blocks) and self._belongs_to_list(n):
            n += 1
        for member in range(at + 1, n):
            self.labels[member] = BlockLabel("link", "below a label, a list of other stories", list_start=at)
        return n

    def _belongs_to_list(self, n: int) -> bool:
        block, text = self.blocks[n], self.blocks[n].text
        if block.is_all_links:
            return True
        if is_link_label(text) or SOURCE_CREDIT.fullmatch(text):
            return False
        if self.whole_page and not self.predictions[n].keep:
            return True
        if block.tag in ("h2", "h3", "h4", "blockquote") or block.links or block.is_sentence:
            return False
        return is_headline(text) or parse_date_line(text) is not None

    def _label_links(self, at: int) -> int:
        """Label a run of lines that are nothing but links to other stories."""
        n = at + 1
        while n < len(self.blocks) and self.blocks[n].is_all_links and is_headline(self.blocks[n].text):
            n += 1
        single = n - at == 1 and (self.blocks[at].tag not in ("li", "p") or len(self.blocks) == 1)
        if single or not self._unlikely(at, n):
            return n
        for member in range(at, n):
            self.labels[member] = BlockLabel("link", "nothing but a link to another story", list_start=at)
        return n

    def _is_lead(self, block: Block) -> bool:
        lead = LEAD.fullmatch(block.text)
        if lead is not None and (_mostly_link(block, len(lead["rest"])) or is_headline(lead["rest"])):
            return True
        return _mostly_link(block, len(block.text)) and BRACKETED.fullmatch(block.text) is not None

    def _is_link_paragraph(self, block: Block) -> bool:
        plain_paragraph = self.whole_page and block.tag in ("p", "div") and block.is_all_links
        return plain_paragraph and word_count(block.text) >= MIN_LINK_WORDS

    def _is_notice(self, block: Block) -> bool:
        return self.sentence_counts[block.text] >= NOTICE_REPEATS

    def _in_clutter_container(self, block: Block) -> bool:
        if self.whole_page or block.link_chars < 0.5 * len(block.text):
            return False  # of whole pages, the model knows more
        return any(
            place.class_names and CLUTTER_CLASSES.search(place.class_names) for place in ancestors(block.element)
        )

    # -- below ------------------------------------------------------------------------------------------------

    def _label_tail(self, body: int) -> None:
        """At the end of a feed item, headlines in a row that no sentence follows are other stories."""
        n = len(self.blocks)
        while n > body and (self.labels[n - 1].reason or _bare_headline(self.blocks[n - 1])):
            n -= 1
        loose = [m for m in range(n, len(self.blocks)) if not self.labels[m].reason]
        if len(loose) >= 3 and n > body:
            for m in loose:
                self.labels[m] = BlockLabel("link", "headlines in a row at the end", list_start=loose[0])


def _mostly_link(block: Block, chars: int) -> bool:
    return bool(block.links) and block.link_chars >= 0.6 * chars


def _bare_headline(block: Block) -> bool:
    return (
        block.tag in ("line", "li", "p", "h3", "h4") and is_headline(block.text) and not SENTENCE_END.search(block.text)
    )
