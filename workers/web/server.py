"""The web server: topics for subscribers, health and metrics for machines, a page for people. Loopback by default."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any

import msgspec
from aiohttp import web

from streams.brokers.base import Broker
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.brokers.redis_streams.memory import read_removed
from streams.config.settings import Settings
from streams.errors import SettingsError, UnavailableError
from streams.topics import ARTICLES, ITEMS
from workers.counters import is_balanced, read_counters
from workers.heartbeats import as_rows, lag_problems, read_workers, silent_problems
from workers.poller.registry import FeedRegistry
from workers.poller.websub import WebSub
from workers.web import openapi
from workers.web.admin_api import AdminApi, load_token
from workers.web.articles_api import ArticlesApi
from workers.web.broadcast import format_position
from workers.web.topics_api import TopicsApi

LOCAL_HOSTS = {"127.0.0.1", "localhost", "[::1]"}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


async def status(broker: Broker, desk_group: str) -> dict[str, Any]:
    """Return how copydesk is doing: counters, whether they add up, lag, workers, and feeds."""
    counters = await read_counters(broker.state)
    feeds = await FeedRegistry(broker.state).all()
    now_s = time.time()
    return {
        "counters": counters,
        "balanced": is_balanced(counters),
        "lag": await broker.lag(ITEMS.name, desk_group),
        "memory": round(await broker.memory_usage(), 4),
        "removed_for_memory": await removed_for_memory(broker),
        "workers": as_rows(await read_workers(broker.state)),
        "feeds": [
            {
                "url": f.url, "title": f.title, "folder": f.folder, "status": f.status, "error": f.error,
                "failures": f.failures, "polls": f.polls, "sent": f.items_total, "due_in_s": round(f.due_s - now_s, 1),
                "every_s": round(max(0.0, f.due_s - f.polled_s)) if f.polls else 0,
                "items_a_day": round(24 * f.history.per_hour, 1) if f.history else 0,
                "paused": f.paused,
            }
            for f in feeds
        ],
    }  # fmt: skip


async def removed_for_memory(broker: Broker) -> dict[str, Any]:
    """Return how many messages went before their retention ended, by topic, and how long ago articles did."""
    if not isinstance(broker, RedisStreamsBroker):
        return {"messages": {}, "articles_ago_s": None}
    removed = await read_removed(broker)
    ago_s = time.time() - removed.articles_last_s if removed.articles_last_s else None
    return {"messages": removed.counts, "articles_ago_s": ago_s and round(ago_s)}


class WebServer:
    """Serves one copydesk: its topics, how it is, and what hubs push to it."""

    def __init__(self, settings: Settings, broker: Broker, desk_group: str) -> None:
        self.settings, self.broker, self.desk_group = settings, broker, desk_group
        self.topics = TopicsApi(settings, broker)
        self.articles = ArticlesApi(broker, self.topics.hubs[ARTICLES.name])
        self.acts = AdminApi(broker, load_token(settings.data_dir))
        self.websub = WebSub(broker.state, settings.websub_callback_url)
        self.url = ""
        self._runner: web.AppRunner | None = None
        self._measuring: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen. Raises SettingsError naming the port when it is taken."""
        app = web.Application(middlewares=[self._guarded], client_max_size=self.settings.max_feed_bytes)
        app.router.add_get("/websub/{token}", self._verify)
        app.router.add_post("/websub/{token}", self._take_push)
        self.topics.register(app)
        self.articles.register(app)
        openapi.register(app)
        self.acts.register(app)
        app.router.add_get("/healthz", self._health)
        app.router.add_get("/readyz", self._ready)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/status.json", self._status)
        app.router.add_get("/recent.json", self._recent)
        for path, name, kind in (
            ("/", "page.html", "text/html"),
            ("/page.js", "page.js", "text/javascript"),
            ("/page.css", "page.css", "text/css"),
        ):
            app.router.add_get(path, _static(name, kind))
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        host, port = self.settings.web_host, self.settings.web_port
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as exc:
            raise SettingsError(f"web_port = {port}: {host}:{port} can't be used: {exc.strerror or exc}") from exc
        self._measuring = asyncio.create_task(self.topics.hubs[ARTICLES.name].start())
        self.url = f"http://{host}:{self._runner.addresses[0][1]}/"

    async def stop(self) -> None:
        if self._measuring is not None:
            self._measuring.cancel()
        await self.topics.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _guarded(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Refuse names that aren't ours (DNS rebinding), and say in words what doesn't answer."""
        if request.path.startswith("/websub/"):  # its token is what lets one in, by whatever name
            return await handler(request)
        host = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
        if host not in LOCAL_HOSTS | {self.settings.web_host} and self.settings.web_host not in ("0.0.0.0", "::"):
            raise web.HTTPForbidden(text="unknown host")
        try:
            response = await handler(request)
        except UnavailableError as exc:
            response = _json({"healthy": False, "error": str(exc)}, 503)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    async def _verify(self, request: web.Request) -> web.StreamResponse:
        """Answer a hub that asks whether we meant it (WebSub §5.3)."""
        asked = request.query
        if not await self.websub.verify(
            request.match_info["token"], asked.get("hub.mode", ""), asked.get("hub.topic", ""),
            asked.get("hub.lease_seconds", ""),
        ):  # fmt: skip
            raise web.HTTPNotFound(text="not asked for")
        return web.Response(text=asked.get("hub.challenge", ""), content_type="text/plain", headers=HEADERS)

    async def _take_push(self, request: web.Request) -> web.StreamResponse:
        """Take what a hub pushes (WebSub §7)."""
        kept = await self.websub.get_by_token(request.match_info["token"])
        if kept is None:
            raise web.HTTPGone(text="no such subscription")
        signature, content_type = (request.headers.get(name, "") for name in ("X-Hub-Signature", "Content-Type"))
        if not await self.websub.accept(kept, signature, content_type, await request.read()):
            await FeedRegistry(self.broker.state).poll_now([kept.feed])
        return web.Response(status=202)

    async def _health(self, request: web.Request) -> web.StreamResponse:
        counters = await read_counters(self.broker.state)
        healthy = is_balanced(counters)
        return _json({"healthy": healthy}, 200 if healthy else 503)

    async def _status(self, request: web.Request) -> web.StreamResponse:
        told = await status(self.broker, self.desk_group)
        return _json(told | {"latency_ms": self.topics.latency.percentiles_ms()})

    async def _ready(self, request: web.Request) -> web.StreamResponse:
        """Answer whether work is done: the broker answers, every worker has heartbeats, and the desk keeps up."""
        lag = await self.broker.lag(ITEMS.name, self.desk_group)
        workers = await read_workers(self.broker.state)
        problems = [*silent_problems(workers), *lag_problems(lag, self.settings.max_desk_lag)]
        return _json({"ready": not problems, "lag": lag, "problems": problems}, 503 if problems else 200)

    async def _metrics(self, request: web.Request) -> web.StreamResponse:
        from workers.web import metrics  # the client library costs memory: who isn't asked doesn't pay for it

        subscribers = {name: hub.subscribers for name, hub in self.topics.hubs.items() if hub.subscribers}
        feeds = await FeedRegistry(self.broker.state).all()
        told = await status(self.broker, self.desk_group)
        body = metrics.render_metrics(told, feeds, subscribers, self.topics.latency)
        return web.Response(body=body, headers={"Content-Type": metrics.CONTENT_TYPE})

    async def _recent(self, request: web.Request) -> web.StreamResponse:
        hub = self.topics.hubs[ARTICLES.name]
        await hub.start()
        # The page makes do with the text: half of what would have to travel.
        articles = [msgspec.to_builtins(msgspec.structs.replace(a, html="")) for a in self.topics.latest_articles()]
        return _json({"position": format_position(hub.position), "articles": articles})


def _static(name: str, kind: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    text = files("workers.web").joinpath("static", name).read_text("utf-8")

    async def serve(request: web.Request) -> web.StreamResponse:
        return web.Response(text=text, content_type=kind)

    return serve


def _json(value: Any, status: int = 200) -> web.Response:
    answer = web.Response(text=json.dumps(value, ensure_ascii=False), content_type="application/json", status=status)
    answer.enable_compression()
    return answer
