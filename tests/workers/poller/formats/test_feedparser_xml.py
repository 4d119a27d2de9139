"""RSS, Atom and RDF documents: fields, limits, identity and errors."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import UnreadableError
from workers.poller.formats import ParsedFeed, parse_feed
from workers.poller.formats.to_item import MAX_CATEGORIES, MAX_ITEMS, MAX_TITLE_CHARS

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


def test_media_description_is_not_content() -> None:
    media = 'xmlns:media="http://search.yahoo.com/mrss/"'
    both = f"<rss version='2.0' {media}><channel><item><title>t</title><media:description>A picture</media:description><description>The story</description></item><item><title>u</title><media:group><media:description>Only this</media:description></media:group></item></channel></rss>"
    first, second = parse_feed(both.encode(), "https://a.example/f", fetched_at=NOW).items
    assert [first.summary and first.summary.value, first.content] == ["The story", ()]
    assert second.summary is not None
    assert second.summary.value == "Only this"


def test_items_beyond_limit_are_omitted_with_warning() -> None:
    items = "".join(f"<item><title>{n}</title><link>https://a.example/{n}</link></item>" for n in range(MAX_ITEMS + 30))
    feed = parse_feed(
        f"<rss version='2.0'><channel>{items}</channel></rss>".encode(), "https://a.example/f", fetched_at=NOW
    )
    assert len(feed.items) == MAX_ITEMS
    assert feed.warning == f"30 items beyond the first {MAX_ITEMS} were left out"


def test_long_fields_are_truncated() -> None:
    tags = "".join(f"<category>c{n}</category>" for n in range(20_000))
    guids = [f"<guid isPermaLink='false'>{'g' * 100_000}{n}</guid>" for n in range(2)]
    body = "".join(f"<item><title>{'T' * 5000}</title>{guid}{tags}</item>" for guid in guids)
    one, two = parse_feed(
        f"<rss version='2.0'><channel>{body}</channel></rss>".encode(), "https://a.example/f", fetched_at=NOW
    ).items
    assert len(one.title) == MAX_TITLE_CHARS
    assert one.title.endswith("T…")
    assert len(one.categories) == MAX_CATEGORIES
    assert one.identity_key != two.identity_key
    assert len(one.identity_key) < 300
