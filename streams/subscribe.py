"""Subscribing: clean articles as an async iterator that resumes, survives restarts and hides repeats."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from typing import Any

from streams.codec import decode
from streams.errors import SettingsError, UnavailableError, UnreadableError
from streams.records import Article, DeadLetter, Item, Poll, Record
from streams.settings import Settings, load_settings
from streams.topics import DEAD_LETTERS, ITEMS, POLLS, Topic, topic_named
from streams.transport.broker import Delivery, Reader, open_broker
from streams.transport.embedded import answers, socket_url

log = logging.getLogger(__name__)

READ_WAIT_S = 1.0
COMMIT_EVERY_S = 1.0
FIRST_RETRY_S, LAST_RETRY_S = 0.2, 5.0
REMEMBERED_ARTICLES = 100_000  # 15 MB; what a rebalance or a stranger's producer repeats is far less


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


async def subscribe(
    topic: str = "articles",
    *,
    group: str = "",
    start: str = "start",
    follow: bool = True,
    settings: Settings | None = None,
) -> AsyncGenerator[Any, None]:
    """Yield the records of *topic* (`articles`, `articles.<route>`, `items`, `polls`, `dead-letters`), as they come.

    With a *group*, the iterator resumes behind the last record that was asked past, and members of one group share
    the topic; a record in hand when a program dies comes again. Without one, it begins at *start* (`start`, `end` or
    an offset) every time. A repeat of an article's revision is hidden. *follow* False ends where the topic ends now.
    """
    async with aclosing(deliveries(topic, group=group, start=start, follow=follow, settings=settings)) as found:
        async for _, record in found:
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


async def deliveries(
    topic: str = "articles",
    *,
    group: str = "",
    start: str = "start",
    follow: bool = True,
    settings: Settings | None = None,
) -> AsyncGenerator[tuple[Delivery, Any], None]:
    """Yield (delivery, record): `subscribe` with the coordinates."""
    settings = settings or load_settings()
    try:
        wanted = topic_named(topic)
    except ValueError as exc:
        raise SettingsError(str(exc)) from exc
    if start not in ("start", "end") and not start.isdecimal():
        raise SettingsError(f"start = {start!r}; it is start, end or an offset")
    broker = open_broker(settings, broker_url(settings))
    try:
        reader = await broker.reader(wanted, group, start)
        progress = _Progress(reader)
        try:
            async with aclosing(_read(reader, progress, follow=follow)) as found:
                async for delivery in found:
                    record = _readable(delivery, wanted)
                    if record is not None and not progress.repeats(record):
                        yield delivery, record
                    progress.done(delivery)
        finally:
            await progress.close()
    finally:
        await broker.close()


async def _read(reader: Reader, progress: "_Progress", *, follow: bool) -> AsyncGenerator[Delivery, None]:
    delay_s = FIRST_RETRY_S
    while True:
        try:
            found = await reader.read(READ_WAIT_S if follow else 0.05)
            await progress.commit_if_due()
            if not found and not follow and await reader.at_end():
                return
            delay_s = FIRST_RETRY_S
        except UnavailableError as exc:
            log.warning("%s; trying again in %.1f s", exc, delay_s)
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, LAST_RETRY_S)
            continue
        for delivery in found:
            yield delivery
            await progress.commit_if_due()


def _readable(delivery: Delivery, topic: Topic) -> Any:
    try:
        return decode(delivery.value, record_of(topic))
    except UnreadableError as exc:
        log.error("%s/%d@%d left out: %s", delivery.topic, delivery.partition, delivery.offset, exc)
        return None


class _Progress:
    """What the subscriber has done, committed now and then; and what it has seen."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._through: dict[tuple[str, int], int] = {}
        self._next_commit_s = time.monotonic() + COMMIT_EVERY_S
        self._latest: OrderedDict[str, int] = OrderedDict()

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

    def done(self, delivery: Delivery) -> None:
        self._through[(delivery.topic, delivery.partition)] = delivery.offset

    async def commit_if_due(self) -> None:
        if self._through and time.monotonic() >= self._next_commit_s:
            await self._commit()

    async def _commit(self) -> None:
        through, self._through = self._through, {}
        self._next_commit_s = time.monotonic() + COMMIT_EVERY_S
        try:
            await self._reader.commit(through)
        except UnavailableError as exc:
            self._through = through | self._through
            log.warning("%s; will commit later", exc)

    async def close(self) -> None:
        if self._through:
            await self._commit()
        try:
            await self._reader.close()
        except UnavailableError as exc:
            log.warning("%s; the group's lease will run out", exc)
