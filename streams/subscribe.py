"""Subscribing: clean articles as an async iterator that resumes, survives restarts and hides repeats."""

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import aclosing
from typing import Any

from streams.codec import decode
from streams.errors import SettingsError, UnavailableError, UnreadableError
from streams.records import Article, DeadLetter, Item, Poll, Record
from streams.rules import matches
from streams.settings import Settings, load_settings
from streams.tables import rule
from streams.topics import DEAD_LETTERS, ITEMS, POLLS, Topic, topic_named
from streams.transport.broker import Delivery, open_broker
from streams.transport.embedded import answers, socket_url

log = logging.getLogger(__name__)

READ_WAIT_S = 1.0
COMMIT_EVERY_S = 1.0
FIRST_RETRY_S, LAST_RETRY_S = 0.2, 5.0
REMEMBERED_ARTICLES = 100_000  # 15 MB; what a rebalance or a stranger's producer repeats is far less

Where = Mapping[str, Any] | Callable[[Any], bool] | None


def broker_url(settings: Settings) -> str:
    """Return the URL to connect to; embedded, that of the server that `copydesk up` runs.

    Raises UnavailableError when none is running there.
    """
    if not settings.embedded:
        return settings.broker_url
    if not answers(settings.data_dir):
        raise UnavailableError(f"no copydesk is running on {settings.data_dir.resolve()}; start it with `copydesk up`")
    return socket_url(settings.data_dir)


def record_of(topic: Topic) -> type[Record]:
    """Return the kind of record that *topic* carries."""
    kinds: dict[Topic, type[Record]] = {ITEMS: Item, POLLS: Poll, DEAD_LETTERS: DeadLetter}
    return kinds.get(topic, Article)


class Subscription:
    """A place in a topic: the records as they come, one by one or in batches.

    async with Subscription("articles", group="my-app") as articles:
        async for batch in articles.batches(100):
            save(batch)
            await articles.commit()

    Where it is comes back with the *group*: after `commit`, or where *automatic* with each record that the next is
    asked for. *where* is a rule, as routes have it, or a function; the rest is `subscribe`'s.
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
        settings: Settings | None = None,
    ) -> None:
        try:
            self.topic = topic_named(topic)
        except ValueError as exc:
            raise SettingsError(str(exc)) from exc
        if start not in ("start", "end") and not start.isdecimal():
            raise SettingsError(f"start = {start!r}; it is start, end or an offset")
        self.group, self.start, self.follow, self.automatic = group, start, follow, automatic
        self.settings = settings or load_settings()
        self._where = _test(where)
        self._latest = Latest()
        self._pending: deque[Delivery] = deque()
        self._done: dict[tuple[str, int], int] = {}
        self._next_commit_s = time.monotonic() + COMMIT_EVERY_S

    async def __aenter__(self) -> "Subscription":
        self._broker = open_broker(self.settings, broker_url(self.settings))
        try:
            self._reader = await self._broker.reader(self.topic, self.group, self.start)
        except BaseException:
            await self._broker.close()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        try:
            if self.automatic:
                await self.commit()
            await self._reader.close()
        except UnavailableError as unavailable:
            log.warning("%s; the group's lease will run out", unavailable)
        finally:
            await self._broker.close()

    async def __aiter__(self) -> AsyncGenerator[Any, None]:
        async with aclosing(self.deliveries()) as found:
            async for _, record in found:
                yield record

    async def deliveries(self) -> AsyncGenerator[tuple[Delivery, Any], None]:
        """Yield (delivery, record): records with their coordinates."""
        while await self._fetch(READ_WAIT_S):
            while self._pending:
                delivery = self._pending.popleft()
                record = self._wanted(delivery)
                if record is not None:
                    if not self.automatic:  # what commit() will mean
                        self._handed(delivery)
                    yield delivery, record
                self._handed(delivery)
                await self._commit_if_due()

    async def batches(self, size: int = 100, within_s: float = 1.0) -> AsyncGenerator[list[Any], None]:
        """Yield lists of at most *size* records, as they come within so many seconds of the first; none is empty."""
        batch: list[Any] = []
        due_s = 0.0
        while await self._fetch(READ_WAIT_S if not batch else min(READ_WAIT_S, max(0.001, due_s - time.monotonic()))):
            while self._pending and len(batch) < size:
                delivery = self._pending.popleft()
                record = self._wanted(delivery)
                if record is not None:
                    due_s = due_s if batch else time.monotonic() + within_s
                    batch.append(record)
                self._handed(delivery)
            if batch and (len(batch) >= size or time.monotonic() >= due_s):
                yield batch
                batch = []
                await self._commit_if_due()
        if batch:
            yield batch

    async def commit(self) -> None:
        """Remember for the group that all that was handed out is done. Later, should the broker not answer."""
        if not self._done:
            return
        through, self._done = self._done, {}
        self._next_commit_s = time.monotonic() + COMMIT_EVERY_S
        try:
            await self._reader.commit(through)
        except UnavailableError as exc:
            self._done = through | self._done
            log.warning("%s; will commit later", exc)

    def _handed(self, delivery: Delivery) -> None:
        self._done[(delivery.topic, delivery.partition)] = delivery.offset

    async def _commit_if_due(self) -> None:
        if self.automatic and self._done and time.monotonic() >= self._next_commit_s:
            await self.commit()

    async def _fetch(self, wait_s: float) -> bool:
        """Have something pending, if anything came within *wait_s*; False where the topic ends and isn't followed."""
        delay_s = FIRST_RETRY_S
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
                delay_s = min(2 * delay_s, LAST_RETRY_S)
        if not self._pending:
            await self._commit_if_due()
        return True

    def _wanted(self, delivery: Delivery) -> Any:
        """Return the record of *delivery*, None for one that is hidden."""
        try:
            record = decode(delivery.value, record_of(self.topic))
        except UnreadableError as exc:
            log.error("%s/%d@%d left out: %s", delivery.topic, delivery.partition, delivery.offset, exc)
            return None
        repeats = self.topic.compact and self._latest.repeats(record)
        return None if repeats or not self._where(record) else record


def _test(where: Where) -> Callable[[Any], bool]:
    if where is None:
        return lambda record: True
    if callable(where):
        return where
    wanted = rule(where)
    return lambda record: isinstance(record, Article) and matches(record, wanted)


class Latest:
    """The last revision that was passed on of each article, of as many as fit."""

    def __init__(self) -> None:
        self._latest: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._latest)

    def repeats(self, record: Any) -> bool:
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
        aclosing(found.deliveries()) as deliveries,
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
