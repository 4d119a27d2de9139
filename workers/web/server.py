"""The web server: pages, articles, feeds, dead letters, topics, health, metrics, WebSub. Loopback by default."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from ipaddress import ip_address
from typing import Any

import msgspec
from aiohttp import web

from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.errors import SettingsError, UnavailableError
from streams.logger import get_logger
from streams.routing import Router
from streams.topics import ARTICLES, EVENTS
from workers.counters import is_consistent, read_counters
from workers.poller.registry import FeedRegistry
from workers.poller.websub import WebSub
from workers.search.index import ArticleIndex
from workers.search.polls import PollIndex
from workers.search.tables import open_database
from workers.status import read_status, readiness
from workers.web import openapi, pages
from workers.web.admin_api import AdminApi, load_token
from workers.web.articles_api import ArticlesApi
from workers.web.broadcast import format_position
from workers.web.connections import HEAD_TIMEOUT_S, ConnectionLimits, LimitedHandler
from workers.web.events_api import EventsApi
from workers.web.feeds_api import FeedsApi
from workers.web.index_api import IndexApi
from workers.web.items_api import ItemsApi
from workers.web.letters_api import LettersApi
from workers.web.request_body import read_body
from workers.web.responses import encodable, json_response
from workers.web.status_api import StatusApi
from workers.web.topics_api import TopicsApi

log = get_logger(__name__)
BACKLOG = 128
UNKNOWN_SUBSCRIPTION = "unknown subscription: no feed has the token of this callback URL; subscribe again"
LOCAL_HOSTS = {"127.0.0.1", "localhost", "[::1]"}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class WebServer:
    """Serves the HTTP API and the page of one copydesk, and accepts pushes of WebSub hubs."""

    def __init__(
        self, settings: Settings, broker: Broker, desk_group: str, head_timeout_s: float = HEAD_TIMEOUT_S
    ) -> None:
        self.settings, self.broker, self.desk_group = settings, broker, desk_group
        self.head_timeout_s = head_timeout_s
        self.admin = AdminApi(load_token(settings.data_dir))
        self.topics = TopicsApi(settings, broker, self.admin.is_authorised)
        self.events = EventsApi(broker, self.topics.broadcasters[EVENTS.name])
        self.items = ItemsApi(settings, broker, desk_group)
        self.database = open_database(settings)
        self.index = ArticleIndex(broker, self.database, settings.routes)
        self.polls = PollIndex(broker, self.database)
        self.lists = IndexApi(self.index, self.topics.broadcasters[ARTICLES.name])
        self.articles = ArticlesApi(self.index, self.topics.broadcasters[ARTICLES.name])
        self.feeds = FeedsApi(settings, broker, self.admin, self.polls)
        self.letters = LettersApi(broker, self.admin)
        self.status = StatusApi(broker, desk_group, lambda: self.settings, self.topics.latency, self.index)
        self._apis = (
            self.topics, self.lists, self.articles, self.events, self.feeds, self.letters, self.status,
        )  # fmt: skip
        self.websub = WebSub(broker.state, settings.websub_callback_url)
        self.url = ""
        self._host_names = host_names(settings)
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start to listen.

        Raises: SettingsError with the port when the address cannot be used.
        """
        middlewares = [self._check_request, pages.page_of_unknown_path]
        app = web.Application(middlewares=middlewares, client_max_size=self.settings.max_feed_bytes)
        app.on_response_prepare.append(_add_headers)
        app.router.add_get("/websub/{token}", self._verify)
        app.router.add_post("/websub/{token}", self._accept_push)
        pages.register(app)
        openapi.register(app)
        for api in self._apis:
            api.register(app)
        app.router.add_post("/items", self.admin.require_token(self.items.push))
        app.router.add_get("/healthz", self._health)
        app.router.add_get("/readyz", self._ready)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/status.json", self._status)
        app.router.add_get("/recent.json", self._recent)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        host, port = self.settings.web_host, self.settings.web_port
        try:
            self._listener = await self._listen(self._runner, host, port)
        except OSError as exc:
            raise SettingsError(
                f"web_port = {port}: cannot listen on {host}:{port} ({exc.strerror or exc}); set a free port, or 0"
            ) from exc
        self._start_task(self.topics.broadcasters[ARTICLES.name].start(), "latency")
        self._start_task(self.index.follower.run(), "article index")
        self._start_task(self.polls.follower.run(), "poll index")
        self._start_task(self.status.sample_forever(), "samples")
        self.url = f"http://{host}:{self._listener.sockets[0].getsockname()[1]}/"

    async def _listen(self, runner: web.AppRunner, host: str, port: int) -> asyncio.Server:
        loop, manager = asyncio.get_running_loop(), runner.server
        assert manager is not None
        limits = ConnectionLimits(self.settings.web_max_connections, HEADERS, self.head_timeout_s)
        return await loop.create_server(
            lambda: LimitedHandler(limits, manager, loop=loop, access_log=None), host, port, backlog=BACKLOG
        )

    def _start_task(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(_log_failure)
        self._tasks.append(task)

    def reload(self, settings: Settings) -> None:
        """Serve the topics of the routes of *settings* too, and report the health of its sinks."""
        self.settings = settings
        self.topics.add_routes(settings.routes)
        self.index.router = Router(settings.routes)

    async def stop(self) -> None:
        """End all subscriptions and stop to listen."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._listener is not None:
            self._listener.close()
        await self.topics.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        await self.database.close()

    @web.middleware
    async def _check_request(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Reject unknown host names (DNS rebinding), and answer 503 while the broker is away."""
        # WebSub callbacks are authorised by their token, under any public name. Probes of containers use addresses.
        if not request.path.startswith(("/websub/", "/healthz", "/readyz")) and not self._is_known_host(request.host):
            text = encodable(f"unknown host: {request.host[:100]}; add its name to web_allowed_hosts")
            raise web.HTTPForbidden(text=text)
        try:
            return await handler(request)
        except UnavailableError as exc:
            return json_response({"healthy": False, "message": str(exc)}, 503)

    def _is_known_host(self, host: str) -> bool:
        """Return whether a Host header names this server. A page of another site cannot have an address as its host."""
        name = host.lower() if host.endswith("]") else host.lower().rsplit(":", 1)[0]
        return name in self._host_names or (self.settings.web_host not in LOCAL_HOSTS and _is_address(name))

    async def _verify(self, request: web.Request) -> web.StreamResponse:
        """Confirm the intent of a subscription to its hub (WebSub §5.3)."""
        query = request.query
        if not await self.websub.verify(
            request.match_info["token"], query.get("hub.mode", ""), query.get("hub.topic", ""),
            query.get("hub.lease_seconds", ""),
        ):  # fmt: skip
            raise web.HTTPNotFound(text=UNKNOWN_SUBSCRIPTION)
        return web.Response(text=query.get("hub.challenge", ""), content_type="text/plain")

    async def _accept_push(self, request: web.Request) -> web.StreamResponse:
        """Accept content that a hub pushes (WebSub §7)."""
        subscription = await self.websub.get_by_token(request.match_info["token"])
        if subscription is None:
            raise web.HTTPGone(text=UNKNOWN_SUBSCRIPTION)
        signature, content_type = (request.headers.get(name, "") for name in ("X-Hub-Signature", "Content-Type"))
        if not await self.websub.accept(subscription, signature, content_type, await read_body(request)):
            await FeedRegistry(self.broker.state).poll_now([subscription.feed])
        return web.Response(status=202)

    async def _health(self, request: web.Request) -> web.StreamResponse:
        counters = await read_counters(self.broker.state)
        healthy = is_consistent(counters)
        return json_response({"healthy": healthy}, 200 if healthy else 503)

    async def _status(self, request: web.Request) -> web.StreamResponse:
        report = await read_status(self.broker, self.desk_group, self.settings)
        return json_response(report | {"latency_ms": self.topics.latency.percentiles_ms()})

    async def _ready(self, request: web.Request) -> web.StreamResponse:
        """Return 200 when the broker responds, all workers send heartbeats, and the desk's lag is within its limit."""
        report = readiness(await read_status(self.broker, self.desk_group, self.settings))
        return json_response(report, 200 if report["ready"] else 503)

    async def _metrics(self, request: web.Request) -> web.StreamResponse:
        from workers.web import metrics  # imported lazily: the client library's memory is only needed with Prometheus

        subscribers = {name: b.subscribers for name, b in self.topics.broadcasters.items() if b.subscribers}
        report = await read_status(self.broker, self.desk_group, self.settings)
        body = metrics.render_metrics(report, subscribers, self.topics.latency)
        return web.Response(body=body, headers={"Content-Type": metrics.CONTENT_TYPE})

    async def _recent(self, request: web.Request) -> web.StreamResponse:
        broadcaster = self.topics.broadcasters[ARTICLES.name]
        await broadcaster.start()
        # The page uses the text only; without the HTML the response is half as long.
        articles = [msgspec.to_builtins(msgspec.structs.replace(a, html="")) for a in self.topics.latest_articles()]
        return json_response({"position": format_position(broadcaster.position), "articles": articles})


def host_names(settings: Settings) -> frozenset[str]:
    """Return the host names that the web server answers to."""
    names = (name.strip().lower() for name in settings.web_allowed_hosts.split(","))
    return frozenset({*LOCAL_HOSTS, settings.web_host.lower(), *filter(None, names)})


def _is_address(name: str) -> bool:
    try:
        return bool(ip_address(name.strip("[]")))
    except ValueError:
        return False


def _log_failure(task: "asyncio.Task[None]") -> None:
    """Log the exception of a task: the server continues without it."""
    if not task.cancelled() and (exc := task.exception()):
        log.error("task stopped", task=task.get_name(), exc_info=exc)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
