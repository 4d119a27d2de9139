"""Feed writers: a table of requirements, each with the section of its specification."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import escape, unescape
from typing import Any
from urllib.parse import urlsplit

import feedparser
import pytest
from lxml import etree, html
from msgspec.structs import replace

from streams.records import Article, Image
from workers.poller.formats import parse_feed
from workers.web.feed_writers import FORMATS

NOW = datetime(2026, 11, 23, 12, 0, 0, 250_000, tzinfo=UTC)
URL = "https://desk.example/topics/articles.atom"
ARTICLES = [
    Article(id="a" * 20, revision=2, url="https://courier.example/a?b=1&c=<d> e#f", title="A & B", byline=("Ida Marrow", "Omar Teague"),
            published=NOW, updated=NOW, tags=("World", "Ships"), html="<p>Text &amp; more</p>", dek="A dek.", language="en",
            images=(Image("https://courier.example/1.jpg"),)),
    Article(id="b" * 20, revision=1, fetched_at=NOW),
    Article(id="c" * 20, revision=1, title="\x00 ]]> <b>", publisher="The Courier", paragraphs=("塩の運河",), url="https://courier.example/塩"),
]  # fmt: skip
NS = {"a": "http://www.w3.org/2005/Atom"}
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!#$%&'()*+,\-./0-9:;=?@A-Z_a-z~\[\]]*")


def is_uri(text: str) -> bool:
    return bool(URI.fullmatch(text)) and bool(urlsplit(text).scheme)


def is_rfc822(text: str) -> bool:
    return parsedate_to_datetime(text).tzinfo is not None


# document, XPath, predicate on the number of matches, predicate on each match, source
RULES: list[tuple[str, str, Callable[[int], bool], Callable[[str], bool], str]] = [
    ("atom", "/a:feed/a:title", lambda n: n == 1, bool, "RFC 4287 §4.1.1"),
    ("atom", "/a:feed/a:id", lambda n: n == 1, is_uri, "RFC 4287 §4.2.6"),
    ("atom", "/a:feed/a:updated", lambda n: n == 1, lambda t: bool(RFC3339.fullmatch(t)), "RFC 4287 §3.3"),
    ("atom", "/a:feed/a:link[@rel='self']/@href", lambda n: n == 1, is_uri, "RFC 4287 §4.1.1"),
    ("atom", "/a:feed/a:entry[count(a:id) != 1 or count(a:title) != 1 or count(a:updated) != 1]", lambda n: n == 0, bool, "RFC 4287 §4.1.2"),
    ("atom", "/a:feed/a:entry[not(a:author)]", lambda n: n == 0, bool, "RFC 4287 §4.1.1: each entry has an author"),
    ("atom", "/a:feed/a:entry/a:author/a:name", lambda n: n >= 3, bool, "RFC 4287 §3.2.1"),
    ("atom", "/a:feed/a:entry/a:id", lambda n: n == 3, is_uri, "RFC 4287 §4.2.6"),
    ("atom", "/a:feed/a:entry/a:updated", lambda n: n == 3, lambda t: bool(RFC3339.fullmatch(t)), "RFC 4287 §3.3"),
    ("atom", "/a:feed/a:entry/a:link/@href", lambda n: n == 2, is_uri, "RFC 4287 §4.2.7.1"),
    ("atom", "/a:feed/a:entry[not(a:link[@rel='alternate']) and not(a:content)]", lambda n: n == 0, bool, "RFC 4287 §4.1.2"),
    ("atom", "/a:feed/a:entry/a:content/@type", lambda n: n == 3, lambda t: t == "html", "RFC 4287 §4.1.3.1"),
    ("atom", "/a:feed/a:entry/a:content/*", lambda n: n == 0, bool, "RFC 4287 §4.1.3.3: HTML is escaped"),
    ("atom", "/a:feed/a:entry/a:category/@term", lambda n: n == 2, bool, "RFC 4287 §4.2.2.1"),
    ("rss", "/rss/@version", lambda n: n == 1, lambda t: t == "2.0", "RSS 2.0, what is RSS"),
    ("rss", "/rss/channel/title", lambda n: n == 1, bool, "RSS 2.0, required channel elements"),
    ("rss", "/rss/channel/link", lambda n: n == 1, is_uri, "RSS 2.0, required channel elements"),
    ("rss", "/rss/channel/description", lambda n: n == 1, bool, "RSS 2.0, required channel elements"),
    ("rss", "/rss/channel/a:link[@rel='self']/@href", lambda n: n == 1, is_uri, "RSS Best Practices, atom:link"),
    ("rss", "/rss/channel/item[not(title) and not(description)]", lambda n: n == 0, bool, "RSS 2.0, elements of item"),
    ("rss", "/rss/channel/item/link", lambda n: n == 2, is_uri, "RSS 2.0, elements of item"),
    ("rss", "/rss/channel/item/guid/@isPermaLink", lambda n: n == 3, lambda t: t == "false", "RSS 2.0, guid"),
    ("rss", "/rss/channel/item/pubDate", lambda n: n == 3, is_rfc822, "RSS 2.0, pubDate: RFC 822"),
    ("rss", "/rss/channel/item[count(title) > 1 or count(link) > 1 or count(guid) > 1 or count(pubDate) > 1]", lambda n: n == 0, bool, "RSS Best Practices"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("format_", "path", "count", "is_valid", "source"), RULES, ids=[f"{r[0]}: {r[4]}: {r[1]}" for r in RULES]
)
def test_xml_feed_meets_its_specification(
    format_: str, path: str, count: Callable[[int], bool], is_valid: Callable[[str], bool], source: str
) -> None:
    document = etree.fromstring(FORMATS[format_][1]("copydesk: articles", URL, ARTICLES))
    nodes: Any = document.xpath(path, namespaces=NS)
    matches = [node if isinstance(node, str) else node.text or "" for node in nodes]
    assert count(len(matches)), (source, matches)
    assert all(map(is_valid, matches)), (source, matches)


def test_json_feed_meets_its_specification() -> None:
    """Check the top-level and item attributes of JSON Feed 1.1."""
    feed = json.loads(FORMATS["json"][1]("copydesk: articles", URL, ARTICLES))
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["title"] and is_uri(feed["feed_url"])
    assert len({item["id"] for item in feed["items"]}) == 3
    for item in feed["items"]:
        assert isinstance(item["id"], str) and ("content_html" in item or "content_text" in item)
        assert all(is_uri(item[name]) for name in ("url", "image") if name in item)
        assert all(RFC3339.fullmatch(item[name]) for name in ("date_published", "date_modified") if name in item)
        assert all(author["name"] for author in item.get("authors", ()))
        assert all(isinstance(tag, str) for tag in item.get("tags", ()))


LIVE = '<svg onload=alert(1)> & "quoted" &lt;b&gt;'
MARKED_UP = Article(id="d" * 20, revision=1, url="https://courier.example/d", title=LIVE, dek=LIVE, tags=(LIVE,),
                    byline=("Ida Marrow",), paragraphs=(LIVE,), html=f"<p>{escape(LIVE)}</p>", published=NOW)  # fmt: skip


@pytest.mark.parametrize("dek", [LIVE, ""])
def test_rss_text_is_harmless_as_html(dek: str) -> None:
    """RSS Best Practices Profile, character data: readers parse these elements as HTML."""
    feed = FORMATS["rss"][1](LIVE, URL, [replace(MARKED_UP, dek=dek)])
    document = etree.fromstring(feed)
    for path in ("channel/title", "channel/description", "channel/item/title", "channel/item/description",
                 "channel/item/category"):  # fmt: skip
        [text] = [element.text for element in document.findall(path)]
        assert html.fragment_fromstring(text, create_parent="div").xpath("count(.//*)") == 0, path
        assert LIVE in html.fragment_fromstring(text, create_parent="div").text_content(), path


def test_rss_read_by_feedparser_shows_no_markup() -> None:
    parsed = feedparser.parse(FORMATS["rss"][1](LIVE, URL, [MARKED_UP]), sanitize_html=False)
    [entry] = parsed.entries
    for text in (parsed.feed.title, parsed.feed.subtitle, entry.title, entry.summary, entry.tags[0].term):
        assert "<" not in text
        assert LIVE in unescape(text)
    assert entry.content[0].value == MARKED_UP.html
    assert entry.author == "Ida Marrow"


def test_rss_text_is_read_back_by_our_parser() -> None:
    article = replace(MARKED_UP, title="Salt & sand: 1 < 2", tags=("R&D",))
    [item] = parse_feed(FORMATS["rss"][1]("T", URL, [article]), URL, fetched_at=NOW).items
    assert (item.title, item.categories) == ("Salt & sand: 1 < 2", ("R&D",))


@pytest.mark.parametrize("format_", ["atom", "json"])
def test_atom_and_json_keep_plain_text(format_: str) -> None:
    document = FORMATS[format_][1](LIVE, URL, [MARKED_UP])
    if format_ == "json":
        feed = json.loads(document)
        [item] = feed["items"]
        texts = [feed["title"], item["title"], item["summary"], item["tags"][0]]
    else:
        parsed = feedparser.parse(document, sanitize_html=False)
        [entry] = parsed.entries
        assert (parsed.feed.title_detail.type, entry.title_detail.type) == ("text/plain", "text/plain")
        texts = [parsed.feed.title, entry.title, entry.tags[0].term]
    assert set(texts) == {LIVE}


@pytest.mark.parametrize("format_", FORMATS)
def test_feed_links_to_canonical_url(format_: str) -> None:
    url = "https://a.example/1?utm_source=feed"
    linked = Article(id="a" * 20, revision=1, title="T", url=url, canonical_url="https://a.example/1")
    body = FORMATS[format_][1]("copydesk", "https://a.example/f", [linked]).decode()
    assert '"https://a.example/1"' in body or ">https://a.example/1<" in body
    assert "utm_source" not in body
    body = FORMATS[format_][1]("copydesk", "https://a.example/f", [replace(linked, canonical_url="")]).decode()
    assert "utm_source" in body
