"""Differences for the terminal: an article before and after cleaning, and the changed words of a revision. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from streams.records import Article, RemovedBlock
from workers.dedupe.diff import DiffOp, diff, diff_paragraphs
from workers.text.normalise import plain_text

KEPT_PARAGRAPHS = 2
MAX_LINKS = 6
CONTEXT_WORDS = 6
KEPT, DELETED, INSERTED, NOTE = "kept", "deleted", "inserted", "note"


class Span(NamedTuple):
    """A piece of a line with its role: KEPT, DELETED, INSERTED or NOTE."""

    text: str
    role: str


Line = Sequence[Span]


def cleaning_lines(article: Article, width: int) -> list[Line]:
    """Return the article's first paragraphs, then each removed block with the reason."""
    kept = [_line(paragraph, width, KEPT) for paragraph in article.paragraphs[:KEPT_PARAGRAPHS]]
    if more := len(article.paragraphs) - KEPT_PARAGRAPHS:
        kept += [_line(f"… {more} more paragraphs", width, NOTE)] if more > 0 else []
    return kept + [line for block in article.removed for line in _block_lines(block, width)]


def _block_lines(block: RemovedBlock, width: int) -> Iterable[Line]:
    headlines = [link.text for link in block.links if link.text and link.text != block.label]
    texts = [block.label, *(headlines or block.text.splitlines())]
    reason = f"  ({plain_text(block.reason)})"
    first, *others = [text for text in dict.fromkeys(texts) if text.strip()] or ["(empty)"]
    yield Span(cut_text(first, width - len(reason)), DELETED), Span(reason, NOTE)
    for text in others[:MAX_LINKS]:
        yield (Span(cut_text(f"  {plain_text(text)}", width), DELETED),)
    if len(others) > MAX_LINKS:
        yield _line(f"… {len(others) - MAX_LINKS} more", width, NOTE)


def revision_lines(before: Article, after: Article) -> list[Line]:
    """Return the title and the paragraphs with changed words. Long unchanged parts are cut."""
    lines = [diff([before.title], [after.title]), *diff_paragraphs(before.paragraphs, after.paragraphs)]
    return [_changed_line(operations) for operations in lines if any(op != "=" for op, _ in operations)]


def _changed_line(operations: Sequence[DiffOp]) -> Line:
    """Return the changed words of a line, with a few unchanged words around them."""
    spans: list[Span] = []
    for n, (op, text) in enumerate(operations):
        words = plain_text(text).split()
        if op == "=":
            context = (words[:CONTEXT_WORDS] if n else []) if len(words) > 2 * CONTEXT_WORDS else words
            tail = words[-CONTEXT_WORDS:] if n < len(operations) - 1 and len(words) > 2 * CONTEXT_WORDS else []
            gap = ["…"] if len(words) > 2 * CONTEXT_WORDS else []
            spans.append(Span(" ".join((*context, *gap, *tail)), KEPT))
        else:
            spans.append(Span(" ".join(words), DELETED if op == "-" else INSERTED))
    return spans


def _line(text: str, width: int, role: str) -> Line:
    return (Span(cut_text(text, width), role),)


def cut_text(text: str, width: int) -> str:
    """Return *text* in at most *width* characters, with an ellipsis where it is cut."""
    indent = "  " if text.startswith("  ") else ""
    text = indent + plain_text(text)
    return text if len(text) <= width else text[: max(1, width - 1)] + "…"
