"""IPTC 7901 text messages: SOH header, STX text, ETX. Source: IPTC Recommendation 7901."""

import re
from collections.abc import Sequence

from workers.intake.wire.article import WireArticle, single_spaced
from workers.text.encoding import decode

SOH, STX, ETX = "\x01", "\x02", "\x03"
_START = re.compile(rb"\A\s{0,10}\x01\w{1,20} ?\w{0,20}")
_HEADER = re.compile(r"\A(\S+)[ \t]+(\d)[ \t]+(\S+)")
_DATELINE = re.compile(r"\A\s*([A-ZÀ-Þ][^().\n]{1,60}?)(?:,[^()\n]{1,30})? \(([^()\n]{2,20})\)\s{0,3}[-–—_]{1,2} ")
# Notes to editors begin here.
_NOTEBOOK = re.compile(
    r"^[ \t]{0,9}(?:#{1,9}[ \t]{0,9}\w{1,20}[ \t]{1,9}NOTEBOOK|\* \* \* \*|_{5,99}|-{5,99})[ \t]{0,9}$",
    re.IGNORECASE | re.MULTILINE,
)
_GAP = re.compile(r"\n[ \t]{0,99}\n|\n(?=[ \t]{2})")  # an empty line, or an indented first line
_TIME = re.compile(r"(\d{2})(\d{2})(\d{2}) ?(GMT|UTC|Z)? ?([A-Z][a-z]{2})\.? ?(\d{2,4})")
_LEAD = re.compile(r"\A(?:\d+(?:st|nd|rd|th) )?(?:LEAD|ADD|UPDATE|EXTRA|URGENT|ROUNDUP|CORRECTION)\b", re.IGNORECASE)


def matches(head: bytes) -> bool:
    """Return whether *head* begins with SOH and a header."""
    return bool(_START.match(head)) and b"\x02" in head


def read(data: bytes) -> Sequence[WireArticle]:
    """Return the article of the message."""
    text = decode(data).replace("\r\n", "\n").replace("\r", "\n")
    head, _, rest = text.partition(SOH)[2].partition(STX)
    body, _, tail = rest.partition(ETX)
    header_line, _, slug = head.strip().partition("\n")
    title, byline, body_text = _split(body)
    match, dateline = _HEADER.match(header_line), _DATELINE.match(body_text)
    return [
        WireArticle(
            id=single_spaced(header_line), headline=title, slug=single_spaced(slug).rstrip("/"), byline=byline,
            dateline=dateline[1] if dateline else "", text=_paragraphs(body_text), published=_time(tail),
            urgency=match[2] if match else "", provider=dateline[2] if dateline else "",
        )
    ]  # fmt: skip


def _split(body: str) -> tuple[str, str, str]:
    """Return headline, byline and body text. The headline ends with " =", or at the first empty line."""
    head, mark, body_text = body.partition("=\n")
    if not mark or head.count("\n") > 8:
        head, _, body_text = body.strip().partition("\n\n")
    lines = [line.strip() for line in head.strip().splitlines() if line.strip()]
    byline = lines.pop().rstrip("= ") if len(lines) > 1 and lines[-1].lower().startswith("by ") else ""
    lines = lines[1:] if len(lines) > 1 and _LEAD.match(lines[0]) else lines
    return single_spaced(" ".join(lines)).rstrip("= "), byline, _NOTEBOOK.split(body_text, maxsplit=1)[0]


def _paragraphs(text: str) -> str:
    """Return the paragraphs, each on one line, with an empty line between them."""
    blocks = _GAP.split(text)
    return "\n\n".join(filter(None, map(single_spaced, blocks)))


def _time(tail: str) -> str:
    """Return the time after ETX; "" if there is none. `131137 GMT Nov 26` gives `13 Nov 2026 11:37 GMT`."""
    match = _TIME.search(tail)
    if not match:
        return ""
    day, hour, minute, _, month, year = match.groups()
    return f"{day} {month} {year if len(year) == 4 else f'20{year}'} {hour}:{minute} GMT"
