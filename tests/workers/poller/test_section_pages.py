"""Section pages: choice of article links on generated sites, history, and polls on a real Valkey."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from streams.config.settings import Settings, load_settings
from streams.config.tables import FeedOptions
from streams.errors import SettingsError, UnreadableError
from tests.conftest import until
from tests.support.feed_server import FeedServer, rss
from tests.support.pipeline import BODY, MORE, everything, newsdesk, settled
from tests.support.section_sites import DEV_KINDS, HELD_KINDS, Site, sites
from workers.http.client import HttpClient
from workers.poller.article_links import article_links, page_links
from workers.poller.article_urls import url_shape
from workers.poller.discovery import discover
from workers.poller.formats import FeedDocument, ParsedFeed, parse_document
from workers.poller.parser_pool import ParserPool
from workers.poller.registry import FeedRegistry

NOW = datetime(2026, 11, 5, 12, tzinfo=UTC)
MIN_PRECISION, MIN_RECALL = 0.98, 0.95


def parsed(html: str, url: str, known: bytes = b"", turnover: dict[str, int] | None = None) -> ParsedFeed:
    document = FeedDocument(
        html.encode(), url, "text/html", NOW, known_items=known, type="page", turnover=turnover or {}
    )  # fmt: skip
    return parse_document(document)


def taken_links(site: Site, polls: int) -> set[str]:
    """Return the links that the first *polls* of a site give."""
    known, turnover, links = b"", dict[str, int](), set[str]()
    for html, _ in site.polls[:polls]:
        feed = parsed(html, site.url, known, turnover)
        assert feed.links is not None
        known, turnover = feed.links.known_items, dict(feed.turnover)
        links |= {item.link for item in feed.items}
    return links


@pytest.mark.parametrize("polls", [1, 5])
@pytest.mark.parametrize("kinds", [DEV_KINDS, HELD_KINDS], ids=["dev", "held"])
def test_articles_of_generated_sites_are_taken(kinds: Sequence[str], polls: int) -> None:
    right = taken = wanted = 0
    for site in sites(kinds, 3, seed=22):
        links, articles = taken_links(site, polls), frozenset().union(*(truth for _, truth in site.polls[:polls]))
        right, taken, wanted = right + len(links & articles), taken + len(links), wanted + len(articles)
    assert right / taken >= MIN_PRECISION
    assert right / wanted >= MIN_RECALL


SHAPES = {
    "https://a.example/2026/11/05/salt-canal-reopens/": True,
    "https://a.example/world/salt-canal-reopens-52370042": True,
    "https://a.example/news/uk-52370042": True,
    "https://a.example/articles/cx2gn239exlo": True,
    "https://a.example/?p=10423": True,
    "https://a.example/": False,
    "https://a.example/world/": False,
    "https://a.example/2026/11/": False,
    "https://a.example/tag/salt-canal-and-its-history": False,
    "https://a.example/world/page/3": False,
    "https://a.example/world/salt-canal-reopens?page=2": False,
    "https://a.example/files/annual-report-of-the-board-2026.pdf": False,
    "https://a.example/author/ida-marrow": False,
}


@pytest.mark.parametrize(("url", "is_article"), SHAPES.items(), ids=[url[17:] for url in SHAPES])
def test_url_shape_evidence(url: str, is_article: bool) -> None:
    assert (url_shape(url).evidence >= 1.5) is is_article


def test_pattern_is_shared_by_urls_of_one_kind() -> None:
    urls = (
        "https://a.example/world/salt-canal-reopens-52370042",
        "https://a.example/sport/the-ferry-race-is-on-99912345",
    )
    assert len({url_shape(url).pattern for url in urls}) == 1


def test_links_of_other_sites_and_repeated_texts_are_no_articles() -> None:
    headline = "The salt canal reopens after nine years"
    html = f'<a href="https://b.example/2026/11/05/{"salt-" * 5}canal">{headline}</a>'
    html += "".join(f'<div><a href="/x{n}-52370042">Read more</a></div>' for n in range(5))
    links = page_links(html, "https://a.example/")
    assert [link.text for link in links] == [""] * 5
    assert article_links(links, {}) == []


def test_history_confirms_new_links_of_a_pattern() -> None:
    """Short headlines on two-word paths stay below the threshold until their pattern changes from poll to poll."""

    def page(*numbers: int) -> str:
        links = "".join(f'<li><a href="/{n}x-canal-opens">Canal no {n} opens</a></li>' for n in numbers)
        return f'<html><ul><li><a href="/town-hall-tours">Tours of town hall</a></li>{links}</ul></html>'

    known, turnover = b"", dict[str, int]()
    counts = []
    for poll in range(5):
        feed = parsed(page(*range(2 * poll, 2 * poll + 6)), "https://a.example/", known, turnover)
        assert feed.links is not None
        known, turnover = feed.links.known_items, dict(feed.turnover)
        counts.append(len(feed.items))
    assert turnover
    assert max(turnover.values()) == 8
    assert (counts[0], counts[-1]) == (0, 2)


def test_feed_as_page_gives_clear_error() -> None:
    with pytest.raises(UnreadableError, match="not an HTML page"):
        parsed(rss([("https://a.example/1", "One", "")]).decode(), "https://a.example/")


def test_page_without_articles_gives_warning() -> None:
    feed = parsed('<html><a href="/a">A</a></html>', "https://a.example/")
    assert (feed.items, feed.warning) == ((), "no link to an article among 1 links")


HOSTILE = {
    "links": '<a href="/2026/11/05/a-b-c-d">a b c d e</a>' * 50_000,
    "depth": "<div class='nav menu'>" * 20_000 + '<a href="/x">x</a>',
    "one card": "<div><h2>x y z</h2>" + '<a href="/same">m</a>' * 20_000 + "</div>",
    "class": f'<div class="{"nav-" * 50_000}"><a href="/x">x</a></div>',
}


@pytest.mark.parametrize("html", HOSTILE.values(), ids=HOSTILE)
def test_hostile_page_is_read_fast(html: str) -> None:
    start_s = time.process_time()
    parsed(f"<html>{html}</html>", "https://a.example/")
    assert time.process_time() - start_s < 5.0  # each takes less than 1 s


def test_wrong_type_of_feed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="expected feed or page"):
        load_settings(environ={"COPYDESK_CONFIG": _config(tmp_path, 'type = "site"')})
    assert load_settings(environ={"COPYDESK_CONFIG": _config(tmp_path, 'type = "page"')}).feeds[0].type == "page"


def _config(folder: Path, line: str) -> str:
    path = folder / "copydesk.toml"
    path.write_text(f'[[feeds]]\nurl = "https://a.example/*"\n{line}\n')
    return str(path)


# -- polls ----------------------------------------------------------------------------------------------------


def article_page(request: web.Request) -> web.Response:
    number = request.path.rstrip("/").rpartition("-")[2]
    html = f"<html><head><title>Canal {number} | Courier</title></head><body><article><h1>Canal {number}</h1>{BODY}{MORE}</article></body></html>"
    return web.Response(text=html, content_type="text/html")


def section(numbers: Sequence[int]) -> bytes:
    nav = "".join(f'<li><a href="/{s}/">{s.title()}</a></li>' for s in ("world", "sport", "culture"))
    cards = "".join(
        f'<article><h2><a href="/world/the-salt-canal-reopens-at-last-{n}">The salt canal number {n} reopens at last</a></h2></article>'
        for n in numbers
    )
    return f"<!doctype html><html><head><title>Courier</title></head><body><nav><ul>{nav}</ul></nav><main>{cards}</main></body></html>".encode()


def serve(server: FeedServer, numbers: Sequence[int]) -> None:
    server.answers[""] = lambda request: web.Response(body=section(numbers), content_type="text/html")
    for n in numbers:
        server.answers[f"world/the-salt-canal-reopens-at-last-{n}"] = article_page


async def test_page_source_publishes_its_articles_once(settings: Settings) -> None:
    first, second = range(100_000, 100_008), range(100_002, 100_011)
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        serve(server, first)
        feeds = FeedRegistry(broker.state)
        await feeds.add([(server.url, "")], type="page")
        await settled(broker, {"new": 8})
        serve(server, second)
        counters = await settled(broker, {"new": 11})
        assert counters["desk"]["received"] == 11
        assert server.requests["world/"] == 0
        assert max(n for path, n in server.requests.items() if "canal" in path) == 1
        [state] = await feeds.all()
        assert (state.title, list(state.turnover.values())) == ("Courier", [3])
    assert {a.title for a in await everything(settings, "articles")} == {f"Canal {n}" for n in range(100_000, 100_011)}


async def test_page_type_of_the_settings_counts(settings: Settings) -> None:
    settings = replace(settings, feeds=(FeedOptions("*", type="page"),))
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        serve(server, range(100_000, 100_005))
        await FeedRegistry(broker.state).add([(server.url, "")])
        await settled(broker, {"new": 5})


async def test_robots_txt_forbids_a_page_source(settings: Settings) -> None:
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        serve(server, range(100_000, 100_005))
        server.answers["robots.txt"] = b"User-agent: copydesk\nDisallow: /\n"
        feeds = FeedRegistry(broker.state)
        await feeds.add([(server.url, "")], type="page")

        async def has_failed() -> bool:
            return (await feeds.all())[0].failures > 0

        await until(has_failed)
        assert (await feeds.all())[0].error.startswith("forbidden by robots.txt")
        assert server.requests[""] == 0


async def test_discover_lists_page_without_feed(settings: Settings) -> None:
    async with FeedServer() as server, HttpClient(settings) as fetcher, ParserPool(1) as parsers:
        serve(server, range(100_000, 100_008))
        [(url, page)] = await discover(fetcher, parsers, server.url)
        assert (url, page.type, page.document_items) == (server.url, "page", 8)
        server.answers["rss.xml"] = rss([("https://a.example/1", "One", "<p>Text</p>")])
        assert [url for url, _ in await discover(fetcher, parsers, server.url)] == [server.url + "rss.xml"]
