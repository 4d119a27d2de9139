"""Slow items: the desk holds them, so that later items of their partition are published.

copydesk:slow-items          hash: article id, partition, offset, end of the hold → length of the key, key, item
copydesk:slow-items:until    hash: field of the above → later end of the hold; its desk renews it

The step of the desk commits past a slow item and holds it here, in the same atomic step. Once the item is in blocks,
the facts of its site are read and its cleaning begins. The item returns to the end of its partition when it is cleaned,
or HOLD_S after its desk has ended. Then it is handled as usual, with the finished result. Later items of the same
article are held, too, so that its versions stay in order.

Items of a feed that had a slow item go to the slow lane at once. While that is full, an item waits in the hash only.
"""

import asyncio
import hashlib
import struct
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from streams.brokers.base import Broker, Condition, ConsumedMessage, OutgoingMessage, RedisCommand
from streams.errors import UnavailableError
from streams.logger import get_logger
from streams.topics import ARCHIVE_ITEMS, ITEMS, is_archive
from workers.clean.site_facts import SiteFacts
from workers.dedupe.site_history import SiteHistory
from workers.desk.cleaning_job import SLOW_CPU_S, CleaningJob

log = get_logger(__name__)

KEY, UNTIL_KEY = "copydesk:slow-items", "copydesk:slow-items:until"
HOLD_S = 30
RENEWAL_S = HOLD_S / 3
UNTIL_EXPIRY_S = 10 * HOLD_S  # of the hash of renewals
EXPIRY_S = 1_800  # of a job; then its item is published again
SUSPECT_S = 600.0
COST_WINDOW_S, MAX_COST_S = 60.0, 1.0  # window, and CPU time of a feed in it; ordinary feeds take less,
MIN_ITEM_COST_S = 0.1  # unless they are many; an average page takes .03 s
MAX_FEEDS = 10_000
MAX_POSTPONED_BYTES = 128 << 20  # of items for which the slow lane has no room
MAX_FEED_BYTES = 32 << 20  # the same for one feed; above either limit, items of suspect feeds become dead letters
CHECK_INTERVAL_S, IDLE_INTERVAL_S = 0.5, 5.0  # with and without slow items of this desk
KEY_LENGTH = struct.Struct(">I")
ARCHIVE_BIT = 1 << 31  # in the length: the item belongs to the archive lane
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


class SlowLane(Protocol):
    """The slow lane of `CleaningPool`."""

    def has_room(self, size: int) -> bool: ...

    def slow_count(self, feed: str) -> int: ...

    def resume(self, job: CleaningJob, value: bytes) -> None: ...

    def clean(self, job: CleaningJob, facts: SiteFacts) -> None: ...

    def forget(self, jobs: Iterable[CleaningJob]) -> None: ...


class HeldJob(NamedTuple):
    """A slow job of this desk. *offset*, *digest*, *size*: of its message. *expires_s*: end of its holds."""

    offset: int
    digest: bytes
    job: CleaningJob
    expires_s: float
    size: int


class FeedCost(NamedTuple):
    """CPU time and number of the items of a feed since *began_s*, Unix time."""

    began_s: float
    cpu_s: float
    items: int


class SlowItems:
    """The slow items of a desk. *clock_s* returns the Unix time. *lane* resumes postponed jobs."""

    def __init__(self, broker: Broker, clock_s: ClockS, lane: SlowLane | None = None) -> None:
        self.broker, self.clock_s, self.lane = broker, clock_s, lane
        self.site_history = SiteHistory(broker.state)
        self._next_renewal_s = 0.0
        self._jobs: dict[str, HeldJob] = {}  # by article id
        self._costs: dict[str, FeedCost] = {}
        self._suspects: dict[str, float] = {}  # feed with a slow item → time until which it is suspect

    def take(self, message: ConsumedMessage, article_id: str) -> CleaningJob | None:
        """Return the job of a released item; it no longer blocks other versions of the article."""
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
        """Mark *feed* as suspect after a slow item: its next items go to the slow lane at once."""
        now_s = self.clock_s()
        self._suspects = {url: until_s for url, until_s in self._suspects.items() if now_s < until_s}
        self._suspects[feed] = now_s + SUSPECT_S

    def add_cost(self, feed: str, cpu_s: float) -> None:
        """Add the CPU time of a cleaned item. Suspect the feed of a slow item, or of expensive items together.

        The pool samples the CPU time of its processes, so it may miss a slow item.
        """
        now_s = self.clock_s()
        cost = self._costs.get(feed)
        if cost is None or now_s - cost.began_s > COST_WINDOW_S:
            cost = FeedCost(now_s, 0.0, 0)
        cost = FeedCost(cost.began_s, cost.cpu_s + cpu_s, cost.items + 1)
        if cpu_s >= SLOW_CPU_S or cost.cpu_s >= max(MAX_COST_S, MIN_ITEM_COST_S * cost.items):
            self.suspect(feed)
        if len(self._costs) >= MAX_FEEDS:
            self._costs.clear()
        self._costs[feed] = cost

    def is_suspect(self, feed: str) -> bool:
        """Return whether *feed* had a slow item in the last SUSPECT_S."""
        return self.clock_s() < self._suspects.get(feed, 0.0)

    def has(self, job: CleaningJob, article_id: str) -> bool:
        """Return whether *job* is kept."""
        held = self._jobs.get(article_id)
        return held is not None and held.job is job

    def is_full(self, feed: str) -> bool:
        """Return whether the postponed items take MAX_POSTPONED_BYTES, or those of *feed* MAX_FEED_BYTES."""
        postponed = [held for held in self._jobs.values() if held.job.is_postponed]
        of_feed = sum(held.size for held in postponed if held.job.feed == feed)
        return of_feed >= MAX_FEED_BYTES or sum(held.size for held in postponed) >= MAX_POSTPONED_BYTES

    def keep(self, message: ConsumedMessage, article_id: str, job: CleaningJob) -> None:
        """Keep the slow job of *message* until its release."""
        now_s = self.clock_s()
        expired = [id_ for id_, held in self._jobs.items() if now_s >= held.expires_s]
        jobs = [self._jobs.pop(id_).job for id_ in expired]
        if self.lane is not None:
            self.lane.forget(jobs)
        self._jobs[article_id] = HeldJob(message.offset, _digest(message), job, now_s + EXPIRY_S, len(message.value))

    def hold(self, message: ConsumedMessage, article_id: str) -> list[RedisCommand]:
        """Return the commands that hold *message*."""
        field = HeldField(article_id, message.partition, message.offset, int(self.clock_s()) + HOLD_S)
        length = len(message.key) | (ARCHIVE_BIT if is_archive(message.topic) else 0)
        return [("HSET", KEY, field.encode(), KEY_LENGTH.pack(length) + message.key + message.value)]

    async def release_due(self) -> int:
        """Publish the held items whose job is finished or whose desk has ended; return their number.

        They keep their order. The condition of the step is the held value, so that several desks release an item once.
        """
        fields = sorted(map(HeldField.decode, await self.broker.state.hkeys(KEY)), key=lambda f: f.offset)
        now_s = self.clock_s()
        own = [field for field in fields if self.is_blocked(field.article_id)]
        await self._renew(own)
        await self._resume(own)
        await self._clean(dict.fromkeys(held.job for _, held in self._held(own)))
        overdue = [field for field in fields if field.until_s <= now_s and not self.is_blocked(field.article_id)]
        renewed = await self.broker.state.hgetall(UNTIL_KEY) if overdue else {}
        due = {field for field in overdue if float(renewed.get(field.encode(), 0)) <= now_s}
        due |= {field for field, held in self._held(own) if held.job.is_finished}
        return sum([await self._release(field.encode()) for field in fields if field in due])

    def _held(self, fields: Sequence[HeldField]) -> list[tuple[HeldField, HeldJob]]:
        """Return those of *fields* with a job. The desk may drop a job during each request of this loop."""
        return [(field, held) for field in fields if (held := self._jobs.get(field.article_id)) is not None]

    async def _renew(self, fields: Sequence[HeldField]) -> None:
        """Renew the holds of this desk every RENEWAL_S."""
        now_s = self.clock_s()
        if not fields or now_s < self._next_renewal_s:
            return
        pairs = [value for field in fields for value in (field.encode(), f"{now_s + HOLD_S:.0f}")]
        await self.broker.state.execute_many([("HSET", UNTIL_KEY, *pairs), ("EXPIRE", UNTIL_KEY, UNTIL_EXPIRY_S)])
        self._next_renewal_s = now_s + RENEWAL_S

    async def _resume(self, fields: Sequence[HeldField]) -> None:
        """Resume the postponed jobs for which the slow lane has room.

        The feed with the fewest jobs comes first, and of its items those in blocks.
        """
        if (lane := self.lane) is None:
            return
        postponed = [
            (field, held) for field, held in self._held(fields) if held.job.is_postponed and field.offset == held.offset
        ]
        while postponed:
            field, held = min(postponed, key=lambda pair: _turn(lane, *pair))
            postponed.remove((field, held))
            if not lane.has_room(held.size):
                return
            value = await self.broker.state.hget(KEY, field.encode())
            if value is not None and self._jobs.get(field.article_id) is held:
                lane.resume(held.job, _unpack(value).value)

    async def _clean(self, jobs: Iterable[CleaningJob]) -> None:
        """Request the content of the jobs that are in blocks."""
        ready = [job for job in jobs if job.needs_facts]
        all_facts = await self.site_history.get([job.full_query() for job in ready])
        for job, facts in zip(ready, all_facts, strict=True):
            if self.lane is not None and job.needs_facts:
                self.lane.clean(job, facts)

    async def _release(self, field: bytes) -> bool:
        value = await self.broker.state.hget(KEY, field)
        if value is None:
            return False
        condition = Condition(KEY, field, expected=value, new=value)
        removal = [("HDEL", KEY, field), ("HDEL", UNTIL_KEY, field)]
        return await self.broker.publish([_unpack(value)], removal, [condition])

    async def release_loop(self, interval_s: float = CHECK_INTERVAL_S) -> None:
        """Release items, checked every *interval_s*; in IDLE_INTERVAL_S without slow items of this desk."""
        checked_s = 0.0
        while True:
            if self._jobs or time.monotonic() - checked_s >= IDLE_INTERVAL_S:
                checked_s = time.monotonic()
                try:
                    await self.release_due()
                except UnavailableError as exc:
                    log.warning("slow items not checked", error=exc, retry_s=interval_s)
            await asyncio.sleep(interval_s)


def _turn(lane: SlowLane, field: HeldField, held: HeldJob) -> tuple[int, bool, int]:
    """Return the sort key of a postponed job."""
    return lane.slow_count(held.job.feed), held.job.facts is None, field.offset


def _unpack(value: bytes) -> OutgoingMessage:
    """Return the message of a held value."""
    (length,) = KEY_LENGTH.unpack_from(value)
    start = KEY_LENGTH.size + (length & ~ARCHIVE_BIT)
    topic = ARCHIVE_ITEMS if length & ARCHIVE_BIT else ITEMS
    return OutgoingMessage(topic.name, value[KEY_LENGTH.size : start], value[start:])


def _digest(message: ConsumedMessage) -> bytes:
    return hashlib.blake2b(message.value, digest_size=16).digest()
