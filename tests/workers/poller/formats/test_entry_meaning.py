"""Dates, links, relative URLs, titles and names of entries, for both XML readers and for JSON Feed."""

import json
from datetime import datetime

import pytest

from streams.records import Item
from tests.workers.poller.cases import FETCHED_AT, article_of, parse_both
from workers.poller.formats import parse_feed

URL = "https://courier.example/feeds/world.xml"
NAMESPACES = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" '
    'xmlns:media="http://search.yahoo.com/mrss/" xmlns:atom="http://www.w3.org/2005/Atom" '
    'xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0" '
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"'
)


def rss(item: str, channel: str = "", root: str = "") -> Item:
    body = f"<rss version='2.0' {NAMESPACES} {root}><channel><title>Courier</title>{channel}<item>{item}</item></channel></rss>"
    [read] = parse_both(body.encode(), url=URL).items
    return read


def atom(entry: str, feed: str = "", root: str = "") -> Item:
    body = f"<feed xmlns='http://www.w3.org/2005/Atom' {root}><title>Courier</title>{feed}<entry>{entry}</entry></feed>"
    [read] = parse_both(body.encode(), url=URL).items
    return read


def json_item(item: dict[str, object], **feed: object) -> Item:
    document = {"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1"} | item]} | feed
    [read] = parse_feed(json.dumps(document).encode(), URL, fetched_at=FETCHED_AT).items
    return read


# RSS item → time of publication, or "".
DATES = {
    "<dc:date>2026-11-19T10:00:00+01:00</dc:date>": "2026-11-19T09:00",
    "<dcterms:issued>2026-11-19</dcterms:issued><dc:date>2026-11-20</dc:date>": "2026-11-19T00:00",
    "<dc:date>2026-11-19</dc:date><pubDate>Wed, 18 Nov 2026 10:00:00 GMT</pubDate>": "2026-11-18T10:00",
    "<pubDate>soon</pubDate><dc:date>2026-11-19</dc:date>": "2026-11-19T00:00",
    "<pubDate/><dc:date>2026-11-19</dc:date>": "2026-11-19T00:00",
    "<dcterms:modified>2026-11-19</dcterms:modified>": "",
    "<pubDate>Thu, 26 Nov 2026 13:00:00 GMT</pubDate>": "2026-11-26T11:21",  # an hour after the poll
    "<pubDate>Thu, 26 Nov 2027 13:00:00 GMT</pubDate>": "",
    "<pubDate>Thu, 26 Nov 2027 13:00:00 GMT</pubDate><dc:date>2026-11-19</dc:date>": "2026-11-19T00:00",
}


@pytest.mark.parametrize(("element", "expected"), DATES.items())
def test_published_of_rss_item(element: str, expected: str) -> None:
    published = rss(f"<title>Gate</title>{element}").published
    assert (published.strftime("%Y-%m-%dT%H:%M") if published else "") == expected


def test_time_after_poll_is_kept_apart() -> None:
    item = atom("<title>Gate</title><published>2026-11-26T20:00:00Z</published><updated>2028-01-01T00:00:00Z</updated>")
    assert (item.published, item.updated) == (FETCHED_AT, None)
    assert item.stated_published == datetime.fromisoformat("2026-11-26T20:00:00+00:00")
    assert item.stated_updated == datetime.fromisoformat("2028-01-01T00:00:00+00:00")
    assert article_of(item).stated_published == item.stated_published
    assert rss("<title>Gate</title><pubDate>Wed, 18 Nov 2026 10:00:00 GMT</pubDate>").stated_published is None


# RSS item → link.
RSS_LINKS = {
    "<link>https://feeds.example/~r/1</link><feedburner:origLink>https://courier.example/1</feedburner:origLink>": "https://courier.example/1",
    "<link>https://courier.example/1</link><feedburner:origLink/>": "https://courier.example/1",
    "<link>mailto:desk@courier.example</link><guid>https://courier.example/1</guid>": "https://courier.example/1",
    "<link>javascript:void(0)</link>": "",
    "<guid isPermaLink='True'>https://courier.example/1</guid>": "https://courier.example/1",
    "<guid isPermaLink=' false '>https://courier.example/1</guid>": "",
    "<guid>urn:uuid:1</guid>": "",
    "<guid>posts/1</guid>": "",
    "<guid>//courier.example/1</guid>": "",
    "<guid>/posts/1</guid>": "https://courier.example/posts/1",  # guardian/frontend issue 8810
    "<atom:link rel='self' href='https://courier.example/self'/><link>/posts/1</link>": "https://courier.example/posts/1",
    "<link></link><atom:link href='https://courier.example/1'/>": "https://courier.example/1",
}
ATOM_LINKS = {
    "<link rel='alternate' type='application/pdf' href='/a.pdf'/><link type='text/html; charset=utf-8' href='/a'/>": "https://courier.example/a",
    "<link rel='alternate' type='application/xhtml+xml' href='/a'/><link type='text/html' href='/b'/>": "https://courier.example/a",
    "<link rel='http://www.iana.org/assignments/relation/alternate' href='/a'/>": "https://courier.example/a",
    "<link rel='ALTERNATE' href='/a'/>": "https://courier.example/a",
    "<link rel='related' href='/r'/><link rel='via' href='/v'/><id>https://courier.example/a</id>": "https://courier.example/a",
    "<id>tag:courier.example,2026:a</id>": "",
    "<id>urn:1</id><content type='text/html' src='/a.html'/>": "https://courier.example/a.html",
    "<id>urn:1</id><content type='image/png' src='https://cdn.example/a.png'/>": "https://cdn.example/a.png",
}


@pytest.mark.parametrize(("elements", "link"), RSS_LINKS.items())
def test_link_of_rss_item(elements: str, link: str) -> None:
    assert rss(f"<title>Gate</title>{elements}").link == link


@pytest.mark.parametrize(("elements", "link"), ATOM_LINKS.items())
def test_link_of_atom_entry(elements: str, link: str) -> None:
    assert atom(f"<title>Gate</title>{elements}").link == link


def test_link_of_rdf_item_is_its_address() -> None:
    body = (
        "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'>"
        "<channel><title>T</title></channel><item rdf:about='https://courier.example/1'><title>Gate</title></item></rdf:RDF>"
    )
    assert parse_both(body.encode(), url=URL).items[0].link == "https://courier.example/1"


def test_guid_is_kept_as_written() -> None:
    assert rss("<title>Gate</title><link>/1</link><guid>posts/1</guid>").guid == "posts/1"
    assert atom("<title>Gate</title><id>../1</id>", root="xml:base='https://b.example/x/'").guid == "../1"


MEDIA = "<media:content url='a.jpg' medium='image'/><enclosure url='a.mp3' type='audio/mpeg'/>"


def test_media_resolve_against_entry_link() -> None:
    item = rss(f"<title>Gate</title><link>https://courier.example/2026/gate/</link>{MEDIA}")
    assert (item.image_url, item.enclosures[0].url) == (
        "https://courier.example/2026/gate/a.jpg",
        "https://courier.example/2026/gate/a.mp3",
    )


def test_media_without_link_resolve_against_feed() -> None:
    item = rss(f"<title>Gate</title>{MEDIA}")
    assert item.image_url == "https://courier.example/feeds/a.jpg"


@pytest.mark.parametrize("nested", [False, True])
def test_media_resolve_against_xml_base(nested: bool) -> None:
    base = "xml:base='https://cdn.example/m/'"
    media = MEDIA.replace("url=", f"{base} url=") if nested else MEDIA
    item = rss(f"<title>Gate</title><link>https://courier.example/1</link>{media}", root="" if nested else base)
    assert (item.image_url, item.enclosures[0].url) == ("https://cdn.example/m/a.jpg", "https://cdn.example/m/a.mp3")


HTML = "&lt;p&gt;The lower gate opened at six.&lt;/p&gt;&lt;img src='a.png'&gt;"


@pytest.mark.parametrize(
    ("entry", "root", "address"),
    [
        (f"<link href='/g/'/><content type='html'>{HTML}</content>", "", "https://courier.example/g/a.png"),
        (f"<content type='html'>{HTML}</content>", "", "https://courier.example/feeds/a.png"),
        (f"<link href='/g/'/><content type='html'>{HTML}</content>", "xml:base='https://b.example/'", "https://b.example/a.png"),
        (f"<link href='/g/'/><content type='html' xml:base='/c/'>{HTML}</content>", "", "https://courier.example/c/a.png"),
        (f"<link href='/g/'/><summary type='html' xml:base='/c/'>{HTML}</summary>", "", "https://courier.example/c/a.png"),
        (
            "<link href='/g/'/><content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'><p>The gate opened at six.</p>"
            "<p xml:base='/inner/'><img src='a.png'/></p></div></content>",
            "",
            "https://courier.example/inner/a.png",
        ),
    ],
)  # fmt: skip
def test_content_resolves_against_nearest_base(entry: str, root: str, address: str) -> None:
    item = atom(f"<title>Gate</title>{entry}", root=root)
    assert [image.url for image in article_of(item).images] == [address]


def test_json_feed_resolves_relative_urls() -> None:
    item = json_item({
        "url": "/2026/gate/", "image": "gate.jpg", "attachments": [{"url": "a.mp3", "mime_type": "audio/mpeg"}],
        "content_html": "<p>The lower gate opened at six.</p><img src='../a.png'>",
    })  # fmt: skip
    assert item.link == "https://courier.example/2026/gate/"
    assert item.image_url == "https://courier.example/2026/gate/gate.jpg"
    assert item.enclosures[0].url == "https://courier.example/2026/gate/a.mp3"
    assert article_of(item).images[0].url == "https://courier.example/2026/a.png"


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("<title>Use &lt;b>bold&lt;/b> &amp;amp;</title>", "Use <b>bold</b> &amp;"),
        ("<title type='text'>x &lt; y</title>", "x < y"),
        ("<title type='html'>Use &lt;b>bold&lt;/b> &amp;amp;</title>", "Use bold &"),
        ("<title type='text/html'>&lt;i>Gate&lt;/i></title>", "Gate"),
        ("<title type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'>A &lt; <b>B</b></div></title>", "A < B"),
    ],
)
def test_title_of_atom_entry_has_declared_type(title: str, expected: str) -> None:
    assert atom(f"{title}<link href='/1'/>").title == expected


@pytest.mark.parametrize(
    ("titles", "expected"),
    [
        ("<dc:title>D</dc:title><title>T</title>", "T"),
        ("<title>T</title><dc:title>D</dc:title>", "T"),
        ("<dc:title>D</dc:title>", "D"),
        ("<title/><dc:title>D</dc:title>", "D"),
        ("<media:title>M</media:title><title>T</title>", "T"),
    ],
)
def test_title_of_rss_item_wins_over_others(titles: str, expected: str) -> None:
    assert rss(f"{titles}<link>/1</link>").title == expected


AUTHOR = "<author><name>{}</name></author>"


@pytest.mark.parametrize(
    ("entry", "names"),
    [
        ("", ("Fred",)),
        (AUTHOR.format("Ann"), ("Ann",)),
        (f"<source><title>S</title>{AUTHOR.format('Sue')}</source>", ("Sue",)),
        (AUTHOR.format("Ann") + AUTHOR.format("Ben"), ("Ann", "Ben")),
        ("<author><email>ann@a.example</email></author>", ()),
    ],
)
def test_authors_of_atom_entry(entry: str, names: tuple[str, ...]) -> None:
    assert atom(f"<title>Gate</title>{entry}", AUTHOR.format("Fred")).authors == names


@pytest.mark.parametrize(
    ("item", "channel", "names"),
    [
        ("", "<itunes:author>Quarry Radio</itunes:author>", ("Quarry Radio",)),
        ("<itunes:author>Ann</itunes:author>", "<itunes:author>Quarry Radio</itunes:author>", ("Ann",)),
        ("<author>ann@a.example (Ann)</author>", "<itunes:author>Quarry Radio</itunes:author>", ("Ann",)),
        ("", "<managingEditor>ed@a.example (Ed)</managingEditor><webMaster>w@a.example (Wes)</webMaster>", ()),
        ("<dc:creator>Ann</dc:creator><author>a@a.example (Ann)</author>", "", ("Ann",)),
    ],
)
def test_authors_of_rss_item(item: str, channel: str, names: tuple[str, ...]) -> None:
    assert rss(f"<title>Gate</title>{item}", channel).authors == names


@pytest.mark.parametrize(
    ("item", "feed", "names"),
    [
        ({"authors": {"name": "Ann"}}, {}, ("Ann",)),
        ({"authors": ["Ann", {"name": "Ben"}]}, {}, ("Ann", "Ben")),
        ({"author": {"name": "Ann"}}, {"author": {"name": "Fred"}}, ("Ann",)),
        ({}, {"authors": [{"name": "Fred"}]}, ("Fred",)),
        ({"authors": []}, {"authors": {"name": "Fred"}}, ("Fred",)),
        ({"author": "Ann"}, {}, ("Ann",)),
        ({"authors": None, "author": {"url": "https://a.example/"}}, {}, ()),
    ],
)
def test_authors_of_json_item(item: dict[str, object], feed: dict[str, object], names: tuple[str, ...]) -> None:
    assert json_item({"content_text": "x"} | item, **feed).authors == names


def test_json_dates_may_be_numbers() -> None:
    published = json_item({"content_text": "x", "date_published": 1520932969}).published
    assert published == datetime.fromisoformat("2018-03-13T09:22:49+00:00")
