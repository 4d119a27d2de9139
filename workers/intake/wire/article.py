"""An article of a news agency, independent of its format."""

import re
from typing import NamedTuple

BY = re.compile(r"\A\s*(?:by|par|por|von|di|af|av|door)\s+", re.IGNORECASE)
CANCELLED = frozenset({"canceled", "cancelled", "withdrawn", "withheld", "killed"})  # NewsML-G2 pubstatus, NITF, ninjs


class WireArticle(NamedTuple):
    """Fields as the agency wrote them. Times are texts. `html` or `text` has the body.

    `status`: `usable`, or one of CANCELLED. `media_type`: `text`, `picture` and others.
    """

    id: str = ""
    version: str = ""
    headline: str = ""
    slug: str = ""
    byline: str = ""
    dateline: str = ""
    html: str = ""
    text: str = ""
    summary: str = ""
    published: str = ""
    updated: str = ""
    embargoed_until: str = ""
    urgency: str = ""
    subjects: tuple[str, ...] = ()
    language: str = ""
    provider: str = ""
    status: str = "usable"
    note: str = ""
    url: str = ""
    media_type: str = "text"

    @property
    def is_withdrawn(self) -> bool:
        return self.status.lower() in CANCELLED


_DATELINE_END = re.compile(r"(?: ?\([^()]{1,40}\))? ?[-–—_]{0,2} ?\Z")
_TIME_START = re.compile(r"\A(?:\d|[^\W\d_]{3,9}\.? \d{1,2}, \d{4})")


def clean_dateline(text: str) -> str:
    """Return the place of a dateline without agency and dash; "" for a date or time."""
    text = single_spaced(text)[:200]
    return "" if _TIME_START.match(text) else _DATELINE_END.sub("", text)


def single_spaced(text: str) -> str:
    """Return *text* with each run of white space as one space."""
    return " ".join(text.split())


def unique(texts: list[str]) -> tuple[str, ...]:
    """Return the distinct texts that are not empty, in order."""
    return tuple(dict.fromkeys(filter(None, map(single_spaced, texts))))
