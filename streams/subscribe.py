"""Subscribing: clean articles as an async iterator that resumes, survives restarts and hides repeats."""

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Callable, Collection, Generator, Mapping
from contextlib import aclosing
from typing import Any

from streams.brokers.base import Delivery, open_broker
from streams.codec import decode
from streams.config.settings import Settings, load_settings
from streams.config.tables import parse_rule
from streams.errors import SettingsError, UnavailableError, UnreadableError
from streams.records import Article, DeadLetter, Item, PollResult, Record
from streams.routing import matches
from streams.topics import DEAD_LETTERS, ITEMS, POLLS, Topic, resolve_topic
from streams.valkey.server import is_responding, socket_url

log = logging.getLogger(__name__)

POLL_TIMEOUT_S = 1.0
COMMIT_EVERY_S, COMMIT_EVERY = 1.0, 100  # what comes again at most after a kill, beside the record in hand
HANDOVER_S = 20.0  # a member that commits nothing for so long lets others have the partition all the same
INITIAL_DELAY_S, MAX_DELAY_S = 0.2, 5.0
REMEMBERED_ARTICLES = 100_000  # 15 MB; what a rebalance or a stranger's producer repeats is far less

Partition = tuple[str, int]
Where = Mapping[str, Any] | Callable[[Any], bool] | None


def resolve_broker_url(settings: Settings) -> str:
    """Return the URL to connect to; embedded, that of the server that `copydesk up` runs.

    Raises UnavailableError when none is running there.
    """
    if not settings.embedded:
        return settings.broker_url
    if not is_responding(settings.data_dir):
        raise UnavailableError(f"no copydesk is running on {settings.data_dir.resolve()}; start it with `copydesk up`")
    return socket_url(settings.data_dir)


def record_type(topic: Topic) -> type[Record]:
    """Return the kind of record that *topic* carries."""
    kinds: dict[Topic, type[Record]] = {ITEMS: Item, POLLS: PollResult, DEAD_LETTERS: DeadLetter}
    return kinds.get(topic, Article)


class Subscription:
    """A place in a topic: the records as they come, one by one or in batches.

    async with Subscription("articles", group="my-app") as articles:
        async for batch in articles.batches(100):
            save(batch)
            await articles.commit()

    Where it is comes back with the *group*: after `commit`, or where *automatic* with each record that the next is
    asked for, committed every second, after *commit_every* records, and when all that was read has been handed out.
    Records of a partition that went to another member are dropped before they are handed out. *where* is a rule, as
    routes have it, or a function; the rest is `subscribe`'s.
    """

    def __init__(
        self,
        topic: str = "articles",
        *,
        group: str = "",
        start: str = "start",
        follow: bool = True,
        where: Where = None,
        automatic: bool = False,
        commit_every: int = COMMIT_EVERY,
        settings: Settings | None = None,
    ) -> None:
        try:
            self.topic = resolve_topic(topic)
        except ValueError as exc:
            raise SettingsError(str(exc)) from exc
        if start not in ("start", "end") and not start.isdecimal():
            raise SettingsError(f"start = {start!r}; it is start, end or an offset")
        self.group, self.start, self.follow, self.auto_commit = group, start, follow, automatic
        self.commit_every = commit_every
        self.settings = settings or load_settings()
        self._where = _to_predicate(where)
        self._latest = RevisionFilter()
        self._pending: deque[Delivery] = deque()
        self._batch: list[tuple[Delivery, Any]] = []
        self._in_hand: tuple[Delivery, Any] | None = None
        self._done: dict[Partition, int] = {}
        self._uncommitted = 0
        self._next_commit_s = time.monotonic() + COMMIT_EVERY_S
        self._surplus_since_s: dict[Partition, float] = {}

    async def __aenter__(self) -> "Subscription":
        self._broker = open_broker(self.settings, resolve_broker_url(self.settings))
        try:
            self._reader = await self._broker.open_reader(self.topic, self.group, self.start)
        except BaseException:
            await self._broker.close()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        try:
            if self.auto_commit:
                await self.commit()
            await self._reader.close()
        except UnavailableError as unavailable:
            log.warning("%s; the group's lease will run out", unavailable)
        finally:
            await self._broker.close()

    async def __aiter__(self) -> AsyncGenerator[Any, None]:
        async with aclosing(self.messages()) as found:
            async for _, record in found:
                yield record

    async def messages(self) -> AsyncGenerator[tuple[Delivery, Any], None]:
        """Yield (delivery, record): records with their coordinates."""
        while await self._fill_buffer(POLL_TIMEOUT_S):
            while self._pending:
                delivery = self._pending.popleft()
                record = self._decode_if_wanted(delivery)
                if record is not None:
                    self._in_hand = (delivery, record)
                    if not self.auto_commit:  # what commit() will mean
                        self._mark_consumed(delivery)
                    yield delivery, record
                if record is None or (self.auto_commit and self._in_hand is not None):
                    self._mark_consumed(delivery)
                self._in_hand = None
                await self._commit_if_due()
                if self._reader.is_due():
                    await self._keep()

    async def batches(self, size: int = 100, within_s: float = 1.0) -> AsyncGenerator[list[Any], None]:
        """Yield lists of at most *size* records, as they come within so many seconds of the first; none is empty."""
        due_s, more = 0.0, True
        while more or self._batch:
            wait_s = min(POLL_TIMEOUT_S, max(0.001, due_s - time.monotonic())) if self._batch else POLL_TIMEOUT_S
            more = more and await self._fill_buffer(wait_s)
            while self._pending and len(self._batch) < size:
                delivery = self._pending.popleft()
                record = self._decode_if_wanted(delivery)
                if record is None and not self._batch:
                    self._mark_consumed(delivery)
                else:
                    due_s = due_s if self._batch else time.monotonic() + within_s
                    self._batch.append((delivery, record))
            if self._batch and (not more or len(self._batch) >= size or time.monotonic() >= due_s):
                batch, self._batch = self._batch, []
                if not self.auto_commit:
                    self._mark_consumed(*(delivery for delivery, _ in batch))
                if records := [record for _, record in batch if record is not None]:
                    yield records
                if self.auto_commit:
                    self._mark_consumed(*(delivery for delivery, _ in batch))
                await self._commit_if_due()

    async def commit(self) -> None:
        """Remember for the group that all that was handed out is done. Later, should the broker not answer."""
        if not self._done:
            return
        through, self._done = self._done, {}
        self._uncommitted, self._next_commit_s = 0, time.monotonic() + COMMIT_EVERY_S
        try:
            await self._reader.commit(through)
        except BaseException as exc:  # a cancellation, too: closing commits what this may not have done
            self._done = through | self._done
            if not isinstance(exc, UnavailableError):
                raise
            log.warning("%s; will commit later", exc)

    async def holds(self) -> bool:
        """Return whether the record in hand is still this member's; another member gets one that isn't.

        Ask before each attempt at something that can't be undone. Raises UnavailableError while nobody can tell.
        """
        in_hand = self._in_hand
        if self._reader.is_due():
            await self._keep_once()
        if self._in_hand is None and in_hand is not None:
            self._latest.forget(in_hand[1])  # should the partition come back, the record isn't a repeat
        return self._in_hand is not None

    def _mark_consumed(self, *deliveries: Delivery) -> None:
        self._done |= {_partition(delivery): delivery.offset for delivery in deliveries}
        self._uncommitted += len(deliveries)

    async def _keep(self) -> None:
        """Keep the group's leases before anything more is handed out, for as long as the broker doesn't answer."""
        delay_s = INITIAL_DELAY_S
        while True:
            try:
                return await self._keep_once()
            except UnavailableError as exc:
                log.warning("%s; trying again in %.1f s", exc, delay_s)
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, MAX_DELAY_S)

    async def _keep_once(self) -> None:
        self._drop(await self._reader.keep())
        surplus = set(self._reader.surplus())
        if surplus and self.auto_commit:
            await self.commit()
        now_s = time.monotonic()
        self._surplus_since_s = {tp: self._surplus_since_s.get(tp, now_s) for tp in surplus}
        in_hand = {*self._done, *(_partition(d) for d, _ in self._batch)}
        if self._in_hand is not None:
            in_hand.add(_partition(self._in_hand[0]))
        late = {
            tp for tp, since_s in self._surplus_since_s.items() if tp in self._done and now_s - since_s > HANDOVER_S
        }
        ready = surplus - (in_hand - late)
        if ready:
            await self._reader.hand_over(ready)
            self._drop(ready)

    def _drop(self, partitions: Collection[Partition]) -> None:
        """Forget what was read of *partitions* and isn't handed out, and what is handed out and not committed."""
        if not partitions:
            return
        self._pending = deque(d for d in self._pending if _partition(d) not in partitions)
        for delivery, record in reversed(self._batch):
            if _partition(delivery) in partitions:
                self._latest.forget(record)
        self._batch = [(d, r) for d, r in self._batch if _partition(d) not in partitions]
        self._done = {tp: offset for tp, offset in self._done.items() if tp not in partitions}
        if self._in_hand is not None and _partition(self._in_hand[0]) in partitions:
            self._in_hand = None

    async def _commit_if_due(self) -> None:
        late = time.monotonic() >= self._next_commit_s or self._uncommitted >= self.commit_every or not self._pending
        if self.auto_commit and self._done and late:
            await self.commit()

    async def _fill_buffer(self, wait_s: float) -> bool:
        """Have something pending, if anything came within *wait_s*; False where the topic ends and isn't followed."""
        delay_s = INITIAL_DELAY_S
        if self._reader.is_due():
            await self._keep()
        while not self._pending:
            try:
                found = await self._reader.read(wait_s if self.follow else 0.05)
                if not found and not self.follow and await self._reader.at_end():
                    return False
                self._pending.extend(found)
                break
            except UnavailableError as exc:
                log.warning("%s; trying again in %.1f s", exc, delay_s)
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, MAX_DELAY_S)
        if self._reader.is_due():
            await self._keep()
        if not self._pending:
            await self._commit_if_due()
        return True

    def _decode_if_wanted(self, delivery: Delivery) -> Any:
        """Return the record of *delivery*, None for one that is hidden."""
        try:
            record = decode(delivery.value, record_type(self.topic))
        except UnreadableError as exc:
            log.error("%s/%d@%d left out: %s", delivery.topic, delivery.partition, delivery.offset, exc)
            return None
        repeats = self.topic.compact and self._latest.check_and_record(record)
        return None if repeats or not self._where(record) else record


def _partition(delivery: Delivery) -> Partition:
    return delivery.topic, delivery.partition


def _to_predicate(where: Where) -> Callable[[Any], bool]:
    if where is None:
        return lambda record: True
    if callable(where):
        return where
    wanted = parse_rule(where)
    return lambda record: isinstance(record, Article) and matches(record, wanted)


class RevisionFilter:
    """The last revision that was passed on of each article, of as many as fit."""

    def __init__(self) -> None:
        self._latest: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._latest)

    def check_and_record(self, record: Any) -> bool:
        """Whether *record* is an article's revision that has been passed on, or one before it."""
        if not isinstance(record, Article):
            return False
        if record.revision <= self._latest.get(record.id, 0):
            return True
        self._latest[record.id] = record.revision
        self._latest.move_to_end(record.id)
        if len(self._latest) > REMEMBERED_ARTICLES:
            self._latest.popitem(last=False)
        return False

    def forget(self, record: Any) -> None:
        """Let *record* be passed on again: it wasn't handled."""
        if isinstance(record, Article) and self._latest.get(record.id) == record.revision:
            self._latest[record.id] = record.revision - 1


async def subscribe(
    topic: str = "articles",
    *,
    group: str = "",
    start: str = "start",
    follow: bool = True,
    where: Where = None,
    settings: Settings | None = None,
) -> AsyncGenerator[Any, None]:
    """Yield the records of *topic* (`articles`, `articles.<route>`, `items`, `polls`, `dead-letters`), as they come.

    With a *group*, the iterator resumes behind the last record that was asked past, and members of one group share
    the topic; a record in hand when a program dies comes again. Without one, it begins at *start* (`start`, `end` or
    an offset) every time. A repeat of an article's revision is hidden. *follow* False ends where the topic ends now.
    *where* leaves out what a rule (`{"language": "en"}`, as routes have it) or a function doesn't want.
    """
    async with (
        Subscription(
            topic, group=group, start=start, follow=follow, where=where, automatic=True, settings=settings
        ) as found,
        aclosing(found.messages()) as deliveries,
    ):
        async for _, record in deliveries:
            yield record


def subscribe_sync(topic: str = "articles", **how: Any) -> Generator[Any, None, None]:
    """Yield what `subscribe` does, for programs without asyncio. Close it in the thread that began it."""
    with asyncio.Runner() as runner:
        found = subscribe(topic, **how)
        try:
            while True:
                try:
                    record = runner.run(anext(found))
                except StopAsyncIteration:
                    return
                yield record
        finally:
            runner.run(found.aclose())
