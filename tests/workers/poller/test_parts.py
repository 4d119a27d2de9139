from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import SettingsError, UnreadableError
from streams.records import Item
from workers.poller.formats.feedparser_xml import ParsedFeed, parse_feed
from workers.poller.new_items import find_new_items, most_renamed
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
    ("body", "says"),
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
def test_what_is_no_feed_is_refused_in_words(body: bytes, says: str) -> None:
    with pytest.raises(UnreadableError, match=says):
        parsed(body)


def test_a_feed_that_breaks_off_gives_what_is_before_the_break() -> None:
    whole = channel(
        "<item><title>1</title><link>https://a.example/1</link></item><item><title>2</title><link>https://a.example/2</link></item>"
    )
    feed = parsed(whole[: whole.index("<title>2")])
    assert feed.items[0].title == "1"
    assert feed.warning


def test_an_empty_feed_is_a_feed() -> None:
    assert parsed(channel("")).items == ()


def test_an_item_in_full() -> None:
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


def test_markup_is_left_alone_for_the_cleaner() -> None:
    [item] = parsed(
        channel(
            '<item><link>https://a.example/1</link><description>&lt;a href="/x" onclick="y()"&gt;z&lt;/a&gt;</description></item>'
        )
    ).items
    assert item.summary is not None
    assert item.summary.value == '<a href="/x" onclick="y()">z</a>'


def test_items_that_share_a_link_are_told_apart_by_guid() -> None:
    items = "".join(
        f"<item><title>{n}</title><link>https://a.example/live</link><guid isPermaLink='false'>{n}</guid></item>"
        for n in range(3)
    )
    assert len({i.identity_key for i in parsed(channel(items)).items}) == 3


def test_a_link_to_the_front_page_is_no_identity() -> None:
    items = "<item><title>x</title><link>https://a.example/</link><guid isPermaLink='false'>7</guid></item>"
    assert parsed(channel(items)).items[0].identity_key == f"{URL}#7"


def test_a_date_out_of_this_world_is_none() -> None:
    [item] = parsed(
        channel("<item><link>https://a.example/1</link><pubDate>Mon, 99 Foo 99999 99:99:99</pubDate></item>")
    ).items
    assert item.published is None


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_parser(data: bytes) -> None:
    try:
        parsed(b"<rss version='2.0'><channel>" + data)
    except UnreadableError:
        pass


def test_news_is_what_is_new_or_changed() -> None:
    def item(n: int, print_: str) -> Item:
        return Item(feed=URL, identity_key=f"k{n}", fetched_at=NOW, fingerprint=print_ * 16)

    first, known = find_new_items([item(1, "a"), item(2, "a")], b"")
    assert len(first) == 2
    news, known = find_new_items([item(1, "a"), item(2, "b"), item(3, "a")], known)
    assert [i.identity_key for i in news] == ["k2", "k3"]
    assert find_new_items([item(3, "a")], known)[0] == []
    assert len(find_new_items([item(4, "a"), item(4, "a"), item(4, "b")], b"")[0]) == 2


def test_opml_out_and_in_again(tmp_path: Path) -> None:
    feeds = [
        FeedState("https://a.example/f?x=1&y=2", "News", title='A "quoted" <title>'),
        FeedState("https://b.example/f"),
    ]
    path = tmp_path / "f.opml"
    path.write_text(write_opml(feeds), "utf-8")
    assert sorted(read_opml(path)) == sorted((f.url, f.folder) for f in feeds)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a readable OPML"),
        ("<opml><body/></opml>", "no feed in it"),
        ("<html>", "not a readable OPML"),
        ('<!DOCTYPE o [<!ENTITY a "b">]><opml/>', "entities"),
    ],
)
def test_a_bad_opml_is_refused_by_name(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.opml"
    path.write_text(text)
    with pytest.raises(UnreadableError, match=says) as refused:
        read_opml(path)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    "url", ["", "a.example/feed", "ftp://a.example/f", "file:///etc/passwd", "https://", "javascript:x"]
)
def test_what_is_no_url_is_no_feed(url: str) -> None:
    with pytest.raises(SettingsError, match="not an http or https URL"):
        validate_feed_url(url)


@pytest.mark.parametrize(
    ("links", "says"),
    [
        (("https://a.example/1", "https://a.example/2"), "links"),
        (("https://a.example/1", "https://a.example/2", "https://a.example/"), "links; 1 items by guid"),
        (("https://a.example/", "https://a.example/"), "guids"),
        ((), "links"),
    ],
)
def test_what_a_feed_s_items_are_known_by(links: tuple[str, ...], says: str) -> None:
    items = "".join(
        f"<item><title>{n}</title><link>{link}</link><guid>{n}</guid></item>" for n, link in enumerate(links)
    )
    assert parsed(channel(items)).identity.startswith(says)


def test_items_under_new_names_are_no_news_when_most_are() -> None:
    def items(*names: int) -> list[Item]:
        return [
            Item(feed="f", identity_key=f"f#{n}", guid=str(n), fetched_at=NOW, fingerprint=f"{n % 10:x}" * 16)
            for n in names
        ]

    _, known = find_new_items(items(1, 2, 3, 4), b"")
    news, after = find_new_items(items(11, 12, 13, 15), known)  # 15 has a text of its own
    assert [item.guid for item in news] == ["15"]
    assert most_renamed(items(11, 12, 13, 15), known)
    assert find_new_items(items(21, 22, 23, 25), after)[0] == []
    few, _ = find_new_items(items(1, 2, 3, 4, 11, 12), known)
    assert [item.guid for item in few] == ["11", "12"], "a few repeats of a text are items of their own"
    assert not most_renamed(items(1, 2, 3, 4, 11, 12), known)
