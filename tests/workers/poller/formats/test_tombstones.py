"""Tombstones of Atom feeds (RFC 6721)."""

from datetime import UTC, datetime

import pytest

from streams.records import Item
from workers.poller.feed_update import to_update
from workers.poller.formats import ParsedFeed, parse_feed
from workers.poller.formats.tombstones import DEFAULT_REASON, guid_keys, read_tombstones, resolve

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
URL = "https://news.example/feed.atom"
FEED = (
    '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:at="http://purl.org/atompub/tombstones/1.0"><title>News</title>{}'
    "</feed>"
)
ENTRY = (
    "<entry><id>{id}</id><title>Canal reopens</title><updated>{updated}</updated>"
    '<link href="https://news.example/canal"/><summary>The salt canal is open.</summary></entry>'
)
ID = "tag:news.example,2026:canal"
LIVING = ENTRY.format(id=ID, updated="2026-11-26T08:00:00Z")
TOMBSTONE = '<at:deleted-entry ref="{}" when="2026-11-26T10:00:00Z">{}</at:deleted-entry>'
COMMENT = "<at:by><name>Desk</name></at:by><at:comment>Published\n by mistake</at:comment>"


def parsed(content: str) -> ParsedFeed:
    return parse_feed(FEED.format(content).encode(), URL, fetched_at=NOW)


def only(feed: ParsedFeed) -> Item:
    [item] = feed.items
    return item


def test_tombstone_becomes_a_withdrawn_item() -> None:
    item = only(parsed(TOMBSTONE.format(ID, COMMENT)))
    assert (item.withdrawn, item.guid, item.link) == ("Published by mistake", ID, "")
    assert item.identity_key == f"{URL}#{ID}"
    assert only(parsed(TOMBSTONE.format(ID, ""))).withdrawn == DEFAULT_REASON


@pytest.mark.parametrize(
    "tombstone",
    [
        TOMBSTONE.format("https://news.example/canal?utm_source=feed", ""),
        TOMBSTONE.format(ID, '<link xmlns="http://www.w3.org/2005/Atom" href="/canal"/>'),
    ],
)
def test_tombstone_has_the_identity_of_its_link(tombstone: str) -> None:
    assert only(parsed(tombstone)).identity_key == only(parsed(LIVING)).identity_key == "news.example/canal"


def test_guids_of_earlier_documents_identify_the_entry() -> None:
    keys = parsed(LIVING).guid_keys
    assert keys == {ID: "news.example/canal"}
    [item] = resolve(parsed(TOMBSTONE.format(ID, "")).items, keys)
    assert item.identity_key == "news.example/canal"
    assert guid_keys([item]) == {}


def test_later_of_entry_and_tombstone_counts() -> None:
    assert only(parsed(LIVING + TOMBSTONE.format(ID, ""))).withdrawn
    restored = ENTRY.format(id=ID, updated="2026-11-26T11:00:00Z")
    assert only(parsed(TOMBSTONE.format(ID, "") + restored)).withdrawn == ""


def test_tombstone_is_new_once() -> None:
    first = to_update(parsed(LIVING), b"")
    withdrawn = to_update(parsed(TOMBSTONE.format(ID, COMMENT)), first.known_items)
    assert [item.withdrawn for item in withdrawn.new_items] == ["Published by mistake"]
    again = to_update(parsed(TOMBSTONE.format(ID, COMMENT)), withdrawn.known_items)
    assert (again.new_items, again.unchanged) == ((), 1)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        FEED.format("<entry>" + TOMBSTONE.format(ID, "") + "</entry>").encode(),  # not below the feed
        FEED.format('<at:deleted-entry when="2026-11-26T10:00:00Z"/>').encode(),  # without the entry's id
        FEED.format(TOMBSTONE.format("x" * 5_000, "")).encode(),
        b'<!DOCTYPE feed [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
        + FEED.format(TOMBSTONE.format(ID, "&b;")).encode(),
        b'{"purl": "http://purl.org/atompub/tombstones/1.0"}',
    ],
)
def test_other_documents_have_no_tombstones(body: bytes) -> None:
    assert read_tombstones(body) == []


def test_tombstones_before_an_error_are_read() -> None:
    body = FEED.format(TOMBSTONE.format(ID, COMMENT) + "<entry>").encode()
    assert [tombstone.ref for tombstone in read_tombstones(body)] == [ID]
