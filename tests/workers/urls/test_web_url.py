"""Only well-formed http and https URLs reach items, articles and generated feeds."""

import json
from datetime import UTC, datetime
from html import escape
from urllib.parse import urljoin, urlsplit

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.records import Article, Content, Image, Item, MessageId
from workers.desk.article import clean_item, to_article
from workers.poller.feed_links import feed_links
from workers.poller.formats import ParsedFeed, parse_feed
from workers.poller.websub import parse_link_header
from workers.urls.canonical import canonical_url
from workers.urls.web_url import MAX_URL_CHARS, USUAL_URL, _is_web, web_url
from workers.web.feed_writers import FORMATS

NOW = datetime(2026, 11, 23, tzinfo=UTC)
FEED = "https://courier.example/feeds/world"
REFUSED = {
    "script": "javascript:alert(document.domain)",
    "script in capitals": " JavaScript:alert(1)",
    "script with a tab": "java\tscript:alert(1)",
    "script with a control character": "\x01javascript:alert(1)",
    "data": "data:text/html,<script>alert(1)</script>",
    "vbscript": "vbscript:msgbox(1)",
    "file": "file:///etc/passwd",
    "ftp": "ftp://a.example/1",
    "urn": "urn:uuid:988EF5C5-5CDE-A24E-DE12-51744888912",
    "open bracket": "http://[::1",
    "closed bracket": "http://::1]/",
    "no address in brackets": "http://[v1.x]/",
    "words in brackets": "http://[courier]/",
    "port of letters": "http://a.example:x/",
    "port too large": "http://a.example:99999/",
    "no host": "http://",
    "port only": "https://:80/",
    "dots only": "https://../",
    "space in host": "https://a b.example/",
    "backslash in host": "https://a.example\\@b.example/",
    "host that changes when normalised": "http://a\u2100b.example/",
    "control character": "https://a.example/\x00",
    "delete": "https://a.example/\x7f",
    "next line": "https://a.example/\x85b",
    "too long": "https://a.example/" + "x" * MAX_URL_CHARS,
}  # fmt: skip
ACCEPTED = {
    "https://a.example/1": "https://a.example/1",
    " \n https://a.example/1\t": "https://a.example/1",
    "HTTPS://A.example:443/1?b=%7E#c": "HTTPS://A.example:443/1?b=%7E#c",
    "https://a.example/a b": "https://a.example/a%20b",
    "https://a.example/a\n  b": "https://a.example/a%20%20b",
    "https://a.example/a\u3000b": "https://a.example/a%E3%80%80b",
    "https://塩.example/運河": "https://塩.example/運河",
    "http://[2001:db8::1]:8080/": "http://[2001:db8::1]:8080/",
    "https://a_b.example/1": "https://a_b.example/1",
    "https://ida:pass@a.example/": "https://ida:pass@a.example/",
    "https://a.example/" + "x" * 7_000: "https://a.example/" + "x" * 7_000,
}  # fmt: skip


@pytest.mark.parametrize("link", REFUSED.values(), ids=REFUSED)
def test_web_url_of_bad_link_is_empty(link: str) -> None:
    assert web_url(link) == ""


@pytest.mark.parametrize(("link", "url"), ACCEPTED.items(), ids=[repr(link)[:40] for link in ACCEPTED])
def test_web_url_of_good_link(link: str, url: str) -> None:
    assert web_url(link) == url
    assert web_url(url) == url


@given(
    st.text(max_size=60) | st.from_regex(r"\A\s?https?://[\[\]:.@%a-z0-9\\]{0,20}[/?#]?.{0,9}\Z"),
    st.sampled_from(["", FEED]),
)
def test_web_url_never_raises(link: str, base: str) -> None:
    url = web_url(link, base)
    assert web_url(url) == url
    if url:
        parts = urlsplit(url)
        assert parts.scheme in ("http", "https")
        assert parts.hostname
        assert parts.port is None or parts.port > 0
        assert not any(c.isspace() or ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in url)


def rss(link: str) -> bytes:
    url = escape(link)
    return (
        '<?xml version="1.0"?><rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"><channel><title>T</title>'
        f"<item><title>Canal reopens</title><link>{url}</link><guid isPermaLink='false'>1</guid>"
        f'<enclosure url="{url}" type="audio/mpeg" length="1"/><media:content url="{url}" medium="image"/></item>'
        "</channel></rss>"
    ).encode()


def atom(link: str) -> bytes:
    url = escape(link)
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/"><title>T</title>'
        f'<link rel="hub" href="{url}"/><entry><title>Canal reopens</title><id>urn:1</id><link href="{url}"/>'
        f'<link rel="enclosure" href="{url}" type="audio/mpeg"/><media:thumbnail url="{url}"/></entry></feed>'
    ).encode()


def json_feed(link: str) -> bytes:
    item = {"id": "1", "url": link, "image": link, "title": "Canal reopens", "content_text": "x"}
    item |= {"attachments": [{"url": link, "mime_type": "audio/mpeg"}]}  # type: ignore[dict-item]
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "T", "items": [item]}
    return json.dumps(feed | {"hubs": [{"type": "WebSub", "url": link}]}).encode()


def urls_of(feed: ParsedFeed) -> list[str]:
    [item] = feed.items
    return [item.link, item.canonical_url, item.image_url, feed.hub, feed.topic, *(e.url for e in item.enclosures)]


@pytest.mark.parametrize("link", [link for link in REFUSED.values() if link.isprintable()])
@pytest.mark.parametrize("use_expat", [True, False])
def test_bad_link_never_reaches_items(link: str, use_expat: bool) -> None:
    for body in (rss(link), atom(link), json_feed(link)):
        feed = parse_feed(body, FEED, fetched_at=NOW, use_expat=use_expat)
        assert not feed.unreadable
        # Relative links of a feed are resolved against the feed's own site.
        assert [u for u in urls_of(feed) if u and not u.startswith("https://courier.example/")] == []


@pytest.mark.parametrize("link", REFUSED.values(), ids=REFUSED)
def test_bad_link_never_reaches_json_items(link: str) -> None:
    assert not any(urls_of(parse_feed(json_feed(link), FEED, fetched_at=NOW)))


@pytest.mark.parametrize("use_expat", [True, False])
def test_good_link_reaches_items(use_expat: bool) -> None:
    for body in (rss("https://a.example/1"), atom("https://a.example/1"), json_feed("https://a.example/1")):
        urls = urls_of(parse_feed(body, FEED, fetched_at=NOW, use_expat=use_expat))
        assert len([u for u in urls if u == "https://a.example/1"]) >= 4


@pytest.mark.parametrize("link", REFUSED.values(), ids=REFUSED)
def test_bad_link_of_queued_item_is_left_out(link: str) -> None:
    body = (Content(f'<p>The canal reopened on Monday.</p><img src="{escape(link)}" alt="A barge"><p>It was dry.</p>'),)
    item = Item(feed=FEED, identity_key="k", title="Canal reopens", link=link, canonical_url=link, image_url=link, content=body,
                fetched_at=NOW, fingerprint="")  # fmt: skip
    article = to_article(item, clean_item(item), id_="0" * 20, revision=1, source=MessageId("items", 0, 0))
    assert (article.url, article.canonical_url) == ("", "")
    # The HTML parser removes control characters from attributes; the rest may be a well-formed URL.
    assert all(image.url == web_url(image.url) and image.url != link for image in article.images)
    assert article.paragraphs == ("The canal reopened on Monday.", "It was dry.")


@pytest.mark.parametrize("link", [link for link in REFUSED.values() if link.isprintable()])
def test_bad_link_of_article_reaches_no_feed(link: str) -> None:
    article = Article(id="a" * 20, revision=1, url=link, title="T", images=(Image(link),), paragraphs=("x",))
    for kind in ("atom", "rss"):
        [entry] = feedparser.parse(FORMATS[kind][1]("T", FEED, [article])).entries
        assert entry.get("link", "") in ("", entry.id)  # without a link, feedparser uses the id
        assert [other for other in entry.get("links", ()) if other["rel"] == "alternate"] == []
    [item] = json.loads(FORMATS["json"][1]("T", FEED, [article]))["items"]
    assert not {"url", "image"} & set(item)


@pytest.mark.parametrize("link", [link for link in REFUSED.values() if link.isprintable() and ":" in link])
def test_links_of_pages_and_headers_never_raise(link: str) -> None:
    html = f'<base href="{escape(link)}"><link rel="alternate" type="application/rss+xml" href="{escape(link)}"><p>x'
    urls = [*feed_links(html, FEED), *parse_link_header(f'<{link}>; rel="hub"', FEED).values()]
    assert [url for url in urls if not url.startswith("https://courier.example/")] == []


def test_feed_links_skip_bad_link() -> None:
    html = "".join(f'<link rel="alternate" type="application/rss+xml" href="{h}">' for h in ("http://[::1", "/feed"))
    assert feed_links(html, FEED) == ["https://courier.example/feed"]


def test_link_header_skips_bad_link() -> None:
    links = parse_link_header('<http://[::1>; rel="hub", <https://hub.example/>; rel="hub", </self>; rel="self"', FEED)
    assert links == {"hub": "https://hub.example/", "self": "https://courier.example/self"}


@pytest.mark.parametrize("target", ["javascript:alert(1)", "http://[::1", "http%3A%2F%2Fa.example%2F%00", "http://"])
def test_canonical_url_of_wrapper_is_of_the_web(target: str) -> None:
    wrapper = f"https://www.google.com/url?url={target}"
    assert canonical_url(wrapper) == web_url(canonical_url(wrapper)) != ""


@given(st.from_regex(USUAL_URL, fullmatch=True))
def test_usual_url_passes_the_full_check(link: str) -> None:
    assert _is_web(link)
    assert urljoin(FEED, link) == link
    assert web_url(f" {link}", FEED) == web_url(link) == link
