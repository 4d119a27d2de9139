"""The cleaner: a story in, whatever it came in; its structure out, and what was taken away with the reason.

    text, HTML or page ──▶ blocks ──▶ labels ──▶ keep or remove ──▶ Copy

Pure: nothing here knows where a story came from or where it goes.
"""

import re
from collections.abc import Container, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from streams.records import Image, Link, Removed
from workers.clean.blocks import MAX_BLOCKS, MAX_HTML_CHARS, Block, html_blocks, lists, parse_html, text_blocks
from workers.clean.clutter import DATELINE
from workers.clean.facts import Facts, line_key
from workers.clean.glued import unglued
from workers.clean.html import blocks_html, paragraphs_html
from workers.clean.label import Labeller, Opinion, Verdict
from workers.clean.links import clean_link, image_link
from workers.clean.page import Hints, Metadata, page_metadata
from workers.clean.text import plain

if TYPE_CHECKING:
    from workers.clean.model import Model

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
KEPT_APART = ("kept as such", "kept with its picture")


class Copy(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
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
    form: str = ""  # `live blog` or `gallery` where it is one
    publisher: str = ""
    language: str = ""
    source_credit: str = ""
    images: tuple[Image, ...] = ()
    text: tuple[str, ...] = ()
    html: str = ""
    word_count: int = 0
    reading_minutes: int = 0
    removed: tuple[Removed, ...] = ()
    steady: tuple[str, ...] = ()  # the text as it is whatever the stream has learned: what tells a revision


def sniff(data: str) -> str:
    """Return what *data* is: `page`, `html` or `text`."""
    if PAGE_MARK.search(data[:4096]):
        return "page"
    mark = HTML_MARK.search(data, 0, SNIFFED_CHARS)
    return "html" if mark and data.find(">", mark.end(), SNIFFED_CHARS) >= 0 else "text"


def clean(data: str, kind: str = "auto", *, title: str = "", url: str = "", facts: Facts | None = None) -> Copy:
    """Return the clean copy of *data*, a story as `text` (a line a block), `html` (a feed's) or whole `page`.

    *title* is the headline where it is known from elsewhere; *url* resolves relative links; *facts* is what the stream
    knows of the site. Never raises on any text.
    """
    return decide(draft(data, kind, title=title, url=url), facts)


class Draft(NamedTuple):
    """A story in blocks, not yet decided on."""

    kind: str
    blocks: list[Block]
    title: str = ""
    url: str = ""
    metadata: Metadata | None = None
    cut: tuple[Removed, ...] = ()  # what is too long to be looked at

    @property
    def keys(self) -> set[bytes]:
        """What to look up for `decide`: the keys of its lines."""
        return {key for block in self.blocks if (key := line_key(block.text))}


def draft(data: str, kind: str = "auto", *, title: str = "", url: str = "") -> Draft:
    """Return *data* in blocks; the arguments are those of `clean`."""
    kind = sniff(data) if kind == "auto" else kind
    if kind == "text":
        blocks = text_blocks(data[:MAX_HTML_CHARS])
        return Draft(kind, blocks, plain(title), cut=_cut(data, len(blocks)))
    root = parse_html(data, page=kind == "page")
    metadata = page_metadata(root, url) if kind == "page" else None
    blocks = html_blocks(root)
    title = plain(title) or (metadata.title if metadata else "")
    return Draft(kind, blocks, title, url, metadata, _cut(data, len(blocks)))


def _cut(data: str, blocks: int) -> tuple[Removed, ...]:
    """Return what tells that a document was too long to be read to its end."""
    if len(data) > MAX_HTML_CHARS:
        return (Removed("cut", "", f"only the first {MAX_HTML_CHARS:,} of {len(data):,} characters were read"),)
    return (Removed("cut", "", f"only the first {MAX_BLOCKS:,} blocks were read"),) if blocks >= MAX_BLOCKS else ()


def decide(draft: Draft, facts: Facts | None = None, model: "Model | None" = None) -> Copy:
    """Return the clean copy of a draft; *facts*: what the stream knows of its site; *model*: not the usual one."""
    copy, doubtful = _decided(draft, facts, model)
    if draft.kind == "html" and doubtful:
        copy = _settled(copy, draft, facts, model)
    return _with_metadata(copy, draft.metadata) if draft.metadata is not None else copy


def _decided(draft: Draft, facts: Facts | None, model: "Model | None") -> tuple[Copy, bool]:
    """Return the clean copy, and whether there is anything left in it that the model was asked about."""
    blocks, cut = unglued(draft.blocks)
    draft = draft._replace(blocks=blocks)
    whole = draft.kind == "page" or (draft.kind == "text" and not draft.title)
    doubted = _doubted(draft)
    opinions = [Opinion()] * len(blocks) if draft.kind == "html" or not doubted else _opinions(draft, doubted, model)
    labeller = Labeller(blocks, opinions, draft.title, facts=facts, whole_page=whole)
    labeller.run()
    # Most clutter of feeds goes by rule; the model is for the rest.
    if draft.kind == "html" and _left(labeller, doubted):
        labeller = Labeller(blocks, _opinions(draft, doubted, model), draft.title, facts=facts)
        labeller.run()
    return _assemble(labeller, draft, [*cut, *draft.cut]), _left(labeller, doubted)


def _left(labeller: Labeller, doubted: set[Block]) -> bool:
    pairs = zip(labeller.blocks, labeller.verdicts, strict=True)
    return any(not verdict.removed and block in doubted for block, verdict in pairs)


def _settled(copy: Copy, before: Draft, facts: Facts | None, model: "Model | None") -> Copy:
    """Return *copy* when cleaning it again takes nothing more, else what is left when it doesn't.

    What goes changes how its neighbours look: without this, a copy of a copy could lose more.
    """
    for _ in range(MAX_ROUNDS):
        again, _ = _decided(draft(copy.html, "html", title=before.title, url=before.url), facts, model)
        if len(again.text) >= len(copy.text):
            return copy
        left, had = set(again.text), set(copy.text)
        copy = msgspec.structs.replace(
            copy,
            text=again.text,
            html=again.html,
            steady=tuple(line for line in copy.steady if line in left or line not in had),
            word_count=again.word_count,
            removed=(*copy.removed, *again.removed),
        )
    return copy


def _doubted(draft: Draft) -> set[Block]:
    """Return what the model is asked about: all of a page or dump; of a feed's item, blocks that are mostly links.

    A feed's publisher chose each line of an item: without a link in it, it isn't for the model to doubt.
    """
    blocks = [block for block in draft.blocks if block.text]
    if draft.kind == "html":
        return {block for block in blocks if block.link_chars > MIN_LINK_SHARE * len(block.text)}
    return set() if draft.kind == "text" and (draft.title or len(blocks) < MIN_DUMP_LINES) else set(blocks)


def _opinions(draft: Draft, doubtful: set[Block], judge: "Model | None") -> list[Opinion]:
    """Return what the model says of the doubtful blocks; the others stay."""
    if judge is None:
        from workers.clean.model import model  # numpy costs memory: who never needs it doesn't pay for it

        judge = model(draft.kind)
    blocks = [block for block in draft.blocks if block.text]
    likely = dict(zip(blocks, judge.body(blocks, _hints(draft)), strict=True))
    out = [_opinion(judge, block, likely[block]) if block in doubtful else Opinion() for block in draft.blocks]
    if draft.kind == "page":
        _stay_together(judge, draft.blocks, out)
    if any(opinion.keep for opinion, block in zip(out, draft.blocks, strict=True) if block.text):
        return out
    best = max(likely.values())  # rather something than nothing of a page
    return [Opinion(o.p, keep=o.p > best / 2) for o in out]


def _stay_together(judge: "Model", blocks: Sequence[Block], opinions: list[Opinion]) -> None:
    """Let the items of a list or table stay or go as one: by themselves they are too short to be sure of."""
    for numbers in lists(blocks):
        p = sum(opinions[n].p for n in numbers) / len(numbers)
        keep = judge.keeps(p, sum(blocks[n].words for n in numbers))
        for n in numbers:
            opinions[n] = Opinion(opinions[n].p, keep)


def _hints(draft: Draft) -> Hints:
    page = draft.metadata
    return Hints(draft.title, page.story, page.description) if page else Hints(draft.title)


def _opinion(judge: "Model", block: Block, p: float) -> Opinion:
    return Opinion(p, judge.keeps(p, block.words))


def _with_metadata(copy: Copy, metadata: Metadata) -> Copy:
    """Fill what the visible text didn't say; metadata is never trusted over it for the body."""
    return msgspec.structs.replace(
        copy,
        canonical_url=metadata.canonical_url,
        title=copy.title or metadata.title,
        byline=copy.byline or metadata.byline,
        published=copy.published or metadata.published,
        updated=metadata.updated,
        kicker=copy.kicker or metadata.section,
        form=metadata.form or form_of(copy),
        publisher=metadata.publisher,
        language=metadata.language,
        images=copy.images or ((Image(metadata.image),) if metadata.image else ()),
    )


def form_of(copy: Copy) -> str:
    """Return `gallery` for a story that is told by its pictures."""
    many = len(copy.images) >= MIN_GALLERY_PICTURES
    return "gallery" if many and copy.word_count < GALLERY_WORDS * len(copy.images) else ""


def _assemble(labeller: Labeller, draft: Draft, also_removed: Sequence[Removed]) -> Copy:
    head, pairs = labeller.head, list(zip(labeller.blocks, labeller.verdicts, strict=True))
    kept = [b for b, v in pairs if not v.removed and b.text]
    text = tuple(b.text for b in kept)
    words = sum(b.words for b in kept)
    dateline = DATELINE.match(text[0][:MAX_DATELINE_CHARS]) if text else None
    shown = [b for b, v in pairs if not v.removed or v.label == "caption"]
    if draft.kind == "page":
        shown = _between(shown, kept)
    return Copy(
        title=head.title,
        dek=head.dek,
        kicker=head.kicker,
        byline=head.byline,
        dateline=dateline["dateline"].strip(" ,") if dateline else "",
        published=head.published,
        source_credit=head.source_credit,
        images=_images(pairs, head.images, draft.url, set(shown)),
        text=text,
        html=blocks_html(shown, draft.url) if draft.kind != "text" else paragraphs_html(text),
        word_count=words,
        reading_minutes=head.reading_minutes or (max(1, round(words / WORDS_PER_MINUTE)) if words else 0),
        removed=(*_removed(pairs, draft.url), *_pixels(draft), *also_removed),
        steady=tuple(b.text for b, v in pairs if b.text and (not v.removed or (v.label == "template" and v.known))),
    )


def _between(shown: Sequence[Block], kept: Sequence[Block]) -> list[Block]:
    """Return what of a page is shown from the first to the last block of its story: pictures elsewhere aren't its."""
    if not kept:
        return []
    first, last = shown.index(kept[0]), shown.index(kept[-1])
    return list(shown[max(0, first - 1) : last + 1])


def _images(
    pairs: Sequence[tuple[Block, Verdict]], captions: Sequence[Image], base: str, shown: Container[Block]
) -> tuple[Image, ...]:
    """Return the pictures, each caption with the picture before it; captions alone where the pictures are unknown."""
    found: list[Image] = []
    waiting = list(captions)
    for block, verdict in pairs:
        for picture in block.pictures if block in shown else ():
            url = image_link(picture.source, base)
            if url and not picture.pixel and url not in {i.url for i in found}:
                found.append(Image(url, caption=picture.alt))
        if verdict.label == "caption" and waiting:
            caption = waiting.pop(0)
            if found and not found[-1].credit:
                found[-1] = Image(found[-1].url, caption.caption or found[-1].caption, caption.credit)
            else:
                found.append(caption)
    return tuple(found + waiting)


def _removed(pairs: Sequence[tuple[Block, Verdict]], base: str) -> list[Removed]:
    """Return the audit: what left the story. Furniture that lives on in a field of its own isn't missing."""
    members: dict[int, list[Block]] = {}
    for block, verdict in pairs:
        if verdict.group >= 0:
            members.setdefault(verdict.group, []).append(block)
    out: list[Removed] = []
    outside: list[Block] = []
    for n, (block, verdict) in enumerate(pairs):
        if verdict.label == "template" and not verdict.known and verdict.removed:
            outside.append(block)
            continue
        if outside:
            out.append(_outside(outside))
            outside = []
        if verdict.removed and verdict.group in (-1, n) and not verdict.removed.endswith(KEPT_APART):
            out.append(_removed_one(n, block, verdict, members.get(n, []), base))
    return [*out, _outside(outside)] if outside else out


def _outside(blocks: Sequence[Block]) -> Removed:
    return Removed("template", "\n".join(b.text for b in blocks if b.text), "stands outside the story")


def _removed_one(n: int, block: Block, verdict: Verdict, members: Sequence[Block], base: str) -> Removed:
    if not members and verdict.label != "label":
        return Removed(verdict.label, block.text, verdict.removed, links=_links([block], base))
    if not members:
        return Removed("label", block.text, "a label above links that aren't here", label=block.text)
    label = block.text if verdict.label == "label" else ""
    reason = f"the label {label!r} and the {len(members)} lines below it" if label else verdict.removed
    return Removed("link block", "\n".join(b.text for b in members), reason, label=label, links=_links(members, base))


def _links(blocks: Sequence[Block], base: str) -> tuple[Link, ...]:
    return tuple(Link(url, words) for b in blocks for href, words in b.links if (url := clean_link(href, base)))


def _pixels(draft: Draft) -> list[Removed]:
    if draft.kind == "page":
        return []
    gone = [picture for block in draft.blocks for picture in block.pictures if picture.pixel]
    return [Removed("tracking pixel", p.source[:500], "an invisible picture that counts readers") for p in gone]


__all__ = ["Copy", "Draft", "clean", "decide", "draft", "sniff"]
