"""Backpressure: pause polling while the broker's memory is full or the desk lags behind.

Paused feeds lose no items: unpublished items stay in their feeds.
"""

import time

from streams.brokers.base import Broker
from streams.logger import get_logger
from streams.topics import ITEMS

log = get_logger(__name__)

CHECK_INTERVAL_S = 2.0
MAX_MEMORY_USAGE = 0.85  # of the broker's memory


class Backpressure:
    """Decides whether polling is paused, from the broker's memory usage and the lag of the desk."""

    def __init__(self, broker: Broker, desk_group: str, max_desk_lag: int) -> None:
        self.broker, self.desk_group, self.max_desk_lag = broker, desk_group, max_desk_lag
        self.is_paused = False
        self._next_check_s = 0.0

    async def check(self) -> bool:
        """Return whether polling is paused. Ask the broker at most once in CHECK_INTERVAL_S."""
        if time.monotonic() < self._next_check_s:
            return self.is_paused
        self._next_check_s = time.monotonic() + CHECK_INTERVAL_S
        usage, lag = await self.broker.memory_usage(), await self.broker.lag(ITEMS.name, self.desk_group)
        is_paused = usage > MAX_MEMORY_USAGE or lag > self.max_desk_lag
        if is_paused != self.is_paused:
            log.warning(
                "polling paused" if is_paused else "polling resumed", memory_percent=round(100 * usage), lag=lag
            )
        self.is_paused = is_paused
        return is_paused
