"""The broker's clock and its recorded jumps.

    copydesk:clock         hash: `latest`, the time at the last recording; by machine boot, its monotonic time then
    copydesk:clock:jumps   list, newest first: the broker's time after a jump, and its seconds

Each process records the clock at its start, before it writes, and in each round of retention. publish.lua records it
with the first message after a jump back. Otherwise an opposite jump before the next round would hide both. A jump
between two recordings is detected. A jump before the first recording looks like the age of messages.
"""

import socket
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from streams.brokers.redis_streams.store import ScriptStore
from streams.clock import Moment, boot_id, boottime_s

# Smaller jumps are clock adjustments.
JUMP_BACK_S, JUMP_FORWARD_S = 5.0, 60.0
Now = Callable[[], Awaitable[Moment]]


class ClockStore(ScriptStore, Protocol):
    """A store that returns its server's time."""

    async def time_s(self) -> float: ...


class Jump(NamedTuple):
    """A jump of the broker's clock by `size_s` seconds; `time_s` is the broker's time right after it."""

    time_s: float
    size_s: float


async def record_clock(broker: ClockStore, now: Now | None = None) -> tuple[Moment, list[Jump]]:
    """Record the clock; return the current time and all recorded jumps. *now* replaces both clocks in tests."""
    moment = await (now() if now is not None else _read(broker))
    keys = [broker.key("clock"), broker.key("clock", "jumps")]
    boot = boot_id() or socket.gethostname()
    args = [f"{moment.time_s:.3f}", f"{moment.ticks_s:.3f}", boot, JUMP_BACK_S, JUMP_FORWARD_S]
    jumps = await broker.script("clock", keys, args)
    return moment, [Jump(*map(float, jump.split(b"|"))) for jump in jumps]


async def _read(broker: ClockStore) -> Moment:
    ticks_s = boottime_s()
    return Moment(await broker.time_s(), ticks_s)
