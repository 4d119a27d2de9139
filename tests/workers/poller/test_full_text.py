"""Full text: pages of feeds that contain only the beginning of their articles."""

from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from aiohttp import web

from streams.config.settings import Settings
from streams.config.tables import FeedOptions, Route
from streams.records import Article
from streams.routing import ancestor_folders
from tests.support.feed_server import FeedServer, rss
from tests.support.pipeline import BODY, MORE, everything, newsdesk, settled
from workers.poller.full_text import MAX_ROBOTS_BYTES, complete_lines, is_html
from workers.poller.registry import FeedRegistry
from workers.text.markup import strip_invisible_elements

PAGE = f"""<!doctype html><html><head><title>One | The Test Courier</title><style>p {{color: red}}</style>
<script>track()</script></head><body><nav><a href="/">Home</a> <a href="/world">World</a></nav>
<article><h1>One</h1>{BODY}{MORE}<p>The board's chair, Ida Marrow, said that the first barge had carried salt, as it should.</p>
</article><footer>Imprint</footer></body></html>"""


def page(request: web.Request) -> web.Response:
    return web.Response(text=PAGE, content_type="text/html")


def with_full_text(settings: Settings) -> Settings:
    return replace(settings, feeds=(FeedOptions("*", full_text=True),), routes=(Route("world", folder=("news",)),))


async def test_full_text_respects_robots_txt(settings: Settings) -> None:
    async with FeedServer() as server, newsdesk(with_full_text(settings), server) as broker:
        server.answers |= {"1": page, "private/2": page, "3": lambda r: web.Response(status=403)}
        server.answers["robots.txt"] = b"User-agent: copydesk\nDisallow: /private/\n"
        links = [f"{server.url}{path}" for path in ("1", "private/2", "3")]
        server.answers["f"] = rss([(link, link[-1], BODY) for link in links])
        await FeedRegistry(broker.state).add([(server.url + "f", "news/world")])
        await settled(broker, {"new": 3})
        articles: list[Article] = await everything(settings, "articles.world")
        by_title = {a.title: a for a in articles}
        assert "first barge had carried salt" in by_title["1"].paragraphs[-1]
        assert by_title["1"].folder == "news/world"
        assert "Imprint" not in " ".join(by_title["1"].paragraphs)
        assert [len(by_title[name].paragraphs) for name in ("1", "2", "3")] == [3, 1, 1]
        assert server.requests["private/2"] == 0
        assert server.requests["1"] == server.requests["robots.txt"] == 1


async def test_rules_of_large_robots_txt_apply(settings: Settings) -> None:
    """Its first 500 KiB count (RFC 9309 §2.5). A rule that ends there would forbid more than the publisher does."""
    async with FeedServer() as server, newsdesk(with_full_text(settings), server) as broker:
        server.answers |= {"1": page, "private/2": page, "late/3": page}
        first, cut = b"User-agent: *\nDisallow: /private/\n", b"Disallow: /"
        comment = b"#" * (MAX_ROBOTS_BYTES - len(first) - len(cut) - 1) + b"\n"
        server.answers["robots.txt"] = first + comment + cut + b"other/\n" + b"Disallow: /late/\n" * 9_000
        links = [f"{server.url}{path}" for path in ("1", "private/2", "late/3")]
        server.answers["f"] = rss([(link, link[-1], BODY) for link in links])
        await FeedRegistry(broker.state).add([(server.url + "f", "")])
        await settled(broker, {"new": 3})
        assert [server.requests[path] for path in ("robots.txt", "1", "private/2", "late/3")] == [1, 1, 0, 1]


@pytest.mark.parametrize(
    ("size", "expected"), [(MAX_ROBOTS_BYTES, MAX_ROBOTS_BYTES), (MAX_ROBOTS_BYTES + 1, MAX_ROBOTS_BYTES - 2)]
)
@pytest.mark.parametrize("end", [b"\n", b"\r"])
def test_cut_line_of_robots_txt_is_left_out(end: bytes, size: int, expected: int) -> None:
    robots = b"#" * (MAX_ROBOTS_BYTES - 3) + end + b"Allow: /"
    assert len(complete_lines(robots[:size])) == expected
    assert complete_lines(b"#" * (MAX_ROBOTS_BYTES + 1)) == b""


async def test_recent_item_waits_for_unavailable_page(settings: Settings) -> None:
    async with FeedServer() as server, newsdesk(with_full_text(settings), server) as broker:
        server.answers["1"] = lambda r: page(r) if server.requests["1"] > 2 else web.Response(status=503)
        date = f"<pubDate>{format_datetime(datetime.now(UTC))}</pubDate></item>".encode()
        server.answers["f"] = rss([(server.url + "1", "One", BODY)]).replace(b"</item>", date)
        await FeedRegistry(broker.state).add([(server.url + "f", "")])
        await settled(broker, {"new": 1})
        [article] = await everything(settings, "articles")
        assert (len(article.paragraphs), article.revision) == (3, 1)
        assert server.requests["1"] == 3


async def test_unreachable_robots_txt_forbids_pages(settings: Settings) -> None:
    async with FeedServer() as server, newsdesk(with_full_text(settings), server) as broker:
        server.answers |= {"1": page, "robots.txt": lambda r: web.Response(status=500)}
        server.answers["f"] = rss([(server.url + "1", "One", BODY)])
        await FeedRegistry(broker.state).add([(server.url + "f", "")])
        await settled(broker, {"new": 1})
        [article] = await everything(settings, "articles")
        assert len(article.paragraphs) == 1
        assert server.requests["1"] == 0


@pytest.mark.parametrize(
    ("html", "visible"),
    [
        ("a<script>b</script>c", "ac"),
        ("a<SCRIPT src=x>b</ScRiPt >c", "ac"),
        ('a<script type="application/ld+json">{}</script>c', 'a<script type="application/ld+json">{}</script>c'),
        ("a<!-- b -->c<style>d</style><svg><path/></svg>e", "ace"),
        ("a<script>b", "a"),
    ],
)
def test_strip_invisible_elements(html: str, visible: str) -> None:
    assert strip_invisible_elements(html) == visible


def test_ancestor_folders() -> None:
    assert ancestor_folders("news/world/asia") == ["news", "news/world", "news/world/asia"]
    assert ancestor_folders("") == [""]


def test_is_html_content_types() -> None:
    assert [is_html(t) for t in ("", "text/html; charset=x", "TEXT/HTML", "application/pdf")] == [
        True,
        True,
        True,
        False,
    ]
