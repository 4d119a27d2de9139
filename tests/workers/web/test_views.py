"""Every view in Chromium: content, actions, accessibility, width, size."""

import functools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from streams.config.settings import Settings
from tests.conftest import ROOT, until
from tests.support.browser import Browser, Chromium
from tests.support.feed_server import FeedServer, rss
from tests.support.newsroom import COPY, FAILING, FEED, REVISED, STORY, fill
from tests.support.page import open_page
from tests.support.ports import free_port
from tests.support.views import DETAIL, SIZES, VIEWS
from workers.dead_letters import count_pending, from_feed_entry
from workers.poller.registry import FeedRegistry, FeedState, feed_id
from workers.web.server import WebServer

OPENED = "[...document.querySelectorAll('details')].every((d) => d.children.length > 1)"
RUN_AXE = (
    "axe.run(document).then((r) => [r.passes.length, r.violations.map((v) => "
    "[v.impact, v.id, v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200) + n.failureSummary)])])"
)
SAMPLE = ("light", "phone dark")  # each width and each theme
EACH_SIZE = [pytest.param(size, marks=() if size in SAMPLE else pytest.mark.exhaustive) for size in SIZES]


@asynccontextmanager
async def view(
    settings: Settings, chromium: Chromium, path: str, **options: Any
) -> AsyncGenerator[tuple[Browser, FeedRegistry, WebServer], None]:
    """Yield a browser with a view of a filled newsroom."""
    async with open_page(settings, chromium, path="assets/page.css") as (page, broker, server):
        await fill(broker)

        async def is_indexed() -> bool:
            polls = [await server.polls.polls(url) for url in (FEED, FAILING)]
            return await server.index.count() == 4 and all(polls)

        await until(is_indexed)
        await server.status.sample()
        await page.goto(f"{server.url}{path}#{server.admin.token}", **options)
        if path in VIEWS:
            await until(lambda: page.evaluate(f"Boolean({VIEWS[path]})"), what=path)
        yield page, FeedRegistry(broker.state), server


async def text(page: Browser, selector: str) -> str:
    return str(await page.evaluate(f"document.querySelector('{selector}').innerText"))


@pytest.mark.parametrize("size", EACH_SIZE)
async def test_views_are_accessible_and_fit(size: str, settings: Settings, chromium: Chromium, axe: str) -> None:
    width, dark = SIZES[size]
    async with view(settings, chromium, "", width=width, dark=dark) as (page, _, server):
        for path, is_drawn in VIEWS.items():
            await page.goto(f"{server.url}{path}", width=width, dark=dark)
            await until(functools.partial(page.evaluate, f"Boolean({is_drawn})"), what=path)
            await page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
            await until(functools.partial(page.evaluate, OPENED), what=path)
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, f"horizontal scrolling: {path}"
            assert await page.evaluate("document.querySelectorAll('h1').length") == 1
            await page.evaluate(f"(() => {{ {axe} }})()")
            passed, violations = await page.evaluate(RUN_AXE)
            assert passed > 15
            assert violations == [], path


def test_page_stays_below_its_size() -> None:
    files = list((ROOT / "workers" / "web" / "static").iterdir())
    assert sum(path.stat().st_size for path in files) <= 120_000
    assert not [path.name for path in files if "http://" in path.read_text().replace("http://www.w3.org/2000/svg", "")]


async def test_article_view_shows_diff_provenance_and_story(settings: Settings, chromium: Chromium) -> None:
    async with view(settings, chromium, f"articles/{REVISED}") as (page, _, server):
        changes = await page.evaluate("[...document.querySelectorAll('.revisions ins')].map((e) => e.textContent)")
        assert changes == ["6", "6", "June."]
        assert "correction" in await text(page, "main")
        await page.goto(f"{server.url}articles/{COPY}")
        await until(lambda: page.evaluate("document.querySelectorAll('.members tbody tr').length === 2"))
        shown = await text(page, "main")
        for words in (
            "copy, 94 %",
            "Orrin Wire",
            "copydesk.items/2@41",
            "byline: text",
            "Storm spares Lanthe",
            "+12 min",
        ):
            assert words in shown, words
        await page.click("section a[href^='/stories/']")
        await until(
            lambda: page.evaluate("document.querySelector('main').innerText.includes('First received from Orrin Wire')")
        )
        assert await page.evaluate("location.pathname.startsWith('/stories/')")
        await until(lambda: page.evaluate("document.title === '⚠ Harbour board reopens the canal · copydesk'"))


async def test_story_view_shows_the_words_that_differ(settings: Settings, chromium: Chromium) -> None:
    async with view(settings, chromium, f"stories/{STORY}") as (page, _, _):
        words = "[...document.querySelectorAll('.changes del, .changes ins')].map((e) => e.textContent)"
        removed, added = ["who leads the board,"], ["its chair,"]
        title = ["Harbour board reopens the canal", "Canal open again after nine years"]
        await until(lambda: page.evaluate(f"{words}.length > 2"))
        assert await page.evaluate(words) == [*title, *removed, *added]
        await page.evaluate(
            "(() => { const [from, to] = document.querySelectorAll('.compare select');"
            f"from.value = '{COPY}'; from.dispatchEvent(new Event('change')); }})()"
        )
        await until(
            lambda: page.evaluate("document.querySelector('main').innerText.includes('Both texts have the same')")
        )
        assert await page.evaluate(f"location.search === '?from={COPY}&to={COPY}'")
        await page.evaluate(
            "(() => { const [from, to] = document.querySelectorAll('.compare select');"
            f"to.value = '{STORY}'; to.dispatchEvent(new Event('change')); }})()"
        )
        await until(lambda: page.evaluate(f"{words}.length > 2"))
        assert (await page.evaluate(words))[-2:] == [*added, *removed]


async def test_feeds_view_filters_and_keeps_its_address(settings: Settings, chromium: Chromium) -> None:
    async with view(settings, chromium, "feeds") as (page, _, _):
        rows = "[...document.querySelectorAll('#feeds tr')].map((r) => r.innerText)"
        assert "no document at this URL" in (await page.evaluate(rows))[0]
        await page.click("[data-health=paused]")
        await until(lambda: page.evaluate(f"{rows}.length === 1"))
        assert await page.evaluate("location.search") == "?health=paused"
        await page.click("[data-health='']")
        await page.press("/")
        await page.ask("Input.insertText", text="courier")
        await until(lambda: page.evaluate(f"{rows}.length === 1 && {rows}[0].includes('Courier')"))
        await page.evaluate("document.activeElement.blur()")
        await page.press("j")
        await page.press("o")
        await until(lambda: page.evaluate("location.pathname.length > 20"))
        await page.evaluate("history.back()")
        await until(lambda: page.evaluate(f"location.search === '?q=courier' && {rows}.length === 1"))


async def test_feed_view_changes_the_feed(settings: Settings, chromium: Chromium) -> None:
    async with view(settings, chromium, DETAIL) as (page, feeds, _):

        async def state() -> FeedState:
            feed = await feeds.get(feed_id(FEED))
            assert feed is not None
            return feed

        async def is_paused() -> bool:
            return (await state()).paused

        await page.click(".actions button:nth-child(2)")  # Pause
        await until(is_paused)
        await until(lambda: page.evaluate("document.querySelector('.actions button').textContent === 'Resume'"))
        await page.evaluate("document.querySelector('details.panel').open = true")
        await page.click("#edit-title")
        await page.ask("Input.insertText", text="My title")
        await page.click("#edit-interval")
        await page.ask("Input.insertText", text="30")
        await page.click(".panel .primary")

        async def is_edited() -> bool:
            feed = await state()
            return (feed.name, feed.interval_s) == ("My title", 1800)

        await until(is_edited)
        await until(lambda: page.evaluate("document.querySelector('h1').textContent === 'My title'"))
        await page.click(".actions .danger")
        await page.click("#confirm [value=no]")
        assert await feeds.get(feed_id(FEED)) is not None
        await page.click(".actions .danger")
        await page.click("#confirm [value=yes]")

        async def is_removed() -> bool:
            return await feeds.get(feed_id(FEED)) is None

        await until(is_removed)
        await until(lambda: page.evaluate("location.pathname === '/feeds'"))


async def test_dead_letters_view_shows_content_and_asks(settings: Settings, chromium: Chromium) -> None:
    async with view(settings, chromium, "dead-letters") as (page, _, server):
        assert "3 dead letters pending" in await text(page, "main")
        assert "cleaning took longer" in await text(page, ".groups")
        await page.click("#letters summary")
        await until(lambda: page.evaluate("document.querySelector('#letters pre') !== null"))
        await page.click(".actions .danger")  # Discard all
        await page.click("#confirm [value=no]")
        assert await count_pending(server.broker) == 3
        await page.click(".groups tbody tr button:nth-child(2)")  # Replay the largest group
        assert "Replay 2 dead letters" in await text(page, "#confirm-text")
        await page.click("#confirm [value=yes]")

        async def is_replayed() -> bool:
            return await count_pending(server.broker) == 1

        await until(is_replayed)
        await until(lambda: page.evaluate("document.querySelectorAll('#letters > li').length === 1"))


async def test_status_view_is_plain_and_has_axes(settings: Settings, chromium: Chromium) -> None:
    async with view(settings, chromium, "status") as (page, _, _):
        assert "3 dead letters wait for a decision" in await text(page, ".headline")
        assert "attention" in await page.evaluate("document.querySelector('#state').className")
        assert await page.evaluate("document.querySelectorAll('.charts .tick').length") > 8
        await page.evaluate("document.querySelector('.charts svg').focus()")
        await page.press("ArrowLeft")
        await until(lambda: page.evaluate("document.querySelector('.charts .value').textContent.includes(': new')"))
        await page.click(".tabs button:nth-child(2)")
        await until(lambda: page.evaluate("document.querySelector('.charts svg') !== null"))


async def test_first_run_adds_a_discovered_feed(settings: Settings, chromium: Chromium) -> None:
    async with open_page(settings, chromium) as (page, broker, _), FeedServer() as server:
        server.answers["home"] = b"<html><link rel=alternate type=application/rss+xml href=/f.xml></html>"
        server.answers["f.xml"] = rss([("https://a.example/1", "One", "<p>Text</p>")], title="<b>The Daily</b>")
        await page.click("#add-url")
        await page.ask("Input.insertText", text=server.url + "home")
        await page.press("Enter")
        await page.click(".results .primary")

        async def is_added() -> bool:
            return [feed.url for feed in await FeedRegistry(broker.state).all()] == [server.url + "f.xml"]

        await until(is_added)
        await until(lambda: page.evaluate("location.pathname === '/feeds'"))


async def test_unreachable_address_stays_in_the_form(settings: Settings, chromium: Chromium) -> None:
    async with open_page(settings, chromium) as (page, broker, _):
        url = f"http://127.0.0.1:{free_port()}/feed.xml"
        await page.click("#add-url")
        await page.ask("Input.insertText", text=url)
        await page.press("Enter")
        await until(lambda: page.evaluate("document.querySelector('.results .bad') !== null"))
        assert url.removeprefix("http://").removesuffix("/feed.xml") in await text(page, ".results")
        assert await page.evaluate("document.querySelector('#add-url').value") == url
        assert await FeedRegistry(broker.state).all() == []
        assert all("status of 422" in error or "status of 400" in error for error in page.errors)  # of the browser
        page.errors.clear()


async def test_letter_of_pushed_item_offers_no_replay(settings: Settings, chromium: Chromium) -> None:
    async with open_page(settings, chromium, path="feeds") as (page, broker, server):
        await broker.publish([from_feed_entry("source:desk", '{"title": "torn', "not JSON")])
        await page.goto(server.url + "dead-letters")
        await until(lambda: page.evaluate("document.querySelectorAll('#letters > li').length === 1"))
        shown = await text(page, "main")
        assert "push it again" in shown
        assert "Replay" not in shown
        await page.goto(server.url + "status")
        await until(lambda: page.evaluate("document.querySelector('.sentences a[href=\"/dead-letters\"]') !== null"))


async def test_locked_page_offers_no_change(settings: Settings, chromium: Chromium) -> None:
    async with open_page(settings, chromium, path="feeds", locked=True) as (page, broker, server):
        await fill(broker)
        await until(lambda: page.evaluate("document.querySelectorAll('#feeds tr').length === 3"))
        assert await page.evaluate("!document.querySelector('#locked').hidden && !document.querySelector('#add-feeds')")
        await page.goto(server.url + "dead-letters")
        await until(
            lambda: page.evaluate("document.querySelector('main').innerText.includes('Dead letters hold raw texts')")
        )


async def test_unknown_article_is_explained(settings: Settings, chromium: Chromium) -> None:
    async with open_page(settings, chromium, path="feeds") as (page, _, _):
        await page.evaluate("history.pushState(null, '', '/nowhere'); dispatchEvent(new Event('popstate'))")
        await until(lambda: page.evaluate("document.querySelector('main').innerText.includes('There is no page')"))
