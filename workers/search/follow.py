"""Follows a topic into the database: reads from the stored position on, and stores each batch with its position."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from streams.brokers.base import Broker, ConsumedMessage, Reader
from streams.errors import UnreadableError
from streams.logger import get_logger
from streams.retry import retry_unavailable
from streams.start import Offsets, Start, StartPosition
from streams.topics import Topic

log = get_logger(__name__)

BATCH_MESSAGES = 200  # per transaction; a query waits for one at most
READ_WAIT_S = 10.0  # a message ends the wait at once
FIRST_READ_WAIT_S = 0.05
EXPIRY_CHECK_S = 600.0
MAX_DELAY_S = 5.0
Position = Mapping[int, int]


class Store(Protocol):
    """The tables of one topic."""

    async def position(self) -> Position:
        """Return the next offset of each partition; {} before the first batch."""

    async def apply(self, messages: Sequence[ConsumedMessage]) -> None:
        """Store *messages* and the position after them, in one transaction. Pass over unreadable messages.

        Raises:
            UnreadableError: the database refuses a row. Nothing is stored.
        """

    async def remove_expired(self, first: Position) -> None:
        """Remove messages below the *first* offsets."""

    async def clear(self) -> None:
        """Remove everything."""


def in_time_order(messages: Sequence[ConsumedMessage]) -> list[ConsumedMessage]:
    """Return the messages of one read by time. Those of a partition keep their order, even if its clock went back."""
    latest_s: dict[int, float] = {}
    times_s = []
    for message in messages:
        latest_s[message.partition] = max(message.time_s, latest_s.get(message.partition, 0.0))
        times_s.append(latest_s[message.partition])
    return [messages[n] for n in sorted(range(len(messages)), key=times_s.__getitem__)]


class Follower:
    """Keeps *store* up to date with *topic*. *start*: where an empty store begins."""

    def __init__(self, broker: Broker, topic: Topic, store: Store, start: StartPosition = Start.EARLIEST) -> None:
        self.broker, self.topic, self.store, self.start = broker, topic, store, start
        self.is_caught_up = asyncio.Event()  # set when all messages of the topic at the start are stored

    async def run(self) -> None:
        """Follow until cancelled; outages of the broker and of the disk are waited for."""
        while True:
            await retry_unavailable(self._follow, "index interrupted", max_delay_s=MAX_DELAY_S, topic=self.topic.name)

    async def catch_up(self) -> None:
        """Store the messages up to the current end of the topic. Raises UnavailableError."""
        reader = await self._open()
        try:
            while not await reader.at_end():
                await self._store(await reader.read(FIRST_READ_WAIT_S))
        finally:
            await reader.close()

    async def _store(self, messages: Sequence[ConsumedMessage]) -> None:
        ordered = in_time_order(messages)
        for start in range(0, len(ordered), BATCH_MESSAGES):
            batch = ordered[start : start + BATCH_MESSAGES]
            try:
                await self.store.apply(batch)
            except UnreadableError:
                for message in batch:
                    await self._store_one(message)

    async def _store_one(self, message: ConsumedMessage) -> None:
        """Store *message*. If the database refuses its row, store only the position after it."""
        try:
            await self.store.apply([message])
        except UnreadableError as exc:
            position = {"topic": message.topic, "partition": message.partition, "offset": message.offset}
            log.warning("message not indexed", **position, error=exc, next_step="the index continues without it")
            await self.store.apply([message._replace(value=b"")])  # an unreadable message

    async def _follow(self) -> None:
        reader = await self._open()
        expiry_check_s = time.monotonic() + EXPIRY_CHECK_S
        try:
            while True:
                messages = await reader.read(READ_WAIT_S if self.is_caught_up.is_set() else FIRST_READ_WAIT_S)
                await self._store(messages)
                if not self.is_caught_up.is_set() and not messages and await reader.at_end():
                    self.is_caught_up.set()
                if time.monotonic() > expiry_check_s:
                    expiry_check_s = time.monotonic() + EXPIRY_CHECK_S
                    await self.store.remove_expired(await self._offsets(Start.EARLIEST))
        finally:
            await reader.close()

    async def _open(self) -> Reader:
        """Open a reader at the stored position. Start over if the topic ends before it, as after a loss of its data."""
        position = await self.store.position()  # before the end: another process may store messages meanwhile
        first, end = await self._offsets(Start.EARLIEST), await self._offsets(Start.LATEST)
        if any(offset > end.get(partition, 0) for partition, offset in position.items()):
            log.warning("index discarded", topic=self.topic.name, reason="the topic ends before the stored position")
            await self.store.clear()
            position = {}
        await self.store.remove_expired(first)
        start = Offsets({p: max(offset, position.get(p, 0)) for p, offset in first.items()}) if position else self.start
        return await self.broker.open_reader(self.topic, "", start)

    async def _offsets(self, start: Start) -> dict[int, int]:
        reader = await self.broker.open_reader(self.topic, "", start)
        try:
            return reader.position()
        finally:
            await reader.close()
