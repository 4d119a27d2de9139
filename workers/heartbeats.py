"""Heartbeats: every worker process reports that its event loop runs; health reports the workers that do not.

    worker ──every BEAT_S──▶ hash copydesk:heartbeats: name → "role time"     seconds, by the broker's clock

A worker removes its entry on a clean stop. The entry of a frozen or killed worker stays, and health reports it.
A worker that starts again under the same name replaces its entry. Otherwise the entry expires:

    after EXPIRY_S         if another worker of the role is alive: scaled down, or restarted with a new name
    after EXPIRY_LAST_S    if it was the last worker of its role: no worker does that work

When the broker's clock is set forward, all workers are silent until their next heartbeat, at most BEAT_S.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from streams.errors import UnavailableError
from streams.logger import get_logger
from streams.topics import DAY_S

log = get_logger(__name__)

KEY = "copydesk:heartbeats"
BEAT_S = 3.0
SILENT_S = 12.0  # four heartbeats; health must report a frozen worker within 15 s
STALLED_S = 3.0  # without progress of its loop, a worker sends no heartbeats
EXPIRY_S = 300.0  # long enough for an alert, short enough for a load balancer
EXPIRY_LAST_S = 7.0 * DAY_S  # a frozen poller must still be reported after a weekend


class Worker(NamedTuple):
    """A worker process and the age of its last heartbeat in seconds."""

    name: str
    role: str
    heartbeat_age_s: float

    @property
    def is_silent(self) -> bool:
        return self.heartbeat_age_s > SILENT_S


def worker_name(role: str, name: str = "") -> str:
    """Return *name*, or a unique name if it is empty."""
    return name or f"{role}@{socket.gethostname()}-{os.getpid()}"


@asynccontextmanager
async def heartbeat_task(
    state: Any, role: str, name: str, is_working: Callable[[], bool] = lambda: True
) -> AsyncGenerator[None, None]:
    """Send heartbeats of worker *name* during the block while *is_working*; remove the entry after a clean end.

    The event loop of the block sends the heartbeats: they stop when that loop freezes.
    """
    task = asyncio.create_task(_send_heartbeats(state, role, name, is_working), name=f"heartbeats of {name}")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    with contextlib.suppress(UnavailableError):
        await remove_workers(state, [name])


async def _send_heartbeats(state: Any, role: str, name: str, is_working: Callable[[], bool]) -> None:
    has_removed_expired = has_failed = False
    while True:
        try:
            if is_working():
                await write_heartbeat(state, role, name)
            if not has_removed_expired:
                await remove_workers(state, expired_workers(await _recorded(state)))
                has_removed_expired = True
            has_failed = False
        except UnavailableError as exc:
            log.debug("heartbeat failed", worker=name, error=exc, retry_s=BEAT_S)
        except Exception as exc:  # for example, the permissions of a shared server change
            # Without heartbeats, health reports a worker that works, and `copydesk up` ends it.
            if has_failed:
                log.debug("heartbeat failed", worker=name, error=exc, retry_s=BEAT_S)
            else:
                log.exception("heartbeat failed", worker=name, retry_s=BEAT_S)
            has_failed = True
        await asyncio.sleep(BEAT_S)


async def write_heartbeat(state: Any, role: str, name: str) -> None:
    """Write one heartbeat."""
    await state.hset(KEY, name, f"{role} {await _now_s(state):.3f}")


async def read_workers(state: Any) -> list[Worker]:
    """Return the workers by name, without expired ones."""
    workers = await _recorded(state)
    expired = expired_workers(workers)
    return [worker for worker in workers if worker.name not in expired]


async def _recorded(state: Any) -> list[Worker]:
    entries = await state.hgetall(KEY)
    now_s = await _now_s(state)
    return sorted(_worker(name.decode(), value.decode(), now_s) for name, value in entries.items())


async def remove_workers(state: Any, names: Collection[str]) -> None:
    """Remove the entries of workers that have ended."""
    if names:
        await state.hdel(KEY, *names)


async def clear_workers(state: Any) -> None:
    """Remove all entries; a running worker writes its entry again within BEAT_S."""
    await state.delete(KEY)


async def _now_s(state: Any) -> float:
    seconds, microseconds = await state.time()
    return float(seconds + microseconds / 1e6)


def _worker(name: str, value: str, now_s: float) -> Worker:
    role, _, time_s = value.partition(" ")
    # A time ahead of the broker's clock means that the clock was set back; the next heartbeat corrects it.
    return Worker(name, role, round(abs(now_s - float(time_s)), 1))


def expired_workers(workers: Iterable[Worker]) -> set[str]:
    """Return the names of silent workers whose entries have expired."""
    workers = list(workers)
    live_roles = {worker.role for worker in workers if not worker.is_silent}
    return {w.name for w in workers if w.heartbeat_age_s > (EXPIRY_S if w.role in live_roles else EXPIRY_LAST_S)}


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
