"""The contract of every format in FORMATS: selection, fields of items, damaged documents, repeated parsing."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest

from streams.errors import UnreadableError
from tests.contract.formats.samples import SAMPLES, Sample
from workers.poller.discovery import COMMON_PATHS
from workers.poller.feed_links import FEED_TYPES
from workers.poller.formats import ACCEPT, FORMATS, FeedFormat, ParsedFeed, parse_feed
from workers.poller.formats.to_item import MAX_ITEMS

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
URL = "https://courier.example/feed"
EXPECTED: tuple[Mapping[str, Any], ...] = (
    {
        "identity_key": "courier.example/world/1", "link": "https://courier.example/world/1?utm_source=feed",
        "canonical_url": "https://courier.example/world/1", "guid": "tag:courier.example,2026:1", "title": "Ferry & tide",
        "authors": ("Ida Marrow",), "published": datetime(2026, 1, 5, 8, tzinfo=UTC), "categories": ("World",),
        "publisher": "The Lanthe Courier", "text": "<p>The ferry sank.</p>",
    },
    {
        "identity_key": "courier.example/world/2", "link": "https://courier.example/world/2",
        "canonical_url": "https://courier.example/world/2", "guid": "tag:courier.example,2026:2", "title": "Salt",
        "authors": ("Tomas Velk",), "published": datetime(2026, 1, 5, 10, tzinfo=UTC), "categories": (),
        "publisher": "The Lanthe Courier", "text": "<p>Salt is short.</p>",
    },
)  # fmt: skip
NO_FEEDS = {
    "empty": b"",
    "blank": b" \r\n\xef\xbb\xbf",
    "text": b"just text",
    "binary": b"\x00\xff\xfe\x01" * 64,
    "HTML page": b"<!DOCTYPE html><html><head><title>Courier</title></head><body><p>Salt</p></body></html>",
    "other JSON": b'{"a": [1]}',
    "other XML": b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'><g/></svg>",
    "deep JSON": b"[" * 100_000,
    "deep XML": b"<a>" * 100_000,
}
samples = pytest.mark.parametrize(
    ("name", "sample"), [(name, s) for name, entries in SAMPLES.items() for s in entries.values()],
    ids=[f"{name}-{variant}" for name, entries in SAMPLES.items() for variant in entries],
)  # fmt: skip
formats = pytest.mark.parametrize("feed_format", FORMATS, ids=lambda f: name_of(f))


def name_of(feed_format: FeedFormat) -> str:
    assert isinstance(feed_format, ModuleType)
    return feed_format.__name__.rpartition(".")[2]


def parsed(body: bytes) -> ParsedFeed:
    return parse_feed(body, URL, fetched_at=NOW)


def parsed_or_error(body: bytes) -> ParsedFeed | str:
    """Return the feed or the error message; any other exception fails the test."""
    try:
        return parsed(body)
    except UnreadableError as exc:
        assert exc.code
        return str(exc)


def test_every_format_has_a_sample() -> None:
    assert set(SAMPLES) == {name_of(f) for f in FORMATS}


@samples
def test_format_matches_exclusively(name: str, sample: Sample) -> None:
    """Only the last format, which reads every document, may match the documents of others."""
    matching = [name_of(f) for f in FORMATS if f.matches(sample.document, "")]
    assert matching in ([name, name_of(FORMATS[-1])], [name])


@pytest.mark.parametrize("body", [b"\x00\xff", b"just text", b"<a/>", b"<html></html>"])
def test_only_last_format_matches_other_documents(body: bytes) -> None:
    assert [f for f in FORMATS if f.matches(body, "")] == [FORMATS[-1]]


@samples
def test_format_maps_fields(name: str, sample: Sample) -> None:
    items = parsed(sample.document).items
    assert len(items) == len(EXPECTED)
    for item, expected in zip(items, EXPECTED, strict=True):
        texts = [content.value for content in (*item.content, item.summary) if content]
        actual = {key: getattr(item, key, "") for key in expected} | {"text": texts[0] if texts else ""}
        actual["published"] = item.published or item.updated  # dc:date of RDF is a date without further meaning
        omitted = dict.fromkeys(sample.without)
        assert {**actual, **omitted} == {**expected, **omitted}
        assert (item.feed, item.fetched_at) == (URL, NOW)


@samples
def test_format_is_idempotent(name: str, sample: Sample) -> None:
    first = parsed(sample.document)
    for entries in SAMPLES.values():
        for other in entries.values():
            parsed_or_error(other.document[:-40])
    assert parsed(sample.document) == first


@pytest.mark.parametrize("body", NO_FEEDS.values(), ids=NO_FEEDS)
def test_other_document_gives_clear_error(body: bytes) -> None:
    message = parsed_or_error(body)
    assert isinstance(message, str)
    assert len(message) > 10


@samples
def test_truncated_document_gives_error_or_first_items(name: str, sample: Sample) -> None:
    titles = [item.title for item in parsed(sample.document).items]
    for end in range(0, len(sample.document), 7):
        feed = parsed_or_error(sample.document[:end])
        if isinstance(feed, ParsedFeed):
            complete = [item.title for item in feed.items][:-1]  # the last item may be cut
            assert complete == titles[: len(complete)]


@samples
def test_document_cut_in_second_item_is_salvaged(name: str, sample: Sample) -> None:
    end = sample.document.index(b"Salt")
    feed = parsed_or_error(sample.document[:end])
    if sample.salvaged:
        assert isinstance(feed, ParsedFeed)
        assert feed.items[0].title == EXPECTED[0]["title"]
        assert feed.warning
    else:
        assert isinstance(feed, str)


@samples
def test_deep_nesting_gives_clear_error(name: str, sample: Sample) -> None:
    message = parsed_or_error(sample.nested)
    assert isinstance(message, str)
    assert len(message) < 1_000


@samples
def test_damaged_bytes_never_crash(name: str, sample: Sample) -> None:
    numbers = random.Random(0)
    for _ in range(200):
        body = bytearray(sample.document)
        for _ in range(numbers.randint(1, 12)):
            body[numbers.randrange(len(body))] = numbers.randrange(256)
        feed = parsed_or_error(bytes(body))
        assert isinstance(feed, str) or len(feed.items) <= MAX_ITEMS


@formats
def test_format_constants_reach_their_users(feed_format: FeedFormat) -> None:
    assert set(feed_format.MEDIA_TYPES) <= FEED_TYPES
    assert all(media_type in ACCEPT for media_type in feed_format.MEDIA_TYPES)
    assert set(feed_format.PATHS) <= set(COMMON_PATHS)
    assert feed_format.WARM_UP
    for body in feed_format.WARM_UP:
        parsed_or_error(body)
