"""A receiver of webhooks on loopback."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook

from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.config.tables import SinkTable
from streams.start import Start
from workers.services import connect
from workers.sinks.runner import SinkRunner
from workers.sinks.webhook import WebhookOptions, WebhookSink

SECRET = "a secret of more than 16 letters"


class Receiver:
    """A server that responds with `statuses` in order, then with 200."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.requests: list[tuple[int, Any, dict[str, str]]] = []

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        Webhook(SECRET.encode()).verify(body, dict(request.headers))  # raises on a wrong signature
        status = self.statuses.pop(0) if self.statuses else 200
        self.requests.append((status, json.loads(body), dict(request.headers)))
        return web.Response(status=status, headers={"Retry-After": "0"})

    def accepted(self) -> list[str]:
        return [body["data"]["id"] for status, body, _ in self.requests if status == 200]


@asynccontextmanager
async def delivering(
    settings: Settings, receiver: Receiver, *, max_retry_s: float = 3_600.0
) -> AsyncGenerator[tuple[Broker, web.TCPSite, str], None]:
    """Deliver to *receiver* during the block."""
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    settings = replace(settings, allowed_private_hosts="127.0.0.1:*")
    broker = await connect(settings, settings.broker_url)
    sink_task = asyncio.create_task(sink_runner(settings, broker, "desk", url, max_retry_s).run())
    try:
        yield broker, site, url
    finally:
        sink_task.cancel()
        await asyncio.gather(sink_task, return_exceptions=True)
        await broker.close()
        await runner.cleanup()


def sink_runner(settings: Settings, broker: Broker, name: str, url: str, max_retry_s: float = 3_600.0) -> SinkRunner:
    table = SinkTable(name=name, type="webhook", start_from=Start.EARLIEST)
    sink = WebhookSink(settings, WebhookOptions(url=url, secret=SECRET))
    return SinkRunner(settings, broker, table, sink, initial_delay_s=0.02, max_retry_s=max_retry_s)
