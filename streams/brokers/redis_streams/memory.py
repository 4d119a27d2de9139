"""Memory relief: remove the oldest messages before the end of their retention when the broker's memory is short.

     80 %   relief begins, down to 75 %: committed items, then poll results, events and articles that all groups read
     85 %   pollers pause (workers/poller/poller.py)
     95 %   events, then articles that a group has not read are removed, down to 90 %
    100 %   the server rejects pollers; the desk continues in the reserve

Shares refer to the server's `maxmemory`. In embedded mode, this is `valkey_memory_mb` without its reserve
(valkey/server.py). Articles keep a fifth of the memory, so that the desk's state cannot displace all of them.
"""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.logger import get_logger
from streams.topics import ARCHIVE_ITEMS, ARTICLES, DESK_GROUP, EVENTS, ITEMS, POLLS

log = get_logger(__name__)

BEGIN, END, FULL = 0.80, 0.75, 0.95  # shares of the limit: relief begins, ends, and takes unread articles too
ARTICLES_SHARE = 0.2
LAST_REMOVAL = "last"  # field of the totals: Unix time of the last removal of articles


class RemovalRule(NamedTuple):
    """Permits the removal of messages of a topic and its routes, above and down to shares of the memory."""

    topic: str
    above: float = BEGIN  # not END: a removal of items may end just above END, and then no articles are removed
    down_to: float = END
    required_group: str = ""  # must have committed the messages, registered or not
    unread: bool = False  # include messages that groups have not committed
    kept_share: float = 0.0  # share of the memory that stays with the topic and its routes


RULES = (
    RemovalRule(ARCHIVE_ITEMS.name, required_group=DESK_GROUP),
    RemovalRule(ITEMS.name, required_group=DESK_GROUP),
    RemovalRule(POLLS.name),
    RemovalRule(EVENTS.name),
    RemovalRule(ARTICLES.name, kept_share=ARTICLES_SHARE),
    RemovalRule(EVENTS.name, FULL, 0.90, unread=True),  # a later revision repeats the reports of an event
    RemovalRule(ARTICLES.name, FULL, 0.90, unread=True, kept_share=ARTICLES_SHARE),
)


class RemovalTotals(NamedTuple):
    """Totals of memory relief: removed messages by topic, and the Unix time of the last removal of articles."""

    counts: Mapping[str, int]
    articles_last_s: float


class MemoryRelief:
    """Rounds of memory relief. With enough free memory, a round costs one request.

    `free_bytes`: at the last round, up to the beginning of the relief; None without a limit.
    """

    def __init__(self, broker: RedisStreamsBroker) -> None:
        self.broker = broker
        self.free_bytes: int | None = None
        self._exhausted = False

    async def relieve(self) -> dict[str, int]:
        """Apply the rules until enough memory is free; return the removed messages by topic."""
        self.free_bytes = await self.broker.free_bytes(BEGIN)
        is_short = (self.free_bytes or 0) < 0  # with output buffers, which `memory` leaves out
        used, limit = await self.broker.memory() if is_short else (0, 0)
        if used <= BEGIN * limit or not limit:
            self._exhausted = False
            return {}
        removed: dict[str, int] = {}
        for rule in RULES:
            if used > rule.above * limit:
                await self._apply(rule, used, limit, removed)
                used, limit = await self.broker.memory()
        await self._add_to_totals(removed)
        if used > BEGIN * limit and not removed and not self._exhausted:
            self._exhausted = True
            log.warning(
                "memory short", reason="nothing to remove", memory_percent=round(100 * used / limit),
                memory_limit_bytes=limit, next_step="raise valkey_memory_mb or maxmemory",
            )  # fmt: skip
        return removed

    async def _apply(self, rule: RemovalRule, used: int, limit: int, removed: dict[str, int]) -> None:
        topics = await self._topics(rule)
        sizes = {topic: await self.broker.topic_bytes(topic) for topic in topics}
        total = sum(sizes.values())
        excess = min(used - rule.down_to * limit, total - rule.kept_share * limit)
        for topic, size in sizes.items():
            if excess > 0 and size and (count := await self._remove(rule, topic, excess / total)):
                removed[topic] = removed.get(topic, 0) + count
                log.warning(
                    "oldest messages removed", topic=topic, count=count,
                    reason="memory short; includes unread" if rule.unread else "memory short; committed by every group",
                    memory_percent=round(100 * used / limit),
                    next_step="raise valkey_memory_mb or maxmemory to keep them for longer",
                )  # fmt: skip

    async def _topics(self, rule: RemovalRule) -> Sequence[str]:
        names = await self.broker.retentions()
        return [name for name in names if name == rule.topic or name.startswith(f"{rule.topic}.")]

    async def _remove(self, rule: RemovalRule, topic: str, share: float) -> int:
        """Remove *share* of the messages of a topic, as far as the rule permits; return their number."""
        _, stored, _ = await self.broker.trim_topic(topic, 0, required_group=rule.required_group, unread=rule.unread)
        limit = int(min(1.0, share) * stored) + 1
        _, _, removed = await self.broker.trim_topic(
            topic, limit, required_group=rule.required_group, unread=rule.unread
        )
        return removed

    async def _add_to_totals(self, removed: Mapping[str, int]) -> None:
        if not removed:
            return
        key = _key(self.broker)
        commands = [("HINCRBY", key, topic, count) for topic, count in removed.items()]
        articles = any(topic.startswith(ARTICLES.name) for topic in removed)
        last = [("HSET", key, LAST_REMOVAL, f"{time.time():.0f}")] if articles else []
        await self.broker.write_state(*commands, *last)


async def read_removed(broker: RedisStreamsBroker) -> RemovalTotals:
    """Return the totals of memory relief."""
    totals = {name.decode(): int(value) for name, value in (await broker.state.hgetall(_key(broker))).items()}
    last_s = totals.pop(LAST_REMOVAL, 0)
    return RemovalTotals(totals, float(last_s))


def _key(broker: RedisStreamsBroker) -> str:
    return broker.key("relief")
