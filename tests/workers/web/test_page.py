"""The page in a real browser."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from streams.brokers.base import Broker
from streams.codec import encode
from streams.config.settings import Settings
from streams.records import Item, MessageId, RemovedBlock
from streams.topics import ARTICLES, DESK_GROUP, ITEMS
from tests.conftest import ROOT, until
from tests.support.browser import Browser, browser, chromium
from tests.workers.test_supervisor import output, up
from tests.workers.web.test_topics_api import NOW, article, publish
from workers.dead_letters import build
from workers.poller.registry import FeedRegistry
from workers.services import connect
from workers.web.admin_api import HEADER
from workers.web.server import WebServer

TITLES = "[...document.querySelectorAll('#articles > li:not([hidden]) h3')].map((h) => h.textContent)"


@pytest.fixture
def program() -> str:
    found = chromium()
    if found is None:
        pytest.skip("no Chromium on this machine")
    return found


def on_page(
    settings: Settings, program: str, folder: Path, work: Callable[[Browser, Broker, WebServer], Awaitable[None]],
    *, locked: bool = False, **how: Any,
) -> None:  # fmt: skip
    async def go() -> None:
        broker = await connect(settings, settings.broker_url)
        server = WebServer(replace(settings, web_port=0), broker, DESK_GROUP)
        await server.start()
        async with browser(program, folder) as page:
            await page.goto(server.url + ("" if locked else f"#{server.acts.token}"), **how)
            await work(page, broker, server)
            assert page.errors == []
        await server.stop()
        await broker.close()

    asyncio.run(go())


def test_the_page_shows_articles_and_what_was_taken_out(tmp_path: Path, program: str) -> None:
    async def go() -> None:
        with up(tmp_path):
            await until(lambda: output(tmp_path).count("●") > 5)
            url = output(tmp_path).partition("status page ")[2].split()[0]
            async with browser(program, tmp_path) as page:
                await page.goto(url)
                await until(lambda: page.evaluate("document.querySelectorAll('#articles li').length > 3"))
                await page.evaluate("document.querySelector('#articles summary').click()")
                await until(lambda: page.evaluate("document.querySelectorAll('#articles del').length"))
                assert "Explore" in await page.evaluate("document.querySelector('#articles').textContent")
                await until(
                    lambda: page.evaluate("document.querySelector('#state').textContent.startsWith('nothing missing')")
                )
                assert page.errors == []

    asyncio.run(go())


def test_a_new_story_appears_by_itself_and_its_title_stays_text(
    settings: Settings, tmp_path: Path, program: str
) -> None:
    async def work(page: Browser, broker: Broker, server: WebServer) -> None:
        await until(lambda: page.evaluate("document.querySelector('#live').textContent === 'live'"))
        evil = "<img src=x onerror=alert(1)><script>alert(2)</script>"
        odd = replaced(article(1), title=evil, paragraphs=(evil,), url="javascript:alert(3)")
        await publish(broker, odd)
        await until(lambda: page.evaluate(TITLES))
        assert await page.evaluate(TITLES) == [evil]
        await page.evaluate("document.querySelector('#articles summary').click()")
        await until(lambda: page.evaluate("document.querySelectorAll('.sides').length"))
        assert (
            await page.evaluate("document.querySelectorAll('#articles img, #articles script, #articles a').length") == 0
        )
        await publish(broker, replaced(odd, revision=2, title="Mended"), article(2))
        await until(lambda: page.evaluate(f"{TITLES}.length === 2"))
        assert set(await page.evaluate(TITLES)) == {"Mended", "Story 2 & more"}, (
            "a revision takes the place of what it revises"
        )
        await page.evaluate(
            "(() => { const s = document.querySelector('#search'); s.value = 'story 2'; s.dispatchEvent(new Event('input')); })()"
        )
        assert await page.evaluate(TITLES) == ["Story 2 & more"]

    on_page(settings, program, tmp_path, work)


def test_ten_thousand_articles_do_not_slow_the_page(settings: Settings, tmp_path: Path, program: str) -> None:
    async def work(page: Browser, broker: Broker, server: WebServer) -> None:
        await until(lambda: page.evaluate("document.querySelector('#live').textContent === 'live'"))
        for start in range(0, 10_000, 100):
            await publish(broker, *(article(n) for n in range(start, start + 100)))
        await until(lambda: page.evaluate("document.querySelectorAll('#articles li').length === 200"))
        await until(lambda: sum(server.topics.hubs[ARTICLES.name].position.values()) == 10_000)
        await publish(broker, article(10_000))
        await until(lambda: page.evaluate(f"{TITLES}[0] === 'Story 10000 & more'"))
        assert await page.evaluate("document.querySelectorAll('#articles li').length") == 200
        frame_ms = await page.evaluate(
            "new Promise((done) => { const t = performance.now(); requestAnimationFrame(() => done(performance.now() - t)); })"
        )
        assert frame_ms < 1_000

    on_page(settings, program, tmp_path, work)


def test_feeds_are_added_paused_and_removed_with_the_token_only(
    settings: Settings, tmp_path: Path, program: str
) -> None:
    async def work(page: Browser, broker: Broker, server: WebServer) -> None:
        feeds, url = FeedRegistry(broker.state), "https://courier.example/f"
        press = "document.querySelector('button[aria-label^=\"{}\"]').click()"
        await page.evaluate(
            f"(() => {{ document.querySelector('#url').value = '{url}'; document.querySelector('#add button').click(); }})()"
        )

        async def there() -> bool:
            return [f.url for f in await feeds.all()] == [url]

        await until(there)
        await until(lambda: page.evaluate("document.querySelector('button[aria-label^=Pause]') !== null"))
        await page.evaluate(press.format("Pause"))

        async def paused() -> bool:
            return (await feeds.all())[0].paused

        await until(paused)
        async with aiohttp.ClientSession() as http:
            for headers in ({}, {HEADER: "wrong"}):
                async with http.post(
                    server.url + "feeds", data=json.dumps({"action": "remove", "url": url}), headers=headers
                ) as answer:
                    assert answer.status == 403
            for body, status in (
                ("{", 400),
                ('{"action": "fly", "url": "x"}', 400),
                ('{"action": "add", "url": "ftp://x"}', 400),
            ):
                async with http.post(server.url + "feeds", data=body, headers={HEADER: server.acts.token}) as answer:
                    assert answer.status == status
                    assert (await answer.json())["said"]
        assert await there()

    on_page(settings, program, tmp_path, work)


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False)])
def test_the_page_is_small_and_fits(width: int, dark: bool, settings: Settings, tmp_path: Path, program: str) -> None:
    async def work(page: Browser, broker: Broker, server: WebServer) -> None:
        await publish(broker, *(article(n) for n in range(20)))
        await until(lambda: page.evaluate(f"{TITLES}.length === 20"))
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, "nothing sticks out"
        assert page.bytes_in < 60_000
        assert await page.evaluate("document.querySelector('#add').hidden && !document.querySelector('#locked').hidden")
        assert len(await page.screenshot()) > 5_000

    on_page(settings, program, tmp_path, work, locked=True, width=width, dark=dark)


@pytest.fixture
def axe() -> str:
    """The accessibility rules of axe-core, an npm package that `.ci/run` fetches."""
    path = Path(os.environ.get("COPYDESK_TEST_AXE", ROOT / ".venv" / "axe" / "axe.min.js"))
    if not path.exists():
        assert not os.environ.get("CI"), "axe-core has to be there in CI"
        pytest.skip("axe-core isn't there; COPYDESK_TEST_AXE names it")
    return path.read_text("utf-8")


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, True)])
def test_the_page_can_be_used_by_everybody(
    width: int, dark: bool, settings: Settings, tmp_path: Path, program: str, axe: str
) -> None:
    async def work(page: Browser, broker: Broker, server: WebServer) -> None:
        removed = (RemovedBlock("links", "Storm spares Lanthe", "the label 'Explore'", "Explore"),)
        await publish(
            broker, replaced(article(1), removed=removed), replaced(article(1, 2), title="Story one", removed=removed)
        )
        await FeedRegistry(broker.state).add([("https://courier.example/f", "")])
        item = Item(feed="https://courier.example/f", identity_key="k", fetched_at=NOW, fingerprint="")
        at = MessageId(ITEMS.name, 0, 1)
        await broker.publish([build(at, b"k", encode(item), (), "unreadable", "not an item at all")])
        await until(lambda: page.evaluate("document.querySelectorAll('#letters li').length"))
        await until(lambda: page.evaluate("document.querySelectorAll('#feeds li').length"))
        await until(lambda: page.evaluate(f"{TITLES}.length"))
        await page.evaluate("document.querySelector('#articles summary').click()")
        await until(lambda: page.evaluate("document.querySelectorAll('.changes ins').length"))
        await page.evaluate(f"(() => {{ {axe} }})()")
        checked, found = await page.evaluate(
            "axe.run(document).then((r) => [r.passes.length, r.violations.map((v) => "
            "[v.impact, v.id, v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200))])])"
        )
        assert checked > 15
        assert found == []

    on_page(settings, program, tmp_path, work, width=width, dark=dark)


def replaced(one: Any, **changes: Any) -> Any:
    import msgspec

    return msgspec.structs.replace(one, **changes)
