"""Subscriptions: records of a topic as an async iterator that resumes, reconnects and filters repeats."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Collection, Generator, Mapping
from contextlib import aclosing
from typing import Any

from streams.brokers import open_broker
from streams.brokers.base import ConsumedMessage
from streams.codec import decode
from streams.config.settings import Settings, load_settings
from streams.config.tables import parse_rule
from streams.errors import SettingsError, UnavailableError, UnreadableError
from streams.event_rules import event_predicate
from streams.logger import get_logger
from streams.records import Article, DeadLetter, Item, NewsEvent, PollResult, Record
from streams.retry import retry_unavailable
from streams.revision_filter import RevisionFilter
from streams.routing import Router
from streams.start import Start, StartName, StartPosition, parse_start
from streams.topics import ARCHIVE_ITEMS, DEAD_LETTERS, EVENTS, ITEMS, POLLS, Partition, Topic, resolve_topic
from streams.valkey.server import is_responding, socket_url

log = get_logger(__name__)

POLL_TIMEOUT_S = 1.0  # for a group member, which renews its leases between reads
IDLE_TIMEOUT_S = 10.0  # without a group
COMMIT_EVERY_S, COMMIT_EVERY = 1.0, 100  # limit the records that are redelivered after a kill
CONFIRMATIONS = 3  # in one call; only another pause of the process makes a repetition necessary
HANDOVER_S = 20.0  # a member releases a requested partition after this time even without a commit
UNAVAILABLE_TIMEOUT_S = 5.0  # without *follow*: an idle broker that restarts is back by then

Where = Mapping[str, Any] | Callable[[Any], bool] | None


def resolve_broker_url(settings: Settings) -> str:
    """Return the broker URL; in embedded mode the URL of the server that `copydesk up` runs.

    Raises:
        UnavailableError: embedded mode, and no server is running on the data directory.
    """
    if not settings.embedded:
        return settings.broker_url
    if not is_responding(settings.data_dir):
        raise UnavailableError(f"copydesk not running: {settings.data_dir.resolve()}; start it with `copydesk up`")
    return socket_url(settings.data_dir)


def record_type(topic: Topic) -> type[Record]:
    """Return the record class of *topic*."""
    classes: dict[Topic, type[Record]] = {
        ITEMS: Item, ARCHIVE_ITEMS: Item, POLLS: PollResult, DEAD_LETTERS: DeadLetter, EVENTS: NewsEvent,
    }  # fmt: skip
    return classes.get(topic, Article)


class Subscription:
    """A consumer of one topic: yields records one by one or in batches.

    async with Subscription("articles", group="my-app") as articles:
        async for batch in articles.batches(100):
            save(batch)
            await articles.commit()

    The broker stores the position per consumer *group*. `commit` stores it. With *auto_commit*, a record counts as
    done when the program requests the next one. While the broker is unavailable, reads wait for it; without *follow*
    they raise UnavailableError after 5 s. Automatic commits happen every second, after *commit_every* records,
    and when the read buffer is empty.

    `position` is the next offset of each partition after the yielded records. A later subscription without a group
    continues there with `start=Offsets(position)`.

    After a rebalance, buffered records of lost partitions are dropped. *where* is a rule, as in `[[routes]]`, or a
    function. See `subscribe` for the other arguments.
    """

    def __init__(
        self,
        topic: str = "articles",
        *,
        group: str = "",
        start: StartPosition | StartName = Start.EARLIEST,
        follow: bool = True,
        where: Where = None,
        auto_commit: bool = False,
        commit_every: int = COMMIT_EVERY,
        settings: Settings | None = None,
    ) -> None:
        try:
            self.topic = resolve_topic(topic)
        except ValueError as exc:
            raise SettingsError(str(exc)) from exc
        self.group, self.follow, self.auto_commit = group, follow, auto_commit
        self.start = parse_start(start)
        self.commit_every = commit_every
        self.settings = settings or load_settings()
        self.position: dict[int, int] = {}
        self._where = _to_predicate(where, self.topic)
        self._latest = RevisionFilter()
        self._pending: deque[ConsumedMessage] = deque()
        self._batch: list[tuple[ConsumedMessage, Any]] = []
        self._unfinished: list[tuple[ConsumedMessage, Any]] = []  # yielded; the program has not finished them
        self._done: dict[Partition, int] = {}
        self._uncommitted = 0
        self._next_commit_s = time.monotonic() + COMMIT_EVERY_S
        self._to_release_since_s: dict[Partition, float] = {}

    async def __aenter__(self) -> "Subscription":
        self._broker = open_broker(self.settings, resolve_broker_url(self.settings))
        try:
            self._reader = await self._broker.open_reader(self.topic, self.group, self.start)
        except BaseException:
            await self._broker.close()
            raise
        self.position = dict(self._reader.position())
        return self

    async def __aexit__(self, *exc: object) -> None:
        try:
            try:
                if self.auto_commit:
                    await self.commit()
            finally:  # also after a cancellation: other members wait for the partitions
                await self._reader.close()
        except UnavailableError as unavailable:
            log.warning(
                "lease not released", topic=self.topic.name, group=self.group, error=unavailable,
                next_step="it will expire",
            )  # fmt: skip
        finally:
            await self._broker.close()

    async def __aiter__(self) -> AsyncGenerator[Any, None]:
        async with aclosing(self.messages()) as messages:
            async for _, record in messages:
                yield record

    async def messages(self) -> AsyncGenerator[tuple[ConsumedMessage, Any], None]:
        """Yield pairs of a message and its decoded record."""
        while await self._fill_buffer(POLL_TIMEOUT_S if self.group else IDLE_TIMEOUT_S):
            while self._pending:
                message = self._pending.popleft()
                record = self._decode_if_wanted(message)
                self.position[message.partition] = message.offset + 1
                if record is not None:
                    self._unfinished = [(message, record)]
                    if not self.auto_commit:  # a commit() by the program includes the current record
                        self._mark_consumed(message)
                    yield message, record
                if record is None or (self.auto_commit and self._unfinished):
                    self._mark_consumed(message)
                self._unfinished = []
                await self._commit_if_due()
                if self._reader.is_due():
                    await self._confirm_leases()

    async def batches(self, size: int = 100, max_wait_s: float = 1.0) -> AsyncGenerator[list[Any], None]:
        """Yield non-empty lists of at most *size* records; a batch ends *max_wait_s* seconds after its first record."""
        async with aclosing(self.message_batches(size, max_wait_s)) as batches:
            async for batch in batches:
                yield [record for _, record in batch]

    async def message_batches(
        self, size: int = 100, max_wait_s: float = 1.0
    ) -> AsyncGenerator[list[tuple[ConsumedMessage, Any]], None]:
        """Yield batches as `batches` does, as pairs of a message and its decoded record."""
        due_s, more = 0.0, True
        while more or self._batch:
            wait_s = min(POLL_TIMEOUT_S, max(0.001, due_s - time.monotonic())) if self._batch else POLL_TIMEOUT_S
            more = more and await self._fill_buffer(wait_s)
            while self._pending and len(self._batch) < size:
                message = self._pending.popleft()
                record = self._decode_if_wanted(message)
                self.position[message.partition] = message.offset + 1
                if record is None and not self._batch:
                    self._mark_consumed(message)
                else:
                    due_s = due_s if self._batch else time.monotonic() + max_wait_s
                    self._batch.append((message, record))
            if self._batch and (not more or len(self._batch) >= size or time.monotonic() >= due_s):
                batch, self._batch = self._batch, []
                if not self.auto_commit:
                    self._mark_consumed(*(message for message, _ in batch))
                self._unfinished = batch
                if self.current_batch:
                    yield self.current_batch
                if self.auto_commit:
                    self._mark_consumed(*(message for message, _ in self._unfinished))
                self._unfinished = []
                await self._commit_if_due()

    async def commit(self) -> None:
        """Commit all yielded records for the group; retry at the next commit if the broker is unavailable."""
        if not self._done:
            return
        through, self._done = self._done, {}
        self._uncommitted, self._next_commit_s = 0, time.monotonic() + COMMIT_EVERY_S
        try:
            await self._reader.commit(through)
        except BaseException as exc:  # includes cancellation: `__aexit__` then commits these offsets
            self._done = through | self._done
            if not isinstance(exc, UnavailableError):
                raise
            log.warning(
                "commit failed", topic=self.topic.name, group=self.group, error=exc,
                next_step="will retry with the next commit; after the last one, the records are delivered again",
            )  # fmt: skip

    async def owns_current_record(self) -> bool:
        """Return whether this member still owns the partition of the current record, or of one in the current batch.

        Otherwise another member receives the record. Call this before each irreversible action. For a batch,
        `current_batch` then has the remaining records.

        Raises:
            UnavailableError: the broker cannot confirm the lease now.
        """
        unfinished = self._unfinished
        if self._reader.is_due():
            await self._confirm_leases_once()
        owned = {_partition(message) for message, _ in self._unfinished}
        for message, record in reversed(unfinished):
            if _partition(message) not in owned:
                self._latest.forget(record)  # if the partition comes back, the record is not a repeat
        return bool(self._unfinished)

    @property
    def current_batch(self) -> list[tuple[ConsumedMessage, Any]]:
        """The current message and record, or those of the current batch, whose partitions this member owns."""
        return [pair for pair in self._unfinished if pair[1] is not None]

    def _mark_consumed(self, *messages: ConsumedMessage) -> None:
        self._done |= {_partition(message): message.offset for message in messages}
        self._uncommitted += len(messages)

    async def _confirm_leases(self) -> None:
        """Confirm the group's leases before the next record is yielded. Retry while the broker is unavailable.

        Raises:
            UnavailableError: it is unavailable for UNAVAILABLE_TIMEOUT_S, without *follow*.
        """
        await retry_unavailable(
            self._confirm_leases_once, "lease not confirmed",
            timeout_s=None if self.follow else UNAVAILABLE_TIMEOUT_S, topic=self.topic.name, group=self.group,
        )  # fmt: skip

    async def _confirm_leases_once(self) -> None:
        """Confirm the leases, and again after each further request: the process may be frozen for a lease meanwhile."""
        self._drop(await self._reader.confirm_leases())
        for _ in range(CONFIRMATIONS):
            if not await self._release_requested() and not self._reader.is_due():
                return
            self._drop(await self._reader.confirm_leases())

    async def _release_requested(self) -> bool:
        """Hand over requested partitions without unfinished records; return whether a request was sent."""
        to_release = set(self._reader.to_release())
        commits = bool(to_release and self.auto_commit and self._done)
        if commits:
            await self.commit()
        now_s = time.monotonic()
        self._to_release_since_s = {tp: self._to_release_since_s.get(tp, now_s) for tp in to_release}
        unfinished = {*self._done, *(_partition(m) for m, _ in (*self._batch, *self._unfinished))}
        late = {
            tp for tp, since_s in self._to_release_since_s.items() if tp in self._done and now_s - since_s > HANDOVER_S
        }
        ready = to_release - (unfinished - late)
        if ready:
            await self._reader.hand_over(ready)
            self._drop(ready)
        return commits or bool(ready)

    def _drop(self, partitions: Collection[Partition]) -> None:
        """Drop the buffered and the uncommitted records of *partitions*."""
        if not partitions:
            return
        self._pending = deque(m for m in self._pending if _partition(m) not in partitions)
        for message, record in reversed(self._batch):
            if _partition(message) in partitions:
                self._latest.forget(record)
        self._batch = [(m, r) for m, r in self._batch if _partition(m) not in partitions]
        self._done = {tp: offset for tp, offset in self._done.items() if tp not in partitions}
        self._unfinished = [(m, r) for m, r in self._unfinished if _partition(m) not in partitions]

    async def _commit_if_due(self) -> None:
        late = time.monotonic() >= self._next_commit_s or self._uncommitted >= self.commit_every or not self._pending
        if self.auto_commit and self._done and late:
            await self.commit()

    async def _fill_buffer(self, wait_s: float) -> bool:
        """Read messages into the buffer, waiting up to *wait_s*; return False at the topic's end without *follow*."""
        if self._reader.is_due():
            await self._confirm_leases()
        if not self._pending:
            is_open = await retry_unavailable(
                lambda: self._read(wait_s),
                "read failed",
                timeout_s=None if self.follow else UNAVAILABLE_TIMEOUT_S,
                topic=self.topic.name,
                next_step="waiting for the broker",
            )
            if not is_open:
                return False
        if not self._pending:
            await self._commit_if_due()
        if self._reader.is_due():  # last, since a lease may end during each request
            await self._confirm_leases()
        return True

    async def _read(self, wait_s: float) -> bool:
        """Read messages into the buffer once; return False at the topic's end without *follow*."""
        messages = await self._reader.read(wait_s if self.follow else 0.05)
        self._pending.extend(messages)
        return bool(messages) or self.follow or not await self._reader.at_end()

    def _decode_if_wanted(self, message: ConsumedMessage) -> Any:
        """Return the record of *message*, or None for a filtered or unreadable one."""
        try:
            record = decode(message.value, record_type(self.topic))
        except UnreadableError as exc:
            topic, partition, offset, *_ = message
            log.error(
                "message unreadable", topic=topic, partition=partition, offset=offset, error=exc, next_step="skipped"
            )
            return None
        has_revisions = self.topic.has_articles or self.topic == EVENTS  # not the topic of replays
        is_repeat = has_revisions and self._latest.check_and_record(record)
        return None if is_repeat or not self._where(record) else record


def _partition(message: ConsumedMessage) -> Partition:
    return message.topic, message.partition


def _to_predicate(where: Where, topic: Topic) -> Callable[[Any], bool]:
    """Return the function that tells whether a record of *topic* matches. Raises SettingsError for an invalid rule."""
    if where is None:
        return lambda record: True
    if callable(where):
        return where
    if topic == EVENTS:
        return event_predicate(where)
    if not topic.has_articles:
        raise SettingsError(f"invalid where: a rule (topic {topic.name} has no articles); pass a function")
    router = Router([parse_rule(where)])
    return lambda record: isinstance(record, Article) and router.matches(record)


async def subscribe(
    topic: str = "articles",
    *,
    group: str = "",
    start: StartPosition | StartName = Start.EARLIEST,
    follow: bool = True,
    where: Where = None,
    settings: Settings | None = None,
) -> AsyncGenerator[Any, None]:
    """Yield the records of *topic*: `articles`, `articles.<route>`, `events`, `items`, `polls` or `dead-letters`.

    With a *group*, the iterator resumes after the last finished record; a request for the next record finishes the
    current one. Members of a group share the topic. After a crash, the current record is delivered again.

    Without a *group*, the iterator begins at *start*: `start`, `end` or an offset. Repeated revisions of an article
    are skipped. With *follow* False, the iterator ends at the current end of the topic. *where* selects records by a
    rule, such as `{"language": "en"}` as in `[[routes]]`, or by a function. Rules of events have `event_publishers`,
    the minimum number of publishers, and optionally `language` and `publisher`.

    Raises:
        UnavailableError: the broker is unavailable at the start, or for 5 s without *follow*. With *follow*, the
            iterator waits for the broker.
    """
    async with (
        Subscription(
            topic, group=group, start=start, follow=follow, where=where, auto_commit=True, settings=settings
        ) as subscription,
        aclosing(subscription.messages()) as messages,
    ):
        async for _, record in messages:
            yield record


def subscribe_sync(topic: str = "articles", **options: Any) -> Generator[Any, None, None]:
    """Yield the records of `subscribe(topic, **options)` for programs without asyncio.

    Close the generator in the thread that started it.
    """
    with asyncio.Runner() as runner:
        records = subscribe(topic, **options)
        try:
            while True:
                try:
                    record = runner.run(anext(records))
                except StopAsyncIteration:
                    return
                yield record
        finally:
            runner.run(records.aclose())
