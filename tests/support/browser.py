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
    "--no-startup-window",  # the window would open the page of a new tab, in two processes
)  # fmt: skip
# Chromium's messages about an expression that a navigation interrupts.
NAVIGATING = ("Inspected target navigated", "Cannot find", "Execution context was destroyed")


def chromium_path() -> str | None:
    """Return the path of Chromium; None if there is none."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Browser:
    """A browser page. `errors` holds the console's errors, violations of the Content Security Policy included."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._number = socket, 0
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.errors: list[str] = []
        self.bytes_in = 0
        self._status = 200
        self._replies: set[asyncio.Task[Any]] = set()
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
            elif event["method"] == "Fetch.requestPaused":
                self._reply(event["params"]["requestId"])

    def _reply(self, request: str) -> None:
        """Answer a request in place of the server."""
        work = self.ask("Fetch.fulfillRequest", requestId=request, responseCode=self._status, body="")
        task = asyncio.create_task(work)
        self._replies.add(task)
        task.add_done_callback(self._replies.discard)

    async def refuse(self, pattern: str, status: int = 503) -> None:
        """Answer later requests for *pattern* with *status*, as a proxy does while its server restarts."""
        self._status = status
        await self.ask("Fetch.enable", patterns=[{"urlPattern": pattern}])

    async def set_offline(self, is_offline: bool) -> None:
        """Cut or restore the network of the page."""
        limits = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        await self.ask("Network.emulateNetworkConditions", offline=is_offline, **limits)

    async def accept(self) -> None:
        """Send all later requests to the server again."""
        await self.ask("Fetch.disable")

    async def ask(self, method: str, **params: Any) -> Any:
        self._number += 1
        future = self._answers[self._number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        return await asyncio.wait_for(future, DEADLINE_S)

    async def evaluate(self, expression: str) -> Any:
        """Return the value of an expression; a promise is awaited. Wait for the end of a navigation."""
        response = await until(lambda: self._evaluate(expression))
        assert "exceptionDetails" not in response, response["exceptionDetails"]
        return response["result"].get("value")

    async def _evaluate(self, expression: str) -> Any:
        """Return the response; None while the page has no context for the expression."""
        response = await self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "error" not in response:
            return response
        assert response["error"]["message"].startswith(NAVIGATING), response
        return None

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


class Chromium:
    """A Chromium process; each page has a browser context of its own, so that pages share nothing."""

    def __init__(self, program: str, folder: Path) -> None:
        self._port_file = folder / "profile" / "DevToolsActivePort"
        flags = [*FLAGS, f"--user-data-dir={folder / 'profile'}", *(["--no-sandbox"] if os.getuid() == 0 else [])]
        self._process = subprocess.Popen([program, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    async def _address(self) -> tuple[str, str]:
        """Return the port, and the path of the browser's own socket."""
        await until(lambda: self._port_file.exists() and len(self._port_file.read_text().splitlines()) == 2)
        port, path = self._port_file.read_text().splitlines()
        return port, path

    @asynccontextmanager
    async def page(self) -> AsyncGenerator[Browser, None]:
        """Open a page during the block."""
        port, path = await self._address()
        root = f"ws://127.0.0.1:{port}"
        async with aiohttp.ClientSession() as http, http.ws_connect(root + path, max_msg_size=0) as socket:
            targets = Browser(socket)
            context = (await targets.ask("Target.createBrowserContext"))["browserContextId"]
            target = await targets.ask("Target.createTarget", url="about:blank", browserContextId=context)
            try:
                page = f"{root}/devtools/page/{target['targetId']}"
                async with http.ws_connect(page, max_msg_size=0) as page_socket:
                    yield Browser(page_socket)
            finally:
                await targets.ask("Target.disposeBrowserContext", browserContextId=context)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


async def main(url: str, name: str, width: int, height: int, *rest: str) -> None:
    """Take a screenshot: python -m tests.support.browser URL FILE.png WIDTH HEIGHT [dark]"""
    import tempfile

    program = chromium_path()
    assert program
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        chromium = Chromium(program, Path(folder))
        async with chromium.page() as page:
            await page.goto(url, width=width, height=height, dark="dark" in rest)
            await asyncio.sleep(4)
            if "open" in rest:
                await page.evaluate("document.querySelector('#articles summary').click()")
            await asyncio.to_thread(Path(name).write_bytes, await page.screenshot())
            print(page.errors, page.bytes_in)
        chromium.stop()


if __name__ == "__main__":
    import sys

    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), *sys.argv[5:]))
