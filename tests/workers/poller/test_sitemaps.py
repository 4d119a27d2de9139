"""Sitemaps as feeds: pages of new links, indexes, robots.txt, discovery; with a poller and a desk on a real Valkey."""

import gzip
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import CliRunner

from streams.config.settings import Settings
from streams.errors import UnreadableError
from streams.records import Article, DeadLetter, PollResult
from tests.conftest import until
from tests.support.feed_server import FeedServer
from tests.support.pipeline import BODY, MORE, everything, newsdesk, settled
from workers.cli import cli
from workers.http.client import HttpClient, Response
from workers.poller.discovery import discover
from workers.poller.feed_links import sitemap_links
from workers.poller.feed_update import FeedUpdate
from workers.poller.formats.to_item import SitemapLink
from workers.poller.parser_pool import MAX_PAGES, ParserPool
from workers.poller.registry import FeedRegistry
from workers.poller.sitemaps import MAX_SITEMAPS, newest_sitemaps, read_index

NEWS = 'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'


def page(title: str) -> web.Response:
    text = f"""<!doctype html><html><head><title>{title} | The Test Courier</title></head><body><nav><a href="/">Home</a></nav>
<article><h1>{title}</h1>{BODY}{MORE}</article><footer>Imprint</footer></body></html>"""
    return web.Response(text=text, content_type="text/html")


def serve_pages(server: FeedServer, paths: Sequence[str]) -> None:
    for path in paths:
        server.answers[path] = lambda request: page(f"Story {request.path.rpartition('/')[2]}")


def urlset(base: str, paths: Sequence[str], extra: str = "") -> bytes:
    urls = "".join(f"<url><loc>{base}{path}</loc>{extra}</url>" for path in paths)
    return f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" {NEWS}>{urls}</urlset>'.encode()


async def polls(settings: Settings) -> list[PollResult]:
    return list(await everything(settings, "polls"))


async def test_news_sitemap_gives_cleaned_pages(settings: Settings) -> None:
    news = (
        "<news:news><news:publication><news:name>The Test Courier</news:name><news:language>en</news:language></news:publication>"
        "<news:publication_date>2026-01-05T09:00:00Z</news:publication_date><news:title>Salt canal reopens</news:title>"
        "<news:keywords>salt, canal</news:keywords></news:news>"
    )
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        serve_pages(server, ["world/1"])
        server.answers["news.xml.gz"] = gzip.compress(urlset(server.url, ["world/1"], news))
        await FeedRegistry(broker.state).add([(server.url + "news.xml.gz", "")])
        await settled(broker, {"new": 1})
    article: Article
    [article] = await everything(settings, "articles")
    assert (article.title, article.publisher, article.tags) == (
        "Salt canal reopens",
        "The Test Courier",
        ("salt", "canal"),
    )
    assert article.published == datetime(2026, 1, 5, 9, tzinfo=UTC)
    assert len(article.paragraphs) == 2
    assert "Imprint" not in " ".join(article.paragraphs)


async def test_sitemap_publishes_each_page_once(settings: Settings) -> None:
    paths = [f"a/{n}" for n in range(5)]
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        serve_pages(server, [*paths, "a/new"])
        server.answers["map.txt"] = "\n".join(server.url + path for path in paths).encode()
        feeds = FeedRegistry(broker.state)
        await feeds.add([(server.url + "map.txt", "")])
        await settled(broker, {"new": 5})
        server.answers["map.txt"] = "\n".join(server.url + path for path in [*paths, "a/new"]).encode()
        await settled(broker, {"new": 6})
        assert {server.requests[path] for path in [*paths, "a/new"]} == {1}
    articles: list[Article] = await everything(settings, "articles")
    assert {article.title for article in articles} == {f"Story {n}" for n in (0, 1, 2, 3, 4, "new")}
    assert await everything(settings, "dead-letters") == []


async def test_first_poll_takes_newest_pages_only(settings: Settings) -> None:
    count = MAX_PAGES + 20
    now = datetime.now(UTC).replace(microsecond=0)
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        serve_pages(server, [f"a/{n}" for n in range(count + 1)])

        def sitemap(total: int) -> bytes:
            times = ((now - timedelta(days=total - n)).isoformat() for n in range(total))
            urls = (f"<url><loc>{server.url}a/{n}</loc><lastmod>{t}</lastmod></url>" for n, t in enumerate(times))
            return f"<urlset>{''.join(urls)}</urlset>".encode()

        server.answers["map.xml"] = sitemap(count)
        await FeedRegistry(broker.state).add([(server.url + "map.xml", "")])
        await settled(broker, {"new": MAX_PAGES})
        server.answers["map.xml"] = sitemap(count + 1)
        await settled(broker, {"new": MAX_PAGES + 1})
        assert [server.requests[f"a/{n}"] for n in (0, 19, 20, count)] == [0, 0, 1, 1]


async def test_later_polls_take_waiting_pages(settings: Settings) -> None:
    count = 2 * MAX_PAGES + 10
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        paths = [f"a/{n}" for n in range(count)]
        serve_pages(server, paths)
        server.answers["map.xml"] = urlset(server.url, paths[:1])
        await FeedRegistry(broker.state).add([(server.url + "map.xml", "")])
        await settled(broker, {"new": 1})
        server.answers["map.xml"] = urlset(server.url, paths)
        counters = await settled(broker, {"new": count})
        assert counters["desk"]["received"] == count
    assert max(poll.items_new for poll in await polls(settings)) == MAX_PAGES


async def test_robots_txt_keeps_forbidden_pages_out(settings: Settings) -> None:
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        serve_pages(server, ["a/1", "private/2"])
        server.answers["robots.txt"] = b"User-agent: *\nDisallow: /private/\n"
        server.answers["map.xml"] = urlset(server.url, ["private/2", "a/1", "absent/3"])
        await FeedRegistry(broker.state).add([(server.url + "map.xml", "")])
        await settled(broker, {"new": 1})
        assert server.requests["private/2"] == 0
    assert [article.title for article in await everything(settings, "articles")] == ["Story 1"]


async def test_unavailable_page_is_tried_again(settings: Settings) -> None:
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        serve_pages(server, ["a/2"])
        server.answers["a/1"] = lambda r: page("Story 1") if server.requests["a/1"] > 3 else web.Response(status=503)
        server.answers["map.xml"] = urlset(server.url, ["a/1", "a/2"])
        await FeedRegistry(broker.state).add([(server.url + "map.xml", "")])
        await settled(broker, {"new": 2})
        assert (server.requests["a/1"], server.requests["a/2"]) == (4, 1)


async def test_index_gives_pages_of_its_sitemaps(settings: Settings) -> None:
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        serve_pages(server, ["a/1", "a/2", "b/1", "c/1"])
        server.answers["a.xml"], server.answers["b.xml"] = (
            urlset(server.url, ["a/1", "a/2"]),
            urlset(server.url, ["b/1", "a/1"]),
        )
        server.answers["sub.xml"] = (
            b"<sitemapindex><sitemap><loc>/b.xml</loc></sitemap><sitemap><loc>/index.xml</loc></sitemap></sitemapindex>"
        )
        server.answers["index.xml"] = (
            b"<sitemapindex><sitemap><loc>/a.xml</loc></sitemap><sitemap><loc>/gone.xml</loc></sitemap>"
            b"<sitemap><loc>/sub.xml</loc></sitemap></sitemapindex>"
        )
        feeds = FeedRegistry(broker.state)
        await feeds.add([(server.url + "index.xml", "")])
        await settled(broker, {"new": 3})
        server.answers["b.xml"] = urlset(server.url, ["b/1", "c/1"])
        counters = await settled(broker, {"new": 4})
        assert counters["desk"]["received"] == 4
        [state] = await feeds.all()
        assert state.failures == 0
    assert "HTTP 404" in (await polls(settings))[0].error


async def test_index_without_readable_sitemap_fails(settings: Settings) -> None:
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        server.answers["index.xml"] = b"<sitemapindex><sitemap><loc>/gone.xml</loc></sitemap></sitemapindex>"
        feeds = FeedRegistry(broker.state)
        await feeds.add([(server.url + "index.xml", "")])

        async def has_failed() -> bool:
            return (await feeds.all())[0].failures > 0

        await until(has_failed)
        assert "gone.xml" in (await feeds.all())[0].error


async def test_index_reading_is_bounded() -> None:
    """An index that lists indexes without end costs MAX_SITEMAPS requests."""
    requests: list[str] = []

    async def fetch(url: str) -> Response:
        requests.append(url)
        return Response(200, url, b"", {}, 0)

    async def parse(response: Response, known_items: bytes, is_archive: bool) -> FeedUpdate:
        nested = tuple(SitemapLink(f"{response.url}/{n}") for n in range(50))
        return FeedUpdate("", (), 0, known_items, "", sitemaps=nested)

    index = FeedUpdate("", (), 0, b"", "", sitemaps=(SitemapLink("https://a.example/i"),))
    update = await read_index(index, "https://a.example/", b"", fetch, parse)
    assert len(requests) == MAX_SITEMAPS
    assert max(url.count("/") for url in requests) <= 6
    assert update.warning.endswith("sitemaps were read")


async def test_feed_in_index_is_named() -> None:
    async def fetch(url: str) -> Response:
        return Response(200, url, b"", {}, 0)

    async def parse(response: Response, known_items: bytes, is_archive: bool) -> FeedUpdate:
        return FeedUpdate("", (), 0, known_items, "")

    index = FeedUpdate("", (), 0, b"", "", sitemaps=(SitemapLink("https://a.example/rss"),))
    with pytest.raises(UnreadableError, match=r"not a sitemap: https://a.example/rss \(a feed\); add it as a feed"):
        await read_index(index, "https://a.example/", b"", fetch, parse)


def test_newest_sitemaps_prefer_news_then_time() -> None:
    links = [SitemapLink("https://a.example/old", 1.0), SitemapLink("https://a.example/new", 9.0)]
    links += [SitemapLink(f"https://a.example/part-{n}") for n in range(1, 6)] + [
        SitemapLink("https://a.example/NEWS.xml")
    ]
    names = [link.url.rpartition("/")[2] for link in newest_sitemaps(links, 6)]
    assert names == ["NEWS.xml", "new", "old", "part-1", "part-5", "part-2"]


@pytest.mark.parametrize("count", [11, 30])
def test_newest_sitemaps_keep_a_share_for_undated(count: int) -> None:
    dated = [SitemapLink(f"https://a.example/sitemap-{n}.xml", float(n + 1)) for n in range(count)]
    chosen = newest_sitemaps([*dated, SitemapLink("https://a.example/sitemap-latest.xml")])
    names = [link.url.rpartition("-")[2] for link in chosen]
    assert names == [f"{n}.xml" for n in range(count - 1, count - 10, -1)] + ["latest.xml"]


def test_newest_sitemaps_share_places_of_many_undated() -> None:
    dated = [SitemapLink(f"https://a.example/{n}", float(n + 1)) for n in range(20)]
    undated = [SitemapLink(f"https://a.example/part-{n}") for n in range(20)]
    names = [link.url.rpartition("/")[2] for link in newest_sitemaps([*dated, *undated])]
    assert names == ["19", "18", "17", "16", "15", "14", "13", "part-0", "part-19", "part-1"]


def test_sitemap_links_of_robots_txt() -> None:
    robots = "User-agent: *\nSitemap: https://a.example/s.xml # all\nsitemap:/news.xml\nSITEMAP: mailto:x\nSitemap: https://a.example/s.xml"
    assert sitemap_links(robots, "https://a.example/robots.txt") == [
        "https://a.example/news.xml",
        "https://a.example/s.xml",
    ]


async def test_discover_names_sitemaps_of_robots_txt(settings: Settings) -> None:
    async with FeedServer() as server, HttpClient(settings) as fetcher, ParserPool(1) as parsers:
        server.answers[""] = b"<html><p>Hello</p></html>"
        sitemaps = f"Sitemap: {server.url}all.xml\nSitemap: {server.url}news.xml\n".encode()
        server.answers["robots.txt"] = sitemaps + b"#\n" * 300_000
        server.answers["all.xml"] = b"<sitemapindex><sitemap><loc>/a.xml</loc></sitemap></sitemapindex>"
        server.answers["news.xml"] = urlset(server.url, [f"a/{n}" for n in range(150)])
        feeds = await discover(fetcher, parsers, server.url)
    found = {url.removeprefix(server.url): feed for url, feed in feeds}
    assert list(found) == ["news.xml", "all.xml"]
    assert found["news.xml"].document_items + found["news.xml"].deferred == 150
    assert len(found["all.xml"].sitemaps) == 1


async def test_page_that_never_comes_becomes_a_letter(settings: Settings) -> None:
    limited = replace(settings, max_feed_letters_per_day=5)
    async with FeedServer() as server, newsdesk(limited, server) as broker:
        server.answers["a/1"] = lambda request: web.Response(body=b"x", headers={"Content-Encoding": "compress"})
        serve_pages(server, ["a/2"])
        server.answers["map.xml"] = urlset(server.url, ["a/1", "a/2"])
        await FeedRegistry(broker.state).add([(server.url + "map.xml", "")])
        await settled(broker, {"new": 1})
        url = server.url
    letters: list[DeadLetter] = await everything(settings, "dead-letters")
    assert [(letter.feed, letter.payload.decode()) for letter in letters] == [(f"{url}map.xml", f"{url}a/1")]
    assert letters[0].error.startswith(f"page unavailable: {url}a/1")


def test_cli_parse_reads_a_sitemap() -> None:
    with CliRunner().isolated_filesystem():
        Path("sitemap.xml").write_bytes(urlset("https://a.example/", ["1", "2"]))
        result = CliRunner().invoke(cli, ["parse", "sitemap.xml"])
    assert result.exit_code == 0, result.output
    assert result.output.count('"link":') == 2
