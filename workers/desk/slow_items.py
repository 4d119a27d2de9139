"""Slow items: they wait aside, so that the items behind them in their partition are published.

copydesk:slow-items    hash: article id, partition, offset and time → length of the message's key, the key, the item

The step of the desk commits past a slow item and holds it here, in the same atomic step. The item goes back to the end
of its partition once its cleaning is finished, or after HOLD_S if its desk has ended or its slow lane was full. Then it
is handled as usual, with the finished result. Later items of the same article are held, too, so that its versions stay
in order. Items of a feed that had a slow item go to the slow lane at once.
"""

import asyncio
import hashlib
import struct
from collections.abc import Callable
from typing import NamedTuple

from streams.brokers.base import Broker, Condition, ConsumedMessage, OutgoingMessage, RedisCommand
from streams.errors import UnavailableError
from streams.logger import get_logger
from streams.topics import ITEMS
from workers.desk.cleaning_job import CleaningJob

log = get_logger(__name__)

KEY = "copydesk:slow-items"
HOLD_S = 30
EXPIRY_S = 1_800  # longer than the slow lane takes for all its jobs
SUSPECT_S = 600.0
MAX_POSTPONED_BYTES = 128 << 20  # of items for which the slow lane has no room; the others become dead letters
CHECK_INTERVAL_S = 0.5
KEY_LENGTH = struct.Struct(">I")
ClockS = Callable[[], float]


class HeldField(NamedTuple):
    """The name of a held item. *until_s*: Unix time."""

    article_id: str
    partition: int
    offset: int
    until_s: int

    def encode(self) -> bytes:
        return "|".join(map(str, self)).encode()

    @classmethod
    def decode(cls, field: bytes) -> "HeldField":
        article_id, partition, offset, until_s = field.decode().rsplit("|", 3)
        return cls(article_id, int(partition), int(offset), int(until_s))


class HeldJob(NamedTuple):
    """A slow job of this desk. *digest*, *size*: of the item. *expires_s*: then another desk has the item."""

    digest: bytes
    job: CleaningJob
    expires_s: float
    size: int


class SlowItems:
    """The slow items of a desk. *clock_s* returns the Unix time."""

    def __init__(self, broker: Broker, clock_s: ClockS) -> None:
        self.broker, self.clock_s = broker, clock_s
        self._jobs: dict[str, HeldJob] = {}  # by article id
        self._suspects: dict[str, float] = {}  # feed with a slow item → end of the suspicion

    def take(self, message: ConsumedMessage, article_id: str) -> CleaningJob | None:
        """Return the job of a held item that has come back; it no longer blocks other versions of the article."""
        held = self._jobs.get(article_id)
        if held is None or held.digest != _digest(message):
            return None
        del self._jobs[article_id]
        return held.job

    def is_blocked(self, article_id: str) -> bool:
        """Return whether another version of the article is held."""
        held = self._jobs.get(article_id)
        return held is not None and self.clock_s() < held.expires_s

    def suspect(self, feed: str) -> None:
        """Remember that *feed* had a slow item: its next items need not slow down the others."""
        now_s = self.clock_s()
        self._suspects = {url: until_s for url, until_s in self._suspects.items() if now_s < until_s}
        self._suspects[feed] = now_s + SUSPECT_S

    def is_suspect(self, feed: str) -> bool:
        """Return whether *feed* had a slow item in the last SUSPECT_S."""
        return self.clock_s() < self._suspects.get(feed, 0.0)

    def has(self, job: CleaningJob, article_id: str) -> bool:
        """Return whether *job* is kept."""
        held = self._jobs.get(article_id)
        return held is not None and held.job is job

    @property
    def is_full(self) -> bool:
        """Whether the postponed items take MAX_POSTPONED_BYTES."""
        return sum(held.size for held in self._jobs.values() if held.job.is_postponed) >= MAX_POSTPONED_BYTES

    def keep(self, message: ConsumedMessage, article_id: str, job: CleaningJob) -> None:
        """Keep the slow job of *message* until the message comes again."""
        now_s = self.clock_s()
        self._jobs = {id_: held for id_, held in self._jobs.items() if now_s < held.expires_s}
        self._jobs[article_id] = HeldJob(_digest(message), job, now_s + EXPIRY_S, len(message.value))

    def hold(self, message: ConsumedMessage, article_id: str) -> list[RedisCommand]:
        """Return the commands that hold *message*."""
        field = HeldField(article_id, message.partition, message.offset, int(self.clock_s()) + HOLD_S)
        return [("HSET", KEY, field.encode(), KEY_LENGTH.pack(len(message.key)) + message.key + message.value)]

    async def release_due(self) -> int:
        """Publish the held items whose job is finished or whose time is over; return their number.

        They keep their order. The condition of the step is the held value, so that several desks release an item once.
        """
        now_s, count = self.clock_s(), 0
        for field in sorted(map(HeldField.decode, await self.broker.state.hkeys(KEY)), key=lambda f: f.offset):
            held = self._jobs.get(field.article_id)
            if field.until_s <= now_s or (held is not None and held.job.is_finished):
                count += await self._release(field.encode())
        return count

    async def _release(self, field: bytes) -> bool:
        value = await self.broker.state.hget(KEY, field)
        if value is None:
            return False
        (length,) = KEY_LENGTH.unpack_from(value)
        key, item = value[KEY_LENGTH.size :][:length], value[KEY_LENGTH.size + length :]
        condition = Condition(KEY, field, expected=value, new=value)
        return await self.broker.publish([OutgoingMessage(ITEMS.name, key, item)], [("HDEL", KEY, field)], [condition])

    async def release_loop(self, interval_s: float = CHECK_INTERVAL_S) -> None:
        """Release items, checked every *interval_s*."""
        while True:
            try:
                await self.release_due()
            except UnavailableError as exc:
                log.warning("slow items not checked", error=exc, retry_s=interval_s)
            await asyncio.sleep(interval_s)


def _digest(message: ConsumedMessage) -> bytes:
    return hashlib.blake2b(message.value, digest_size=16).digest()
