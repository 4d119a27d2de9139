"""Services: how a worker process starts, says that it is ready, and stops.

    stop reading ▸ finish what is in hand ▸ publish and commit ▸ hand over ▸ close

A second signal stops at once; nothing is lost by it, for what isn't committed comes again.
"""

import asyncio
import contextlib
import gc
import io
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any

from streams.brokers import open_broker
from streams.brokers.base import Broker
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.brokers.redis_streams.memory import MemoryRelief
from streams.brokers.redis_streams.retention import Retention
from streams.config.settings import Settings
from streams.errors import SettingsError, UnavailableError
from streams.retry import retry_unavailable
from streams.state.redis_client import map_redis_errors
from streams.topics import BUILTIN_TOPICS, DAY_S, DESK_GROUP, ITEMS, route_topic
from workers.counters import read_counters
from workers.dedupe.rebuild import INTACT_KEY, rebuild_if_lost
from workers.heartbeats import heartbeat_task, worker_name
from workers.poller.poller import Poller
from workers.sinks import SINKS
from workers.sinks.runner import SinkRunner
from workers.web.server import WebServer

log = logging.getLogger(__name__)
TRIM_INTERVAL_S = 30.0
RELIEVE_EVERY_S = 0.5  # a desk writes a few MB in that time: less than the reserve
STALL_TIMEOUT_S = 30.0
EX_TEMPFAIL = 75  # sysexits.h: EX_TEMPFAIL
EXIT_SIGINT = 130  # 128 + SIGINT, as shells have it


def run(main: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Run *main* in uvloop where there is one; returns its exit code."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main())
    return int(uvloop.run(main()))


def install_stop_handler() -> asyncio.Event:
    """Return an event that the first SIGINT or SIGTERM sets; the second ends the process."""
    stopping = asyncio.Event()

    def stop() -> None:
        if stopping.is_set():
            os._exit(EXIT_SIGINT)
        stopping.set()

    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop)
    loop.add_signal_handler(signal.SIGUSR1, dump_tasks)
    return stopping


def dump_tasks() -> None:
    """Log where every task of every thread stands: what SIGUSR1 is for, when a service seems to hang."""
    loops = [loop for loop in gc.get_objects() if isinstance(loop, asyncio.AbstractEventLoop)]
    for task in [task for loop in loops for task in asyncio.all_tasks(loop)]:
        out = io.StringIO()
        task.print_stack(file=out)
        log.warning("%s", out.getvalue())


async def connect(settings: Settings, url: str) -> Broker:
    """Return the broker at *url* with all topics declared; waits for one that doesn't answer yet."""
    broker = open_broker(settings, url)
    topics = [*BUILTIN_TOPICS, *(route_topic(r.name) for r in settings.routes)]

    async def declare() -> bool:
        await broker.create_topics(topics)
        return True

    await retry_unavailable(declare)
    return broker


async def connect_or_stop(stopping: asyncio.Event, settings: Settings, url: str) -> Broker | None:
    """Return what `prepared` does, or None when a signal comes while the broker doesn't answer."""
    preparing = asyncio.create_task(connect(settings, url))
    await wait_stop_or(stopping, preparing)
    if preparing.done():
        return preparing.result()
    preparing.cancel()
    return None


async def run_service(settings: Settings, url: str, work: Callable[[Broker, asyncio.Event], Awaitable[None]]) -> int:
    """Do *work* with the broker at *url*; it returns when the event, a signal to stop, is set."""
    stopping = install_stop_handler()
    broker = await connect_or_stop(stopping, settings, url)
    if broker is not None:
        await work(broker, stopping)
        await broker.close()
    return 0


async def run_poller(settings: Settings, url: str, name: str = "") -> int:
    """Poll until a signal comes."""

    async def work(broker: Broker, stopping: asyncio.Event) -> None:
        poller = Poller(settings, broker, DESK_GROUP)
        async with heartbeat_task(broker.state, "poller", worker_name("poller", name), poller.is_working):
            polling = asyncio.create_task(poller.run())
            log.info("poller ready")
            await wait_stop_or(stopping, polling)
            poller.stop()
            await polling
        log.info("poller stopped")

    return await run_service(settings, url, work)


async def run_desk(settings: Settings, url: str, name: str = "") -> int:
    """Turn items into articles until a signal comes."""
    from workers.desk.desk import create_desk  # Faust costs memory: only the desk pays for it

    async def work(broker: Broker, stopping: asyncio.Event) -> None:
        # Rebuilding the memory takes broker memory, too.
        relieving = asyncio.create_task(log_exceptions(_relieve(broker), "memory relief"))
        try:
            async with heartbeat_task(broker.state, "desk", worker_name("desk", name)):
                await desk(broker, stopping)
        finally:
            relieving.cancel()

    async def desk(broker: Broker, stopping: asyncio.Event) -> None:
        await retry_unavailable(lambda: rebuild_if_lost(broker, settings))
        app = create_desk(settings, broker, url=url, name=name)
        await app.start()
        trimming, watching = (
            log_exceptions(retention_loop(broker, settings, TRIM_INTERVAL_S), "trimming"),
            log_exceptions(watchdog(broker), "the watch"),
        )
        upkeep = asyncio.gather(trimming, watching)
        log.info("desk ready")
        await stopping.wait()
        upkeep.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await upkeep
        try:
            await asyncio.wait_for(app.stop(), settings.shutdown_timeout_s)
        except TimeoutError:
            log.warning("not drained within %g s; what is in hand stays uncommitted", settings.shutdown_timeout_s)
            os._exit(1)
        log.info("desk stopped")

    return await run_service(settings, url, work)


async def watchdog(broker: Broker, stalled_s: float = STALL_TIMEOUT_S) -> None:
    """End this worker when items wait and no desk has done any for so long: started again, it joins its group anew.

    A group's rebalance may get stuck where brokers die in the middle of it, and nothing else would notice. It ends too
    when the shared state has been lost: begun again it reads back what was published.
    """
    done, since_s = -1, time.monotonic()
    while True:
        await asyncio.sleep(stalled_s / 10)
        try:
            with map_redis_errors(broker.state.url):
                if not await broker.state.exists(INTACT_KEY):
                    log.critical("the shared state is gone: stopping, to read it back")
                    os._exit(EX_TEMPFAIL)
            now_done = (await read_counters(broker.state))["desk"]["in"]
            waiting = await broker.lag(ITEMS.name, DESK_GROUP)
        except UnavailableError:
            done = -1  # nobody can know; it counts from when the broker is back
            continue
        if waiting and done == now_done:
            if time.monotonic() - since_s > stalled_s:
                log.critical("no desk has done anything for %g s while %d items wait: stopping", stalled_s, waiting)
                os._exit(EX_TEMPFAIL)
        else:
            done, since_s = now_done, time.monotonic()


async def retention_loop(broker: Broker, settings: Settings, every_s: float = TRIM_INTERVAL_S) -> None:
    """Keep streams within their retention. Kafka does that by itself."""
    if not isinstance(broker, RedisStreamsBroker):
        return
    retention = Retention(broker)
    while True:
        await asyncio.sleep(every_s)
        try:
            for group in await retention.expire_groups(settings.group_expiry_days * DAY_S, keep={DESK_GROUP}):
                log.warning(
                    "group %s was silent for %g days: nothing is kept for it any more",
                    group,
                    settings.group_expiry_days,
                )
            await retention.trim()
        except UnavailableError as exc:
            log.warning("%s; will trim later", exc)


async def _relieve(broker: Broker, every_s: float = RELIEVE_EVERY_S) -> None:
    """Make room in the broker's memory when it runs short. Kafka keeps its messages on disk."""
    if not isinstance(broker, RedisStreamsBroker):
        return
    relief = MemoryRelief(broker)
    while True:
        try:
            await relief.relieve()
        except UnavailableError as exc:
            log.warning("%s; will make room later", exc)
        await asyncio.sleep(every_s)


async def run_sinks(settings: Settings, url: str, name: str = "", *, only: str = "") -> int:
    """Deliver to all sinks, or to the sink *only*, until a stop signal."""
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
                sink = SINKS[options.type](settings, options)
                tasks.create_task(SinkRunner(settings, broker, options, sink).run())

    async def body(broker: Broker, stopping: asyncio.Event) -> None:
        async with heartbeat_task(broker.state, "sink", worker_name("sink", name)):
            delivering = asyncio.create_task(deliver(broker))
            log.info("sinks ready: %s", ", ".join(sink.name for sink in selected))
            await wait_stop_or(stopping, delivering)
            delivering.cancel()
            await asyncio.gather(delivering, return_exceptions=True)

    return await run_service(settings, url, body)


async def run_web(settings: Settings, url: str, name: str = "") -> int:
    """Serve the status page until a signal comes."""

    async def work(broker: Broker, stopping: asyncio.Event) -> None:
        server = WebServer(settings, broker, DESK_GROUP)
        await server.start()
        log.info("page at %s; what changes things wants the token in %s", server.url, settings.data_dir / "web.token")
        async with heartbeat_task(broker.state, "web", worker_name("web", name)):
            await stopping.wait()
            await server.stop()

    return await run_service(settings, url, work)


async def wait_stop_or(stopping: asyncio.Event, task: "asyncio.Task[Any]") -> None:
    """Return when a stop was asked for; raise what *task* raised, should it end by itself."""
    waiting = asyncio.ensure_future(stopping.wait())
    await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        task.result()


async def log_exceptions(work: Awaitable[Any], what: str) -> None:
    """Await *work*; what it raises is logged, for a service that must go on without it."""
    with contextlib.suppress(asyncio.CancelledError):
        try:
            await work
        except Exception:
            log.exception("%s stopped", what)
