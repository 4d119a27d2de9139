"""Wire stories to Items. Pure."""

import re
from datetime import datetime

from msgspec.structs import replace

from streams.records import Item
from workers.intake.pushed_items import to_item
from workers.intake.wire.story import BY, WireStory, squeeze
from workers.text.dates import parse_date

MAX_SLUG_CHARS = 300
_SEPARATOR = re.compile(r"[;,]| (?:and|und|et|y|e|og|ja) ")
_AGENCY = re.compile(r"\b(?:Press|Reuters|dpa|AFP|News|Correspondent|Writer|Agency|Online|Staff)\b")


def wire_item(story: WireStory, source: str, fetched_at: datetime) -> Item:
    """Return the item of *story*, identified by the agency's id within *source*.

    Raises:
        UnreadableError: the story has no headline, text or link.
    """
    body = {} if story.is_withdrawn else {"content_html": story.html} if story.html else {"content_text": story.text}
    row = {
        "id": story.id, "url": story.url, "title": story.headline, "summary": story.summary if not body else "",
        "authors": [{"name": name} for name in authors(story.byline)], "date_published": story.published,
        "date_modified": story.updated, "tags": list(story.subjects), "language": story.language,
        "publisher": story.provider, **body,
    }  # fmt: skip
    item = to_item(row, source, fetched_at)
    return replace(
        item, slug=story.slug[:MAX_SLUG_CHARS], urgency=int(story.urgency) if story.urgency in set("123456789") else 0,
        withdrawn=(story.note or f"status {story.status}") if story.is_withdrawn else "",
    )  # fmt: skip


def embargo(story: WireStory, now: datetime) -> datetime | None:
    """Return the time until which *story* must not be published, None if it may be published *now*."""
    until = parse_date(story.embargoed_until) if story.embargoed_until else None
    return until if until and until > now and not story.is_withdrawn else None


def authors(byline: str) -> list[str]:
    """Return the names of a byline such as "By Ida Marrow and Tom Reed, The Courier"; parts that name an agency go."""
    names = [name.strip() for name in _SEPARATOR.split(BY.sub("", squeeze(byline)))]
    people = [name for name in names if name and not _AGENCY.search(name)]
    return people or [name for name in names if name]
