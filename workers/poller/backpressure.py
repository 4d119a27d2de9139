"""Backpressure: pause polling while the broker's memory is full or the desk lags behind, and bound what is published.

    copydesk:backpressure    hash: the last measurement of the desk's lag, and a reservation for each publishing poll

A poll reserves its items and bytes before it publishes them. All pollers share the budget, so together they never
publish more than `max_desk_lag` items ahead of the desk. A reservation counts until a measurement includes its items.
Paused feeds lose no items: unpublished items stay in their feeds.
"""

import secrets
import time
from collections.abc import Sequence
from importlib.resources import files
from typing import NamedTuple

from streams.brokers.base import Broker, RedisCommand
from streams.logger import get_logger
from streams.state.redis_client import ALLOW_OOM
from streams.topics import ITEMS

log = get_logger(__name__)

KEY = "copydesk:backpressure"
CHECK_INTERVAL_S = 2.0
IDLE_INTERVAL_S = 10.0  # while no feed is due
MEASURE_INTERVAL_S = 0.2  # of a poll that does not fit
MAX_MEMORY_USAGE = 0.85  # of the broker's memory
PAUSE_SHARE = 0.9  # of `max_desk_lag`; below it a typical document still fits
RESERVATION_S = 60  # an unpublished reservation of a killed poller expires
STORED_SHARE = 1.5  # memory of a stored message, relative to its bytes
UNLIMITED_BYTES = 10**15


class Reservation(NamedTuple):
    """The part of the budget that a poll has reserved: its first *items* items, of *wanted*."""

    id: str
    wanted: int
    items: int
    stored_bytes: int

    @property
    def is_partial(self) -> bool:
        return self.items < self.wanted

    def publish_command(self) -> RedisCommand:
        """Return the command that marks the reservation as published, for the step that publishes its items."""
        return ("HSET", KEY, f"r:{self.id}", f"{self.items}|{self.stored_bytes}|0")

    def release_command(self) -> RedisCommand:
        """Return the command that frees an unused reservation."""
        return ("HDEL", KEY, f"r:{self.id}")


class Backpressure:
    """Decides whether polling is paused, and how many items a poll may publish."""

    def __init__(self, broker: Broker, desk_group: str, max_desk_lag: int) -> None:
        self.broker, self.desk_group, self.max_desk_lag = broker, desk_group, max_desk_lag
        self.is_paused = False
        self._checked_s, self._measured_s = -IDLE_INTERVAL_S, 0.0
        # With full memory, a poller must still measure, to pause.
        self._reserve, self._begin, self._end = (
            broker.state.register_script(ALLOW_OOM + _script(name))
            for name in ("reserve", "begin_measurement", "end_measurement")
        )

    async def check(self, *, is_idle: bool = False) -> bool:
        """Return whether polling is paused. Ask the broker once in CHECK_INTERVAL_S, or in IDLE_INTERVAL_S if idle."""
        interval_s = IDLE_INTERVAL_S if is_idle and not self.is_paused else CHECK_INTERVAL_S
        if time.monotonic() < self._checked_s + interval_s:
            return self.is_paused
        self._checked_s = time.monotonic()
        usage, lag = await self.broker.memory_usage(), await self._measure()
        is_paused = usage > MAX_MEMORY_USAGE or lag >= PAUSE_SHARE * self.max_desk_lag
        if is_paused != self.is_paused:
            _log_change(is_paused, usage, lag)
        self.is_paused = is_paused
        return is_paused

    async def reserve(self, sizes: Sequence[int]) -> Reservation:
        """Reserve the budget for the first items of the encoded *sizes* that fit; measure again if not all do."""
        reservation = await self._try_reserve(sizes)
        if reservation.is_partial and time.monotonic() > self._measured_s + MEASURE_INTERVAL_S:
            await self.broker.publish((), [reservation.release_command()])
            await self._measure()
            reservation = await self._try_reserve(sizes)
        return reservation

    async def release(self, reservation: Reservation) -> None:
        """Free a reservation whose items were not published."""
        await self.broker.publish((), [reservation.release_command()])

    async def _try_reserve(self, sizes: Sequence[int]) -> Reservation:
        id_, stored = secrets.token_hex(6), [round(STORED_SHARE * size) for size in sizes]
        count = await self._reserve(keys=[KEY], args=[id_, self.max_desk_lag, RESERVATION_S, *stored])
        if count < 0:
            await self._measure()
            count = await self._reserve(keys=[KEY], args=[id_, self.max_desk_lag, RESERVATION_S, *stored])
        granted = max(0, count)
        return Reservation(id_, len(sizes), granted, sum(stored[:granted]))

    async def _measure(self) -> int:
        """Measure and store the desk's lag and the free memory; return the lag."""
        self._measured_s = time.monotonic()
        number, *published = await self._begin(keys=[KEY])
        lag = await self.broker.lag(ITEMS.name, self.desk_group)
        free = await self.broker.free_bytes(MAX_MEMORY_USAGE)
        free_bytes = UNLIMITED_BYTES if free is None else max(0, free)
        await self._end(keys=[KEY], args=[number, lag, free_bytes, *published])
        return lag


def _log_change(is_paused: bool, usage: float, lag: int) -> None:
    values = {"topic": ITEMS.name, "memory_percent": round(100 * usage), "lag": lag}
    if not is_paused:
        log.warning("polling resumed", **values)
    elif usage > MAX_MEMORY_USAGE:
        next_step = "give the broker more memory if this lasts"
        log.warning("polling paused", **values, reason="memory nearly full", next_step=next_step)
    else:
        log.warning("polling paused", **values, reason="desk lags", next_step="add desks if this lasts")


def _script(name: str) -> str:
    return files("workers.poller").joinpath("lua", f"{name}.lua").read_text("utf-8")
