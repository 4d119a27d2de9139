"""Worker services: how a worker process starts, reports readiness, drains and stops.

    stop reading ▸ finish accepted messages ▸ publish and commit ▸ hand over ▸ close

The first SIGINT or SIGTERM drains. A second signal stops at once. It loses nothing: uncommitted messages are
redelivered. This module must not know the command line.

Each service imports its own modules when it starts: a desk without the poller's HTTP client needs 11 MB less.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from streams.brokers import open_broker
from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.config.sources import redact_url
from streams.errors import SettingsError, UnavailableError
from streams.exit_codes import ExitCode, abort
from streams.logger import get_logger
from streams.retry import Backoff, retry_unavailable
from streams.routing import route_topics
from streams.topics import BUILTIN_TOPICS, DESK_GROUP
from workers.dedupe.rebuild import rebuild_if_lost, require_intact_state, restore_state
from workers.garbage import collect_less_often, return_large_blocks
from workers.heartbeats import heartbeat_task, worker_name
from workers.intake.embargo import release_loop
from workers.logging_setup import import_structlog
from workers.notify import notify, watchdog_task
from workers.retention import memory_relief_loop, retention_loop
from workers.task_stacks import log_task_stacks
from workers.watchdog import watchdog

if TYPE_CHECKING:
    from streams.faust.context import FaustContext
    from workers.desk.cleaning_pool import CleaningPool
    from workers.desk.slow_items import SlowItems

log = get_logger(__name__)

RESTART_S, MAX_RESTART_S = 1.0, 60.0  # before a background loop runs again after a bug
STOP_PHASES = 3  # each within `shutdown_timeout_s`: accepted messages, the worker's tasks, the broker


def run(main: Callable[[], Coroutine[Any, Any, int]], on_hangup: Callable[[], None] | None = None) -> int:
    """Run *main* in uvloop where that is installed; return its exit code. SIGHUP calls *on_hangup*."""
    import_structlog()  # every service logs
    collect_less_often()
    return_large_blocks()
    try:
        import uvloop
    except ImportError:
        return asyncio.run(_run_notified(main, on_hangup))
    return int(uvloop.run(_run_notified(main, on_hangup)))


async def _run_notified(main: Callable[[], Coroutine[Any, Any, int]], on_hangup: Callable[[], None] | None) -> int:
    """Run *main* and serve systemd's watchdog meanwhile."""
    if on_hangup is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, on_hangup)
    pinging = asyncio.create_task(watchdog_task(), name="watchdog of systemd")
    try:
        return await main()
    finally:
        pinging.cancel()
        notify("STOPPING=1")


def install_stop_handler(limit_s: float | None = None) -> asyncio.Event:
    """Return an event that the first SIGINT or SIGTERM sets. The second ends the process, and so does *limit_s* later.

    SIGUSR1 logs the stacks of all tasks.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopping.is_set():
            os._exit(ExitCode.INTERRUPTED)
        stopping.set()
        if limit_s is not None:
            loop.call_later(limit_s, _abort_stop, limit_s)

    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop)
    loop.add_signal_handler(signal.SIGUSR1, log_task_stacks)
    return stopping


def _abort_stop(limit_s: float) -> None:
    """End the process: a task that ignores its cancellation, or an unavailable broker, delays the stop."""
    log_task_stacks()
    abort(
        ExitCode.FAILED, "shutdown timed out", seconds=limit_s, next_step="uncommitted messages will be redelivered"
    )  # fmt: skip


async def connect(settings: Settings, url: str) -> Broker:
    """Return the broker at *url* with all topics created; retry while the broker is unreachable."""
    broker = open_broker(settings, url)
    topics = [*BUILTIN_TOPICS, *route_topics(settings.routes)]
    await retry_unavailable(lambda: broker.create_topics(topics), "broker not ready", url=redact_url(url))
    return broker


async def connect_or_stop(stopping: asyncio.Event, settings: Settings, url: str) -> Broker | None:
    """Return `connect`'s broker, or None when *stopping* is set before the broker answers."""
    connecting = asyncio.create_task(connect(settings, url))
    await wait_stop_or(stopping, connecting)
    if connecting.done():
        return connecting.result()
    connecting.cancel()
    return None


async def run_service(settings: Settings, url: str, body: Callable[[Broker, asyncio.Event], Awaitable[None]]) -> int:
    """Connect to the broker at *url* and await *body*, which returns once its event, the stop signal, is set."""
    stopping = install_stop_handler(STOP_PHASES * settings.shutdown_timeout_s)
    broker = await connect_or_stop(stopping, settings, url)
    if broker is not None:
        await body(broker, stopping)
        await broker.close()
    return 0


async def run_poller(settings: Settings, url: str, name: str = "") -> int:
    """Poll feeds until a stop signal."""
    from workers.poller.poller import Poller

    async def body(broker: Broker, stopping: asyncio.Event) -> None:
        poller = Poller(settings, broker, DESK_GROUP)
        async with heartbeat_task(broker.state, "poller", worker_name("poller", name), poller.is_working):
            polling = asyncio.create_task(poller.run())
            log.info("poller ready")
            notify("READY=1")
            await wait_stop_or(stopping, polling)
            poller.stop()
            await polling
        log.info("poller stopped")

    return await run_service(settings, url, body)


async def run_desk(settings: Settings, url: str, name: str = "") -> int:
    """Turn items into articles until a stop signal."""
    from workers.desk.cleaning_pool import CleaningPool

    async with CleaningPool(settings.clean_process_count, settings.item_timeout_s) as pool:
        if pool.count:
            pool.warm_up()  # during the imports, and while the broker is unavailable
        return await _run_desk(settings, url, name, pool)


async def _run_desk(settings: Settings, url: str, name: str, pool: "CleaningPool") -> int:
    from streams.faust.context import FaustContext
    from workers.desk.cleaning import PooledCleaning
    from workers.desk.desk import create_desk
    from workers.desk.slow_items import SlowItems

    async def body(broker: Broker, stopping: asyncio.Event) -> None:
        # Before the rebuild, because that writes to the broker's memory too.
        relieving = asyncio.create_task(keep_running(lambda: memory_relief_loop(broker), "memory relief"))
        try:
            async with heartbeat_task(broker.state, "desk", worker_name("desk", name)):
                await desk(broker, stopping)
        finally:
            relieving.cancel()

    async def desk(broker: Broker, stopping: asyncio.Event) -> None:
        await retry_unavailable(lambda: rebuild_if_lost(broker, settings), "rebuild failed")
        if pool.count:  # before the desk owns a partition, whose items would wait for the first process
            await wait_stop_or(stopping, asyncio.create_task(pool.start()))
        slow_items = SlowItems(broker, time.time, pool)
        app = create_desk(
            settings, broker, url=url, name=name, check_state=lambda: require_intact_state(broker),
            pooled=PooledCleaning(pool, slow_items) if pool.count else None,
        )  # fmt: skip
        await app.start()
        upkeep = _start_upkeep(settings, broker, FaustContext(app), slow_items)
        log.info("desk ready")
        notify("READY=1")
        await stopping.wait()
        upkeep.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await upkeep
        await _stop_app(app, settings.shutdown_timeout_s)
        log.info("desk stopped")

    return await run_service(settings, url, body)


def _start_upkeep(
    settings: Settings, broker: Broker, membership: "FaustContext", slow_items: "SlowItems"
) -> "asyncio.Future[Any]":
    """Start the tasks of a desk beside its agent."""
    return asyncio.gather(
        keep_running(lambda: retention_loop(broker, settings), "retention"),
        keep_running(lambda: watchdog(broker, membership, lambda: restore_state(broker, settings)), "watchdog"),
        keep_running(lambda: release_loop(broker, time.time), "embargoes"),
        keep_running(slow_items.release_loop, "slow items"),
    )


async def _stop_app(app: Any, timeout_s: float) -> None:
    """Stop a Faust app; end the process if that takes longer than *timeout_s*."""
    stop = asyncio.create_task(app.stop())
    # `wait_for` would wait for the cancelled task: Faust ignores the cancellation while the broker is unavailable.
    await asyncio.wait({stop}, timeout=timeout_s)
    if not stop.done():
        _abort_stop(timeout_s)
    await stop


async def run_sinks(settings: Settings, url: str, name: str = "", *, only: str = "") -> int:
    """Deliver to all sinks, or to the sink *only*, until a stop signal."""
    from workers.sinks import create_sink
    from workers.sinks.runner import SinkRunner

    names = [sink.name for sink in settings.sinks]
    if not names:
        raise SettingsError("no sinks: copydesk.toml has no [[sinks]] table; add one")
    if only and only not in names:
        raise SettingsError(f"unknown sink: {only}; copydesk.toml has {', '.join(names)}")
    selected = [sink for sink in settings.sinks if only in ("", sink.name)]
    settings = replace(settings, broker_url=url)

    async def deliver(broker: Broker) -> None:
        async with asyncio.TaskGroup() as tasks:
            for options in selected:
                sink = create_sink(settings, options)
                tasks.create_task(SinkRunner(settings, broker, options, sink).run())

    async def body(broker: Broker, stopping: asyncio.Event) -> None:
        async with heartbeat_task(broker.state, "sink", worker_name("sink", name)):
            delivering = asyncio.create_task(deliver(broker))
            log.info("sinks ready", sink=", ".join(sink.name for sink in selected))
            notify("READY=1")
            await wait_stop_or(stopping, delivering)
            delivering.cancel()
            await asyncio.gather(delivering, return_exceptions=True)

    return await run_service(settings, url, body)


async def run_events(settings: Settings, url: str, name: str = "") -> int:
    """Group articles of one event until a stop signal."""
    from workers.events.article_text import TextReader
    from workers.events.worker import EventWorker

    reader = TextReader()  # a missing package is an error before the worker connects

    async def body(broker: Broker, stopping: asyncio.Event) -> None:
        worker = EventWorker(replace(settings, broker_url=url), broker, reader)
        async with heartbeat_task(broker.state, "events", worker_name("events", name)):
            grouping = asyncio.create_task(worker.run())
            log.info("events worker ready")
            notify("READY=1")
            await wait_stop_or(stopping, grouping)
            grouping.cancel()
            await asyncio.gather(grouping, return_exceptions=True)
        log.info("events worker stopped")

    return await run_service(settings, url, body)


async def run_watcher(settings: Settings, url: str, name: str = "") -> int:
    """Ingest the files of all watched folders until a stop signal."""
    from workers.intake.folder import FolderWatcher

    if not settings.sources:
        raise SettingsError("no sources: copydesk.toml has no [[sources]] table; add one")
    worker = worker_name("watcher", name)

    async def body(broker: Broker, stopping: asyncio.Event) -> None:
        watchers = [FolderWatcher(broker, source, worker) for source in settings.sources]
        async with heartbeat_task(broker.state, "watcher", worker):
            watching = asyncio.gather(*(watcher.run() for watcher in watchers))
            log.info("watcher ready", path=", ".join(str(watcher.folder) for watcher in watchers))
            notify("READY=1")
            await wait_stop_or(stopping, asyncio.ensure_future(watching))
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            with contextlib.suppress(UnavailableError):
                for watcher in watchers:
                    await watcher.release()
        log.info("watcher stopped")

    return await run_service(settings, url, body)


async def run_web(settings: Settings, url: str, name: str = "") -> int:
    """Serve the web interface until a stop signal."""
    from workers.web.server import WebServer

    async def body(broker: Broker, stopping: asyncio.Event) -> None:
        server = WebServer(settings, broker, DESK_GROUP)
        await server.start()
        log.info("web interface ready", url=server.url, token_path=settings.data_dir / "web.token")
        notify("READY=1")
        async with heartbeat_task(broker.state, "web", worker_name("web", name)):
            await stopping.wait()
            await server.stop()

    return await run_service(settings, url, body)


async def wait_stop_or(stopping: asyncio.Event, task: "asyncio.Future[Any]") -> None:
    """Return when *stopping* is set or *task* ends. Raises the exception of *task*."""
    waiting = asyncio.ensure_future(stopping.wait())
    await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        task.result()


async def keep_running(loop: Callable[[], Awaitable[Any]], name: str) -> None:
    """Await *loop* until it returns. After an exception, log it and call *loop* again, with backoff."""
    backoff = Backoff(RESTART_S, MAX_RESTART_S)
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            try:
                await loop()
                return  # some loops end at once on Kafka
            except Exception:
                delay_s = backoff.next_delay_s()
                log.exception("task failed", task=name, retry_s=delay_s)
                await asyncio.sleep(delay_s)


async def log_exceptions(work: Callable[[], Awaitable[Any]], name: str) -> None:
    """Call *work*, await it and log its exception, for a service that must go on without it.

    A coroutine instead of *work* would never be awaited if this task is cancelled before its first step.
    """
    with contextlib.suppress(asyncio.CancelledError):
        try:
            await work()
        except Exception:
            log.exception("task stopped", task=name)
