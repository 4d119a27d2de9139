"""Parse photo credits, bylines and the credit lines of agencies."""

import re

from workers.clean.rules.bylines import BRACKETED_CREDIT_PART, CAPTIONS, CREDIT_PART, NEXT_CREDIT

_BYLINE_END = re.compile(
    r"(?<!\s)\s++(?:[|•·–—]\s+|(?:in|for|at)\s+(?=[A-Z]))|"
    r",\s+(?=(?:[A-Za-z][\w.]{1,20} ){0,2}(?i:correspondent|reporter|editor|staff|writer|producer))"
)
_NAME_SEPARATOR = re.compile(r"[,&;]|(?<!\s)\s++(?:and|et|und|y|e|en|ve|и)\s+")


def _caption_parts(*, in_head: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the parts of which each lower-case line with a credit has one: for all lines, and for ASCII lines."""
    parts = {part for _, anywhere, own in CAPTIONS if anywhere or in_head for part in own}
    shortest = tuple(sorted(part for part in parts if not any(other in part for other in parts - {part})))
    return shortest, tuple(filter(str.isascii, shortest))


_CAPTION_PARTS = (_caption_parts(in_head=False), _caption_parts(in_head=True))


def split_credit(text: str) -> tuple[str, str]:
    """Return the text and the credit of a caption; the credit may be empty."""
    match = match_caption(text)
    return (match["caption"].strip(), match["credit"].strip()) if match is not None else (text, "")


def match_caption(text: str, *, in_head: bool = True) -> re.Match[str] | None:
    """Return the match of a caption with a credit. *in_head*: more patterns apply."""
    lower = text.lower()
    all_parts, ascii_parts = _CAPTION_PARTS[in_head]
    if not any(map(lower.__contains__, ascii_parts if lower.isascii() else all_parts)):
        return None
    for pattern, applies_anywhere, parts in CAPTIONS:
        if (applies_anywhere or in_head) and any(map(lower.__contains__, parts)):
            match = pattern.fullmatch(text)
            if match is not None:
                return match
    return None


def parse_byline(byline: str) -> tuple[str, ...]:
    """Return the names in the text after "By"."""
    names = _NAME_SEPARATOR.split(_BYLINE_END.split(byline)[0])
    return tuple(n.strip(" .") for n in names if n.strip(" ."))


def agency_credit(text: str) -> str:
    """Return the credit line of an agency without its brackets; empty for any other text.

    Without brackets it needs two roles: a sentence can begin with "Reporting by".
    """
    is_bracketed = text.startswith(("(", "（")) and text.endswith((")", "）", ").", "）."))
    line = text.rstrip(".")[1:-1].strip() if is_bracketed else text
    pattern = BRACKETED_CREDIT_PART if is_bracketed else CREDIT_PART
    if pattern.match(line) is None:
        return ""
    parts = NEXT_CREDIT.split(line)
    return line if (is_bracketed or len(parts) > 1) and all(map(pattern.fullmatch, parts)) else ""
