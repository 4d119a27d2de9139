"""Screenshots of every view, in both themes, as wide and as narrow windows.

python -m tests.tools.screenshots FOLDER [SCENE…]     scenes: empty, newsroom, demo
python -m tests.tools.screenshots --docs              the two images of the README and of the docs

Errors on the console of the browser end the run.
"""

import asyncio
import contextlib
import re
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from streams.config.settings import Settings
from streams.topics import DESK_GROUP
from streams.valkey.server import EmbeddedValkey
from tests.conftest import ROOT, until
from tests.support.browser import Browser, Chromium, chromium_path
from tests.support.newsroom import fill
from tests.support.up import output, up
from tests.support.views import SIZES, VIEWS
from workers.services import connect
from workers.web.server import WebServer

HEIGHT = 900
DOCS_SIZE = (1200, 760)
DEMO_S = 200.0  # three samples of the counters, so that the charts have lines
DRAWN_DEADLINE_S = 60.0
NO_TOKEN = "document.querySelector('#locked')?.hidden === false"
HAS_TEXT = "document.querySelector('main')?.innerText.length > 20"


class Shot(NamedTuple):
    """A view: its path, a condition that holds once it is drawn, an action there, and a condition after it."""

    path: str
    is_drawn: str = HAS_TEXT
    action: str = ""
    is_done: str = HAS_TEXT


EMPTY = {
    "articles": Shot("", "document.querySelector('.welcome')"),
    "feeds": Shot("feeds"),
    "dead-letters": Shot("dead-letters"),
    "status": Shot("status", "document.querySelectorAll('.charts svg').length === 4"),
    "unknown": Shot("articles/" + "0" * 20),
}
NEWSROOM = {path.replace("/", "_") or "articles": Shot(path, is_drawn) for path, is_drawn in VIEWS.items()} | {
    "search-without-result": Shot("?q=nothing", "document.querySelector('#empty')?.innerText.length > 9"),
    "feeds-add": Shot("feeds?add=1", "document.querySelector('#add-feeds[open]')"),
    "feeds-without-match": Shot("feeds?q=nothing", "document.querySelector('main')?.innerText.includes('No feed')"),
    "feed-edit": Shot(
        next(path for path in VIEWS if path.startswith("feeds/")),
        "document.querySelector('details.panel')",
        "document.querySelector('details.panel').open = true",
    ),
    "dead-letter-open": Shot(
        "dead-letters",
        "document.querySelector('#letters summary')",
        "document.querySelectorAll('#letters summary').forEach((summary) => summary.click())",
    ),
    "dead-letters-discard": Shot(
        "dead-letters",
        "document.querySelector('.actions .danger')",
        "document.querySelector('.actions .danger').click()",
    ),
}
LOCKED = {"articles-locked": Shot("", NO_TOKEN), "dead-letters-locked": Shot("dead-letters", NO_TOKEN)}
# Expression that opens a view of the first article with a property.
GO = """fetch('/articles?limit=200', {{ headers: {{ Accept: 'application/json' }} }}).then((answer) => answer.json())
.then(({{ articles }}) => {{ location.pathname = '/{view}/' + articles.find((row) => {condition}).{field}; }})"""
DEMO = {
    "articles": Shot("", "document.querySelectorAll('#articles li').length > 9"),
    "feeds": Shot("feeds", "document.querySelectorAll('#feeds tr').length > 5"),
    "feed": Shot(
        "feeds?q=Courier", "document.querySelector('#feeds a')",
        "location.pathname = document.querySelector('#feeds a').pathname", "document.querySelector('.polls')",
    ),
    "dead-letters": Shot("dead-letters", "document.querySelector('#letters > li')"),
    "status": Shot("status", "document.querySelectorAll('.charts svg').length === 4"),
    "article": Shot(
        "", HAS_TEXT, GO.format(view="articles", condition="row.revision > 1", field="id"),
        "document.querySelector('.revisions ins')",
    ),
    "story": Shot(
        "", HAS_TEXT, GO.format(view="stories", condition="row.duplicate_of", field="story_id"),
        "document.querySelector('.changes')",
    ),
}  # fmt: skip
Write = Callable[[str, bytes], None]


@asynccontextmanager
async def served(folder: Path, *, is_filled: bool) -> AsyncGenerator[tuple[str, str], None]:
    """Yield address and token of a web server, with the newsroom of the tests or without anything."""
    settings = Settings(data_dir=folder / "data", web_port=0)
    valkey = EmbeddedValkey(settings)
    valkey.start()
    broker = await connect(settings, valkey.url)
    server = WebServer(settings, broker, DESK_GROUP)
    try:
        await server.start()
        if is_filled:
            await fill(broker)

            async def is_indexed() -> bool:
                return await server.index.count() == 4

            await until(is_indexed)
        await server.status.sample()
        yield server.url, server.admin.token
        await server.stop()
    finally:
        await broker.close()
        valkey.stop()


@asynccontextmanager
async def demo(folder: Path) -> AsyncGenerator[tuple[str, str], None]:
    """Yield address and token of `copydesk up` with its demo."""
    with up(folder):
        address = await until(lambda: re.search(r"web interface (\S+)#(\S+)", output(folder)))
        yield address[1], address[2]


async def take(page: Browser, name: str, shots: dict[str, Shot], address: tuple[str, str], write: Write) -> None:
    """Take each of *shots* in each size; *address*: of the server, and its token or an empty text."""
    url, token = address
    for size, (width, dark) in SIZES.items():
        for view, shot in shots.items():
            await page.goto("about:blank")
            await page.goto(f"{url}{shot.path}{'#' + token if token else ''}", width=width, height=HEIGHT, dark=dark)
            await drawn(page, shot.is_drawn)
            if shot.action:
                await page.evaluate(f"{{ {shot.action} }}")
                await drawn(page, shot.is_done)
            write(f"{name}-{view}-{size.replace(' ', '-')}", await page.screenshot(whole=True))


async def drawn(page: Browser, condition: str) -> None:
    """Wait until *condition* holds and no request is under way."""
    async with asyncio.timeout(DRAWN_DEADLINE_S):
        while not await page.evaluate(f"Boolean({condition})"):
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.7)  # the summary in the header


async def take_docs(page: Browser, address: tuple[str, str], write: Write) -> None:
    """Take the start page of the demo in both themes, while its newest article has a list of headlines."""
    width, height = DOCS_SIZE
    newest = "document.querySelector('#articles details[open] .removed')"
    for theme in ("light", "dark"):
        has_list = f"{newest}?.innerText.includes('“Explore”') && {newest}.parentElement.innerText.length > 900"
        await page.goto(f"{address[0]}#{address[1]}", width=width, height=height, dark=theme == "dark")
        await drawn(page, has_list)
        write(f"page-{theme}", await page.screenshot())


async def take_scene(scene: str, chromium: Chromium, folder: Path, write: Write) -> None:
    """Take all screenshots of a scene."""
    open_scene = demo(folder) if scene in ("demo", "docs") else served(folder, is_filled=scene == "newsroom")
    async with open_scene as address, chromium.page() as page:
        if scene == "docs":
            await take_docs(page, address, write)
        if scene == "demo":
            await asyncio.sleep(DEMO_S)
        shots = {"empty": EMPTY, "newsroom": NEWSROOM, "demo": DEMO}.get(scene, {})
        await take(page, scene, shots, address, write)
        if scene == "newsroom":
            async with chromium.page() as locked_page:  # its tab has no token
                await take(locked_page, scene, LOCKED, (address[0], ""), write)
        if page.errors and scene != "empty":
            raise AssertionError(page.errors)


async def main(folder: Path, scenes: list[str]) -> None:
    """Take the screenshots of *scenes* into *folder*."""
    program = chromium_path()
    assert program, "Chromium not found"
    folder.mkdir(parents=True, exist_ok=True)

    def write(name: str, image: bytes) -> None:
        (folder / f"{name}.png").write_bytes(image)

    with contextlib.ExitStack() as stack:
        for scene in scenes:
            data = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
            chromium = Chromium(program, data)
            await take_scene(scene, chromium, data, write)
            chromium.stop()


if __name__ == "__main__":
    if sys.argv[1:] == ["--docs"]:
        asyncio.run(main(ROOT / "docs" / "_static", ["docs"]))
    else:
        asyncio.run(main(Path(sys.argv[1]), sys.argv[2:] or ["empty", "newsroom", "demo"]))
