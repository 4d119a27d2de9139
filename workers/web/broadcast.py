"""Broadcast: one reader per topic feeds any number of subscribers. A slow subscriber is disconnected and blocks none.

broker ──▶ broadcaster: buffer of the last events ──▶ one queue per subscriber
                 └── resume: from the broker up to the buffer, then from the buffer

A position is the next offset of each partition, written `0:12.1:7`. It is the SSE event id: a client that reconnects
with it resumes in any process.
"""

import asyncio
import functools
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import NamedTuple, NoReturn

from streams.brokers.base import Broker, ConsumedMessage, Reader
from streams.retry import retry_unavailable
from streams.start import Last, Offsets
from streams.topics import Topic
from workers.search.follow import in_time_order

BUFFER_EVENTS = 500
YIELD_EVERY = 16  # events
QUEUE_EVENTS = 256  # a subscriber further behind is disconnected; all queues share the bytes
POLL_TIMEOUT_S = 10.0
FIRST_POLL_TIMEOUT_S = 0.05  # while the buffer fills, `start` waits for it
HEARTBEAT_S = 15.0  # proxies close connections that are idle for 30 to 60 s
MAX_DELAY_S = 1.0
Position = dict[int, int]


class Event(NamedTuple):
    """A message and the position after it."""

    message: ConsumedMessage
    position: str


class SlowConsumerError(Exception):
    """A subscriber was more than QUEUE_EVENTS events behind."""


def format_position(position: Mapping[int, int]) -> str:
    """Return *position* as an event id."""
    return ".".join(f"{partition}:{offset}" for partition, offset in sorted(position.items()))


def parse_position(text: str) -> Position:
    """Return the position of an event id.

    Raises: ValueError when *text* is malformed.
    """
    pairs = [part.split(":") for part in text.split(".")]
    if len(text) > 10_000 or any(
        len(pair) != 2 or not all(p.isdecimal() and len(p) < 16 for p in pair) for pair in pairs
    ):
        raise ValueError(f"invalid position: {text[:100]!r}")
    return {int(partition): int(offset) for partition, offset in pairs}


class Broadcaster:
    """The subscribers of one topic in this process."""

    def __init__(self, broker: Broker, topic: Topic) -> None:
        self.observe: Callable[[ConsumedMessage], None] | None = None
        self.broker, self.topic = broker, topic
        self.events: deque[Event] = deque(maxlen=BUFFER_EVENTS)
        self.position: Position = {}
        self.first: Position = {}  # start of the buffer
        self._queues: set[asyncio.Queue[Event | None]] = set()
        self._reader_task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._is_stopped = False

    @property
    def subscribers(self) -> int:
        return len(self._queues)

    async def start(self) -> None:
        """Start to read near the topic's end; wait until the buffer is filled. Later calls only wait."""
        if self._reader_task is None and not self._is_stopped:
            self._reader_task = asyncio.create_task(self._read(), name=f"broadcast {self.topic.name}")
        await self._ready.wait()

    async def stop(self) -> None:
        """Stop to read and end all subscriptions, also those that wait for the start."""
        self._is_stopped = True
        self._ready.set()
        for queue in self._queues:  # they stay in the set: only slow subscribers leave it
            _end(queue)
        if self._reader_task is not None:
            self._reader_task.cancel()
            with suppress(asyncio.CancelledError):
                await self._reader_task

    async def _read(self) -> None:
        reader = await retry_unavailable(
            lambda: self.broker.open_reader(self.topic, "", Last(BUFFER_EVENTS)),
            "broadcast not started",
            max_delay_s=MAX_DELAY_S,
            topic=self.topic.name,
        )
        try:
            await self._read_loop(reader)
        finally:
            await reader.close()

    async def _read_loop(self, reader: Reader) -> NoReturn:
        self.position |= reader.position()
        self.first = self.first or dict(self.position)
        while True:
            wait_s = POLL_TIMEOUT_S if self._ready.is_set() else FIRST_POLL_TIMEOUT_S
            messages = await retry_unavailable(
                functools.partial(reader.read, wait_s),
                "broadcast interrupted",
                max_delay_s=MAX_DELAY_S,
                topic=self.topic.name,
            )
            for n, message in enumerate(in_time_order(messages)):
                self._broadcast(message)
                if n % YIELD_EVERY == YIELD_EVERY - 1:
                    await asyncio.sleep(0)  # subscribers empty their queues, so a burst makes none of them slow
            if not messages or len(self.events) == BUFFER_EVENTS:
                self._ready.set()

    def _broadcast(self, message: ConsumedMessage) -> None:
        if message.offset < self.position.get(message.partition, 0):
            return
        self.position[message.partition] = message.offset + 1
        if self.observe:
            self.observe(message)
        event = Event(message, format_position(self.position))
        if len(self.events) == BUFFER_EVENTS:
            oldest = self.events[0].message
            self.first[oldest.partition] = oldest.offset + 1
        self.events.append(event)
        for queue in list(self._queues):
            if queue.full():
                self._queues.discard(queue)
                _end(queue)
            else:
                queue.put_nowait(event)

    async def subscribe(self, start: Position | None = None) -> AsyncGenerator[Event | None, None]:
        """Yield events from *start* on (default: from now), and None after HEARTBEAT_S without an event.

        Ends when the broadcaster stops.

        Raises: SlowConsumerError when more than QUEUE_EVENTS events are queued.
        """
        await self.start()
        position = dict(self.position) if start is None else {p: start.get(p, 0) for p in self.position | start}
        while self._is_behind(position):  # the buffer moves on while a reader closes
            async for event in self._replay(position):
                yield event
        queue: asyncio.Queue[Event | None] = asyncio.Queue(QUEUE_EVENTS)
        buffered = [e for e in self.events if e.message.offset >= position.get(e.message.partition, 0)]
        if self._is_stopped:
            return
        self._queues.add(queue)
        try:
            for event in buffered:
                yield event
            while True:
                try:  # `wait_for` creates a task, so a queued event is taken without it
                    queued = await asyncio.wait_for(queue.get(), HEARTBEAT_S) if queue.empty() else queue.get_nowait()
                except TimeoutError:
                    yield None
                    continue
                if queued is None:
                    break
                yield queued
            if queue not in self._queues:
                raise SlowConsumerError
        finally:
            self._queues.discard(queue)

    def _is_behind(self, position: Position) -> bool:
        """Return whether the buffer starts after *position* in a partition."""
        return any(position.get(p, 0) < offset for p, offset in self.first.items())

    async def _replay(self, position: Position) -> AsyncIterator[Event]:
        """Yield the events between *position* and the buffer from the broker. Advances *position*."""
        reader = await self.broker.open_reader(self.topic, "", Offsets(position))
        try:
            while self._is_behind(position):
                for message in await reader.read(POLL_TIMEOUT_S):
                    position[message.partition] = max(message.offset + 1, position.get(message.partition, 0))
                    yield Event(message, format_position(position))
                # past removed messages, which the reader skips
                position |= {p: max(n, position.get(p, 0)) for p, n in reader.position().items()}
        finally:
            await reader.close()


def _end(queue: "asyncio.Queue[Event | None]") -> None:
    """End a subscription; drop its queued events."""
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(None)
