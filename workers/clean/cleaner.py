"""The cleaner: a story in, whatever it came in; its structure out, and what was taken away with the reason.

    text, HTML or page ──▶ blocks ──▶ labels ──▶ keep or remove ──▶ Copy

Pure: nothing here knows where a story came from or where it goes.
"""

import re
from collections.abc import Container, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from streams.records import Image, Link, RemovedBlock
from workers.clean.blocks import MAX_BLOCKS, MAX_HTML_CHARS, Block, html_blocks, list_members, parse_html, text_blocks
from workers.clean.labeller import BlockLabel, Labeller, Prediction
from workers.clean.metadata import KnownText, Metadata, extract_metadata
from workers.clean.render import blocks_html, paragraphs_html
from workers.clean.rules.patterns import DATELINE
from workers.clean.site_facts import SiteFacts, line_key
from workers.clean.trailing_prompts import split_trailing_prompts
from workers.text.normalise import plain_text
from workers.urls.tracking import clean_link, image_link

if TYPE_CHECKING:
    from workers.clean.model.model import Model

WORDS_PER_MINUTE = 238  # mean silent reading of English non-fiction (Brysbaert 2019, a review of 190 studies)
HTML_MARK = re.compile(
    r"<(?:!doctype|html|head|body|p|div|a|br|img|span|ul|ol|table|b|i|strong|em|h[1-6]|figure)\b", re.IGNORECASE
)
PAGE_MARK = re.compile(r"<(?:!doctype|html|head|body)\b", re.IGNORECASE)
SNIFFED_CHARS = 65_536
MAX_DATELINE_CHARS = 200  # of a paragraph's beginning, in which its dateline stands
MAX_ROUNDS = 8  # of cleaning what has just been cleaned; one is usual
MIN_DUMP_LINES = 4  # fewer are no page's dump, but a text
MIN_GALLERY_PICTURES, GALLERY_WORDS = 8, 40  # words a picture: a caption's length, not a story's
MIN_LINK_SHARE = 0.5  # of a feed item's block, for it to be doubted
FIELD_REASONS = ("kept as such", "kept with its picture")


class CleanedContent(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A cleaned story: the part of an Article that its text alone decides."""

    url: str = ""
    canonical_url: str = ""
    title: str = ""
    dek: str = ""
    kicker: str = ""
    byline: tuple[str, ...] = ()
    dateline: str = ""
    published: datetime | None = None
    updated: datetime | None = None
    article_type: str = ""  # `live blog` or `gallery` where it is one
    publisher: str = ""
    language: str = ""
    source_credit: str = ""
    images: tuple[Image, ...] = ()
    paragraphs: tuple[str, ...] = ()
    html: str = ""
    word_count: int = 0
    reading_minutes: int = 0
    removed: tuple[RemovedBlock, ...] = ()
    stable_lines: tuple[str, ...] = ()  # the text as it is whatever the stream has learned: what tells a revision


def detect_input_type(data: str) -> str:
    """Return what *data* is: `page`, `html` or `text`."""
    if PAGE_MARK.search(data[:4096]):
        return "page"
    mark = HTML_MARK.search(data, 0, SNIFFED_CHARS)
    return "html" if mark and data.find(">", mark.end(), SNIFFED_CHARS) >= 0 else "text"


def clean(
    data: str, kind: str = "auto", *, title: str = "", url: str = "", facts: SiteFacts | None = None
) -> CleanedContent:
    """Return the clean copy of *data*, a story as `text` (a line a block), `html` (a feed's) or whole `page`.

    *title* is the headline where it is known from elsewhere; *url* resolves relative links; *facts* is what the stream
    knows of the site. Never raises on any text.
    """
    return clean_blocks(to_blocks(data, kind, title=title, url=url), facts)


class BlockDocument(NamedTuple):
    """A story in blocks, not yet decided on."""

    input_type: str
    blocks: list[Block]
    title: str = ""
    url: str = ""
    metadata: Metadata | None = None
    truncated: tuple[RemovedBlock, ...] = ()  # what is too long to be looked at

    @property
    def line_keys(self) -> set[bytes]:
        """What to look up for `decide`: the keys of its lines."""
        return {key for block in self.blocks if (key := line_key(block.text))}


def to_blocks(data: str, kind: str = "auto", *, title: str = "", url: str = "") -> BlockDocument:
    """Return *data* in blocks; the arguments are those of `clean`."""
    kind = detect_input_type(data) if kind == "auto" else kind
    if kind == "text":
        blocks = text_blocks(data[:MAX_HTML_CHARS])
        return BlockDocument(kind, blocks, plain_text(title), truncated=_cut(data, len(blocks)))
    root = parse_html(data, page=kind == "page")
    metadata = extract_metadata(root, url) if kind == "page" else None
    blocks = html_blocks(root)
    title = plain_text(title) or (metadata.title if metadata else "")
    return BlockDocument(kind, blocks, title, url, metadata, _cut(data, len(blocks)))


def _cut(data: str, blocks: int) -> tuple[RemovedBlock, ...]:
    """Return what tells that a document was too long to be read to its end."""
    if len(data) > MAX_HTML_CHARS:
        return (RemovedBlock("cut", "", f"only the first {MAX_HTML_CHARS:,} of {len(data):,} characters were read"),)
    return (RemovedBlock("cut", "", f"only the first {MAX_BLOCKS:,} blocks were read"),) if blocks >= MAX_BLOCKS else ()


def clean_blocks(draft: BlockDocument, facts: SiteFacts | None = None, model: "Model | None" = None) -> CleanedContent:
    """Return the clean copy of a draft; *facts*: what the stream knows of its site; *model*: not the usual one."""
    copy, doubtful = _clean_once(draft, facts, model)
    if draft.input_type == "html" and doubtful:
        copy = _clean_until_stable(copy, draft, facts, model)
    return _with_metadata(copy, draft.metadata) if draft.metadata is not None else copy


def _clean_once(draft: BlockDocument, facts: SiteFacts | None, model: "Model | None") -> tuple[CleanedContent, bool]:
    """Return the clean copy, and whether there is anything left in it that the model was asked about."""
    blocks, cut = split_trailing_prompts(draft.blocks)
    draft = draft._replace(blocks=blocks)
    whole = draft.input_type == "page" or (draft.input_type == "text" and not draft.title)
    doubted = _uncertain_blocks(draft)
    opinions = (
        [Prediction()] * len(blocks) if draft.input_type == "html" or not doubted else _predict(draft, doubted, model)
    )
    labeller = Labeller(blocks, opinions, draft.title, facts=facts, whole_page=whole)
    labeller.run()
    # Most clutter of feeds goes by rule; the model is for the rest.
    if draft.input_type == "html" and _has_uncertain(labeller, doubted):
        labeller = Labeller(blocks, _predict(draft, doubted, model), draft.title, facts=facts)
        labeller.run()
    return _assemble(labeller, draft, [*cut, *draft.truncated]), _has_uncertain(labeller, doubted)


def _has_uncertain(labeller: Labeller, doubted: set[Block]) -> bool:
    pairs = zip(labeller.blocks, labeller.labels, strict=True)
    return any(not verdict.reason and block in doubted for block, verdict in pairs)


def _clean_until_stable(
    copy: CleanedContent, before: BlockDocument, facts: SiteFacts | None, model: "Model | None"
) -> CleanedContent:
    """Return *copy* when cleaning it again takes nothing more, else what is left when it doesn't.

    What goes changes how its neighbours look: without this, a copy of a copy could lose more.
    """
    for _ in range(MAX_ROUNDS):
        again, _ = _clean_once(to_blocks(copy.html, "html", title=before.title, url=before.url), facts, model)
        if len(again.paragraphs) >= len(copy.paragraphs):
            return copy
        left, had = set(again.paragraphs), set(copy.paragraphs)
        copy = msgspec.structs.replace(
            copy,
            paragraphs=again.paragraphs,
            html=again.html,
            stable_lines=tuple(line for line in copy.stable_lines if line in left or line not in had),
            word_count=again.word_count,
            removed=(*copy.removed, *again.removed),
        )
    return copy


def _uncertain_blocks(draft: BlockDocument) -> set[Block]:
    """Return what the model is asked about: all of a page or dump; of a feed's item, blocks that are mostly links.

    A feed's publisher chose each line of an item: without a link in it, it isn't for the model to doubt.
    """
    blocks = [block for block in draft.blocks if block.text]
    if draft.input_type == "html":
        return {block for block in blocks if block.link_chars > MIN_LINK_SHARE * len(block.text)}
    return set() if draft.input_type == "text" and (draft.title or len(blocks) < MIN_DUMP_LINES) else set(blocks)


def _predict(draft: BlockDocument, doubtful: set[Block], judge: "Model | None") -> list[Prediction]:
    """Return what the model says of the doubtful blocks; the others stay."""
    if judge is None:
        from workers.clean.model.model import load_default  # numpy costs memory: who never needs it doesn't pay for it

        judge = load_default(draft.input_type)
    blocks = [block for block in draft.blocks if block.text]
    likely = dict(zip(blocks, judge.predict(blocks, _hints(draft)), strict=True))
    out = [_opinion(judge, block, likely[block]) if block in doubtful else Prediction() for block in draft.blocks]
    if draft.input_type == "page":
        _vote_by_list(judge, draft.blocks, out)
    if any(opinion.keep for opinion, block in zip(out, draft.blocks, strict=True) if block.text):
        return out
    best = max(likely.values())  # rather something than nothing of a page
    return [Prediction(o.probability, keep=o.probability > best / 2) for o in out]


def _vote_by_list(judge: "Model", blocks: Sequence[Block], opinions: list[Prediction]) -> None:
    """Let the items of a list or table stay or go as one: by themselves they are too short to be sure of."""
    for numbers in list_members(blocks):
        p = sum(opinions[n].probability for n in numbers) / len(numbers)
        keep = judge.should_keep(p, sum(blocks[n].words for n in numbers))
        for n in numbers:
            opinions[n] = Prediction(opinions[n].probability, keep)


def _hints(draft: BlockDocument) -> KnownText:
    page = draft.metadata
    return KnownText(draft.title, page.article_body, page.description) if page else KnownText(draft.title)


def _opinion(judge: "Model", block: Block, p: float) -> Prediction:
    return Prediction(p, judge.should_keep(p, block.words))


def _with_metadata(copy: CleanedContent, metadata: Metadata) -> CleanedContent:
    """Fill what the visible text didn't say; metadata is never trusted over it for the body."""
    return msgspec.structs.replace(
        copy,
        canonical_url=metadata.canonical_url,
        title=copy.title or metadata.title,
        byline=copy.byline or metadata.byline,
        published=copy.published or metadata.published,
        updated=metadata.updated,
        kicker=copy.kicker or metadata.section,
        article_type=metadata.article_type or detect_gallery(copy),
        publisher=metadata.publisher,
        language=metadata.language,
        images=copy.images or ((Image(metadata.image),) if metadata.image else ()),
    )


def detect_gallery(copy: CleanedContent) -> str:
    """Return `gallery` for a story that is told by its pictures."""
    many = len(copy.images) >= MIN_GALLERY_PICTURES
    return "gallery" if many and copy.word_count < GALLERY_WORDS * len(copy.images) else ""


def _assemble(labeller: Labeller, draft: BlockDocument, also_removed: Sequence[RemovedBlock]) -> CleanedContent:
    head, pairs = labeller.head, list(zip(labeller.blocks, labeller.labels, strict=True))
    kept = [b for b, v in pairs if not v.reason and b.text]
    text = tuple(b.text for b in kept)
    words = sum(b.words for b in kept)
    dateline = DATELINE.match(text[0][:MAX_DATELINE_CHARS]) if text else None
    shown = [b for b, v in pairs if not v.reason or v.label == "caption"]
    if draft.input_type == "page":
        shown = _within_story(shown, kept)
    return CleanedContent(
        title=head.title,
        dek=head.dek,
        kicker=head.kicker,
        byline=head.byline,
        dateline=dateline["dateline"].strip(" ,") if dateline else "",
        published=head.published,
        source_credit=head.source_credit,
        images=_images(pairs, head.images, draft.url, set(shown)),
        paragraphs=text,
        html=blocks_html(shown, draft.url) if draft.input_type != "text" else paragraphs_html(text),
        word_count=words,
        reading_minutes=head.reading_minutes or (max(1, round(words / WORDS_PER_MINUTE)) if words else 0),
        removed=(*_removed(pairs, draft.url), *_pixels(draft), *also_removed),
        stable_lines=tuple(
            b.text for b, v in pairs if b.text and (not v.reason or (v.label == "template" and v.by_history))
        ),
    )


def _within_story(shown: Sequence[Block], kept: Sequence[Block]) -> list[Block]:
    """Return what of a page is shown from the first to the last block of its story: pictures elsewhere aren't its."""
    if not kept:
        return []
    first, last = shown.index(kept[0]), shown.index(kept[-1])
    return list(shown[max(0, first - 1) : last + 1])


def _images(
    pairs: Sequence[tuple[Block, BlockLabel]], captions: Sequence[Image], base: str, shown: Container[Block]
) -> tuple[Image, ...]:
    """Return the pictures, each caption with the picture before it; captions alone where the pictures are unknown."""
    found: list[Image] = []
    waiting = list(captions)
    for block, verdict in pairs:
        for picture in block.images if block in shown else ():
            url = image_link(picture.source, base)
            if url and not picture.is_tracking_pixel and url not in {i.url for i in found}:
                found.append(Image(url, caption=picture.alt))
        if verdict.label == "caption" and waiting:
            caption = waiting.pop(0)
            if found and not found[-1].credit:
                found[-1] = Image(found[-1].url, caption.caption or found[-1].caption, caption.credit)
            else:
                found.append(caption)
    return tuple(found + waiting)


def _removed(pairs: Sequence[tuple[Block, BlockLabel]], base: str) -> list[RemovedBlock]:
    """Return the audit: what left the story. Furniture that lives on in a field of its own isn't missing."""
    members: dict[int, list[Block]] = {}
    for block, verdict in pairs:
        if verdict.list_start >= 0:
            members.setdefault(verdict.list_start, []).append(block)
    out: list[RemovedBlock] = []
    outside: list[Block] = []
    for n, (block, verdict) in enumerate(pairs):
        if verdict.label == "template" and not verdict.by_history and verdict.reason:
            outside.append(block)
            continue
        if outside:
            out.append(_outside(outside))
            outside = []
        if verdict.reason and verdict.list_start in (-1, n) and not verdict.reason.endswith(FIELD_REASONS):
            out.append(_removed_one(n, block, verdict, members.get(n, []), base))
    return [*out, _outside(outside)] if outside else out


def _outside(blocks: Sequence[Block]) -> RemovedBlock:
    return RemovedBlock("template", "\n".join(b.text for b in blocks if b.text), "stands outside the story")


def _removed_one(n: int, block: Block, verdict: BlockLabel, members: Sequence[Block], base: str) -> RemovedBlock:
    if not members and verdict.label != "label":
        return RemovedBlock(verdict.label, block.text, verdict.reason, links=_links([block], base))
    if not members:
        return RemovedBlock("label", block.text, "a label above links that aren't here", label=block.text)
    label = block.text if verdict.label == "label" else ""
    reason = f"the label {label!r} and the {len(members)} lines below it" if label else verdict.reason
    return RemovedBlock(
        "link block", "\n".join(b.text for b in members), reason, label=label, links=_links(members, base)
    )


def _links(blocks: Sequence[Block], base: str) -> tuple[Link, ...]:
    return tuple(Link(url, words) for b in blocks for href, words in b.links if (url := clean_link(href, base)))


def _pixels(draft: BlockDocument) -> list[RemovedBlock]:
    if draft.input_type == "page":
        return []
    gone = [picture for block in draft.blocks for picture in block.images if picture.is_tracking_pixel]
    return [RemovedBlock("tracking pixel", p.source[:500], "an invisible picture that counts readers") for p in gone]


__all__ = ["BlockDocument", "CleanedContent", "clean", "clean_blocks", "detect_input_type", "to_blocks"]
