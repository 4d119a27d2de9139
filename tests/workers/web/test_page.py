"""The status page in Chromium."""

import json
import os
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from streams.codec import encode
from streams.config.settings import Settings
from streams.records import Item, MessageId, RemovedBlock
from streams.topics import ARTICLES, ITEMS
from tests.conftest import ROOT, until
from tests.support.browser import Chromium
from tests.support.page import open_page
from tests.support.site import NOW, article, publish
from tests.support.up import output, up
from workers.dead_letters import build
from workers.poller.registry import FeedRegistry
from workers.web.admin_api import HEADER

TITLES = "[...document.querySelectorAll('#articles > li:not([hidden]) h3')].map((h) => h.textContent)"


async def test_page_shows_articles_and_removed_blocks(tmp_path: Path, chromium: Chromium) -> None:
    with up(tmp_path):
        await until(lambda: output(tmp_path).count("●") > 5)
        url = output(tmp_path).partition("status page ")[2].split()[0]
        async with chromium.page() as page:
            await page.goto(url)
            await until(lambda: page.evaluate("document.querySelectorAll('#articles li').length > 3"))
            opened = "document.querySelectorAll('#articles details:not([open]) summary').forEach((s) => s.click())"
            await page.evaluate(opened)  # the newest article may have no removed block
            await until(lambda: page.evaluate("document.querySelectorAll('#articles del').length"))
            assert "Explore" in await page.evaluate("document.querySelector('#articles').textContent")
            await until(lambda: page.evaluate("document.querySelector('#state').textContent.startsWith('healthy')"))
            assert page.errors == []


async def test_page_inserts_new_articles_as_plain_text(settings: Settings, chromium: Chromium) -> None:
    async with open_page(settings, chromium) as (page, broker, _):
        await until(lambda: page.evaluate("document.querySelector('#live').textContent === 'live'"))
        markup = "<img src=x onerror=alert(1)><script>alert(2)</script>"
        hostile = replace_fields(article(1), title=markup, paragraphs=(markup,), url="javascript:alert(3)")
        await publish(broker, hostile)
        await until(lambda: page.evaluate(TITLES))
        assert await page.evaluate(TITLES) == [markup]
        await page.evaluate("document.querySelector('#articles summary').click()")
        await until(lambda: page.evaluate("document.querySelectorAll('.sides').length"))
        assert (
            await page.evaluate("document.querySelectorAll('#articles img, #articles script, #articles a').length") == 0
        )
        await publish(broker, replace_fields(hostile, revision=2, title="Corrected"), article(2))
        await until(lambda: page.evaluate(f"{TITLES}.length === 2"))
        assert set(await page.evaluate(TITLES)) == {"Corrected", "Story 2 & more"}, "a revision replaces the one before"
        await page.evaluate(
            "(() => { const s = document.querySelector('#search'); s.value = 'story 2'; s.dispatchEvent(new Event('input')); })()"
        )
        assert await page.evaluate(TITLES) == ["Story 2 & more"]


async def test_page_stays_fast_with_ten_thousand_articles(settings: Settings, chromium: Chromium) -> None:
    async with open_page(settings, chromium) as (page, broker, server):
        await until(lambda: page.evaluate("document.querySelector('#live').textContent === 'live'"))
        for start in range(0, 10_000, 100):
            await publish(broker, *(article(n) for n in range(start, start + 100)))
        await until(lambda: page.evaluate("document.querySelectorAll('#articles li').length === 200"))
        await until(lambda: sum(server.topics.broadcasters[ARTICLES.name].position.values()) == 10_000)
        await publish(broker, article(10_000))
        await until(lambda: page.evaluate(f"{TITLES}[0] === 'Story 10000 & more'"))
        assert await page.evaluate("document.querySelectorAll('#articles li').length") == 200
        frame_ms = await page.evaluate(
            "new Promise((done) => { const t = performance.now(); requestAnimationFrame(() => done(performance.now() - t)); })"
        )
        assert frame_ms < 1_000


async def test_page_changes_feeds_only_with_token(settings: Settings, chromium: Chromium) -> None:
    async with open_page(settings, chromium) as (page, broker, server):
        feeds, url = FeedRegistry(broker.state), "https://courier.example/f"
        click = "document.querySelector('button[aria-label^=\"{}\"]').click()"
        await page.evaluate(
            f"(() => {{ document.querySelector('#url').value = '{url}'; document.querySelector('#add button').click(); }})()"
        )

        async def is_listed() -> bool:
            return [f.url for f in await feeds.all()] == [url]

        await until(is_listed)
        await until(lambda: page.evaluate("document.querySelector('button[aria-label^=Pause]') !== null"))
        await page.evaluate(click.format("Pause"))

        async def is_paused() -> bool:
            return (await feeds.all())[0].paused

        await until(is_paused)
        async with aiohttp.ClientSession() as http:
            for headers in ({}, {HEADER: "wrong"}):
                async with http.post(
                    server.url + "feeds", data=json.dumps({"action": "remove", "url": url}), headers=headers
                ) as response:
                    assert response.status == 403
            for body, status in (
                ("{", 400),
                ('{"action": "fly", "url": "x"}', 400),
                ('{"action": "add", "url": "ftp://x"}', 400),
            ):
                async with http.post(server.url + "feeds", data=body, headers={HEADER: server.admin.token}) as response:
                    assert response.status == status
                    assert (await response.json())["message"]
        assert await is_listed()


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False)])
async def test_page_is_small_and_fits_the_window(
    width: int, dark: bool, settings: Settings, chromium: Chromium
) -> None:
    async with open_page(settings, chromium, locked=True, width=width, dark=dark) as (page, broker, _):
        await publish(broker, *(article(n) for n in range(20)))
        await until(lambda: page.evaluate(f"{TITLES}.length === 20"))
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, "no horizontal scrolling"
        assert page.bytes_in < 60_000
        assert await page.evaluate("document.querySelector('#add').hidden && !document.querySelector('#locked').hidden")
        assert len(await page.screenshot()) > 5_000


@pytest.fixture
def axe() -> str:
    """Accessibility rules of axe-core, an npm package that `.ci/run` downloads."""
    path = Path(os.environ.get("COPYDESK_TEST_AXE", ROOT / ".venv" / "axe" / "axe.min.js"))
    if not path.exists():
        assert not os.environ.get("CI"), "axe-core missing in CI"
        pytest.skip("axe-core not found; set COPYDESK_TEST_AXE")
    return path.read_text("utf-8")


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, True)])
async def test_page_has_no_accessibility_violations(
    width: int, dark: bool, settings: Settings, chromium: Chromium, axe: str
) -> None:
    async with open_page(settings, chromium, width=width, dark=dark) as (page, broker, _):
        removed = (RemovedBlock("links", "Storm spares Lanthe", "the label 'Explore'", "Explore"),)
        await publish(
            broker,
            replace_fields(article(1), removed=removed),
            replace_fields(article(1, 2), title="Story one", removed=removed),
        )
        await FeedRegistry(broker.state).add([("https://courier.example/f", "")])
        item = Item(feed="https://courier.example/f", identity_key="k", fetched_at=NOW, fingerprint="")
        source = MessageId(ITEMS.name, 0, 1)
        await broker.publish([build(source, b"k", encode(item), (), "unreadable", "invalid item")])
        await until(lambda: page.evaluate("document.querySelectorAll('#letters li').length"))
        await until(lambda: page.evaluate("document.querySelectorAll('#feeds li').length"))
        await until(lambda: page.evaluate(f"{TITLES}.length"))
        await page.evaluate("document.querySelector('#articles summary').click()")
        await until(lambda: page.evaluate("document.querySelectorAll('.changes ins').length"))
        await page.evaluate(f"(() => {{ {axe} }})()")
        passed, violations = await page.evaluate(
            "axe.run(document).then((r) => [r.passes.length, r.violations.map((v) => "
            "[v.impact, v.id, v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200))])])"
        )
        assert passed > 15
        assert violations == []


def replace_fields(record: Any, **changes: Any) -> Any:
    import msgspec

    return msgspec.structs.replace(record, **changes)
