"""JSON Feed documents, and the choice of a format."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from workers.poller.formats import FORMATS, feedparser_xml, json_feed, parse_feed

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
JSON: dict[str, Any] = {
    "version": "https://jsonfeed.org/version/1.1", "title": "The Lanthe Courier", "home_page_url": "https://a.example/",
    "language": "en-GB", "authors": [{"name": "Ida Marrow"}], "hubs": [{"type": "WebSub", "url": "https://hub.example/"}],
    "items": [
        {"id": "1", "url": "https://a.example/1", "title": "One", "content_html": "<p>Text</p>", "content_text": "Text",
         "summary": "Short", "date_published": "2026-01-05T09:00:00+01:00", "tags": ["World", 3], "image": "https://a.example/i.jpg",
         "attachments": [{"url": "https://a.example/a.mp3", "mime_type": "audio/mpeg", "size_in_bytes": 12}]},
        {"id": 2, "content_text": "Only text", "author": {"name": "Tomas Velk"}},
        "nonsense",
    ],
}  # fmt: skip


def test_json_feed_fields() -> None:
    feed = parse_feed(json.dumps(JSON).encode(), "https://a.example/f", fetched_at=NOW)
    one, two = feed.items
    assert (feed.title, feed.language, feed.hub) == ("The Lanthe Courier", "en-GB", "https://hub.example/")
    assert (one.identity_key, one.title, one.authors, one.categories) == (
        "a.example/1",
        "One",
        ("Ida Marrow",),
        ("World", "3"),
    )
    assert one.published == datetime(2026, 1, 5, 8, tzinfo=UTC)
    assert (one.content[0].value, one.content[0].type) == ("<p>Text</p>", "text/html")
    assert (one.enclosures[0].length, one.image_url) == (12, "https://a.example/i.jpg")
    assert (two.guid, two.authors, two.content[0].type) == ("2", ("Tomas Velk",), "text/plain")


CLOUD, WEBSUB = {"type": "rssCloud", "url": "https://rc.example/"}, {"type": "WebSub", "url": "https://hub.example/"}


@pytest.mark.parametrize(
    ("hubs", "hub"),
    [
        ([CLOUD, WEBSUB], "https://hub.example/"),
        ([{"url": "https://other.example/"}, WEBSUB], "https://hub.example/"),
        ([CLOUD, {"type": "PubSubHubbub", "url": "https://push.example/"}], "https://push.example/"),
        ([{"type": " websub", "url": "https://low.example/"}], "https://low.example/"),
        ([CLOUD, {"url": "https://plain.example/"}], "https://plain.example/"),
        ([{"type": "WebSub"}, WEBSUB], "https://hub.example/"),
        ([CLOUD], ""),
        ([], ""),
    ],
)
def test_hub_is_that_of_websub(hubs: list[dict[str, str]], hub: str) -> None:
    body = json.dumps(JSON | {"hubs": hubs}).encode()
    assert parse_feed(body, "https://a.example/f", fetched_at=NOW).hub == hub


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"version": 1}', json_feed),
        (b"\xef\xbb\xbf \n[1]", json_feed),
        (b"<rss/>", feedparser_xml),
        (b"no feed", feedparser_xml),
    ],
)
def test_first_matching_format_parses(body: bytes, expected: Any) -> None:
    assert next(f for f in FORMATS if f.matches(body, "")) is expected
