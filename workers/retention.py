"""Background loops of a desk that bound the memory of a Redis Streams broker.

They must not know the desk. Kafka keeps messages on disk and deletes them by itself.
"""

import asyncio

from streams.brokers.base import Broker
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.brokers.redis_streams.forecast import MemorySampler
from streams.brokers.redis_streams.memory import MemoryRelief
from streams.brokers.redis_streams.retention import Retention
from streams.config.settings import Settings
from streams.errors import UnavailableError
from streams.logger import get_logger
from streams.topics import DAY_S, DESK_GROUP

log = get_logger(__name__)
TRIM_INTERVAL_S = 30.0
# Between checks of the memory. A desk writes a few MB in the shorter time: less than the memory reserve.
RELIEF_INTERVAL_S, MAX_RELIEF_INTERVAL_S = 0.5, 3.0
MAX_WRITTEN_BYTES_PER_S = 64 * 1024 * 1024


async def retention_loop(broker: Broker, settings: Settings, interval_s: float = TRIM_INTERVAL_S) -> None:
    """Trim streams to their retention and expire silent consumer groups, every *interval_s*."""
    if not isinstance(broker, RedisStreamsBroker):
        return
    retention = Retention(broker)
    while True:
        await asyncio.sleep(interval_s)
        try:
            await _expire_groups(retention, settings.group_expiry_days)
            await retention.trim()
        except UnavailableError as exc:
            log.warning("streams not trimmed", error=exc, retry_s=interval_s)


async def _expire_groups(retention: Retention, expiry_days: float) -> None:
    for group in await retention.expire_groups(expiry_days * DAY_S, keep={DESK_GROUP}):
        log.warning(
            "consumer group expired", group=group, reason="inactive", seconds=expiry_days * DAY_S,
            next_step="its unread messages are no longer kept",
        )  # fmt: skip


def relief_interval_s(free_bytes: int | None) -> float:
    """Return the seconds in which clients cannot write *free_bytes*, the memory up to the beginning of the relief."""
    if free_bytes is None:
        return MAX_RELIEF_INTERVAL_S
    return min(MAX_RELIEF_INTERVAL_S, max(RELIEF_INTERVAL_S, free_bytes / MAX_WRITTEN_BYTES_PER_S))


async def memory_relief_loop(broker: Broker) -> None:
    """Remove old messages when the broker's memory runs short; sample its use."""
    if not isinstance(broker, RedisStreamsBroker):
        return
    relief, sampler = MemoryRelief(broker), MemorySampler(broker)
    while True:
        try:
            await relief.relieve()
            await sampler.sample()
        except UnavailableError as exc:
            log.warning("memory not relieved", error=exc, retry_s=RELIEF_INTERVAL_S)
            await asyncio.sleep(RELIEF_INTERVAL_S)
            continue
        await asyncio.sleep(relief_interval_s(relief.free_bytes))
