"""The state of labelling one article, and the labels that occur in its head and in its body.

Knows nothing of the order of the rules: see `labeller`, `head_labels` and `body_labels`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from streams.records import Image
from workers.clean.blocks import ITEM_TAGS, Block, Element, ancestors
from workers.clean.contents_list import contents_entries
from workers.clean.credits import agency_credit, match_caption, split_credit
from workers.clean.line_types import is_sentence, word_count
from workers.clean.publisher_names import ownership_keys
from workers.clean.rules.bylines import SIGNATURE, SOURCE_CREDIT
from workers.clean.site_facts import SiteFacts, line_key

MAX_HEAD_BLOCKS = 14  # distance of a title above the body
MAX_CAPTION_WORDS = 80
MAX_SOURCE_WORDS = 12  # of a source credit; a longer line is a sentence
MAX_CREDIT_CHARS = 300  # of all credit lines of an article
SURE = 0.95  # probability of body text above which no rule about a single line of a dump applies


@dataclass
class BlockLabel:
    """The label of a block. A block with a `reason` is removed."""

    label: str = "body"
    reason: str = ""
    list_start: int = -1  # index of the label or first line of the list that the block belongs to
    by_history: bool = False  # removed because of the site history, not of its own features


@dataclass
class HeaderFields:
    """Fields of an Article that the labelled blocks around its body contain."""

    title: str = ""
    dek: str = ""
    kicker: str = ""
    byline: tuple[str, ...] = ()
    published: datetime | None = None
    is_update: bool = False  # `published` is the time of the last change, because the page states no other
    reading_minutes: int = 0
    source_credit: str = ""
    images: list[Image] = field(default_factory=list)


class Prediction(NamedTuple):
    """The model's probability that a block is body text, the decision, and the probability that it is the title.

    *is_scored*: the model read the block.
    """

    probability: float = 1.0
    keep: bool = True
    title: float = 0.0
    is_scored: bool = False


class Labelling:
    """The labels of one article. `labels[n]` and `predictions[n]` belong to `blocks[n]`.

    *has_surroundings*: the blocks are a page or a text dump, with header fields and clutter around the article.
    """

    def __init__(
        self, blocks: Sequence[Block], predictions: Sequence[Prediction], title: str = "", *,
        facts: SiteFacts | None = None, has_surroundings: bool = False, url: str = "",
    ) -> None:  # fmt: skip
        self.blocks, self.predictions = blocks, predictions
        self.title, self.has_surroundings, self.url = title, has_surroundings, url
        self.facts = facts or SiteFacts()
        self.labels = [BlockLabel() for _ in blocks]
        self.head = HeaderFields(title=title)
        self.keys = [line_key(block.text) for block in blocks] if facts is not None else []
        self.overruled: set[int] = set()  # blocks that stay because the model overrules a rule
        self.by_evidence: set[int] = set()  # blocks that learned evidence decided
        self.reading_lists: dict[int, bool] = {}  # whether a block heads a list of links to other sites
        self.trusts_repeats = facts is not None and not facts.is_reprint(block.text for block in blocks)
        sentences = [n for n, (b, p) in enumerate(zip(blocks, predictions, strict=True)) if p.keep and b.is_sentence]
        self.kept_sentences = sentences
        self.sentence_counts = Counter(b.text for b in blocks if b.is_sentence) if has_surroundings else Counter()
        self.is_dump = has_surroundings and bool(blocks) and blocks[0].tag == "line"
        self.owners = ownership_keys(block.text for block in blocks) if self.is_dump else ()
        self.start, self.end = (sentences[0], sentences[-1] + 1) if sentences and has_surroundings else (0, len(blocks))

    @cached_property
    def list_starts(self) -> Sequence[int]:
        """The index of the block above the list items that end with each block: one pass over all blocks."""
        starts: list[int] = []
        for n, block in enumerate(self.blocks):
            starts.append(starts[-1] if starts and block.tag in ITEM_TAGS else n)
        return starts

    @cached_property
    def first_sentences(self) -> Mapping[str, int]:
        """The index of the first block with each text."""
        first: dict[str, int] = {}
        for n, block in enumerate(self.blocks):
            first.setdefault(block.text, n)
        return first

    @cached_property
    def is_scored(self) -> bool:
        """Whether the model read any block."""
        return any(prediction.is_scored for prediction in self.predictions)

    @cached_property
    def contents_entries(self) -> set[int]:
        """The indexes of the entries of a table of contents."""
        return contents_entries(self.blocks)

    @cached_property
    def words(self) -> int:
        """The words of all blocks."""
        return sum(block.words for block in self.blocks)

    def words_in(self, box: Element) -> int:
        """Return the words of all blocks within an element."""
        return self._words_by_element.get(box, 0)

    @cached_property
    def _words_by_element(self) -> dict[Element, int]:
        counts: dict[Element, int] = {}
        for block in self.blocks:
            for element in ancestors(block.element):
                counts[element] = counts.get(element, 0) + block.words
        return counts


def is_sure(labelling: Labelling, n: int) -> bool:
    """Return whether the model is sure of body text: it reads the whole dump, a rule reads one line."""
    return labelling.is_dump and labelling.predictions[n].probability >= SURE


def reject(labelling: Labelling, n: int) -> None:
    """Label a block that the model removes."""
    block, probability = labelling.blocks[n], labelling.predictions[n].probability
    inside = labelling.start <= n < labelling.end
    label = "link" if block.is_all_links else "clutter" if inside else "template"
    where = "outside the article" if label == "template" else "within the article"
    labelling.labels[n] = BlockLabel(label, f"{where}; probability of body text {probability:.0%}")


def label_caption(labelling: Labelling, n: int, *, in_head: bool) -> bool:
    """Label a caption and store it; False for any other block. *in_head*: more patterns apply."""
    block = labelling.blocks[n]
    if block.tag == "figcaption" or (block.tag == "caption" and labelling.has_surroundings):
        caption, credit = split_credit(block.text)
    else:
        match = match_caption(block.text, in_head=in_head)
        if match is None or word_count(block.text) > MAX_CAPTION_WORDS:
            return False
        if not in_head and _is_signed_by_agency(labelling, n):
            return False
        caption, credit = match["caption"].strip(), match["credit"].strip()
    labelling.head.images.append(Image(caption=caption, credit=credit))
    labelling.labels[n] = BlockLabel("caption", "a caption, kept with its picture")
    return True


def _is_signed_by_agency(labelling: Labelling, n: int) -> bool:
    """Return whether the model keeps a sentence that ends in "(Reuters)". Agencies sign their last paragraph so.

    Directly below an image it is a caption.
    """
    text = labelling.blocks[n].text
    if not labelling.predictions[n].keep or (n > 0 and labelling.blocks[n - 1].images):
        return False
    match = SIGNATURE.search(text)
    return match is not None and is_sentence(text[: match.start()].rstrip() + ".")


def _is_source_sentence(labelling: Labelling, n: int, credit: str) -> bool:
    """Return whether the text after "Source:" is a sentence of the body rather than the name of a source."""
    is_kept = labelling.predictions[n].keep and labelling.blocks[n].is_sentence
    return is_kept or word_count(credit) > MAX_SOURCE_WORDS


def label_source_credit(labelling: Labelling, n: int) -> bool:
    """Label the first source credit, or an agency's credit line, and store it; False for any other block."""
    text, head = labelling.blocks[n].text, labelling.head
    match = SOURCE_CREDIT.fullmatch(text)
    if match is not None and not head.source_credit and not _is_source_sentence(labelling, n, match["credit"]):
        head.source_credit = match["credit"].strip()
    elif len(text) + len(head.source_credit) <= MAX_CREDIT_CHARS and (credit := agency_credit(text)):
        head.source_credit = "; ".join(filter(None, (head.source_credit, credit)))
    else:
        return False
    labelling.labels[n] = BlockLabel("source credit", "the source, kept as a field")
    return True
