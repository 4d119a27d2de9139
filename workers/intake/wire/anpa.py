"""ANPA 1312 text messages, as American agencies send them: SYN SYN SOH header, STX text, ETX.

Source: ANPA Technical Report 84-2, "1312 transmission format".
"""

import re
from collections.abc import Sequence

from workers.intake.wire.article import WireArticle, single_spaced
from workers.text.encoding import decode

_START = re.compile(rb"\A[\s\x16]{0,10}\x16\x16\x01")
_SERVICE_LEVEL = re.compile(r"\A(\S{1,30})\s{0,9}\x1f?\S{0,30}\s{1,9}([a-z]) ([a-z])\b", re.IGNORECASE)
_DATELINE = re.compile(r"\A\s*([A-ZÀ-Þ][^()\n]{1,60}?) \((\w[^()\n]{0,19})\) ?[-–—_]{1,2} ")
_LEAD = re.compile(r"(\d{1,3})(?:st|nd|rd|th)Ld")
_WORDS = re.compile(r",\s*\d+\Z")
_NOTE = re.compile(r"\A(?:Eds?\b|EDITOR'?S? NOTE|AP (?:Photo|Video|Graphic)|With\b)", re.IGNORECASE)
_ROLE = re.compile(r"\b(?:Press|Writer|Correspondent|News|Editor|Service|Reporter|Columnist)s?\b")
_CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32)])
_URGENCY = {
    "f": "1",
    "b": "2",
    "u": "3",
    "r": "4",
    "d": "5",
    "a": "6",
    "s": "7",
}


def matches(head: bytes) -> bool:
    """Return whether *head* begins with SYN SYN SOH."""
    return bool(_START.match(head))


def read(data: bytes) -> Sequence[WireArticle]:
    """Return the article of the message."""
    text = decode(data).replace("\r\n", "\n").replace("\r", "\n")
    head, _, rest = text.partition("\x01")[2].partition("\x02")
    body = rest.partition("\x03")[0]
    heads, body_text = _split(body)
    headline, byline, note, slug = _fields(heads)
    level, dateline = _SERVICE_LEVEL.match(head), _DATELINE.match(body_text)
    return [
        WireArticle(
            id=slug or single_spaced(head), headline=headline, slug=slug, byline=byline, note=note,
            dateline=dateline[1] if dateline else "", text=_paragraphs(body_text),
            provider=dateline[2] if dateline else _provider(heads),
            urgency=_URGENCY.get(level[2].lower(), "") if level else "", version=_version(head),
        )
    ]  # fmt: skip


def _split(body: str) -> tuple[list[str], str]:
    """Return the heads, each of which begins with ^ and ends with < or =, and the body text."""
    heads: list[str] = []
    lines = body.split("\n")
    while lines and (not lines[0].strip() or lines[0].lstrip().startswith("^")):
        line = lines.pop(0).strip()
        if line:
            heads.append(line.removeprefix("^"))
    return heads, "\n".join(lines)


def _fields(heads: list[str]) -> tuple[str, str, str, str]:
    """Return headline, byline, note to editors and slug. The first head is the slug with the number of words."""
    slug = _WORDS.sub("", heads[0].rstrip("<=").strip()) if heads else ""
    titles: list[str] = []
    notes: list[str] = []
    bylines: list[str] = []
    for head in heads[1:]:
        text = head.rstrip("<=").strip()
        if _NOTE.match(text):
            notes.append(text)
        elif text.lower().startswith("by ") or (bylines and head.endswith("=") and _ROLE.search(text)):
            bylines.append(text)
        else:
            titles.append(text)
    return (titles[0] if titles else slug), ", ".join(bylines), " ".join(notes), slug


def _provider(heads: list[str]) -> str:
    return next(("AP" for head in heads if "Associated Press" in head), "")


def _version(head: str) -> str:
    """Return the write-through or lead number in the version of the keyword line."""
    match = _LEAD.search(head)
    return match[1] if match else ""


def _paragraphs(text: str) -> str:
    """Return the paragraphs, each on one line; a line that begins with white space begins a paragraph."""
    lines = (line.rstrip("<=").translate(_CONTROLS).lstrip("^") for line in text.split("\n"))
    return "\n\n".join(filter(None, (single_spaced(line.replace("``", "“").replace("''", "”")) for line in lines)))
