"""Entries of feeds in public bug reports: images, dates, names, titles, ill-formed documents. Both readers read each."""

from datetime import UTC, datetime

import pytest

from streams.records import Item
from workers.dedupe.identity import article_id
from workers.desk.feed_articles import feed_articles
from workers.poller.formats import ParsedFeed, parse_feed
from workers.poller.formats.ill_formed import ill_formed_error, with_known_references

URL = "https://mill.example/feed.xml"
NAMESPACES = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" '
    'xmlns:media="http://search.yahoo.com/mrss/" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"'
)
TEXT = "The millers met at the granary on Sunday evening to settle the price of flour, the guild said."


def read(document: str, url: str = URL) -> ParsedFeed:
    """Return the feed in *document*, which both readers read in the same way."""
    now = datetime(2026, 11, 26, 12, tzinfo=UTC)
    fast, slow = (parse_feed(document.encode(), url, fetched_at=now, use_expat=expat) for expat in (True, False))
    assert fast.items == slow.items
    assert fast.title == slow.title
    return fast


def rss(item: str, channel: str = "") -> Item:
    start = f"<rss version='2.0' {NAMESPACES}><channel><title>Mill</title>{channel}<item><link>/1</link>"
    return read(f"{start}{item}</item></channel></rss>").items[0]


@pytest.mark.parametrize(
    ("item", "image"),
    [
        ("<enclosure url='/p.jpg' length='0'/>", "https://mill.example/p.jpg"),
        ("<enclosure url='/p.jpg?w=1' type='jpg'/>", "https://mill.example/p.jpg?w=1"),
        ("<enclosure url='/p.mp3' length='0'/>", ""),
        ("<image>https://mill.example/p.jpg</image>", "https://mill.example/p.jpg"),
        ("<image><url>/p.jpg</url><title>A gate</title><link>/2</link></image>", "https://mill.example/p.jpg"),
        ("<image url='/p.jpg'/>", "https://mill.example/p.jpg"),
        ("<image></image>", ""),
        (
            "<media:content url='https://1.gravatar.com/avatar/1?s=96' medium='image'/><media:thumbnail url='/p.jpg'/>",
            "https://mill.example/p.jpg",  # FreshRSS#1920
        ),
    ],
)
def test_image_of_item_is_found(item: str, image: str) -> None:
    read_item = rss(f"<title>Flour</title>{item}")
    assert (read_item.image_url, read_item.title, read_item.link) == (image, "Flour", "https://mill.example/1")


@pytest.mark.parametrize(
    "item",
    [
        "<dcterms:created>2026-11-19T08:00:00Z</dcterms:created>",
        "<dcterms:date>2026-11-19T08:00:00Z</dcterms:date>",
        "<pubDate>&lt;time datetime=\"2026-11-19T08:00:00Z\"&gt;Thu, 11/19/2026 - 09:00&lt;/time&gt;</pubDate>",
        "<pubDate>&lt;b&gt;19 Nov 2026&lt;/b&gt; 08:00</pubDate>",
    ],
)  # fmt: skip
def test_published_has_other_sources(item: str) -> None:
    assert rss(item + "<title>Flour</title>").published == datetime(2026, 11, 19, 8, tzinfo=UTC)


def test_created_of_atom_03_is_published() -> None:
    entry = "<entry><title>Flour</title><id>urn:1</id><created>2026-11-19T08:00:00Z</created></entry>"
    feed = read(f'<feed version="0.3" xmlns="http://purl.org/atom/ns#"><title>Mill</title>{entry}</feed>')
    assert feed.items[0].published == datetime(2026, 11, 19, 8, tzinfo=UTC)


def test_empty_author_inherits_that_of_channel() -> None:
    channel = "<itunes:author>Mill Radio</itunes:author>"
    assert rss("<title>Flour</title><dc:creator><![CDATA[]]></dc:creator>", channel).authors == ("Mill Radio",)


def test_title_of_episode_replaces_a_missing_title() -> None:
    assert rss("<itunes:title>Episode 4</itunes:title>").title == "Episode 4"


def test_channel_behind_its_items_has_a_title() -> None:
    feed = read(
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
        '<item rdf:about="https://mill.example/1"><title>Flour</title></item>'
        '<channel rdf:about="https://mill.example/"><title>Mill</title></channel></rdf:RDF>'
    )
    assert (feed.title, feed.items[0].title) == ("Mill", "Flour")


def test_language_of_entry_is_read() -> None:
    feed = read(
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en"><title>Mill</title>'
        '<entry xml:lang="de"><title>Mehl</title><id>urn:1</id></entry><entry><title>Flour</title><id>urn:2</id></entry></feed>'
    )
    assert [item.language for item in feed.items] == ["de", "en"]


def test_full_text_of_yandex_is_content() -> None:
    item = (
        f"<item><title>Flour</title><description>Lead.</description><yandex:full-text>{TEXT}</yandex:full-text></item>"
    )
    feed = read(f"<rss xmlns:yandex='http://news.yandex.ru'><channel>{item}</channel></rss>")
    assert [article.paragraphs for article in feed_articles(feed)] == [(TEXT,)]


def test_escaped_cdata_section_loses_its_marks() -> None:
    feed = read(
        f"<rss version='2.0'><channel><item><title>Flour</title><description>&lt;![CDATA[&lt;p&gt;{TEXT}&lt;/p&gt;]]&gt;"
        "</description></item></channel></rss>"
    )
    articles = {article.id: article for article in feed_articles(feed)}
    assert articles[article_id(feed.items[0].identity_key)].paragraphs == (TEXT,)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Fish & chips & R&D", "Fish & chips & R&D"),
        ("Caf&eacute; &ldquo;Mill&rdquo;&hellip;", "Café “Mill”…"),
        ("Flour &unknown; rye", "Flour &unknown; rye"),
        ("<![CDATA[A & B]]> & C", "A & B & C"),
    ],
)
def test_ill_formed_references_are_repaired(title: str, expected: str) -> None:
    feed = read(
        f"<rss version='2.0'><channel><item><title>{title}</title><link>/?a=1&b=2</link></item></channel></rss>"
    )
    assert (feed.items[0].title, feed.items[0].link) == (expected, "https://mill.example/?a=1&b=2")
    assert "line 1" in feed.warning


def test_repair_leaves_cdata_and_known_references() -> None:
    document = b"<a b='?c=1&d=2'><!-- & --><![CDATA[& &nbsp;]]>&amp;&#38;&#x26;&lt;&nbsp;&NotEqualTilde;& </a>"
    repaired = with_known_references(document)
    assert repaired == (
        b"<a b='?c=1&amp;d=2'><!-- & --><![CDATA[& &nbsp;]]>&amp;&#38;&#x26;&lt;&#160;&#8770;&#824;&amp; </a>"
    )
    assert ill_formed_error(document)
    assert not ill_formed_error(repaired)


def test_repair_leaves_defined_entities() -> None:
    document = b'<!DOCTYPE a [<!ENTITY mill "Mill">]><a>&mill; & </a>'
    assert with_known_references(document) == document


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Ocadoâ€™s flour", "Ocado’s flour"),  # miniflux#3131
        ("ÐœÑƒÐºÐ° Ð´Ð¾Ñ€Ð¾Ð¶Ðµ", "Мука дороже"),
        ("Âmes Ã vendre", "Âmes Ã vendre"),
        ("São Paulo à noite", "São Paulo à noite"),
    ],
)
def test_text_encoded_twice_is_decoded(title: str, expected: str) -> None:
    item = rss(f"<title>{title}</title><description>{title}</description><category>{title}</category>")
    assert (item.title, item.categories, item.summary and item.summary.value) == (expected, (expected,), expected)
