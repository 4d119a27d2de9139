"""Cases from public bug reports: the inputs are in ../shared/cases, the expected values are in our tests.

Each test module holds a table: case → expected values. Both XML readers must return them.
"""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from streams.records import Article, Item, MessageId
from workers.desk.article import clean_item, to_article
from workers.poller.formats import ParsedFeed, parse_feed

FETCHED_AT = datetime(2026, 11, 26, 11, 21, 42, tzinfo=UTC)
FEED_URL = "https://quarry.example/blog/feed.xml"


def case_folder(shared: Path, case: str) -> Path:
    """Return the folder of a case by its number. Skips where the case is held back."""
    folders = sorted((shared / "cases").glob(f"{case}-*"))
    if not folders:
        pytest.skip(f"case {case} isn't in ../shared")
    return folders[0]


def parse_case(
    shared: Path, case: str, name: str = "feed.xml", content_type: str = "", url: str = FEED_URL
) -> ParsedFeed:
    """Return the feed in file *name* of a case. Both XML readers must return the same."""
    return parse_both((case_folder(shared, case) / name).read_bytes(), content_type, url)


def parse_both(body: bytes, content_type: str = "", url: str = FEED_URL) -> ParsedFeed:
    """Return the feed in *body*, after a comparison of both XML readers."""
    fast, slow = (
        parse_feed(body, url, content_type=content_type, fetched_at=FETCHED_AT, use_expat=use_expat)
        for use_expat in (True, False)
    )
    assert fast == slow
    return fast


def article_of(item: Item) -> Article:
    """Return the article that the desk makes of *item*."""
    return to_article(item, clean_item(item), id_="0", revision=1, source=MessageId("copydesk.items", 0, 0))


def fields(item: Item, *names: str) -> tuple[object, ...]:
    """Return the values of *names*; times as `2026-01-02T03:04:05`."""
    values = (msgspec.structs.asdict(item)[name] for name in names)
    return tuple(value.strftime("%Y-%m-%dT%H:%M:%S") if isinstance(value, datetime) else value for value in values)
