"""`copydesk up`: start all services on this machine, restart those that die, stop them in order.

Valkey ─┬─ poller            one process each, restarted when it dies
        ├─ desk-1 … desk-N
        └─ this process: demo newsroom, web interface, console output

This module must not know how a worker does its work. The web server is imported once the worker processes have
started: both imports take half a second of CPU time.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.config.sources import CONFIG_VARIABLE, ENV_PREFIX, redact_url
from streams.config.tables import TABLE_SETTINGS
from streams.errors import SettingsError, UnavailableError
from streams.retry import Backoff
from streams.start import Start
from streams.subscribe import subscribe
from streams.topics import DESK_GROUP
from streams.valkey.server import EmbeddedValkey, die_with_parent
from workers.console import ConsoleReporter
from workers.counters import read_counters
from workers.demo.demo import Demo
from workers.demo.route import ROUTE, with_route_table
from workers.heartbeats import clear_workers, heartbeat_task, remove_workers, write_heartbeat
from workers.notify import NOTIFY_SOCKET, notify
from workers.poller.registry import FeedRegistry
from workers.private_files import write_private
from workers.reload import Reloader, has_lost_terminal
from workers.services import connect_or_stop, install_stop_handler, log_exceptions
from workers.status import read_status
from workers.text.counts import format_count

if TYPE_CHECKING:
    from workers.web.server import WebServer

SUPERVISE_INTERVAL_S = 0.2
HEALTH_INTERVAL_S = 10.0
HUNG_S = 120.0
OPTIONAL_WORKERS = ("sink", "watcher", "events")
TABLES_FILE = "workers.toml"  # in data_dir
INITIAL_RESTART_DELAY_S, MAX_RESTART_DELAY_S = 0.1, 10.0
HEALTHY_S = 30.0  # a process that ran this long restarts without a longer delay


class WorkerProcess:
    """A worker process that is restarted when it dies, with backoff when it dies within HEALTHY_S."""

    def __init__(self, name: str, arguments: list[str], environ: Mapping[str, str], log_dir: Path) -> None:
        self.name, self.arguments, self.environ = name, arguments, environ
        self.log_path = log_dir / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0
        self._restart_s = 0.0
        self._backoff = Backoff(INITIAL_RESTART_DELAY_S, MAX_RESTART_DELAY_S)

    def start(self) -> None:
        """Start the process. Call it from the main thread: the process ends with the thread that spawned it."""
        environ = {**self.environ, f"{ENV_PREFIX}LOG_FILE": str(self.log_path.resolve())}
        with self.log_path.with_suffix(".out").open("ab") as out:  # output of an interpreter crash
            self.process = subprocess.Popen(
                [sys.executable, "-m", "workers.cli", *self.arguments],
                env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                preexec_fn=die_with_parent, start_new_session=True,  # Ctrl-C goes to the supervisor only
            )  # fmt: skip
        self._started_s = time.monotonic()

    def restart_if_dead(self) -> str:
        """Restart a dead process once its delay is over; return a message for the console, or ""."""
        now_s = time.monotonic()
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return ""
            self.process = None
            if now_s - self._started_s > HEALTHY_S:
                self._backoff.reset()
            delay_s = self._backoff.next_delay_s()
            self._restart_s = now_s + delay_s
            cause = f"signal {-code}" if code < 0 else f"exit code {code}"
            return f"worker died: {self.name} ({cause}, log: {self.log_path}); restarting in {delay_s:.1f} s"
        return self.try_start() if now_s >= self._restart_s else ""

    def try_start(self) -> str:
        """Start the process; return "", or a message after a failure that may pass. `restart_if_dead` tries again."""
        try:
            self.start()
        except (OSError, subprocess.SubprocessError) as exc:  # no memory, process limit, full disk
            delay_s = self._backoff.next_delay_s()
            self.process, self._restart_s = None, time.monotonic() + delay_s
            return f"worker not started: {self.name} ({exc}); retrying in {delay_s:.1f} s"
        return ""

    def kill(self, min_age_s: float) -> bool:
        """Kill the process if it has run for *min_age_s*; return whether it was killed."""
        if self.process is None or self.process.poll() is not None or time.monotonic() - self._started_s < min_age_s:
            return False
        self.process.kill()
        return True

    async def stop(self, timeout_s: float) -> None:
        """Let the process drain; kill it after *timeout_s*."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        deadline_s = time.monotonic() + timeout_s
        while self.process.poll() is None:
            if time.monotonic() > deadline_s:
                self.process.kill()
            await asyncio.sleep(0.02)


class Supervisor:
    """All services of copydesk on one machine."""

    def __init__(self, settings: Settings, reloader: Reloader | None = None, config_text: str = "") -> None:
        self.settings, self.reloader, self._config_text = settings, reloader, config_text
        self._is_reload_requested, self._had_terminal = False, sys.stdin is not None and sys.stdin.isatty()
        self.valkey = EmbeddedValkey(settings) if settings.embedded else None
        self.url = self.valkey.url if self.valkey else settings.broker_url
        self.console = ConsoleReporter()
        self.demo = Demo()
        self.workers: list[WorkerProcess] = []
        self.server: WebServer | None = None
        self.hung_s = HUNG_S
        self._silent_before: set[str] = set()

    async def run(self) -> int:
        """Start all services, supervise them until a stop signal, stop them."""
        stopping = install_stop_handler()
        started_s = time.monotonic()
        if self.valkey:
            self.valkey.start()  # blocks the main thread: all other services need it
        try:
            return await self._run(stopping, started_s)
        finally:
            if self.valkey:
                self.valkey.stop()

    async def _run(self, stopping: asyncio.Event, started_s: float) -> int:
        broker = await connect_or_stop(stopping, self.settings, self.url)
        if broker is None:
            return 0
        reporters = [
            asyncio.create_task(log_exceptions(report, "console output"))
            for report in (
                lambda: self._print("articles", self.console.article),
                lambda: self._print("polls", self.console.poll),
                lambda: self._print("dead-letters", self.console.dead_letter),
                lambda: self._check_health(broker),
            )
        ]
        try:
            self.settings = await self.demo.open(self.settings, FeedRegistry(broker.state))
            self.console.example_label = self.demo.example_label()
            if self.valkey:
                await clear_workers(broker.state)  # entries of a killed `up`, which may have had more desks
            self._start_workers()
            for worker in self.workers:
                await self._report(broker.state, worker)
            server = await self._start_server(broker)
            pushing = log_exceptions(lambda: self.demo.push_examples(broker), "demo items")
            reporters.append(asyncio.create_task(pushing))
            self._print_banner(f"{server.url}#{server.admin.token}", time.monotonic() - started_s)
            notify("READY=1")
            async with heartbeat_task(broker.state, "web", self._worker_name("web")):
                await self._supervise(stopping, broker)
        finally:
            await self._stop(reporters)
            with contextlib.suppress(UnavailableError):  # an unreachable broker must not hide the reason of the stop
                ended = ["web", *(worker.name for worker in self.workers)]  # killed workers left their entries
                await remove_workers(broker.state, [self._worker_name(name) for name in ended])
                self._print_summary(await read_counters(broker.state))
            await broker.close()
        return 0

    async def _start_server(self, broker: Broker) -> "WebServer":
        from workers.web.server import WebServer

        self.server = WebServer(self.settings, broker, DESK_GROUP)
        await self.server.start()
        return self.server

    def _start_workers(self) -> None:
        log_dir = self.settings.data_dir / "log"
        log_dir.mkdir(parents=True, exist_ok=True)
        environ = self._environ()
        commands = {"poller": "poll", **{f"desk-{n}": "desk" for n in range(1, self.settings.desk_workers + 1)}}
        commands |= self._optional_commands()
        self.workers = [
            WorkerProcess(name, [command, "--name", self._worker_name(name)], environ, log_dir)
            for name, command in commands.items()
        ]
        for worker in self.workers:
            worker.start()

    def _optional_commands(self) -> dict[str, str]:
        """Return the names and commands of the workers that settings and tables of copydesk.toml ask for."""
        tables = {
            ("sink", "sink"): self.settings.sinks,
            ("watcher", "watch"): self.settings.sources,
            ("events", "events"): self.settings.events,
        }
        return {name: command for (name, command), rows in tables.items() if rows}

    def _environ(self) -> dict[str, str]:
        """Write the tables for the worker processes; return their environment.

        Workers read a copy of the checked copydesk.toml: a worker that restarts during an edit must not fail on it.
        """
        path = self.settings.data_dir.resolve() / TABLES_FILE
        has_demo_route = ROUTE in self.settings.routes
        write_private(path, with_route_table(self._config_text) if has_demo_route else self._config_text)
        inherited = {name: value for name, value in os.environ.items() if name != NOTIFY_SOCKET}  # of this process only
        return {**inherited, **to_environ(replace(self.settings, broker_url=self.url)), CONFIG_VARIABLE: str(path)}

    def _worker_name(self, name: str) -> str:
        """Return *name*, unique on the broker: other machines may run `up` on a shared broker."""
        return name if self.valkey else f"{name}@{socket.gethostname()}"

    def on_hangup(self) -> None:
        """Request a reload; stop in order if SIGHUP came from a closed terminal."""
        if has_lost_terminal(self._had_terminal):
            os.kill(os.getpid(), signal.SIGTERM)
        self._is_reload_requested = True

    async def _reload(self, broker: Broker) -> None:
        """Restart the workers one by one with the tables and private hosts of copydesk.toml, if it is valid."""
        self._is_reload_requested = False
        if self.reloader is None:
            return
        try:
            loaded = self.reloader.load()
        except SettingsError as exc:
            self.console.note(f"settings not reloaded, the former ones stay: {exc}")
            return
        new, self._config_text = loaded.settings, loaded.text
        notify("RELOADING=1")
        self.settings = self.demo.with_demo_settings(replace(
            self.settings, feeds=new.feeds, routes=new.routes, sinks=new.sinks, sources=new.sources,
            allowed_private_hosts=new.allowed_private_hosts,
        ))  # fmt: skip
        if self.server is not None:
            self.server.reload(self.settings)
        await self._restart_workers(broker.state)
        tables = ", ".join(f"{len(getattr(new, name))} [[{name}]]" for name in ("feeds", "routes", "sinks", "sources"))
        self.console.note(f"settings reloaded: {tables}; other settings need a restart")
        notify("READY=1")

    async def _restart_workers(self, state: Any) -> None:
        """Restart the workers one by one, end those without tables, and start those with new tables."""
        environ, log_dir, optional = self._environ(), self.settings.data_dir / "log", self._optional_commands()
        for worker in list(self.workers):
            await worker.stop(self.settings.shutdown_timeout_s)
            if worker.name not in OPTIONAL_WORKERS or worker.name in optional:
                worker.environ = environ
                await self._restart(state, worker)
            else:
                self.workers.remove(worker)
                with contextlib.suppress(UnavailableError):
                    await remove_workers(state, [self._worker_name(worker.name)])  # a killed worker left its entry
        for name in optional.keys() - {worker.name for worker in self.workers}:
            command = [optional[name], "--name", self._worker_name(name)]
            self.workers.append(WorkerProcess(name, command, environ, log_dir))
            await self._restart(state, self.workers[-1])

    async def _restart(self, state: Any, worker: WorkerProcess) -> None:
        if message := worker.try_start():
            self.console.note(message)
        with contextlib.suppress(UnavailableError):
            await self._report(state, worker)

    async def _report(self, state: Any, worker: WorkerProcess) -> None:
        """Write a first heartbeat: from here on health reports a worker that never starts."""
        await write_heartbeat(state, worker.name.partition("-")[0], self._worker_name(worker.name))

    async def _supervise(self, stopping: asyncio.Event, broker: Broker) -> None:
        while not stopping.is_set():
            if self._is_reload_requested:
                await self._reload(broker)
            if self.valkey and self.valkey.restart_if_dead():
                self.console.note("Valkey crashed and was restarted; no acknowledged data was lost")
            for worker in self.workers:
                if message := worker.restart_if_dead():
                    self.console.note(message)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SUPERVISE_INTERVAL_S):
                    await stopping.wait()

    async def _stop(self, reporters: list["asyncio.Task[None]"]) -> None:
        """Stop in the order of the stream: poller, desks, console output, web interface."""
        self.console.note("\nstopping: finishing accepted items")
        for worker in self.workers:
            await worker.stop(self.settings.shutdown_timeout_s)
        for reporter in reporters:
            reporter.cancel()
        await asyncio.gather(*reporters, return_exceptions=True)
        self.console.release()
        await self.demo.close()
        if self.server is not None:
            await self.server.stop()

    async def _print(self, topic: str, write: Callable[[Any], None]) -> None:
        """Call *write* with each new record of *topic*."""
        settings = replace(self.settings, broker_url=self.url)
        async for record in subscribe(topic, start=Start.LATEST, settings=settings):
            write(record)

    async def _check_health(self, broker: Broker) -> None:
        """Print problems and warnings, and end hung workers."""
        while True:
            await asyncio.sleep(HEALTH_INTERVAL_S)
            with contextlib.suppress(UnavailableError):
                report = await read_status(broker, DESK_GROUP, self.settings)
                self.console.health([*report["problems"], *report["warnings"]])
                self.end_hung(report["workers"])

    def end_hung(self, workers: Sequence[Mapping[str, Any]]) -> None:
        """Kill worker processes without a heartbeat for HUNG_S in two rounds; `_supervise` starts them again.

        C code that hangs holds the event loop of its process, so no check within the process can end it.
        """
        silent = {row["name"] for row in workers if row["heartbeat_age_s"] > self.hung_s}
        for worker in self.workers:
            name = self._worker_name(worker.name)
            if name in silent & self._silent_before and worker.kill(self.hung_s):
                self.console.note(f"worker hung: {name} (no heartbeat for {self.hung_s:.0f} s); killed")
        self._silent_before = silent

    def _print_banner(self, page_url: str, started_in_s: float) -> None:
        broker = f"embedded Valkey in {self.settings.data_dir}" if self.valkey else redact_url(self.settings.broker_url)
        self.console.banner(f"copydesk is up after {started_in_s:.1f} s · {broker} · web interface {page_url}")
        if notice := self.demo.notice(command_name(), self.settings):
            self.console.banner(notice)

    def _print_summary(self, counters: Mapping[str, Mapping[str, int]]) -> None:
        desk = counters["desk"]
        nouns = {
            "new": "article",
            "revised": "revision",
            "duplicate": "repeat",
            "filtered": "filtered article",
            "failed": "failure",
        }
        counts = {noun: desk[outcome] for outcome, noun in nouns.items() if desk[outcome] or outcome == "new"}
        parts = ", ".join(format_count(count, noun) for noun, count in counts.items())
        self.console.note(f"stopped; so far {parts}")


def command_name() -> str:
    """Return the shortest command that starts this copydesk."""
    program = Path(sys.argv[0])
    on_path = shutil.which("copydesk")
    is_on_path = on_path is not None and Path(on_path).resolve() == program.resolve()
    return "copydesk" if is_on_path or program.name != "copydesk" else str(program)


def to_environ(settings: Settings) -> dict[str, str]:
    """Return *settings* as `COPYDESK_*` variables.

    Tables are left out: worker processes read them from copydesk.toml or its copy.
    """
    environ: dict[str, str] = {}
    for f in fields(settings):
        value: Any = getattr(settings, f.name)
        if f.name not in TABLE_SETTINGS:
            environ[ENV_PREFIX + f.name.upper()] = str(value.resolve() if isinstance(value, Path) else value)
    return environ
