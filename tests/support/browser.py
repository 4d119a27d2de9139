"""Headless Chromium over the Chrome DevTools Protocol: pages, their console and screenshots."""

import asyncio
import base64
import json
import os
import shutil
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.conftest import DEADLINE_S, until

FLAGS = (
    "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-quic", "--hide-scrollbars", "--remote-debugging-port=0",
)  # fmt: skip


def chromium() -> str | None:
    """Return the path of Chromium; None if there is none."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Browser:
    """A browser page. `errors` holds the console's errors, violations of the Content Security Policy included."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._number = socket, 0
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.errors: list[str] = []
        self.bytes_in = 0
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async for message in self._socket:
            event = json.loads(message.data)
            if "id" in event:
                self._answers.pop(event["id"]).set_result(event.get("result", {"error": event.get("error")}))
            elif event["method"] in ("Runtime.exceptionThrown", "Log.entryAdded"):
                entry = event["params"].get("entry") or event["params"]["exceptionDetails"]
                if entry.get("level", "error") in ("error", "warning"):
                    self.errors.append(entry.get("text", "") + str(entry.get("exception", "")))
            elif event["method"] == "Network.loadingFinished":
                self.bytes_in += int(event["params"]["encodedDataLength"])

    async def ask(self, method: str, **params: Any) -> Any:
        self._number += 1
        future = self._answers[self._number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        return await asyncio.wait_for(future, DEADLINE_S)

    async def evaluate(self, expression: str) -> Any:
        """Return the value of an expression; a promise is awaited."""
        response = await self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in response, response["exceptionDetails"]
        return response["result"].get("value")

    async def goto(self, url: str, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.ask(f"{domain}.enable")
        await self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        theme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await self.ask("Emulation.setEmulatedMedia", features=theme)
        await self.ask("Page.navigate", url=url)
        await until(lambda: self.evaluate("document.readyState === 'complete'"))

    async def screenshot(self, *, whole: bool = False) -> bytes:
        """Return a screenshot as PNG: the window, or the *whole* page."""
        shot = await self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(shot["data"])

    async def press(self, key: str) -> None:
        """Press and release a key, as a user does: events are trusted."""
        text = {"text": "\r" if key == "Enter" else key} if len(key) == 1 or key == "Enter" else {}
        await self.ask("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        await self.ask("Input.dispatchKeyEvent", type="keyUp", key=key)

    async def click(self, selector: str) -> None:
        """Click in the middle of the first element of *selector*: events are trusted."""
        find = f"document.querySelector({json.dumps(selector)})"
        await until(lambda: self.evaluate(f"{find} !== null"))
        await self.evaluate(f"{find}.scrollIntoView({{block: 'center'}})")
        box = await self.evaluate(
            f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])({find}.getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.ask("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)


@asynccontextmanager
async def browser(program: str, folder: Path) -> AsyncGenerator[Browser, None]:
    """Start a browser and yield a page."""
    profile = folder / "profile"
    flags = [*FLAGS, f"--user-data-dir={profile}", *(["--no-sandbox"] if os.getuid() == 0 else [])]
    with subprocess.Popen(
        [program, *flags, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            await until(lambda: (profile / "DevToolsActivePort").exists())
            await until(lambda: len((profile / "DevToolsActivePort").read_text().splitlines()) == 2)
            port = int((profile / "DevToolsActivePort").read_text().splitlines()[0])
            async with aiohttp.ClientSession() as http:
                async with http.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    [page] = [p for p in await answer.json(content_type=None) if p["type"] == "page"]
                async with http.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    yield Browser(socket)
        finally:
            process.terminate()


async def main(url: str, name: str, width: int, height: int, *rest: str) -> None:
    """Take a screenshot: python -m tests.support.browser URL FILE.png WIDTH HEIGHT [dark]"""
    import tempfile

    program = chromium()
    assert program
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        async with browser(program, Path(folder)) as page:
            await page.goto(url, width=width, height=height, dark="dark" in rest)
            await asyncio.sleep(4)
            if "open" in rest:
                await page.evaluate("document.querySelector('#articles summary').click()")
            await asyncio.to_thread(Path(name).write_bytes, await page.screenshot())
            print(page.errors, page.bytes_in)


if __name__ == "__main__":
    import sys

    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), *sys.argv[5:]))
