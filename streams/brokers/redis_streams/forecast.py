"""Forecast of the time until the broker's memory is short, from samples of the last day.

copydesk:memory:samples    list, newest first: "time|used bytes", one each SAMPLE_INTERVAL_S
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.brokers.redis_streams.memory import BEGIN

SAMPLE_INTERVAL_S = 600.0
SAMPLES = 145  # a day
MIN_SPAN_S = 3_600.0  # shorter trends follow single feeds


class Sample(NamedTuple):
    """Used bytes at a time by the broker's clock."""

    time_s: float
    used_bytes: int


def seconds_until_full(samples: Sequence[Sample], full_bytes: float) -> float | None:
    """Return the seconds until *full_bytes* are used; None without growth, or with samples of less than MIN_SPAN_S.

    *samples* are newest first. The forecast continues the growth between the oldest and the newest sample. It ignores
    samples after a clock jump back.
    """
    now = samples[0] if samples else Sample(0.0, 0)
    past = [sample for sample in samples if sample.time_s <= now.time_s - MIN_SPAN_S]
    if not past:
        return None
    growth = (now.used_bytes - past[-1].used_bytes) / (now.time_s - past[-1].time_s)
    return max(0.0, full_bytes - now.used_bytes) / growth if growth > 0 else None


class MemorySampler:
    """Stores samples of the used memory. Several desks share them."""

    def __init__(self, broker: RedisStreamsBroker) -> None:
        self.broker = broker
        self._next_s = 0.0

    async def sample(self) -> None:
        """Store a sample if the last one is old enough."""
        if time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + SAMPLE_INTERVAL_S
        samples, now_s = await _read(self.broker), await self.broker.time_s()
        if samples and abs(now_s - samples[0].time_s) < SAMPLE_INTERVAL_S / 2:
            return  # another desk has stored a sample
        used, _ = await self.broker.memory()
        key = _key(self.broker)
        await self.broker.write_state(("LPUSH", key, f"{now_s:.0f}|{used}"), ("LTRIM", key, 0, SAMPLES - 1))


async def read_forecast(broker: RedisStreamsBroker) -> float | None:
    """Return the seconds until copydesk removes messages for lack of memory; None if none are."""
    used, limit = await broker.memory()
    samples = [Sample(await broker.time_s(), used), *await _read(broker)]
    return seconds_until_full(samples, BEGIN * limit) if limit else None


async def _read(broker: RedisStreamsBroker) -> list[Sample]:
    lines = await broker.state.execute_command("LRANGE", _key(broker), 0, -1)
    return [Sample(float(time_s), int(used)) for time_s, _, used in (line.partition(b"|") for line in lines)]


def _key(broker: RedisStreamsBroker) -> str:
    return broker.key("memory", "samples")
