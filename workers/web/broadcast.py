"""A hub reads a topic once and hands what comes to any number of subscribers; slow ones are cut off, nobody waits.

broker ──▶ hub: the last events, in memory ──▶ a queue each ──▶ subscribers
                 └── resume: what is in memory, behind that the broker itself

A position is the next offset of each partition, written `0:12.1:7`. It is each event's id: who comes back with it gets
everything since, whatever process serves him then.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import NamedTuple, NoReturn

from streams.brokers.base import Broker, Delivery, Reader
from streams.errors import UnavailableError
from streams.topics import Topic

log = logging.getLogger(__name__)

BUFFER_EVENTS = 500  # events in memory
YIELD_EVERY = 16
QUEUE_EVENTS = 256  # events that a subscriber may be behind before he is cut off; the bytes are shared
READ_WAIT_S = 1.0
RETRY_S = 1.0
Position = dict[int, int]


class Event(NamedTuple):
    """A message, and where one is after it."""

    delivery: Delivery
    position: str


class SlowConsumerError(Exception):
    """A subscriber who didn't keep up."""


def format_position(position: Mapping[int, int]) -> str:
    """Return a position as an event's id has it."""
    return ".".join(f"{partition}:{offset}" for partition, offset in sorted(position.items()))


def parse_position(text: str) -> Position:
    """Return the position that *text* is; ValueError for anything else."""
    pairs = [part.split(":") for part in text.split(".")]
    if len(text) > 10_000 or any(
        len(pair) != 2 or not all(p.isdecimal() and len(p) < 16 for p in pair) for pair in pairs
    ):
        raise ValueError(f"no position: {text[:100]!r}")
    return {int(partition): int(offset) for partition, offset in pairs}


class Broadcaster:
    """The subscribers of one topic in this process."""

    def __init__(self, broker: Broker, topic: Topic) -> None:
        self.observe: Callable[[Delivery], None] | None = None
        self.broker, self.topic = broker, topic
        self.events: deque[Event] = deque(maxlen=BUFFER_EVENTS)
        self.position: Position = {}
        self.first: Position = {}  # of what is in memory
        self._queues: set[asyncio.Queue[Event | None]] = set()
        self._reading: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    @property
    def subscribers(self) -> int:
        return len(self._queues)

    async def start(self) -> None:
        """Begin reading, near the topic's end, should that not have been done."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(), name=f"hub of {self.topic.name}")
        await self._ready.wait()

    async def stop(self) -> None:
        """End, and let all subscribers go."""
        for queue in self._queues:  # they stay in the set: it wasn't their fault
            _end(queue)
        if self._reading is not None:
            self._reading.cancel()
            with suppress(asyncio.CancelledError):
                await self._reading

    async def _read(self) -> None:
        start = f"last:{BUFFER_EVENTS}"
        while True:
            try:
                reader = await self.broker.open_reader(self.topic, "", start)
                try:
                    await self._read_loop(reader)
                finally:
                    await reader.close()
            except UnavailableError as exc:
                log.warning("%s; the subscribers of %s wait", exc, self.topic.name)
                await asyncio.sleep(RETRY_S)
                start = format_position(self.position) or start

    async def _read_loop(self, reader: Reader) -> NoReturn:
        self.position |= reader.position()
        self.first = self.first or dict(self.position)
        while True:
            found = await reader.read(0.05 if not self._ready.is_set() else READ_WAIT_S)
            for n, delivery in enumerate(found):
                self._broadcast(delivery)
                if n % YIELD_EVERY == YIELD_EVERY - 1:
                    await asyncio.sleep(0)  # let them take it: a burst makes nobody slow
            if not found or len(self.events) == BUFFER_EVENTS:
                self._ready.set()

    def _broadcast(self, delivery: Delivery) -> None:
        if delivery.offset < self.position.get(delivery.partition, 0):
            return
        self.position[delivery.partition] = delivery.offset + 1
        if self.observe:
            self.observe(delivery)
        event = Event(delivery, format_position(self.position))
        if len(self.events) == BUFFER_EVENTS:
            gone = self.events[0].delivery
            self.first[gone.partition] = gone.offset + 1
        self.events.append(event)
        for queue in list(self._queues):
            if queue.full():
                self._queues.discard(queue)
                _end(queue)
            else:
                queue.put_nowait(event)

    async def subscribe(self, start: Position | None = None) -> AsyncIterator[Event | None]:
        """Yield what comes, from *start* on (else from now), and None now and then when nothing does.

        Raises SlowError when more than QUEUED events wait to be taken. Ends when the hub is stopped.
        """
        await self.start()
        at = dict(self.position) if start is None else {p: start.get(p, 0) for p in self.position | start}
        async for event in self._replay(at):
            yield event
        queue: asyncio.Queue[Event | None] = asyncio.Queue(QUEUE_EVENTS)
        waiting = [event for event in self.events if event.delivery.offset >= at.get(event.delivery.partition, 0)]
        self._queues.add(queue)
        try:
            for event in waiting:
                yield event
            while True:
                try:  # waiting costs a task: not for what is there already
                    found = await asyncio.wait_for(queue.get(), HEARTBEAT_S) if queue.empty() else queue.get_nowait()
                except TimeoutError:
                    yield None
                    continue
                if found is None:
                    break
                yield found
            if queue not in self._queues:
                raise SlowConsumerError
        finally:
            self._queues.discard(queue)

    async def _replay(self, at: Position) -> AsyncIterator[Event]:
        """Yield what is in the broker and no more in memory, moving *at* along."""
        if all(at.get(p, 0) >= offset for p, offset in self.first.items()):
            return
        reader = await self.broker.open_reader(self.topic, "", format_position(at))
        try:
            while any(at.get(p, 0) < offset for p, offset in self.first.items()):
                found = await reader.read(READ_WAIT_S)
                at |= {p: max(n, at.get(p, 0)) for p, n in reader.position().items()}
                for delivery in found:
                    yield Event(delivery, format_position(at))
        finally:
            await reader.close()


HEARTBEAT_S = 15.0


def _end(queue: "asyncio.Queue[Event | None]") -> None:
    """Tell a subscriber that there is nothing more: what he hasn't taken is dropped."""
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(None)
