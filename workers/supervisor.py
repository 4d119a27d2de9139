"""`copydesk up`: everything in one command. Starts the parts, starts again what dies, stops all in order.

Valkey ─┬─ poller            a process each; whatever is killed is started again
        ├─ desk-1 … desk-N
        └─ this process: the demo newsroom, the status page, and the show
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from streams.config.settings import ENV_PREFIX, Settings
from streams.config.tables import TABLE_SETTINGS
from streams.errors import UnavailableError
from streams.subscribe import subscribe
from streams.topics import DESK_GROUP
from streams.valkey.server import EmbeddedValkey, die_with_parent
from workers.console import ConsoleReporter
from workers.counters import read_counters
from workers.demo.newsroom import Newsroom
from workers.heartbeats import clear_workers, heartbeat_task, remove_workers, write_heartbeat
from workers.poller.registry import FeedRegistry
from workers.services import connect_or_stop, install_stop_handler, log_exceptions
from workers.web.server import WebServer

log = logging.getLogger(__name__)
SUPERVISE_INTERVAL_S = 0.2
INITIAL_RESTART_DELAY_S, MAX_RESTART_DELAY_S = 0.1, 10.0
HEALTHY_S = 30.0  # a child that lived this long starts again at once
DEMO_NOTICE = """
  These are invented stories, from a demo newsroom on this machine. To read real ones, in another terminal here:
      {copydesk} feeds add https://example.org/feed.xml
      {copydesk} feeds import examples/world-news.opml
  and start again. Everything is kept in {data_dir}; Ctrl-C stops.
"""


class WorkerProcess:
    """A worker process that is started again when it dies, with backoff when it dies young."""

    def __init__(self, name: str, arguments: list[str], environ: Mapping[str, str], log_dir: Path) -> None:
        self.name, self.arguments, self.environ = name, arguments, environ
        self.log_path = log_dir / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0
        self._restart_s = 0.0
        self._delay_s = INITIAL_RESTART_DELAY_S

    def start(self) -> None:
        """Start the process. From the main thread: it ends with the thread that spawned it."""
        environ = {**self.environ, f"{ENV_PREFIX}LOG_FILE": str(self.log_path.resolve())}
        with self.log_path.with_suffix(".out").open("ab") as out:  # what a crash of the interpreter leaves behind
            self.process = subprocess.Popen(
                [sys.executable, "-m", "workers.cli", *self.arguments],
                env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                preexec_fn=die_with_parent, start_new_session=True,  # Ctrl-C is for us: parts stop in order
            )  # fmt: skip
        self._started_s = time.monotonic()

    def restart_if_dead(self) -> str:
        """Start the process again when it is time; returns what to say of it, mostly nothing."""
        now_s = time.monotonic()
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return ""
            self.process = None
            self._delay_s = INITIAL_RESTART_DELAY_S if now_s - self._started_s > HEALTHY_S else self._delay_s * 2
            self._delay_s = min(self._delay_s, MAX_RESTART_DELAY_S)
            self._restart_s = now_s + self._delay_s
            why = f"was ended by signal {-code}" if code < 0 else f"stopped with status {code}"
            return f"{self.name} {why}; starting it again (its log: {self.log_path})"
        if now_s >= self._restart_s:
            self.start()
        return ""

    async def stop(self, wait_s: float) -> None:
        """Let the process drain; kill it when that takes too long."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + wait_s
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                self.process.kill()
            await asyncio.sleep(0.02)


class Supervisor:
    """The whole of copydesk on one machine."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.valkey = EmbeddedValkey(settings) if settings.embedded else None
        self.url = self.valkey.url if self.valkey else settings.broker_url
        self.watch = ConsoleReporter()
        self.newsroom: Newsroom | None = None
        self.children: list[WorkerProcess] = []

    async def run(self) -> int:
        """Start everything, watch over it until a signal comes, stop everything."""
        stopping = install_stop_handler()
        started_s = time.monotonic()
        if self.valkey:
            self.valkey.start()  # in the main thread, blocking: nothing else can begin before it
        try:
            return await self._run(stopping, started_s)
        finally:
            if self.valkey:
                self.valkey.stop()

    async def _run(self, stopping: asyncio.Event, started_s: float) -> int:
        broker = await connect_or_stop(stopping, self.settings, self.url)
        if broker is None:
            return 0
        server = WebServer(self.settings, broker, DESK_GROUP)
        shows: list[asyncio.Task[None]] = []
        try:
            await server.start()
            shows = [
                asyncio.create_task(log_exceptions(show, "the show"))
                for show in (self._print_articles(), self._print_polls())
            ]
            self.settings = await self._with_demo(FeedRegistry(broker.state))
            if self.valkey:
                await clear_workers(broker.state)  # entries of a killed `up`, which may have had more desks
            self._start_children()
            for child in self.children:  # health misses a worker from here on, even before its first own heartbeat
                await write_heartbeat(broker.state, child.name.partition("-")[0], self._worker_name(child.name))
            self._print_banner(f"{server.url}#{server.admin.token}", time.monotonic() - started_s)
            async with heartbeat_task(broker.state, "web", self._worker_name("web")):
                await self._supervise(stopping)
        finally:
            await self._stop(server, shows)
            with contextlib.suppress(UnavailableError):  # a broker that is gone mustn't hide why we stop
                ended = ["web", *(child.name for child in self.children)]  # some were killed, and left their entries
                await remove_workers(broker.state, [self._worker_name(name) for name in ended])
                self._print_summary(await read_counters(broker.state))
            await broker.close()
        return 0

    async def _with_demo(self, feeds: FeedRegistry) -> Settings:
        """Open the demo newsroom when it is wanted, and poll it; put its feeds away when it isn't."""
        registered = await feeds.all()
        old = [f.url for f in registered if f.demo]
        wanted = {"on": True, "off": False, "auto": len(old) == len(registered)}[self.settings.demo]
        if not wanted:
            await feeds.remove(old)
            return self.settings
        self.newsroom = Newsroom(self.settings.data_dir / "demo", self.settings.demo_interval_s)
        await self.newsroom.open()
        urls = self.newsroom.feed_urls
        await feeds.remove([url for url in old if url not in urls])
        await feeds.add([(url, "demo") for url in urls], demo=True)
        listed = [*self.settings.private_host_patterns, f"127.0.0.1:{self.newsroom.port}"]
        return replace(self.settings, allowed_private_hosts=",".join(listed))

    def _start_children(self) -> None:
        log_dir = self.settings.data_dir / "log"
        log_dir.mkdir(parents=True, exist_ok=True)
        environ = {**os.environ, **to_environ(replace(self.settings, broker_url=self.url))}
        commands = {"poller": "poll", **{f"desk-{n}": "desk" for n in range(1, self.settings.desk_workers + 1)}}
        if self.settings.sinks:
            commands["sink"] = "sink"
        self.children = [
            WorkerProcess(name, [command, "--name", self._worker_name(name)], environ, log_dir)
            for name, command in commands.items()
        ]
        for child in self.children:
            child.start()

    def _worker_name(self, name: str) -> str:
        """Return *name* as no other worker of the broker has it: other machines may run `up` on a shared one."""
        return name if self.valkey else f"{name}@{socket.gethostname()}"

    async def _supervise(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            if self.valkey and self.valkey.restart_if_dead():
                self.watch.note("the embedded server had died; it was started again with all that was acknowledged")
            for child in self.children:
                if said := child.restart_if_dead():
                    self.watch.note(said)
            try:
                await asyncio.wait_for(stopping.wait(), SUPERVISE_INTERVAL_S)
            except TimeoutError:
                continue

    async def _stop(self, server: WebServer, shows: list["asyncio.Task[None]"]) -> None:
        """Stop in the order of the stream: nothing new comes in, what came in goes out, then the rest."""
        self.watch.note("\nstopping: finishing what is in hand")
        for child in self.children:
            await child.stop(self.settings.shutdown_timeout_s)
        for show in shows:
            show.cancel()
        await asyncio.gather(*shows, return_exceptions=True)
        if self.newsroom:
            await self.newsroom.close()
        await server.stop()

    async def _print_articles(self) -> None:
        connected = replace(self.settings, broker_url=self.url)
        async for article in subscribe("articles", start="end", settings=connected):
            self.watch.article(article)

    async def _print_polls(self) -> None:
        async for poll in subscribe("polls", start="end", settings=replace(self.settings, broker_url=self.url)):
            self.watch.poll(poll)

    def _print_banner(self, page: str, took_s: float) -> None:
        where = f"embedded Valkey in {self.settings.data_dir}" if self.valkey else self.settings.broker_url
        self.watch.note(f"copydesk is up after {took_s:.1f} s · {where} · status page {page}")
        if self.newsroom:
            self.watch.note(DEMO_NOTICE.format(copydesk=command_name(), data_dir=self.settings.data_dir))

    def _print_summary(self, counters: Mapping[str, Mapping[str, int]]) -> None:
        desk = counters["desk"]
        parts = ", ".join(f"{n} {name}" for name, n in desk.items() if name != "in")
        self.watch.note(f"stopped. So far {desk['in']} items in: {parts}.")


def command_name() -> str:
    """Return how the user starts copydesk here."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "copydesk" else "copydesk"


def to_environ(settings: Settings) -> dict[str, str]:
    """Return *settings* as `COPYDESK_*`; its tables stay in the configuration file, which children read too."""
    out: dict[str, str] = {}
    for f in fields(settings):
        value: Any = getattr(settings, f.name)
        if f.name not in TABLE_SETTINGS:
            out[ENV_PREFIX + f.name.upper()] = str(value.resolve() if isinstance(value, Path) else value)
    return out
