"""The cleaner: text, HTML or a page to `CleanedContent`, with the reason for each removed block.

    input ──▶ blocks ──▶ labels ──▶ keep or remove ──▶ CleanedContent

Pure. Knows nothing of feeds, topics or storage.
"""

from collections.abc import Container, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec

from streams.records import Image, RemovedBlock
from workers.clean.audit import removed_blocks, tracking_pixels
from workers.clean.blocks import Block
from workers.clean.candidates import candidates
from workers.clean.document import BlockDocument, to_blocks
from workers.clean.dump_decisions import decide_lines
from workers.clean.feed_decisions import doubtful_blocks, keep_lines_with_urls, plain_blocks, plain_predictions
from workers.clean.labeller import BlockLabel, Labelling, Prediction, label_blocks
from workers.clean.labelling import HeaderFields
from workers.clean.line_types import SENTENCE_END, word_count
from workers.clean.metadata import KnownText, Metadata, SharedFields, states_zone_of
from workers.clean.other_articles import without_other_articles
from workers.clean.page_decisions import vote_by_list
from workers.clean.render import blocks_html, paragraphs_html
from workers.clean.repeated_article import without_repeated_article
from workers.clean.rules.bylines import DATELINE
from workers.clean.site_evidence import learn
from workers.clean.site_facts import NO_EVIDENCE, Evidence, SiteFacts
from workers.clean.trailing_prompts import split_trailing_prompts
from workers.text.normalise import plain_text
from workers.urls.tracking import image_link

if TYPE_CHECKING:
    from workers.clean.model.model import Model

WORDS_PER_MINUTE = 238  # mean silent reading of English non-fiction (Brysbaert 2019, a review of 190 studies)
MAX_DATELINE_CHARS = 200  # searched at the start of the first paragraph
MAX_ROUNDS = 8  # of repeated cleaning; one is usual
MIN_DUMP_LINES = 4  # a shorter text is not the dump of a page
MIN_GALLERY_IMAGES, GALLERY_WORDS = 8, 40  # words per image: the length of a caption
MIN_LINK_SHARE = 0.5  # of a feed item's block, for the model to score it
USUAL_LINES, MIN_COST_SHARE, MAX_COST_SHARE = 40, 0.4, 3.0  # figures in tests/tools/bench/README.md
SHORT_WORDS = 3  # minimum word count of a line: the heading of a list is worth as much as its items
CHEAP_SHARE = 0.4  # of the cost: short lines, and lines with a full stop, harm less than headlines if they are clutter
MIN_FALLBACK = 0.1  # probability of a sentence that becomes the body where the model keeps nothing
UNSCORED = Prediction(0.0, keep=False)  # of a page's navigation
BY_WORDS = Prediction(0.9, keep=True, is_scored=True)  # of an item whose words are likely
TEXT_FIELDS = ("dek", "kicker", "byline", "dateline", "published", "source_credit")


class CleanedContent(SharedFields, frozen=True, omit_defaults=True, kw_only=True):
    """A cleaned article: the fields of an Article that depend on its text only, under the names of Article."""

    url: str = ""
    dek: str = ""
    dateline: str = ""
    source_credit: str = ""
    images: tuple[Image, ...] = ()
    paragraphs: tuple[str, ...] = ()
    html: str = ""
    word_count: int = 0
    reading_minutes: int = 0
    removed: tuple[RemovedBlock, ...] = ()
    field_sources: dict[str, str] = msgspec.field(
        default_factory=dict
    )  # field → `feed`, `page` (the metadata in its head) or `text`
    stable_lines: tuple[str, ...] = ()  # text independent of the site history; revisions are detected by it
    evidence: Evidence = NO_EVIDENCE  # for the site history

    def rendered(self) -> "CleanedContent":
        """Return the content with its `html`."""
        return self


class UnrenderedContent(CleanedContent, frozen=True, kw_only=True):
    """Cleaned content whose `html` is still empty: most of it belongs to duplicates.

    `shown`: the blocks of the HTML; None renders the paragraphs. `base_url` resolves relative links.
    """

    shown: Sequence[Block] | None = None
    base_url: str = ""

    def rendered(self) -> CleanedContent:
        """Return the content with its `html`."""
        html = paragraphs_html(self.paragraphs) if self.shown is None else blocks_html(self.shown, self.base_url)
        fields = dict(zip(CleanedContent.__struct_fields__, _cleaned_values(self), strict=True))
        return CleanedContent(**fields | {"html": html})


_cleaned_values = attrgetter(*CleanedContent.__struct_fields__)


def clean(
    data: str, input_type: str = "auto", *, title: str = "", url: str = "", facts: SiteFacts | None = None
) -> CleanedContent:
    """Return the cleaned content of *data*.

    *input_type*: `text` (one block per line), `html` (a feed's item), `page` (a whole page) or `auto`.
    *title*: the headline, if the feed has one. *url*: resolves relative links. *facts*: the history of the site.
    Never raises on any text.
    """
    return clean_blocks(to_blocks(data, input_type, title=title, url=url), facts)


def clean_blocks(
    document: BlockDocument, facts: SiteFacts | None = None, model: "Model | None" = None
) -> CleanedContent:
    """Return the cleaned content of *document*. *facts*: the site's history. *model*: replaces the default model."""
    return clean_unrendered(document, facts, model).rendered()


def clean_unrendered(
    document: BlockDocument, facts: SiteFacts | None = None, model: "Model | None" = None
) -> CleanedContent:
    """Return the cleaned content of *document*, as `clean_blocks` does; `rendered` adds its HTML."""
    unrendered, uncertain = _clean_once(document, facts, model)
    if document.metadata is not None:
        unrendered = _with_article_body(unrendered, document.metadata)
    content: CleanedContent = unrendered
    if document.input_type == "html" and uncertain:
        content = _clean_until_stable(unrendered.rendered(), document, facts, model)
    return _with_metadata(content, document.metadata) if document.metadata is not None else content


def _clean_once(
    document: BlockDocument, facts: SiteFacts | None, model: "Model | None"
) -> tuple[UnrenderedContent, bool]:
    """Return the cleaned content, and whether it still has uncertain blocks."""
    if document.is_by_rule:
        facts = None  # an explicit rule overrides what was learned
    blocks, prompts = split_trailing_prompts(document.blocks)
    document = document._replace(blocks=blocks)
    has_surroundings = document.input_type == "page" or (document.input_type == "text" and not document.title)
    uncertain = _uncertain_blocks(document)
    plain = plain_blocks(document, uncertain)
    scored = uncertain | plain
    by_rules_only = not plain if document.input_type == "html" else not uncertain
    predictions = [Prediction()] * len(blocks) if by_rules_only else _predict(document, scored, model, plain)
    may_be_empty = document.metadata is not None and any(map(str.isalnum, document.metadata.article_body))
    labelling = label_blocks(
        blocks, predictions, document.title,
        facts=facts, has_surroundings=has_surroundings, url=document.url, may_be_empty=may_be_empty,
    )  # fmt: skip
    # Rules remove most links of short items without the model.
    if document.input_type == "html" and by_rules_only and _has_uncertain(labelling, uncertain):
        predictions = _predict(document, uncertain, model)
        labelling = label_blocks(blocks, predictions, document.title, facts=facts, url=document.url)
    uncertain |= doubtful_blocks(blocks, predictions, plain) | {blocks[n] for n in labelling.overruled}
    content = _assemble(labelling, document, [*prompts, *document.truncated])
    if has_surroundings and facts is not None:
        content = msgspec.structs.replace(content, evidence=learn(labelling))
    return content, _has_uncertain(labelling, uncertain)


def _has_uncertain(labelling: Labelling, uncertain: set[Block]) -> bool:
    pairs = zip(labelling.blocks, labelling.labels, strict=True)
    return any(not label.reason and block in uncertain for block, label in pairs)


def _clean_until_stable(
    content: CleanedContent, document: BlockDocument, facts: SiteFacts | None, model: "Model | None"
) -> CleanedContent:
    """Clean the rendered HTML of *content* until no paragraph is removed.

    Removing a block changes the context features of its neighbours, so cleaning the result again could remove more.
    The loop parses the rendered HTML because rendering drops class names and containers, which are features too.
    """
    for _ in range(MAX_ROUNDS):
        again, _ = _clean_once(to_blocks(content.html, "html", title=document.title, url=document.url), facts, model)
        if len(again.paragraphs) >= len(content.paragraphs):
            return content
        after, before = _one_line(again.paragraphs), _one_line(content.paragraphs)
        content = msgspec.structs.replace(
            content,
            paragraphs=again.paragraphs,
            html=again.rendered().html,
            stable_lines=tuple(line for line in content.stable_lines if line in after or line not in before),
            word_count=again.word_count,
            removed=(*content.removed, *again.removed),
        )
    return content


def _one_line(paragraphs: Sequence[str]) -> set[str]:
    """Return *paragraphs* without line breaks, as in `stable_lines`."""
    return {" ".join(paragraph.split()) for paragraph in paragraphs}


def _uncertain_blocks(document: BlockDocument) -> set[Block]:
    """Return the blocks for the model: all of a page or dump; in a feed's item, the blocks that are mostly links.

    A sentence with words around its link is text. In the corpus, 25 of 35 such blocks are body text, and 640 of 4,300
    other blocks.
    """
    blocks = [block for block in document.blocks if block.text]
    if document.input_type == "html":
        return {
            b for b in blocks if b.link_chars > MIN_LINK_SHARE * len(b.text) and (b.is_all_links or not b.is_sentence)
        }
    is_short = document.input_type == "text" and (document.title or len(blocks) < MIN_DUMP_LINES)
    return set() if is_short else set(blocks)


def _predict(
    document: BlockDocument, uncertain: set[Block], model: "Model | None", plain: Container[Block] = ()
) -> list[Prediction]:
    """Return the predictions of the uncertain blocks; all others are kept. *plain*: kept unless very unlikely."""
    if model is None:
        from workers.clean.model.model import load_default  # imports numpy, which costs memory in every process

        model = load_default(document.input_type)
    blocks = [block for block in document.blocks if block.text]
    if plain and all(block in plain for block in uncertain) and model.has_likely_words(blocks):
        return [BY_WORDS] * len(document.blocks)
    if document.input_type == "page":
        blocks = [document.blocks[n] for n in candidates(document.blocks)]
    scores = model.predict(blocks, _known_text(document))
    share = _cost_share(document)
    scored = zip(blocks, scores.body, scores.title, strict=True)
    decided = {b: _prediction(model, b, body, title, share) for b, body, title in scored if b in uncertain}
    if plain:
        decided |= plain_predictions(blocks, decided, plain)
    out = [decided.get(block, UNSCORED) if block in uncertain else Prediction() for block in document.blocks]
    if document.input_type == "page":
        vote_by_list(model, document.blocks, out)
        out = without_other_articles(document.blocks, out, document.title)
        out = without_repeated_article(document.blocks, out)
    elif document.input_type == "text":
        decide_lines(model, document.blocks, out, share)
    else:
        keep_lines_with_urls(document.blocks, out)
    if any(prediction.keep for prediction, block in zip(out, document.blocks, strict=True) if block.text):
        return out
    return _keep_best(document, out)


def _keep_best(document: BlockDocument, predictions: list[Prediction]) -> list[Prediction]:
    """Keep the likeliest blocks where the model keeps none, unless the page's head has a longer text."""
    pairs = [(p, block) for p, block in zip(predictions, document.blocks, strict=True) if block.text]
    if document.input_type == "page":  # a heading alone is no article
        sentences = [(p, block) for p, block in pairs if block.is_sentence and p.probability >= MIN_FALLBACK]
        pairs = sentences or pairs
    best = max(prediction.probability for prediction, _ in pairs)
    out = [p._replace(keep=p.probability > best / 2) for p in predictions]
    lines = _article_lines(document.metadata) if document.metadata is not None else ()
    words = sum(block.words for block, p in zip(document.blocks, out, strict=True) if p.keep)
    return predictions if sum(map(word_count, lines)) > words else out


def _cost_share(document: BlockDocument) -> float:
    """Return the share of a block's cost: one line makes a dump dirty, and a longer dump has more such lines."""
    if document.input_type != "text":
        return 1.0
    return min(MAX_COST_SHARE, max(MIN_COST_SHARE, len(document.blocks) / USUAL_LINES))


def _known_text(document: BlockDocument) -> KnownText:
    metadata = document.metadata
    if metadata is None:
        return KnownText(document.title)
    return KnownText(document.title, metadata.article_body, metadata.description)


def _prediction(model: "Model", block: Block, probability: float, title: float, share: float) -> Prediction:
    if block.tag != "line":
        return Prediction(probability, model.should_keep(probability, block.words, share=share), title, is_scored=True)
    is_statement = block.words > 1 and SENTENCE_END.search(block.text) is not None
    share *= CHEAP_SHARE if is_statement or block.words <= SHORT_WORDS else 1.0
    keep = model.should_keep(probability, max(block.words, SHORT_WORDS), share=share)
    return Prediction(probability, keep, title, is_scored=True)


def _with_article_body(content: UnrenderedContent, metadata: Metadata) -> UnrenderedContent:
    """Take the article body of the page's head if nothing else is left; otherwise return *content*."""
    text = _article_lines(metadata)
    if content.paragraphs or not text:
        return content
    words = sum(map(word_count, text))
    return msgspec.structs.replace(
        content,
        paragraphs=text,
        shown=None,
        stable_lines=text,
        word_count=words,
        reading_minutes=content.reading_minutes or max(1, round(words / WORDS_PER_MINUTE)),
    )


def _article_lines(metadata: Metadata) -> tuple[str, ...]:
    """Return the paragraphs of the article body in the page's head."""
    return tuple(filter(None, map(plain_text, metadata.article_body.split("\n")))) if metadata.article_body else ()


def _with_metadata(content: CleanedContent, metadata: Metadata) -> CleanedContent:
    """Fill the fields that the visible text lacks, and state the zone of its time. Metadata never changes the body."""
    names = SharedFields.__struct_fields__
    kept = {name for name in names if getattr(content, name) and name not in metadata.rule_fields}
    if states_zone_of(content.published, metadata.published):
        kept.discard("published")
    shared = {name: getattr(content if name in kept else metadata, name) for name in names}
    added = {name: "page" for name in names if getattr(metadata, name) and name not in kept}
    added |= dict.fromkeys(metadata.rule_fields, "rule")
    images = content.images or ((Image(metadata.image),) if metadata.image else ())
    shared["article_type"] = shared["article_type"] or detect_gallery(content)
    sources = content.field_sources | added
    return msgspec.structs.replace(content, **shared, images=images, field_sources=sources)


def detect_gallery(content: CleanedContent) -> str:
    """Return `gallery` for an article that consists mainly of images, else an empty string."""
    many = len(content.images) >= MIN_GALLERY_IMAGES
    return "gallery" if many and content.word_count < GALLERY_WORDS * len(content.images) else ""


def _assemble(labelling: Labelling, document: BlockDocument, also_removed: Sequence[RemovedBlock]) -> UnrenderedContent:
    head, pairs = labelling.head, list(zip(labelling.blocks, labelling.labels, strict=True))
    body = [block for block, label in pairs if not label.reason and block.text]
    text = tuple(block.lines or block.text for block in body)
    words = sum(block.words for block in body)
    dateline = DATELINE.match(body[0].text[:MAX_DATELINE_CHARS]) if body else None
    shown = [block for block, label in pairs if not label.reason or label.label == "caption"]
    if document.input_type == "page":
        shown = _within_article(shown, body)
    return UnrenderedContent(
        title=head.title,
        dek=head.dek,
        kicker=head.kicker,
        byline=head.byline,
        dateline=dateline["dateline"].strip(" ,") if dateline else "",
        published=head.published,
        source_credit=head.source_credit,
        images=_images(pairs, head.images, document.url, set(shown)),
        paragraphs=text,
        shown=shown if document.input_type != "text" else None,
        base_url=document.url,
        word_count=words,
        reading_minutes=head.reading_minutes or (max(1, round(words / WORDS_PER_MINUTE)) if words else 0),
        removed=(*removed_blocks(pairs, document.url), *tracking_pixels(document), *also_removed),
        stable_lines=_stable_lines(pairs),
        field_sources=_field_sources(head, document, has_dateline=dateline is not None),
    )


def _field_sources(head: HeaderFields, document: BlockDocument, *, has_dateline: bool) -> dict[str, str]:
    """Return the source of each field that the visible text or the caller of `clean` gives."""
    sources = {name: "text" for name in TEXT_FIELDS if (has_dateline if name == "dateline" else getattr(head, name))}
    if head.title:
        is_own = document.metadata is not None and document.title == document.metadata.title
        sources["title"] = ("page" if is_own else "feed") if document.title else "text"
    return sources


def _stable_lines(pairs: Sequence[tuple[Block, BlockLabel]]) -> tuple[str, ...]:
    return tuple(
        block.text
        for block, label in pairs
        if block.text and (not label.reason or (label.label == "template" and label.by_history))
    )


def _within_article(shown: Sequence[Block], body: Sequence[Block]) -> list[Block]:
    """Return the blocks from the first to the last one of the article; images elsewhere on the page are not its own."""
    if not body:
        return []
    first, last = shown.index(body[0]), shown.index(body[-1])
    return list(shown[max(0, first - 1) : last + 1])


def _images(
    pairs: Sequence[tuple[Block, BlockLabel]], captions: Sequence[Image], base: str, shown: Container[Block]
) -> tuple[Image, ...]:
    """Return the images. A caption joins the image before it; without one it becomes an image without a URL."""
    images: list[Image] = []
    unused, known = list(captions), set[str]()
    for block, label in pairs:
        for tag in block.images if block in shown else ():
            url = image_link(tag.source, base)
            if url and not tag.is_tracking_pixel and url not in known:
                known.add(url)
                images.append(Image(url, caption=tag.alt))
        if label.label == "caption" and unused:
            caption = unused.pop(0)
            if images and not images[-1].credit:
                images[-1] = Image(images[-1].url, caption.caption or images[-1].caption, caption.credit)
            else:
                images.append(caption)
    return tuple(images + unused)
