"""The fast and the slow reader of feeds, side by side."""

from datetime import UTC, datetime

from streams.records import Item
from workers.poller.formats import parse_feed

FETCHED_AT = datetime(2026, 11, 27, 9, tzinfo=UTC)


def read_by_both(body: str, url: str) -> tuple[Item, ...]:
    """Return the items of a document, which must be equal for both readers."""
    fast, slow = (parse_feed(body.encode(), url, fetched_at=FETCHED_AT, use_expat=flag).items for flag in (True, False))
    assert fast == slow
    return fast
