"""Subscriptions of a broadcaster: positions of replayed events, events during a replay, and the end at a stop."""

import asyncio
from contextlib import aclosing

from streams.brokers.memory.reader import InMemoryReader
from streams.start import StartPosition
from streams.testing import InMemoryBroker, OutgoingMessage
from streams.topics import ITEMS, Topic
from tests.conftest import until
from workers.web.broadcast import BUFFER_EVENTS, Broadcaster, Event, Position, parse_position


async def collect(broadcaster: Broadcaster, events: list[Event | None], start: Position | None = None) -> None:
    async for event in broadcaster.subscribe(start):
        events.append(event)


async def publish(broker: InMemoryBroker, count: int) -> None:
    await broker.publish([OutgoingMessage(ITEMS.name, b"%d" % n, b"") for n in range(count)])


async def take(broadcaster: Broadcaster, start: Position, count: int) -> list[Event]:
    """Return the first *count* events of a subscription from *start* on."""
    taken: list[Event] = []
    async with aclosing(broadcaster.subscribe(start)) as events:
        async for event in events:
            assert event is not None
            taken.append(event)
            if len(taken) == count:
                break
    return taken


async def test_resume_within_replay_loses_no_event() -> None:
    broker, count = InMemoryBroker(partitions=2), 3 * BUFFER_EVENTS
    await broker.create_topics([ITEMS])
    await publish(broker, count)
    broadcaster = Broadcaster(broker, ITEMS)
    seen = await take(broadcaster, {}, 3)  # the connection is lost within a read of up to 500 messages
    seen += await take(broadcaster, parse_position(seen[-1].position), count - 3)
    assert len({event.message.message_id for event in seen}) == count
    await broadcaster.stop()
    await broker.close()


class ClosingBroker(InMemoryBroker):
    """A broker whose readers close over a network, as on Kafka: `close` waits for `may_close`."""

    def __init__(self) -> None:
        super().__init__(partitions=1)
        self.closing, self.may_close = asyncio.Event(), asyncio.Event()

    async def open_reader(self, topic: Topic, group: str, start: StartPosition) -> InMemoryReader:
        return ClosingReader(self, topic, start)


class ClosingReader(InMemoryReader):
    def __init__(self, broker: ClosingBroker, topic: Topic, start: StartPosition) -> None:
        super().__init__(broker._storage, [(topic.name, 0)], "", start)
        self.broker = broker

    async def close(self) -> None:
        self.broker.closing.set()
        await self.broker.may_close.wait()
        await super().close()


async def test_events_while_replay_closes_are_delivered() -> None:
    broker, first, more = ClosingBroker(), BUFFER_EVENTS + 1, BUFFER_EVENTS + 100
    await broker.create_topics([ITEMS])
    await publish(broker, first)
    broadcaster = Broadcaster(broker, ITEMS)
    events: list[Event | None] = []
    subscription = asyncio.create_task(collect(broadcaster, events, {0: 0}))
    await until(broker.closing.is_set, what="end of the replay")
    await publish(broker, more)  # the buffer drops all events at which the replay ended
    await until(lambda: broadcaster.position == {0: first + more}, what="events in the buffer")
    broker.may_close.set()
    await until(lambda: len(events) >= first + more or None in events, what="all events, or a heartbeat without them")
    assert [event.message.offset for event in events if event] == list(range(first + more))
    await broadcaster.stop()
    await subscription
    await broker.close()


async def test_stop_ends_subscription_that_waits_for_start() -> None:
    broker = InMemoryBroker()
    await broker.create_topics([ITEMS])
    broadcaster = Broadcaster(broker, ITEMS)
    events: list[Event | None] = []
    subscription = asyncio.create_task(collect(broadcaster, events))
    await asyncio.sleep(0)  # the subscription waits until the buffer is filled
    await broadcaster.stop()
    await until(subscription.done, what="end of the subscription")
    later = asyncio.create_task(collect(broadcaster, events))
    await until(later.done, what="end of a subscription after the stop")
    assert events == []
    await broker.close()
