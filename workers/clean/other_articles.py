"""Other articles on a page: the next article of an endless page, posts of a blog, teasers with text, comments. Pure.

    menu │ headline, byline, date, text │ headline, byline, date, text │ comments
         └─ container of the article ───┘└── a container beside it ────┘

The page's title identifies the headline of the article. Entries of a live blog, and parts of a round-up, are in the
container of that headline. So they belong to the article.
"""

import re
from collections.abc import Sequence
from itertools import takewhile

from workers.clean.blocks import Block, Element, ancestors
from workers.clean.dump_fields import byline_names, date_in_line
from workers.clean.labelling import Prediction
from workers.clean.line_types import word_count
from workers.clean.rules.bylines import BYLINE
from workers.clean.rules.containers import COMMENT_HEADING, is_outside_article
from workers.text.normalise import match_key

HEADINGS = frozenset(("h1", "h2", "h3", "h4"))
FIELD_DISTANCE = 3  # blocks between a headline and its byline or date
MAX_FIELD_WORDS = 12
MIN_TITLE_WORDS = 3  # a shorter heading heads a section
MIN_ARTICLE_WORDS = 40  # of the text in the headline's container; less is a standfirst
MAX_SAME, MAX_OTHER = 6.0, 1.0  # times the article's words: limit of a container with the same names, and with others
DIGITS = re.compile(r"\d+")


def without_other_articles(blocks: Sequence[Block], predictions: list[Prediction], title: str) -> list[Prediction]:
    """Return *predictions* that keep no block of another article. *title*: the page's title."""
    kept = [n for n, (b, p) in enumerate(zip(blocks, predictions, strict=True)) if p.keep and b.is_sentence]
    headline = _headline(blocks, match_key(title))
    first = next((n for n in kept if n > headline), -1)
    if first < 0:
        return predictions
    others = _Articles(blocks, kept, headline, first).others()
    return [p._replace(probability=0.0, keep=False) if n in others else p for n, p in enumerate(predictions)]


def _headline(blocks: Sequence[Block], title: str) -> int:
    """Return the index of the heading with the page's title, or of the first <h1>; -1 without either."""
    headings = [n for n, block in enumerate(blocks) if block.tag in HEADINGS]
    same = [n for n in headings if title and match_key(blocks[n].text) == title]
    return next(iter(same), next((n for n in headings if blocks[n].tag == "h1"), -1))


class _Articles:
    """The containers of a page. *kept*: the sentences that the model keeps; *first*: the first below the headline."""

    def __init__(self, blocks: Sequence[Block], kept: Sequence[int], headline: int, first: int) -> None:
        self.blocks, self.headline, self.first = blocks, headline, first
        self.words: dict[Element, int] = {}
        self.first_kept: dict[Element, int] = {}
        for n in kept:
            for element in ancestors(blocks[n].element):
                self.words[element] = self.words.get(element, 0) + blocks[n].words
                self.first_kept.setdefault(element, n)
        above = set(ancestors(blocks[max(headline, 0)].element))
        chain = list(ancestors(blocks[first].element))
        self.article = next((element for element in chain if element in above), None)
        self.article_path = {*ancestors(self.article), *chain}
        self.article_words = self.words.get(self.article, 0) if self.article is not None else 0

    def others(self) -> set[int]:
        """Return the indexes of the blocks of other articles."""
        rejected: set[Element] = set()
        out: set[int] = set()
        if self.article_words < MIN_ARTICLE_WORDS:
            return out
        rejected |= {element for element in self.words if self._has_outside_name(element)}
        for n, block in enumerate(self.blocks):
            if n != self.headline and block.text and (block.tag in HEADINGS or self._opens_comments(n)):
                containers = self._containers(n)
                other = next((element for element in containers if self._is_other(n, element)), None)
                if other is not None:
                    rejected.add(other)
                elif not containers and self._restarts(n):
                    out |= self._rest(n)
        if not rejected:
            return out
        return out | {n for n, b in enumerate(self.blocks) if any(e in rejected for e in ancestors(b.element))}

    def _has_outside_name(self, element: Element) -> bool:
        """Return whether *element* starts below the article's start and has names of comments or a consent dialogue."""
        return (
            element not in self.article_path
            and self.first_kept[element] > self.first
            and is_outside_article(element.class_names)
        )

    def _containers(self, n: int) -> list[Element]:
        """Return the elements around block *n*, beside the article, in which no sentence precedes the block.

        The outermost element is first.
        """
        beside = takewhile(
            lambda element: element not in self.article_path and self.first_kept.get(element, n) >= n,
            ancestors(self.blocks[n].element),
        )
        return [element for element in beside if element in self.words][::-1]

    def _is_other(self, n: int, container: Element) -> bool:
        if self._opens_comments(n):
            return self.words[container] <= MAX_SAME * self.article_words
        block = self.blocks[n]
        if block.words < MIN_TITLE_WORDS or self._is_within_article(container) or self._is_headline(n):
            return False
        words = self.words[container]
        if _is_like(container, self.article):
            return self._has_fields(n) and words <= MAX_SAME * self.article_words
        return (self._has_fields(n) or block.is_all_links) and words <= MAX_OTHER * self.article_words

    def _is_within_article(self, element: Element | None) -> bool:
        return any(outer is self.article for outer in ancestors(element))

    def _is_headline(self, n: int) -> bool:
        """Return whether block *n* repeats the headline of the article."""
        return match_key(self.blocks[n].text) == match_key(self.blocks[max(self.headline, 0)].text)

    def _opens_comments(self, n: int) -> bool:
        return n > self.first and COMMENT_HEADING.fullmatch(self.blocks[n].text) is not None

    def _restarts(self, n: int) -> bool:
        """Return whether block *n* of the article's container is the headline of the next article."""
        block, headline = self.blocks[n], self.blocks[self.headline]
        same = block.tag in HEADINGS and block.tag == headline.tag and _shape(block.element) == _shape(headline.element)
        return (
            n > self.first
            and same
            and not self._is_headline(n)
            and block.words >= MIN_TITLE_WORDS
            and self._has_fields(n)
        )

    def _rest(self, n: int) -> set[int]:
        """Return the blocks of the article's container from block *n* on."""
        last = len(self.blocks)
        return {k for k in range(n, last) if self._is_within_article(self.blocks[k].element)}

    def _has_fields(self, n: int) -> bool:
        below = [block.text for block in self.blocks[n + 1 : n + 1 + FIELD_DISTANCE] if block.text]
        return any(map(_is_field, below))


def _is_field(text: str) -> bool:
    """Return whether a short line states an author or a date."""
    if word_count(text) > MAX_FIELD_WORDS:
        return False
    return BYLINE.fullmatch(text) is not None or bool(byline_names(text)) or date_in_line(text) is not None


def _is_like(element: Element, article: Element | None) -> bool:
    """Return whether *element* has the tag, names and depth of *article*: a list of articles repeats them."""
    is_named = element.tag == "article" or bool(element.class_names)
    return article is not None and is_named and element.depth == article.depth and _shape(element) == _shape(article)


def _shape(element: Element | None) -> tuple[str, str]:
    """Return the tag and the names of an element without numbers, which differ from post to post."""
    return (element.tag, DIGITS.sub("", element.class_names)) if element is not None else ("", "")
