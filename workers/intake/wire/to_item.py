"""Wire articles to Items. Pure."""

import re
from datetime import datetime

from msgspec.structs import replace

from streams.records import Item
from workers.intake.pushed_items import to_item
from workers.intake.wire.article import BY, WireArticle, single_spaced
from workers.text.dates import parse_date

MAX_SLUG_CHARS = 300
_SEPARATOR = re.compile(r"[;,]| (?:and|und|et|y|e|og|ja) ")
_AGENCY = re.compile(r"\b(?:Press|Reuters|dpa|AFP|News|Correspondent|Writer|Agency|Online|Staff)\b")


def wire_item(article: WireArticle, source: str, fetched_at: datetime) -> Item:
    """Return the item of *article*, identified by the agency's id within *source*.

    Raises:
        UnreadableError: the article has no headline, text or link.
    """
    body = (
        {}
        if article.is_withdrawn
        else {"content_html": article.html}
        if article.html
        else {"content_text": article.text}
    )
    row = {
        "id": article.id, "url": article.url, "title": article.headline, "summary": article.summary if not body else "",
        "authors": [{"name": name} for name in authors(article.byline)], "date_published": article.published,
        "date_modified": article.updated, "tags": list(article.subjects), "language": article.language,
        "publisher": article.provider, **body,
    }  # fmt: skip
    item = to_item(row, source, fetched_at)
    return replace(
        item, slug=article.slug[:MAX_SLUG_CHARS],
        urgency=int(article.urgency) if article.urgency in set("123456789") else 0,
        withdrawn=(article.note or f"status {article.status}") if article.is_withdrawn else "",
    )  # fmt: skip


def embargo(article: WireArticle, now: datetime) -> datetime | None:
    """Return the time until which *article* must not be published, None if it may be published *now*."""
    until = parse_date(article.embargoed_until) if article.embargoed_until else None
    return until if until and until > now and not article.is_withdrawn else None


def authors(byline: str) -> list[str]:
    """Return the names of a byline such as "By Ida Marrow and Tom Reed, The Courier"; parts that name an agency go."""
    names = [name.strip() for name in _SEPARATOR.split(BY.sub("", single_spaced(byline)))]
    people = [name for name in names if name and not _AGENCY.search(name)]
    return people or [name for name in names if name]
