"""Parsing of feed documents, new items, OPML and feed URLs."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import SettingsError, UnreadableError
from streams.records import Item
from workers.poller.formats import ParsedFeed, parse_feed
from workers.poller.new_items import find_new_items, without_items
from workers.poller.opml import read_opml, write_opml
from workers.poller.registry import FeedState, validate_feed_url

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
URL = "https://a.example/feed"


def parsed(body: str | bytes, content_type: str = "") -> ParsedFeed:
    data = body.encode() if isinstance(body, str) else body
    return parse_feed(data, URL, content_type=content_type, fetched_at=NOW)


def channel(items: str, extra: str = "") -> str:
    return f'<?xml version="1.0"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:media="http://search.yahoo.com/mrss/"><channel><title>C &amp; D</title><link>https://a.example/</link>{extra}{items}</channel></rss>'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "empty"),
        (b"  \n ", "empty"),
        (b"<!DOCTYPE html><html><body>Hello</body></html>", "an HTML page, not a feed"),
        (b'{"a": 1}', "JSON, but no feed"),
        (b'{"version": "https://jsonfeed.org/version/1.1"}', "without a list of items"),
        (b'{"version": ', "broken JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"<?xml version='1.0'?><rss><channel><title>Half", "broken rss"),
        (b"just text", "not a feed"),
        (b"\x00\xff\xfe" * 50, "not a feed"),
    ],
)
def test_parse_feed_error_names_the_document(body: bytes, message: str) -> None:
    with pytest.raises(UnreadableError, match=message):
        parsed(body)


def test_truncated_feed_gives_items_before_the_end() -> None:
    complete = channel(
        "<item><title>1</title><link>https://a.example/1</link></item><item><title>2</title><link>https://a.example/2</link></item>"
    )
    feed = parsed(complete[: complete.index("<title>2")])
    assert feed.items[0].title == "1"
    assert feed.warning


def test_feed_without_items_is_valid() -> None:
    assert parsed(channel("")).items == ()


def test_item_fields_of_rss() -> None:
    feed = parsed(
        channel(
            "<item><title>A &lt;b&gt;B&lt;/b&gt; &amp;amp; C</title><link>https://a.example/1?utm_source=rss</link><guid>g</guid>"
            "<author>ida@example.org (Ida Marrow)</author><category>World</category><category>World</category>"
            "<pubDate>Mon, 05 Jan 2026 12:00:00 +0200</pubDate><description>Short</description>"
            "<content:encoded><![CDATA[<p>Long</p>]]></content:encoded>"
            '<enclosure url="https://a.example/a.mp3" type="audio/mpeg" length="12"/>'
            '<media:thumbnail url="https://a.example/t.jpg"/></item>',
            "<language>en-GB</language>",
        )
    )
    [item] = feed.items
    assert (item.title, item.identity_key, item.link) == (
        "A B & C",
        "a.example/1",
        "https://a.example/1?utm_source=rss",
    )
    assert (item.authors, item.categories, item.publisher) == (("Ida Marrow",), ("World",), "C & D")
    assert item.published == NOW
    assert item.updated is None
    assert item.content[0].value == "<p>Long</p>"
    assert item.summary is not None
    assert item.enclosures[0].length == 12
    assert (item.image_url, item.language) == ("https://a.example/t.jpg", "en-GB")


def test_item_markup_is_unchanged() -> None:
    [item] = parsed(
        channel(
            '<item><link>https://a.example/1</link><description>&lt;a href="/x" onclick="y()"&gt;z&lt;/a&gt;</description></item>'
        )
    ).items
    assert item.summary is not None
    assert item.summary.value == '<a href="/x" onclick="y()">z</a>'


def test_items_with_shared_link_are_identified_by_guid() -> None:
    items = "".join(
        f"<item><title>{n}</title><link>https://a.example/live</link><guid isPermaLink='false'>{n}</guid></item>"
        for n in range(3)
    )
    assert len({i.identity_key for i in parsed(channel(items)).items}) == 3


def test_front_page_link_does_not_identify_item() -> None:
    items = "<item><title>x</title><link>https://a.example/</link><guid isPermaLink='false'>7</guid></item>"
    assert parsed(channel(items)).items[0].identity_key == f"{URL}#7"


def test_invalid_date_is_none() -> None:
    [item] = parsed(
        channel("<item><link>https://a.example/1</link><pubDate>Mon, 99 Foo 99999 99:99:99</pubDate></item>")
    ).items
    assert item.published is None


@given(st.binary(max_size=300))
def test_parse_feed_of_random_bytes_never_crashes(data: bytes) -> None:
    try:
        parsed(b"<rss version='2.0'><channel>" + data)
    except UnreadableError:
        pass


def test_find_new_items_returns_new_and_changed() -> None:
    def item(n: int, digit: str) -> Item:
        return Item(feed=URL, identity_key=f"k{n}", fetched_at=NOW, fingerprint=digit * 16)

    first = find_new_items([item(1, "a"), item(2, "a")], b"")
    assert len(first.items) == 2
    second = find_new_items([item(1, "a"), item(2, "b"), item(3, "a")], first.known_items)
    assert [i.identity_key for i in second.items] == ["k2", "k3"]
    assert find_new_items([item(3, "a")], second.known_items).items == ()
    assert len(find_new_items([item(4, "a"), item(4, "a"), item(4, "b")], b"").items) == 2


def test_items_without_their_names_are_new_again() -> None:
    items = [Item(feed=URL, identity_key=f"k{n}", guid=f"g{n}", fetched_at=NOW, fingerprint="a" * 16) for n in range(3)]
    known_items = find_new_items(items, b"").known_items
    after = without_items(known_items, items[1:2])
    assert find_new_items(items, after).items == (items[1],)
    assert without_items(known_items, []) == known_items


def test_opml_roundtrip(tmp_path: Path) -> None:
    feeds = [
        FeedState("https://a.example/f?x=1&y=2", "News", title='A "quoted" <title>'),
        FeedState("https://b.example/f"),
    ]
    path = tmp_path / "f.opml"
    path.write_text(write_opml(feeds), "utf-8")
    assert sorted(read_opml(path)) == sorted((f.url, f.folder) for f in feeds)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a readable OPML"),
        ("<opml><body/></opml>", "contains no feed"),
        ("<html>", "not a readable OPML"),
        ('<!DOCTYPE o [<!ENTITY a "b">]><opml/>', "entities"),
    ],
)
def test_opml_error_names_the_file(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.opml"
    path.write_text(text)
    with pytest.raises(UnreadableError, match=message) as caught:
        read_opml(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "url", ["", "a.example/feed", "ftp://a.example/f", "file:///etc/passwd", "https://", "javascript:x"]
)
def test_feed_url_validation(url: str) -> None:
    with pytest.raises(SettingsError, match="not an http or https URL"):
        validate_feed_url(url)


@pytest.mark.parametrize(
    ("links", "description"),
    [
        (("https://a.example/1", "https://a.example/2"), "links"),
        (("https://a.example/1", "https://a.example/2", "https://a.example/"), "links; 1 items by guid"),
        (("https://a.example/", "https://a.example/"), "guids"),
        ((), "links"),
    ],
)
def test_feed_identity_basis(links: tuple[str, ...], description: str) -> None:
    items = "".join(
        f"<item><title>{n}</title><link>{link}</link><guid>{n}</guid></item>" for n, link in enumerate(links)
    )
    assert parsed(channel(items)).identity.startswith(description)


def test_renamed_items_are_not_new() -> None:
    def items(*names: int) -> list[Item]:
        return [
            Item(feed="f", identity_key=f"f#{n}", guid=str(n), fetched_at=NOW, fingerprint=f"{n % 10:x}" * 16)
            for n in names
        ]

    first = find_new_items(items(1, 2, 3, 4), b"")
    renamed = find_new_items(items(11, 12, 13, 15), first.known_items)  # item 15 has another text
    assert [item.guid for item in renamed.items] == ["15"]
    assert renamed.is_renamed
    assert find_new_items(items(21, 22, 23, 25), renamed.known_items).items == ()
    repeated = find_new_items(items(1, 2, 3, 4, 11, 12), first.known_items)
    assert [item.guid for item in repeated.items] == ["11", "12"], "few items with a known text are new"
    assert not repeated.is_renamed
