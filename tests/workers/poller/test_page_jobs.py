"""Pages, robots.txt and links in parser processes: their results and limits, and polls beside hostile ones."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from aiohttp import web

from streams.config.settings import Settings
from streams.config.tables import FeedOptions
from streams.errors import UnreadableError
from streams.records import Item
from streams.topics import DESK_GROUP
from tests.conftest import until
from tests.support.feed_server import FeedServer, rss
from workers.http.client import Credentials, HttpClient
from workers.poller.discovery import discover
from workers.poller.full_text import MAX_RULES_BYTES, FullTextFetcher, RobotsEntry
from workers.poller.page_jobs import LinksJob, PageJob, PageLinks, PageText, RobotsCheck, RobotsJob, handle_job
from workers.poller.parser_pool import IDLE_S, ParseRequest, ParserPool
from workers.poller.poller import Poller
from workers.poller.robots import RobotsRules
from workers.services import connect

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
FEED = rss([("https://a.example/1", "One", "<p>Text</p>")])
PAGE = b"<html><script>track()</script><p>The lock opens.</p></html>"
HOSTILE_ROBOTS = "User-agent: *\n" + "\n".join(f"Disallow: /*a*{n}*b" for n in range(25_000))
CYRILLIC = "<html><p>Шлюз открыт.</p></html>"


def feed_request(body: bytes = FEED) -> ParseRequest:
    return ParseRequest(body, "https://a.example/feed", "application/rss+xml", NOW, "p1")


def item(link: str) -> Item:
    return Item(feed="https://a.example/f", identity_key=link, link=link, fetched_at=NOW, fingerprint="")


@asynccontextmanager
async def fetching(settings: Settings, server: FeedServer) -> AsyncGenerator[FullTextFetcher, None]:
    allowed = replace(settings, allowed_private_hosts="127.0.0.1:*")
    async with HttpClient(allowed) as client, ParserPool(1) as parsers:
        yield FullTextFetcher(client, parsers, 0)


def freeze(parsers: ParserPool) -> None:
    """Stop the process of the pool; a job in it hangs soon."""
    [parser] = parsers._idle
    os.kill(parser.process.pid, signal.SIGSTOP)
    parsers.idle_s = 0.5


async def test_page_loses_scripts_in_parser_process() -> None:
    async with ParserPool(1) as parsers:
        assert await parsers.run(PageJob(PAGE, 1_000), PageText, source="a") == PageText(
            b"<html><p>The lock opens.</p></html>"
        )
        assert await parsers.run(PageJob(PAGE, 10), PageText, source="a") == PageText(None)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (CYRILLIC.encode("cp1251"), "text/html; charset=windows-1251"),
        (CYRILLIC.encode("koi8-r"), 'text/html; charset="KOI8-R"'),
        (CYRILLIC.replace("<p>", '<meta charset="windows-1251"><p>').encode("cp1251"), "text/html; charset=utf-8"),
        (CYRILLIC.encode(), "text/html; charset=windows-1251"),
    ],
)
def test_page_has_charset_of_its_header(body: bytes, content_type: str) -> None:
    result = handle_job(PageJob(body, 1_000, content_type))
    assert isinstance(result, PageText)
    assert result.html is not None
    assert "Шлюз открыт." in result.html.decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "User-agent: *\nCrawl-delay: 2\nDisallow: /p",
        "# a\n\nUser-agent: other\n\nUser-agent: *\n\nDisallow: /p\nAllow: /p/1\n",
        "User-agent: copydesk\n\nUser-agent: other\nDisallow: /*b$\n\nUser-agent: *\nDisallow: /",
    ],
)
def test_reduced_robots_gives_the_same_rules(text: str) -> None:
    whole = RobotsRules(text)
    reduced = RobotsRules(whole.lines)
    assert reduced.lines == whole.lines
    for path in ("p", "p/1", "q/b", "q"):
        assert reduced.allows(f"https://a.example/{path}") is whole.allows(f"https://a.example/{path}")
    assert reduced.delay_s == whole.delay_s


async def test_robots_are_checked_in_parser_process() -> None:
    async with ParserPool(1) as parsers:
        job = RobotsJob(b"User-agent: *\nCrawl-delay: 2\nDisallow: /p", "https://a.example/p/1")
        check = await parsers.run(job, RobotsCheck, source="a")
        assert (check.is_allowed, check.delay_s) == (False, 2.0)
        assert (await parsers.run(RobotsJob(check.lines, "https://a.example/q"), RobotsCheck, source="a")).is_allowed
        hostile = RobotsJob(HOSTILE_ROBOTS.encode(), "https://a.example/" + "a" * 4_000)
        check = await parsers.run(hostile, RobotsCheck, source="a")
        assert len(check.lines) < len(HOSTILE_ROBOTS) / 10


async def test_links_are_found_in_parser_process() -> None:
    page = b'<html><link rel=alternate type="application/rss+xml" title="News" href="/f"></html>'
    async with ParserPool(1) as parsers:
        links = await parsers.run(LinksJob(page, "https://a.example/x"), PageLinks, source="a")
        assert [(link.url, link.title) for link in links.links] == [("https://a.example/f", "News")]
        robots = LinksJob(b"Sitemap: https://a.example/s.xml", "https://a.example/", is_robots=True)
        assert [link.url for link in (await parsers.run(robots, PageLinks, source="a")).links] == [
            "https://a.example/s.xml"
        ]


async def test_hung_page_does_not_delay_feeds() -> None:
    """The page has a process of its own; feeds have theirs, and the event loop goes on."""
    async with ParserPool(1) as parsers:
        await parsers.run(PageJob(PAGE, 1_000), PageText, source="hostile.example")
        freeze(parsers)
        parsers.idle_s = 3_600.0
        hung = asyncio.create_task(parsers.run(PageJob(PAGE, 1_000), PageText, source="hostile.example"))
        await asyncio.sleep(0)
        for _ in range(3):
            assert (await parsers.parse(feed_request())).new_items[0].title == "One"
        assert not hung.done()
        hung.cancel()
        await asyncio.gather(hung, return_exceptions=True)


async def test_source_of_hung_page_is_quarantined() -> None:
    async with ParserPool(1) as parsers:
        await parsers.run(PageJob(PAGE, 1_000), PageText, source="hostile.example")
        freeze(parsers)
        with pytest.raises(UnreadableError, match="no CPU time"):
            await parsers.run(PageJob(PAGE, 1_000), PageText, source="hostile.example")
        assert parsers.is_suspect("hostile.example")
        assert not parsers.is_suspect("good.example")
        parsers.idle_s = IDLE_S
        async with parsers._pages:  # the slot of pages is taken: the suspect does not need it
            assert (await parsers.run(PageJob(PAGE, 1_000), PageText, source="hostile.example")).html


async def test_slow_feed_is_quarantined_without_failure() -> None:
    slow = rss([(f"https://a.example/{n}", f"Story {n}", "<p>Text</p>") for n in range(1)])
    async with ParserPool(1) as parsers:
        await parsers.parse(feed_request(slow))
        assert not parsers.is_suspect("https://a.example/feed")
        categories = b"<category>a</category>" * 60_000
        await parsers.parse(feed_request(slow.replace(b"</item>", categories + b"</item>")))
        assert parsers.is_suspect("https://a.example/feed")


async def test_suspects_have_a_process_of_their_own() -> None:
    """A process grows by its largest document, so the others must not get those of suspects."""
    async with ParserPool(1) as parsers:
        await parsers.parse(feed_request(), is_suspect=True)
        await parsers.parse(feed_request())
        [of_suspects], [ordinary] = parsers._idle_suspects, parsers._idle
        await parsers.parse(feed_request(), is_suspect=True)
        assert parsers._idle_suspects == [of_suspects]
        assert parsers._idle == [ordinary]


async def test_killed_page_gives_item_without_page(settings: Settings) -> None:
    async with FeedServer() as server, fetching(settings, server) as pages:
        server.answers |= {str(n): lambda r: web.Response(body=PAGE, content_type="text/html") for n in range(3)}
        ready, _ = await pages.fetch_pages([item(server.url + "0")], Credentials(), server.url)
        assert ready[0].page is not None
        freeze(pages.parsers)
        ready, _ = await pages.fetch_pages([item(server.url + "1")], Credentials(), server.url)
        assert [item.page for item in ready] == [None]
        pages.parsers.idle_s = IDLE_S
        ready, _ = await pages.fetch_pages([item(server.url + "2")], Credentials(), server.url)
        assert ready[0].page is not None


async def test_unreadable_robots_forbids_pages_for_a_while(settings: Settings) -> None:
    async with FeedServer() as server, fetching(settings, server) as pages:
        server.answers["robots.txt"] = b"User-agent: *\nDisallow: /private/\n"
        server.answers["1"] = lambda r: web.Response(body=PAGE, content_type="text/html")
        await pages.parsers.run(PageJob(PAGE, 1_000), PageText, source="")  # starts the process
        freeze(pages.parsers)
        for _ in range(2):
            ready, _ = await pages.fetch_pages([item(server.url + "1")], Credentials(), server.url)
            assert [item.page for item in ready] == [None]
        assert (server.requests["robots.txt"], server.requests["1"]) == (1, 0)


async def test_missing_robots_needs_no_process(settings: Settings) -> None:
    """The body of an error page is no robots.txt (RFC 9309 §2.3.1.3)."""
    async with FeedServer() as server, fetching(settings, server) as pages:
        server.answers["robots.txt"] = lambda r: web.Response(status=404, text="User-agent: *\nDisallow: /")
        server.answers["1"] = lambda r: web.Response(body=PAGE, content_type="text/html")
        ready, _ = await pages.fetch_pages([item(server.url + "1")], Credentials(), server.url)
        assert ready[0].page is not None


async def test_rules_of_hosts_are_bounded(settings: Settings) -> None:
    async with FeedServer() as server, fetching(settings, server) as pages:
        for n in range(50):
            lines = b"User-agent: *\n" + b"Disallow: /" + b"x" * 900_000
            pages._store(f"https://{n}.example", RobotsEntry(lines, 0.0))
        assert sum(len(entry.lines) for entry in pages._robots.values()) <= MAX_RULES_BYTES
        assert "https://49.example" in pages._robots


async def test_hostile_page_of_discovery_is_bounded(settings: Settings) -> None:
    page = b"<html>" + b"<a href=/rss>RSS</a>" * 60_000
    allowed = replace(settings, allowed_private_hosts="127.0.0.1:*")
    async with FeedServer() as server, HttpClient(allowed) as client, ParserPool(1) as parsers:
        server.answers |= {"page": lambda r: web.Response(body=page, content_type="text/html"), "rss": FEED}
        assert [url for url, _ in await discover(client, parsers, server.url + "page")] == [server.url + "rss"]


async def test_polls_go_on_beside_hanging_pages(settings: Settings) -> None:
    """A feed whose page job never ends holds up neither other feeds nor the event loop."""
    async with FeedServer() as server:
        good, hostile = server.url + "good", server.url.replace("127.0.0.1", "localhost") + "hostile"
        configured = replace(
            settings, feeds=(FeedOptions(hostile, full_text=True),), parser_processes=1, host_delay_s=0.0,
            poll_interval_s=0.05, adaptive_polling=False, allowed_private_hosts="127.0.0.1:*, localhost:*",
        )  # fmt: skip
        server.answers["hostile"] = rss([(server.url + "page", "One", "<p>Text</p>")])
        server.answers["page"] = lambda r: web.Response(body=PAGE, content_type="text/html")
        server.answers["good"] = lambda r: rss([(f"https://a.example/{server.requests['good']}", "A", "<p>Text</p>")])
        broker = await connect(configured, configured.broker_url)
        poller = Poller(configured, broker, DESK_GROUP)
        await poller.feeds.add([(good, ""), (hostile, "")])
        async with poller.parsers._pages:  # the only slot
            polling = asyncio.create_task(poller.run())
            await until(lambda: server.requests["page"] == 1, what="the hostile feed's page")
            before = server.requests["good"]
            await until(lambda: server.requests["good"] >= before + 3, what="polls of the good feed")
            assert server.requests["hostile"] == 1
        await until(lambda: server.requests["hostile"] > 1, what="the next poll of the hostile feed")
        poller.stop()
        await polling
        await broker.close()
