"""The web interface in Chromium."""

import functools
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from streams.config.settings import Settings
from streams.records import RemovedBlock
from streams.topics import ARTICLES
from tests.conftest import until
from tests.support.browser import Browser, Chromium
from tests.support.page import open_page
from tests.support.site import article, publish
from tests.support.up import output, up
from workers.dead_letters import from_feed_entry
from workers.poller.registry import FeedRegistry
from workers.web.server import WebServer

TITLES = "[...document.querySelectorAll('#articles > li h2')].map((h) => h.textContent)"


# Articles arrive while the page is open, so each check opens the blocks of the newest ones.
EXPLORE_REMOVED = """(() => {
  document.querySelectorAll('#articles details').forEach((d) => { d.open = true; });
  return [...document.querySelectorAll('#articles .removed del')].some((d) => d.textContent.includes('Explore'));
})()"""
LIVE = "document.querySelector('#live')?.textContent === 'live'"


async def test_page_opens_the_newest_article(tmp_path: Path, chromium: Chromium) -> None:
    with up(tmp_path):
        await until(lambda: output(tmp_path).count("●") > 5)
        url = output(tmp_path).partition("web interface ")[2].split()[0]
        async with chromium.page() as page:
            await page.goto(url)
            await until(lambda: page.evaluate("document.querySelectorAll('#articles li').length > 3"))
            assert await page.evaluate("document.querySelectorAll('#articles details[open]').length") == 1
            await until(lambda: page.evaluate(EXPLORE_REMOVED))
            await until(lambda: page.evaluate("document.querySelector('#articles .chip.cut') !== null"))
            assert page.errors == []


async def test_page_inserts_new_articles_as_plain_text(settings: Settings, chromium: Chromium) -> None:
    async with open_page(settings, chromium) as (page, broker, _):
        await until(lambda: page.evaluate(LIVE))
        markup = "<img src=x onerror=alert(1)><script>alert(2)</script>"
        removed = (RemovedBlock("links", markup, markup, markup),)
        hostile = replace_fields(
            article(1), title=markup, paragraphs=(markup,), url="javascript:alert(3)", removed=removed
        )
        await publish(broker, hostile)
        await until(lambda: page.evaluate(TITLES))
        assert await page.evaluate(TITLES) == [markup]
        await until(lambda: page.evaluate("document.querySelectorAll('.sides').length"))
        assert await page.evaluate("document.querySelectorAll('#articles img, #articles script').length") == 0
        assert await page.evaluate("document.querySelectorAll('#articles a:not([href^=\"/articles/\"])').length") == 0
        await publish(broker, replace_fields(hostile, revision=2, title="Corrected"), article(2))
        await until(lambda: page.evaluate(f"{TITLES}.length === 2"))
        assert set(await page.evaluate(TITLES)) == {"Corrected", "Story 2 & more"}, "a revision replaces the one before"


async def test_search_and_filters_change_list_and_address(settings: Settings, chromium: Chromium) -> None:
    async with open_page(settings, chromium) as (page, broker, _):
        await until(lambda: page.evaluate(LIVE))
        await publish(broker, *(article(n) for n in range(1, 6)), replace_fields(article(9), language="de"))
        await until(lambda: page.evaluate(f"{TITLES}.length === 6"))
        await page.press("/")
        assert await page.evaluate("document.activeElement.id") == "search"
        await page.ask("Input.insertText", text="story 2")
        await until(lambda: page.evaluate(f"{TITLES}.join() === 'Story 2 & more'"))
        assert await page.evaluate("location.search") == "?q=story+2"
        await publish(
            broker, replace_fields(article(2), revision=2, title="Story 2 revised")
        )  # also in a filtered list
        await until(lambda: page.evaluate(f"{TITLES}.join() === 'Story 2 revised'"))
        await page.goto(await page.evaluate("location.origin") + "/?language=de")
        await until(lambda: page.evaluate(f"{TITLES}.join() === 'Story 9 & more'"))
        assert await page.evaluate("document.querySelector('[aria-label=Language]').value") == "de"
        await page.goto(await page.evaluate("location.origin") + "/?q=nothing")
        await until(
            lambda: page.evaluate("document.querySelector('#empty')?.textContent.includes('No article matches')")
        )


async def test_reader_keeps_the_list_until_asked(settings: Settings, chromium: Chromium) -> None:
    async with open_page(settings, chromium) as (page, broker, _):
        await until(lambda: page.evaluate(LIVE))
        await publish(broker, *(article(n) for n in range(1, 4)))
        await until(lambda: page.evaluate(f"{TITLES}.length === 3"))
        first = await page.evaluate(TITLES)
        for _ in range(2):
            await page.press("j")
        assert await page.evaluate("document.activeElement.textContent.includes('Story')")
        await page.press("o")
        await publish(broker, article(7))
        await until(lambda: page.evaluate("document.querySelector('#pending')?.textContent === 'Show 1 new article'"))
        assert await page.evaluate(TITLES) == first
        await page.click("#pending")
        await until(lambda: page.evaluate(f"{TITLES}[0] === 'Story 7 & more'"))


async def test_reader_keeps_the_filtered_list_until_asked(settings: Settings, chromium: Chromium) -> None:
    german = [replace_fields(article(n), language="de") for n in range(1, 6)]
    marked = "document.querySelector('[data-marked]')"
    async with open_page(replace(settings, partitions=1), chromium, path="status") as (page, broker, server):
        await publish(broker, *german[:3])
        await until(lambda: is_indexed(server, 3))
        await page.goto(server.url + "?language=de")
        await until(lambda: page.evaluate(f"{LIVE} && {TITLES}.length === 3"))
        await page.evaluate("document.querySelector('#articles > li').dataset.marked = ''")
        await publish(broker, german[3])
        await until(lambda: page.evaluate(f"{TITLES}.length === 4"))
        assert await page.evaluate(f"{marked} === document.querySelector('#articles > li:nth-child(2)')")
        for _ in range(2):
            await page.press("j")
        assert await page.evaluate(f"{marked}.contains(document.activeElement)")
        await publish(broker, article(7), german[4])
        await until(lambda: page.evaluate("document.querySelector('#pending').textContent === 'Show 1 new article'"))
        assert await page.evaluate(f"{TITLES}.length") == 4
        assert await page.evaluate(f"{marked}.contains(document.activeElement)")
        await page.click("#pending")
        await until(lambda: page.evaluate(f"{TITLES}.length === 5 && {TITLES}[0] === 'Story 5 & more'"))
        assert await page.evaluate(f"{marked} === document.querySelector('#articles > li:nth-child(3)')")
        await until(lambda: page.evaluate("document.activeElement.closest('li')?.matches(':first-child')"))


async def test_keys_move_and_open(settings: Settings, chromium: Chromium) -> None:
    async with open_page(settings, chromium) as (page, broker, _):
        await until(lambda: page.evaluate(LIVE))
        await publish(broker, *(article(n) for n in range(1, 4)))
        await until(lambda: page.evaluate(f"{TITLES}.length === 3"))
        at = "[...document.querySelectorAll('#articles summary')].indexOf(document.activeElement)"
        for key, position in (("j", 0), ("j", 1), ("j", 2), ("j", 2), ("k", 1)):
            await page.press(key)
            assert await page.evaluate(at) == position, key
        await page.press("o")
        assert await page.evaluate("document.activeElement.parentElement.open")
        await page.press("o")
        assert not await page.evaluate("document.activeElement.parentElement.open")


async def test_title_counts_articles_of_a_hidden_page(settings: Settings, chromium: Chromium) -> None:
    async with open_page(settings, chromium) as (page, broker, _):
        await until(lambda: page.evaluate(LIVE))
        await page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
        await publish(broker, article(1), article(2))
        await until(lambda: page.evaluate("document.title.startsWith('(2) ')"))
        await page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
        assert not (await page.evaluate("document.title")).startswith("(")


async def test_page_stays_fast_with_ten_thousand_articles(settings: Settings, chromium: Chromium) -> None:
    async with open_page(settings, chromium) as (page, broker, server):
        await until(lambda: page.evaluate(LIVE))
        for start in range(0, 10_000, 100):
            await publish(broker, *(article(n) for n in range(start, start + 100)))
        await until(lambda: page.evaluate("document.querySelectorAll('#articles > li').length === 200"))
        await until(lambda: sum(server.topics.broadcasters[ARTICLES.name].position.values()) == 10_000)
        await publish(broker, article(10_000))
        await until(lambda: page.evaluate(f"{TITLES}[0] === 'Story 10000 & more'"))
        assert await page.evaluate("document.querySelectorAll('#articles > li').length") == 200
        frame_ms = await page.evaluate(
            "new Promise((done) => { const t = performance.now(); requestAnimationFrame(() => done(performance.now() - t)); })"
        )
        assert frame_ms < 1_000


RECORD_STREAMS = """
window.streams = [];
window.EventSource = class extends EventSource { constructor(url) { super(url); streams.push(this); } };
"""
OPEN_STREAMS = "streams.filter((stream) => stream.readyState !== EventSource.CLOSED).length"


def after(delay_ms: int, work: str) -> str:
    """Return code that does *work* and sets `passed` after *delay_ms*: later than the page's timers of this delay."""
    return f"(() => {{ window.passed = false; {work}; setTimeout(() => {{ passed = true; }}, {delay_ms}); }})()"


async def test_left_list_opens_no_stream(settings: Settings, chromium: Chromium) -> None:
    async with open_page(settings, chromium, path="status") as (page, _, _):
        await until(lambda: page.evaluate("document.querySelector('.charts svg') !== null"))
        await page.evaluate(RECORD_STREAMS)
        await page.refuse("*/topics/articles*")
        await page.click("#brand")
        await until(lambda: page.evaluate("document.querySelector('#live')?.textContent === 'reconnecting…'"))
        await page.accept()
        await page.evaluate(after(2_000, "document.querySelector('nav a[href=\"/status\"]').click()"))
        await until(lambda: page.evaluate("passed"))
        assert await page.evaluate(OPEN_STREAMS) == 0
        await page.click("#brand")
        await until(lambda: page.evaluate(LIVE))
        assert await page.evaluate(OPEN_STREAMS) == 1
        assert all("status of 503" in error for error in page.errors)  # of the browser
        page.errors.clear()


def typed(words: str, then: str = "") -> str:
    """Return code that types *words* into the search field, and does *then* before the search begins."""
    return (
        f"const field = document.querySelector('#search'); field.value = '{words}';"
        f"field.dispatchEvent(new Event('input')); {then}"
    )


@pytest.mark.parametrize("path", ["", "feeds"])
async def test_left_view_keeps_the_next_address(settings: Settings, chromium: Chromium, path: str) -> None:
    async with open_page(settings, chromium, path=path) as (page, _, _):
        await until(lambda: page.evaluate("document.querySelector('#search') !== null"))
        leave = "document.querySelector('nav a[href=\"/status\"]').click()"
        await page.evaluate(after(250, typed("canal", leave)))
        await until(lambda: page.evaluate("passed"))
        assert await page.evaluate("location.pathname + location.search") == "/status"
        await until(lambda: page.evaluate("document.querySelector('.charts svg') !== null"))


async def test_failed_search_is_reported_and_repeated(settings: Settings, chromium: Chromium) -> None:
    async with open_page(settings, chromium) as (page, broker, _):
        await until(lambda: page.evaluate(LIVE))
        await publish(broker, article(1), article(2))
        await until(lambda: page.evaluate(f"{TITLES}.length === 2"))
        await page.refuse("*/articles?*")
        await page.evaluate(f"{{ {typed('story 2')} }}")
        await until(lambda: page.evaluate("document.querySelector('#empty').textContent.includes('HTTP 503')"))
        await page.accept()
        await page.evaluate(f"{{ {typed('story 1')} }}")
        await until(lambda: page.evaluate(f"{TITLES}.join() === 'Story 1 & more'"))
        assert await page.evaluate("document.querySelector('#empty').textContent") == ""
        assert all("status of 503" in error for error in page.errors)  # of the browser
        page.errors.clear()


async def test_failed_feed_filter_is_reported(settings: Settings, chromium: Chromium) -> None:
    async with open_page(settings, chromium, path="feeds") as (page, _, _):
        await until(lambda: page.evaluate("document.querySelector('[data-health=paused]') !== null"))
        await page.refuse("*/feeds?*")
        await page.click("[data-health=paused]")
        await until(lambda: page.evaluate("document.querySelector('p.bad').textContent.includes('HTTP 503')"))
        await page.accept()
        await until(lambda: page.evaluate("document.querySelector('p.bad').textContent === ''"))
        assert all("status of 503" in error for error in page.errors)  # of the browser
        page.errors.clear()


async def test_header_says_that_the_server_is_gone(settings: Settings, chromium: Chromium) -> None:
    async with open_page(settings, chromium) as (page, _, _):
        headline, level = (f"document.querySelector('#state').{name}" for name in ("textContent", "className"))
        await until(lambda: page.evaluate(f"{level} !== ''"))
        first = await page.evaluate(f"[{headline}, {level}]")
        await page.set_offline(True)
        await until(lambda: page.evaluate(f"{headline}.startsWith('No connection to the server since ')"))
        assert await page.evaluate(level) == "bad"
        assert (await page.evaluate("document.title")).startswith("⚠ ")
        await page.set_offline(False)
        await until(lambda: page.evaluate(f"{level} !== 'bad'"))
        assert await page.evaluate(f"[{headline}, {level}]") == first
        await page.refuse("*/summary.json", 403)
        await until(lambda: page.evaluate(f"{headline}.startsWith('State unknown since ')"))
        await page.accept()
        await until(lambda: page.evaluate(f"{level} !== 'bad'"))
        assert all("ERR_INTERNET_DISCONNECTED" in error or "status of 403" in error for error in page.errors)
        page.errors.clear()


async def test_feed_pages_keep_the_chosen_order(settings: Settings, chromium: Chromium) -> None:
    async with open_page(settings, chromium, path="feeds") as (page, broker, _):
        await FeedRegistry(broker.state).add([(f"https://a.example/{n}", "") for n in range(150)])
        following = "document.querySelector('.pages [rel=next]')?.getAttribute('href')"
        await until(lambda: page.evaluate(f"{following} === '/feeds?offset=100'"))
        await page.evaluate(
            "{ const order = document.querySelector('[aria-label=Order]');"
            "order.value = 'title'; order.dispatchEvent(new Event('change')); }"
        )
        await until(lambda: page.evaluate(f"{following} === '/feeds?sort=title&offset=100'"))


async def test_article_is_requested_again_after_a_failure(settings: Settings, chromium: Chromium) -> None:
    async with open_page(settings, chromium, path="status") as (page, broker, _):
        await publish(broker, article(1), article(2))
        await page.click("#brand")
        await until(lambda: page.evaluate(f"{TITLES}.length === 2"))
        await page.set_offline(True)
        await open_again(page, "#articles li:last-child details", "Failed to fetch")
        await page.set_offline(False)
        await open_again(page, "#articles li:last-child details", "The harbour board met 1 times.")
        assert all("ERR_INTERNET_DISCONNECTED" in error for error in page.errors)
        page.errors.clear()


async def open_again(page: Browser, selector: str, text: str) -> None:
    """Close and open the details of *selector*, until its body has *text*."""
    details = f"document.querySelector('{selector}')"
    await page.evaluate(f"{details}.open = false")
    await until(lambda: page.evaluate(f"!{details}.open"))
    await page.click(f"{selector} > summary")
    body = f"[...{details}.querySelectorAll(':scope > .body')].map((box) => box.textContent)"
    await until(lambda: page.evaluate(f"{body}.length === 1 && {body}[0].includes('{text}')"), what=text)


async def test_letter_is_requested_again_after_a_failure(settings: Settings, chromium: Chromium) -> None:
    async with open_page(settings, chromium, path="feeds") as (page, broker, server):
        await broker.publish([from_feed_entry("https://a.example/f", "<item>torn", "not XML")])
        await page.goto(server.url + "dead-letters")
        await until(lambda: page.evaluate("document.querySelectorAll('#letters > li').length === 1"))
        await page.refuse("*/dead-letters/*")
        await open_again(page, "#letters details", "HTTP 503")
        await page.accept()
        await open_again(page, "#letters details", "<item>torn")
        assert all("status of 503" in error for error in page.errors)
        page.errors.clear()


async def test_older_articles_continue_below_the_last_row(settings: Settings, chromium: Chromium) -> None:
    numbers = "[...document.querySelectorAll('#articles > li')].map((row) => Number('0x' + row.dataset.id))"
    async with open_page(replace(settings, partitions=1), chromium, path="status") as (page, broker, server):
        await publish(broker, *(article(n) for n in range(100)))
        await until(lambda: server.index.count())
        await page.click("#brand")
        await until(lambda: page.evaluate(f"{LIVE} && {numbers}.length === 50"))
        await publish(broker, *(article(n) for n in range(100, 280)))
        await until(lambda: page.evaluate(f"{numbers}.length === 200 && {numbers}[0] === 279"))
        assert await page.evaluate(f"{numbers}[199]") == 80
        await until(lambda: is_indexed(server, 280))
        await page.click(".pages [rel=next]")
        await until(lambda: page.evaluate(f"{numbers}.length === 50"))
        assert await page.evaluate(numbers) == list(range(79, 29, -1))
        await page.click(".pages [rel=next]")
        await until(lambda: page.evaluate(f"{numbers}.join() === '{','.join(map(str, range(29, -1, -1)))}'"))


async def test_waiting_articles_beyond_the_limit_are_older(settings: Settings, chromium: Chromium) -> None:
    pending = "document.querySelector('#pending').textContent"
    async with open_page(replace(settings, partitions=1), chromium) as (page, broker, server):
        await until(lambda: page.evaluate(LIVE))
        await publish(broker, article(0))
        await until(lambda: page.evaluate(f"{TITLES}.length === 1"))
        await page.press("j")
        await page.press("o")
        await publish(broker, *(article(n) for n in range(1, 241)))
        await until(lambda: page.evaluate(f"{pending} === 'Show 200+ new articles'"))
        await page.click("#pending")
        await until(lambda: page.evaluate(f"{TITLES}.length === 200 && {TITLES}[0] === 'Story 240 & more'"))
        await until(lambda: is_indexed(server, 241))
        await page.click(".pages [rel=next]")
        await until(lambda: page.evaluate(f"{TITLES}.includes('Story 0 & more')"))
        assert await page.evaluate(f"{TITLES}[0]") == "Story 40 & more"


# Left edges of a text of the page, of the digit before " day" in its line, and of "day".
EDGES = """(() => {
  const left = (selector, text) => {
    const nodes = document.createTreeWalker(document.querySelector(selector), NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    while (nodes.nextNode()) {
      const at = nodes.currentNode.data.indexOf(text);
      if (at < 0) continue;
      range.setStart(nodes.currentNode, at);
      range.setEnd(nodes.currentNode, at + text.length);
      return range.getBoundingClientRect().left;
    }
  };
  return [left('%s', 'חדשות'), left('%s time', '5'), left('%s time', 'day')];
})()"""


@pytest.mark.parametrize(("path", "line"), [("", "#articles .line"), ("stories/" + "0" * 19 + "1", "main p + h1 + p")])
async def test_right_to_left_publisher_keeps_the_order(
    settings: Settings, chromium: Chromium, path: str, line: str
) -> None:
    async with open_page(settings, chromium, path="status") as (page, broker, server):
        published = datetime.now(UTC) - timedelta(days=5)
        hebrew = replace_fields(article(1), publisher="חדשות", published=published, fetched_at=published)
        await publish(broker, hebrew)
        await until(lambda: is_indexed(server, 1))
        await page.goto(server.url + path)
        await until(lambda: page.evaluate(f"document.querySelector('{line} time') !== null"))
        edges = await page.evaluate(EDGES.replace("%s", line))
        assert edges == sorted(edges), "publisher, number and unit, from left to right"


# Scroll position, top of the focused row in the window, open rows and the focused one.
PLACE = """(() => {
  const row = document.activeElement.closest('#articles > li');
  const open = [...document.querySelectorAll('#articles details[open]')].map((d) => d.parentElement.dataset.id);
  return JSON.stringify([Math.round(scrollY), Math.round(row?.getBoundingClientRect().top), open, row?.dataset.id]);
})()"""


async def test_back_returns_to_the_place_in_the_list(settings: Settings, chromium: Chromium) -> None:
    async with open_page(replace(settings, partitions=1), chromium, path="status") as (page, broker, server):
        await publish(broker, *(article(n) for n in range(100)))
        await until(lambda: is_indexed(server, 100))
        await page.click("#brand")
        await until(lambda: page.evaluate(f"{LIVE} && {TITLES}.length === 50"))
        await publish(broker, *(article(n) for n in range(100, 120)))
        await until(lambda: page.evaluate(f"{TITLES}.length === 70"))
        for n in (30, 60):
            row = f"#articles > li:nth-child({n})"
            await page.click(f"{row} summary")
            await until(functools.partial(page.evaluate, f"document.querySelector('{row} .links') !== null"))
        await page.evaluate(f"document.querySelector('{row} .links a').scrollIntoView({{block: 'center'}})")
        await page.evaluate(f"document.querySelector('{row} .links a').focus()")
        place = await page.evaluate(PLACE)
        assert json.loads(place)[0] > 1_000
        await page.press("Enter")
        await until(lambda: page.evaluate("document.querySelector('.revisions') !== null"))
        assert await page.evaluate("scrollY") == 0
        await page.evaluate("history.back()")
        await until(lambda: page.evaluate(f"{PLACE} === {json.dumps(place)}"), what=place)
        await page.press("j")
        assert await page.evaluate("document.activeElement.closest('li').matches(':nth-child(61)')")
        await page.evaluate("history.forward()")
        await until(lambda: page.evaluate("document.querySelector('.revisions') !== null"))
        await page.click("#brand")
        await until(lambda: page.evaluate(f"{TITLES}.length === 50"))
        assert await page.evaluate("scrollY") == 0


async def is_indexed(server: WebServer, articles: int) -> bool:
    return await server.index.count() == articles


def replace_fields(record: Any, **changes: Any) -> Any:
    import msgspec

    return msgspec.structs.replace(record, **changes)
