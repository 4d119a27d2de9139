"""Sitemaps: dialects, entries, known links, and hostile documents."""

import gzip
import time
from datetime import UTC, datetime

import pytest

from streams.errors import UnreadableError
from tests.support.sitemap_files import SitemapFile, sitemap_files
from workers.poller.formats import FeedDocument, ParsedFeed, gunzip, parse_document, sitemap
from workers.poller.formats.link_list import MAX_LINKS, MIN_KNOWN_LINKS, decode_links

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
URL = "https://courier.example/news-sitemap.xml"
NAMESPACES = (
    'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
    ' xmlns:image="http://www.google.com/schemas/sitemap-image/1.1" xmlns:xhtml="http://www.w3.org/1999/xhtml"'
)
NEWS = f"""<?xml version="1.0" encoding="UTF-8"?><urlset {NAMESPACES}>
<url><loc>https://courier.example/world/ferry-sinks</loc><lastmod>2026-01-05T10:00:00Z</lastmod>
<xhtml:link rel="alternate" hreflang="de" href="https://courier.example/de/faehre"/>
<xhtml:link rel="alternate" hreflang="en" href="https://courier.example/world/ferry-sinks"/>
<news:news><news:publication><news:name>The Lanthe Courier</news:name></news:publication>
<news:publication_date>2026-01-05T09:00:00+01:00</news:publication_date>
<news:title>Ferry &amp; tide</news:title><news:keywords>ferry, tide,salt</news:keywords></news:news>
<image:image><image:loc>https://courier.example/ferry.jpg</image:loc><image:title>Not the title</image:title></image:image>
</url></urlset>"""


def parsed(body: str | bytes, *, known: bytes = b"", first: bool = False, limit: int = 100) -> ParsedFeed:
    data = body.encode() if isinstance(body, str) else body
    return parse_document(FeedDocument(data, URL, "", NOW, "", known_items=known, is_first_poll=first, max_links=limit))


def urlset(*urls: str) -> str:
    return f"<urlset {NAMESPACES}>" + "".join(f"<url>{url}</url>" for url in urls) + "</urlset>"


def pages(count: int) -> str:
    return urlset(*(f"<loc>https://courier.example/{n}</loc>" for n in range(count)))


def test_news_entry_maps_to_item() -> None:
    feed = parsed(NEWS)
    [item] = feed.items
    assert (feed.title, item.publisher, item.language) == ("The Lanthe Courier", "The Lanthe Courier", "en")
    assert (item.link, item.title) == ("https://courier.example/world/ferry-sinks", "Ferry & tide")
    assert item.published == datetime(2026, 1, 5, 8, tzinfo=UTC)
    assert item.updated == datetime(2026, 1, 5, 10, tzinfo=UTC)
    assert item.categories == ("ferry", "tide", "salt")
    assert item.image_url == "https://courier.example/ferry.jpg"


@pytest.mark.parametrize("case", sitemap_files(), ids=lambda case: case.name)
def test_generated_sitemap_gives_its_rows(case: SitemapFile) -> None:
    assert case.rows_of_parser() == case.rows


def test_text_sitemap_ignores_other_lines() -> None:
    feed = parsed("https://courier.example/1\r\n\r\nabout us\nHTTP://courier.example/2\n")
    assert [item.link for item in feed.items] == ["https://courier.example/1", "HTTP://courier.example/2"]


@pytest.mark.parametrize(
    "body", ["just text", "see https://courier.example/1", "https://courier.example/ is our site", "<urls/>", "<a/>"]
)
def test_sitemap_does_not_match_other_text(body: str) -> None:
    assert not sitemap.matches(body.encode(), "text/plain")


def test_known_links_give_no_items() -> None:
    first = parsed(pages(3))
    assert first.links is not None
    again = parsed(pages(4), known=first.links.known_items)
    assert [item.link for item in again.items] == ["https://courier.example/3"]
    assert again.links is not None
    assert (again.links.unchanged, again.links.waiting) == (3, 0)


def test_changed_news_title_gives_item_again() -> None:
    first = parsed(NEWS)
    assert first.links is not None
    again = parsed(NEWS.replace("Ferry &amp; tide", "Ferry, tide and salt"), known=first.links.known_items)
    assert [item.title for item in again.items] == ["Ferry, tide and salt"]
    same = parsed(NEWS.replace("T10:00:00Z", "T11:00:00Z"), known=first.links.known_items)
    assert same.items == ()


def test_newest_links_are_taken_and_others_wait() -> None:
    days = [3, 1, 4, 2]
    body = urlset(*(f"<loc>https://courier.example/{n}</loc><lastmod>2026-01-0{n}</lastmod>" for n in days))
    feed = parsed(body, limit=2)
    assert [item.link[-1] for item in feed.items] == ["3", "4"]
    assert feed.links is not None
    assert feed.links.waiting == 2
    rest = parsed(body, known=feed.links.known_items, limit=2)
    assert [item.link[-1] for item in rest.items] == ["1", "2"]


def test_first_poll_knows_the_archive() -> None:
    feed = parsed(pages(500), first=True, limit=100)
    assert len(feed.items) == 100
    assert feed.links is not None
    assert parsed(pages(500), known=feed.links.known_items).items == ()


def test_links_stay_known_after_an_empty_document() -> None:
    first = parsed(pages(500), first=True)
    assert first.links is not None
    empty = parsed("<urlset/>", known=first.links.known_items)
    assert empty.links is not None
    assert parsed(pages(500), known=empty.links.known_items).items == ()


def test_known_links_are_bounded() -> None:
    known = b"".join(n.to_bytes(8) for n in range(3 * MIN_KNOWN_LINKS))
    feed = parsed(pages(3), known=known)
    assert feed.links is not None
    assert len(decode_links(feed.links.known_items)) == MIN_KNOWN_LINKS


def test_url_without_loc_is_unreadable_once() -> None:
    body = urlset(
        "<lastmod>2026-01-05</lastmod>", "<loc>mailto:a@b.example</loc>", "<loc>https://courier.example/1</loc>"
    )
    feed = parsed(body)
    assert [item.link for item in feed.items] == ["https://courier.example/1"]
    assert [reason for _, reason in feed.unreadable] == [
        "unreadable entry: not a web URL: 'mailto:a@b.example'", "unreadable entry: <url> without <loc>",
    ]  # fmt: skip
    assert feed.links is not None
    assert parsed(body, known=feed.links.known_items).unreadable == ()


def test_truncated_sitemap_gives_the_pages_before() -> None:
    feed = parsed(pages(5)[:-40])
    assert len(feed.items) == 4
    assert feed.warning


def test_bare_ampersand_is_repaired() -> None:
    feed = parsed(urlset("<loc>https://courier.example/a?b=1&c=2</loc>", "<loc>https://courier.example/&eacute;</loc>"))
    assert [item.link for item in feed.items] == ["https://courier.example/a?b=1&c=2", "https://courier.example/é"]


def test_index_lists_sitemaps_with_times() -> None:
    body = (
        "<sitemapindex><sitemap><loc>https://courier.example/a.xml</loc><lastmod>2026-01-05T00:00:00Z</lastmod></sitemap>"
        "<sitemap><loc>/archive/2025-11.xml.gz</loc></sitemap><sitemap><loc>b.xml</loc></sitemap></sitemapindex>"
    )
    feed = parsed(body)
    assert [(link.url.removeprefix("https://courier.example"), link.time_s > 0) for link in feed.sitemaps] == [
        ("/a.xml", True), ("/archive/2025-11.xml.gz", True), ("/b.xml", False),
    ]  # fmt: skip
    assert feed.items == ()


def test_gzip_file_is_decompressed() -> None:
    assert len(parsed(gzip.compress(pages(5).encode())).items) == 5


HOSTILE = {
    "entities": '<!DOCTYPE urlset [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><urlset><url><loc>https://x.example/&b;</loc></url></urlset>',
    "depth": f"<urlset {NAMESPACES}>" + "<a>" * 100_000,
    "no URL": "<urlset><url><lastmod>",
    "broken": "<urlset><url><loc>https://x.example/",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_hostile_sitemap_gives_clear_error(body: str) -> None:
    with pytest.raises(UnreadableError) as raised:
        parsed(body)
    assert raised.value.code in ("bad_feed", "too_deep")


@pytest.mark.parametrize("size", [64, 40 * 1024 * 1024])
def test_gzip_bomb_is_refused(size: int) -> None:
    bomb = gzip.compress(gzip.compress(bytes(512 * 1024 * 1024)) if size == 64 else bytes(size))
    with pytest.raises(UnreadableError):
        parsed(bomb)


def test_corrupt_gzip_file_gives_clear_error() -> None:
    with pytest.raises(UnreadableError, match="gzip"):
        gunzip(gzip.compress(b"<urlset/>" * 100)[:-20])


def test_large_sitemap_takes_little_cpu_time() -> None:
    """10 µs per URL is the goal (`python -m tests.tools.bench.sitemaps`); the limit allows for a busy machine."""
    row = "<loc>https://courier.example/world/2026/01/05/the-story-with-number-{0}</loc><lastmod>2026-01-05</lastmod>"
    row += "<changefreq>daily</changefreq><priority>0.5</priority>"
    body = urlset(*(row.format(n) for n in range(MAX_LINKS + 1))).encode()
    start_s = time.process_time()
    feed = parsed(body, first=True)
    assert time.process_time() - start_s < 50e-6 * MAX_LINKS
    assert len(feed.items) == 100
    assert feed.warning == "1 URLs beyond the first 50000 were left out"
