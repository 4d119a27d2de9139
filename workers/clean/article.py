"""The cleaner: a story in, whatever it came in; its structure out, and what was taken away with the reason.

    text, HTML or page ──▶ blocks ──▶ labels ──▶ keep or remove ──▶ Copy

Pure: nothing here knows where a story came from or where it goes.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from streams.records import Image, Removed
from workers.clean.blocks import (
    Block,
    comparable,
    drop_invisible,
    html_blocks,
    parse_html,
    plain,
    text_blocks,
    wrap_runs,
)
from workers.clean.clutter import DATELINE, TRACKING_PIXEL
from workers.clean.html import paragraphs_html, sanitised
from workers.clean.label import STORY_BLOCK_COST, Labeller, Verdict, word_count
from workers.clean.links import clean_link
from workers.clean.page import Metadata, page_metadata, story_root

WORDS_PER_MINUTE = 238  # mean silent reading of English non-fiction (Brysbaert 2019, a review of 190 studies)
HTML_MARK = re.compile(
    r"<(?:!doctype|html|head|body|p|div|a|br|img|span|ul|ol|table|b|i|strong|em|h[1-6]|figure)\b[^>]*>", re.IGNORECASE
)
PAGE_MARK = re.compile(r"<(?:!doctype|html|head|body)\b", re.IGNORECASE)
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
    publisher: str = ""
    language: str = ""
    source_credit: str = ""
    images: tuple[Image, ...] = ()
    text: tuple[str, ...] = ()
    html: str = ""
    word_count: int = 0
    reading_minutes: int = 0
    removed: tuple[Removed, ...] = ()


def sniff(data: str) -> str:
    """Return what *data* is: `page`, `html` or `text`."""
    if PAGE_MARK.search(data[:4096]):
        return "page"
    return "html" if HTML_MARK.search(data[:65536]) else "text"


def clean(data: str, kind: str = "auto", *, title: str = "", url: str = "") -> Copy:
    """Return the clean copy of *data*, a story as `text` (a line a block), `html` (a feed's) or whole `page`.

    *title* is the headline where it is known from elsewhere; *url* resolves relative links. Never raises on any text.
    """
    kind = sniff(data) if kind == "auto" else kind
    if kind == "text":
        return _clean_text(data, title)
    if kind == "page":
        return _clean_page(data, title, url)
    return _clean_html(data, title, url)


def _clean_text(data: str, title: str) -> Copy:
    blocks = text_blocks(data)
    labeller = Labeller(blocks, plain(title), whole_page=not title)
    labeller.run()
    return _assemble(labeller, html=None)


def _clean_html(data: str, title: str, url: str) -> Copy:
    root = parse_html(data)
    drop_invisible(root)
    pixels = _drop_pixels(root)
    wrap_runs(root)
    labeller = Labeller(html_blocks(root, url), plain(title))
    labeller.run()
    return _assemble(labeller, html=root, base=url, also_removed=pixels)


def _clean_page(data: str, title: str, url: str) -> Copy:
    document = parse_html(data, page=True)
    metadata = page_metadata(document, url)
    drop_invisible(document)
    _drop_pixels(document)
    wrap_runs(document)
    root = story_root(document)
    blocks = html_blocks(root, url)
    labeller = Labeller(blocks, plain(title) or metadata.title, whole_page=True, block_cost=STORY_BLOCK_COST)
    labeller.run()
    return _with_metadata(_assemble(labeller, html=root, base=url), metadata)


def _with_metadata(copy: Copy, metadata: Metadata) -> Copy:
    """Fill what the visible text didn't say; metadata is never trusted over it for the body."""
    return msgspec.structs.replace(
        copy,
        canonical_url=metadata.canonical_url,
        title=copy.title or metadata.title,
        byline=copy.byline or metadata.byline,
        published=copy.published or metadata.published,
        publisher=metadata.publisher,
        language=metadata.language,
        images=copy.images or ((Image(metadata.image),) if metadata.image else ()),
    )


def _assemble(labeller: Labeller, html: Any, base: str = "", also_removed: Sequence[Removed] = ()) -> Copy:
    head, pairs = labeller.head, list(zip(labeller.blocks, labeller.verdicts, strict=True))
    kept = [b for b, v in pairs if not v.removed and b.text]
    text = tuple(b.text for b in kept)
    words = sum(map(word_count, text))
    dateline = DATELINE.match(text[0]) if text else None
    images = _images(pairs, head.images, base)
    if html is not None:
        for block, verdict in pairs:
            if verdict.removed and block.element is not None and verdict.label != "caption":
                _drop(block.element)
    return Copy(
        title=head.title,
        dek=head.dek,
        kicker=head.kicker,
        byline=head.byline,
        dateline=dateline["dateline"].strip(" ,") if dateline else "",
        published=head.published,
        source_credit=head.source_credit,
        images=images,
        text=text,
        html=sanitised(html, base) if html is not None else paragraphs_html(text),
        word_count=words,
        reading_minutes=head.reading_minutes or (max(1, round(words / WORDS_PER_MINUTE)) if words else 0),
        removed=(*_removed(pairs), *also_removed),
    )


def _drop(element: Any) -> None:
    parent = element.getparent()
    if parent is None:
        return
    element.drop_tree()
    if parent.tag in ("li", "ul", "ol", "figure", "blockquote") and not len(parent) and not (parent.text or "").strip():
        _drop(parent)


def _images(pairs: Sequence[tuple[Block, Verdict]], captions: Sequence[Image], base: str) -> tuple[Image, ...]:
    """Return the pictures, each caption with the picture before it; captions alone where the pictures are unknown."""
    found: list[Image] = []
    waiting = list(captions)
    for block, verdict in pairs:
        for img in block.images if not verdict.removed or verdict.label == "caption" else ():
            url = clean_link(img.get("data-src") or img.get("data-original") or img.get("src") or "", base)
            if url and url not in {i.url for i in found}:
                found.append(Image(url, caption=plain(img.get("alt") or "")))
        if verdict.label == "caption" and waiting:
            caption = waiting.pop(0)
            if found and not found[-1].credit:
                found[-1] = Image(found[-1].url, caption.caption or found[-1].caption, caption.credit)
            else:
                found.append(caption)
    return tuple(found + waiting)


def _removed(pairs: Sequence[tuple[Block, Verdict]]) -> list[Removed]:
    """Return the audit: what left the story. Furniture that lives on in a field of its own isn't missing."""
    out: list[Removed] = []
    members: dict[int, list[Block]] = {}
    for block, verdict in pairs:
        if verdict.group >= 0:
            members.setdefault(verdict.group, []).append(block)
    done: set[int] = set()
    for n, (block, verdict) in enumerate(pairs):
        group = verdict.group if verdict.group >= 0 else n
        if not verdict.removed or group in done or verdict.removed.endswith(KEPT_APART):
            continue
        lines = members.get(group, [])
        if lines or verdict.label == "label":
            done.add(group)
            label = pairs[group][0].text if pairs[group][1].label == "label" else ""
            out.append(_removed_list(label, lines, pairs[group][1] if label else verdict))
        else:
            out.append(Removed(verdict.label, block.text, verdict.removed, links=block.links))
    return out


def _removed_list(label: str, lines: Sequence[Block], verdict: Verdict) -> Removed:
    text = "\n".join(b.text for b in lines)
    if not lines:
        return Removed("label", label, "a label above links that aren't here", label=label)
    reason = f"the label {label!r} and the {len(lines)} lines below it" if label else verdict.removed
    links = tuple(link for b in lines for link in b.links)
    return Removed("link block", text, reason, label=label, links=links)


def _drop_pixels(root: Any) -> list[Removed]:
    """Take tracking pixels out of the tree."""
    gone = []
    for img in list(root.iter("img")):
        src = img.get("src") or ""
        if TRACKING_PIXEL.search(src) or (img.get("width"), img.get("height")) in (("1", "1"), ("0", "0"), ("1", None)):
            gone.append(Removed("tracking pixel", src[:500], "an invisible picture that counts readers"))
            img.drop_tree()
    return gone


__all__ = ["Copy", "clean", "comparable", "sniff"]
