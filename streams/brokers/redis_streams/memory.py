"""Memory relief: when the broker's memory runs short, the oldest messages go before their retention ends.

     80 %   relief begins, and ends at 75 %: committed items, then poll outcomes, then articles that all groups read
     85 %   pollers pause (workers/poller/poller.py)
     95 %   articles go that some group has not read, down to 90 %
    100 %   the server refuses pollers; the desk goes on in the reserve

Shares are of the server's `maxmemory`. Embedded, that is `valkey_memory_mb` without its reserve (see embedded.py).
Articles keep a fifth of the memory: what the desk remembers of them must not push out the last of them.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.state.redis_client import map_redis_errors
from streams.topics import ARTICLES, DESK_GROUP, ITEMS, POLLS

log = logging.getLogger(__name__)

BEGIN, END, FULL = 0.80, 0.75, 0.95
ARTICLES_SHARE = 0.2
LAST = "last"


class Rule(NamedTuple):
    """What may go: of which topic and its routes, above which share of the memory, down to which, and what stays."""

    topic: str
    above: float = END  # in a round that has begun
    down_to: float = END
    needs: str = ""  # a group that must have committed it
    unread: bool = False
    keeps: float = 0.0  # share of the memory that the topic and its routes keep


RULES = (
    Rule(ITEMS.name, needs=DESK_GROUP),
    Rule(POLLS.name),
    Rule(ARTICLES.name, keeps=ARTICLES_SHARE),
    Rule(ARTICLES.name, FULL, 0.90, unread=True, keeps=ARTICLES_SHARE),
)


class Removed(NamedTuple):
    """What memory relief has removed so far: messages by topic, and the Unix time when it last removed articles."""

    counts: Mapping[str, int]
    articles_last_s: float


class MemoryRelief:
    """Rounds of relief. One that finds enough room only asks how much there is."""

    def __init__(self, broker: RedisStreamsBroker) -> None:
        self.broker = broker
        self._exhausted = False

    async def relieve(self) -> dict[str, int]:
        """Remove what the rules say until there is room; returns how many messages, by topic."""
        used, limit = await self.broker.memory()
        if used <= BEGIN * limit or not limit:
            self._exhausted = False
            return {}
        out: dict[str, int] = {}
        for rule in RULES:
            if used > rule.above * limit:
                await self._apply(rule, used, limit, out)
                used, limit = await self.broker.memory()
        await self._remember(out)
        if used > BEGIN * limit and not out and not self._exhausted:
            self._exhausted = True
            log.warning(
                "memory short: %.0f %% of %d bytes used (nothing to remove); raise valkey_memory_mb or maxmemory",
                100 * used / limit, limit,
            )  # fmt: skip
        return out

    async def _apply(self, rule: Rule, used: int, limit: int, out: dict[str, int]) -> None:
        topics = await self._topics(rule)
        sizes = {topic: await self.broker.topic_bytes(topic) for topic in topics}
        total = sum(sizes.values())
        wanted = min(used - rule.down_to * limit, total - rule.keeps * limit)
        for topic, size in sizes.items():
            if wanted > 0 and size and (removed := await self._remove(rule, topic, wanted / total)):
                out[topic] = out.get(topic, 0) + removed
                log.warning(
                    "memory short: removed the oldest %d messages of %s (%s, %.0f %% of memory used); "
                    "raise valkey_memory_mb or maxmemory to keep them for longer",
                    removed, topic, "read or not" if rule.unread else "committed by every group", 100 * used / limit,
                )  # fmt: skip

    async def _topics(self, rule: Rule) -> Sequence[str]:
        known = await self.broker.retentions()
        return [name for name in known if name == rule.topic or name.startswith(f"{rule.topic}.")]

    async def _remove(self, rule: Rule, topic: str, share: float) -> int:
        """Remove *share* of the messages of a topic, as far as the rule allows it."""
        _, there, _ = await self.broker.trim_topic(topic, 0, needs=rule.needs, unread=rule.unread)
        most = int(min(1.0, share) * there) + 1
        _, _, removed = await self.broker.trim_topic(topic, most, needs=rule.needs, unread=rule.unread)
        return removed

    async def _remember(self, removed: Mapping[str, int]) -> None:
        if not removed:
            return
        key = _key(self.broker)
        commands = [("HINCRBY", key, topic, count) for topic, count in removed.items()]
        articles = any(topic.startswith(ARTICLES.name) for topic in removed)
        last = [("HSET", key, LAST, f"{time.time():.0f}")] if articles else []
        await self.broker.remember(*commands, *last)


async def read_removed(broker: RedisStreamsBroker) -> Removed:
    """Return what memory relief has removed so far."""
    with map_redis_errors(broker.url):
        found = {name.decode(): int(value) for name, value in (await broker.state.hgetall(_key(broker))).items()}
    last_s = found.pop(LAST, 0)
    return Removed(found, float(last_s))


def _key(broker: RedisStreamsBroker) -> str:
    return broker.key("relief")
