"""Heartbeats: every worker process reports that its event loop runs; health reports the workers that do not.

    worker ──every BEAT_S──▶ hash copydesk:heartbeats: name → "role time"     seconds, by the broker's clock

A worker that stops in order removes its entry. The entry of a frozen or killed worker stays and makes health red.
A worker that starts again under the same name replaces it. Else the entry is forgotten:

    after FORGET_S         when another worker of the role is alive: fewer are wanted, or a restart took a new name
    after FORGET_LAST_S    when it was the last of its role: nothing does that work

A broker's clock that is put forward makes all workers silent until their next heartbeat, BEAT_S at most.
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from streams.errors import UnavailableError
from streams.state.redis_client import map_redis_errors
from streams.topics import DAY_S

log = logging.getLogger(__name__)

KEY = "copydesk:heartbeats"
BEAT_S = 3.0
SILENT_S = 15.0  # five heartbeats
FORGET_S = 300.0  # long enough for an alert, short enough for a load balancer
FORGET_LAST_S = 7.0 * DAY_S  # a frozen poller must not turn green over a weekend


class Worker(NamedTuple):
    """A worker process, and how long ago its last heartbeat was."""

    name: str
    role: str
    heartbeat_age_s: float

    @property
    def is_silent(self) -> bool:
        return self.heartbeat_age_s > SILENT_S


def worker_name(role: str, name: str = "") -> str:
    """Return *name*, or a name that no other worker has."""
    return name or f"{role}@{socket.gethostname()}-{os.getpid()}"


@asynccontextmanager
async def heartbeat_task(
    state: Any, role: str, name: str, is_working: Callable[[], bool] = lambda: True
) -> AsyncGenerator[None, None]:
    """Send heartbeats of worker *name* during the block, while *is_working*; remove them when it ends in order.

    The heartbeats come from the event loop of the block: they stop when that loop freezes.
    """
    task = asyncio.create_task(_keep_beating(state, role, name, is_working), name=f"heartbeats of {name}")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    with contextlib.suppress(UnavailableError):
        await remove_workers(state, [name])


async def _keep_beating(state: Any, role: str, name: str, is_working: Callable[[], bool]) -> None:
    swept = False
    while True:
        try:
            if is_working():
                await write_heartbeat(state, role, name)
            if not swept:
                await remove_workers(state, expired_workers(await _recorded(state)))
                swept = True
        except UnavailableError as exc:
            log.debug("no heartbeat of %s: %s; trying again in %g s", name, exc, BEAT_S)
        except Exception:
            log.exception("heartbeats stopped: %s", name)
            raise
        await asyncio.sleep(BEAT_S)


async def write_heartbeat(state: Any, role: str, name: str) -> None:
    """Write one heartbeat."""
    with map_redis_errors(state.url):
        await state.hset(KEY, name, f"{role} {await _now_s(state):.3f}")


async def read_workers(state: Any) -> list[Worker]:
    """Return the workers by name, without those that are forgotten."""
    workers = await _recorded(state)
    gone = expired_workers(workers)
    return [worker for worker in workers if worker.name not in gone]


async def _recorded(state: Any) -> list[Worker]:
    with map_redis_errors(state.url):
        entries = await state.hgetall(KEY)
        now_s = await _now_s(state)
    return sorted(_worker(name.decode(), value.decode(), now_s) for name, value in entries.items())


async def remove_workers(state: Any, names: Collection[str]) -> None:
    """Remove the entries of workers that are known to have ended."""
    if names:
        with map_redis_errors(state.url):
            await state.hdel(KEY, *names)


async def clear_workers(state: Any) -> None:
    """Remove all entries; a worker that runs writes its own again within BEAT_S."""
    with map_redis_errors(state.url):
        await state.delete(KEY)


async def _now_s(state: Any) -> float:
    seconds, microseconds = await state.time()
    return float(seconds + microseconds / 1e6)


def _worker(name: str, value: str, now_s: float) -> Worker:
    role, _, time_s = value.partition(" ")
    # Ahead of the broker's clock: the clock was put back. A live worker corrects it with its next heartbeat.
    return Worker(name, role, round(abs(now_s - float(time_s)), 1))


def expired_workers(workers: Iterable[Worker]) -> set[str]:
    """Return the names of silent workers that count no longer."""
    workers = list(workers)
    staffed = {worker.role for worker in workers if not worker.is_silent}
    return {w.name for w in workers if w.heartbeat_age_s > (FORGET_S if w.role in staffed else FORGET_LAST_S)}


def silent_problems(workers: Iterable[Worker]) -> list[str]:
    """Return a message for each silent worker."""
    return [
        f"no heartbeat for {w.heartbeat_age_s:.0f} s: {w.name} ({w.role}, limit {SILENT_S:.0f} s); "
        "read its log, then start it again"
        for w in workers
        if w.is_silent
    ]


def lag_problems(lag: int, max_desk_lag: int) -> list[str]:
    """Return a message when *lag* is above *max_desk_lag*."""
    if lag <= max_desk_lag:
        return []
    return [
        f"lag above max_desk_lag: desk ({lag:,} items, limit {max_desk_lag:,}); read the desks' logs or start desks"
    ]


def as_rows(workers: Sequence[Worker]) -> list[dict[str, Any]]:
    """Return *workers* as JSON objects."""
    return [worker._asdict() for worker in workers]
