"""The web interface in a browser."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.topics import DESK_GROUP
from tests.support.browser import Browser, Chromium
from workers.services import connect
from workers.web.server import WebServer


@asynccontextmanager
async def open_page(
    settings: Settings, chromium: Chromium, *, path: str = "", locked: bool = False, **options: Any
) -> AsyncGenerator[tuple[Browser, Broker, WebServer], None]:
    """Yield a browser with the page at *path*; *locked*: without the token. No view may log an error."""
    broker = await connect(settings, settings.broker_url)
    server = WebServer(replace(settings, web_port=0), broker, DESK_GROUP)
    await server.start()
    try:
        async with chromium.page() as page:
            await page.goto(server.url + path + ("" if locked else f"#{server.admin.token}"), **options)
            yield page, broker, server
            assert page.errors == []
    finally:
        await server.stop()
        await broker.close()
