"""Mixins for Faust's consumers: safe commits, bounded buffers, and cheaper delivery of messages."""

import asyncio
import gc
import time
from collections.abc import Mapping, Sequence
from typing import Any

from mode.utils.futures import notify

from streams.brokers.base import ConsumedMessage
from streams.faust.message_batch import MessageBatch, in_batches
from streams.logger import get_logger

log = get_logger(__name__)

HANDOVER_S = 5.0  # a rebalance waits for the steps in progress for this time
MAX_IN_FLIGHT_BYTES = 8 * 1024 * 1024  # Faust only limits the number of messages, which have up to 4 MB each
SPACE_CHECK_S = 1.0


def size_of(message: Any) -> int:
    """Return the size of a Faust message in bytes."""
    if isinstance(message, MessageBatch):
        return message.size
    return len(message.value or b"") + len(message.key or b"")


def last_offset(message: Any) -> int:
    """Return the offset of a Faust message; for a batch, the offset of its last message."""
    return int(message.messages[-1].offset if isinstance(message, MessageBatch) else message.offset)


def without_transactional_topics(app: Any, offsets: Mapping[Any, int]) -> Mapping[Any, int]:
    """Return *offsets* without the topics of copydesk's agents, which `Broker.publish_and_commit` commits."""
    topics = getattr(app, "transactional_topics", ())
    return {tp: offset for tp, offset in offsets.items() if tp.topic not in topics}


class CommitGuard:
    """Commits only finished messages.

    Faust 0.15.3 commits past an unacked message when the committed offset is the oldest unacked one
    (faust-streaming#606). It also counts an ack after its partition was revoked and assigned again.
    """

    _unacked_messages: Any
    _acked: Any
    _wait_for_ack: Any
    _waiting_for_ack: Any
    _clean_unacked_messages: Any
    commit: Any
    commit_and_end_transactions: Any
    should_stop: bool
    app: Any

    async def wait_empty(self) -> None:
        """Wait for the messages in progress; in a rebalance, for HANDOVER_S at most.

        All members of a group wait for one another in a rebalance. A step that hangs must not stop them. It is fenced,
        so its late commit is refused where another member has taken over the partition.
        """
        end_s = time.monotonic() + HANDOVER_S
        while self._unacked_messages and not self.should_stop:
            if time.monotonic() > end_s and not self.app.should_stop:
                log.warning(
                    "step not finished", seconds=HANDOVER_S, count=len(self._unacked_messages),
                    next_step="the rebalance continues without it",
                )  # fmt: skip
                self._unacked_messages.clear()
                break
            gc.collect()  # messages that were dropped before they reached an agent
            await self.commit()
            if self._unacked_messages:
                await self._wait_for_ack(timeout=1)
                self._clean_unacked_messages()
        await self.commit_and_end_transactions()

    def _new_offset(self, tp: Any) -> int | None:
        oldest = min((m.offset for m in self._unacked_messages if m.tp == tp and not m.acked), default=None)
        if oldest is None:
            return super()._new_offset(tp)  # type: ignore[misc, no-any-return]
        acked = self._acked[tp]
        later = [o for o in acked if o >= oldest]
        acked[:] = [o for o in acked if o < oldest]
        try:
            return super()._new_offset(tp)  # type: ignore[misc, no-any-return]
        finally:
            acked.extend(later)

    def ack(self, message: Any) -> bool:
        """Accept an ack only in the generation in which the message was read."""
        generation = getattr(message, "generation_id", None)
        if generation is not None and generation != self.app.consumer_generation_id:
            message.acked = True
            self._unacked_messages.discard(message)
            return False
        if isinstance(message, MessageBatch):  # `Broker.publish_and_commit` commits it: Faust needs no offsets
            message.acked = True
            self._unacked_messages.discard(message)
            notify(self._waiting_for_ack)
            return True
        return super().ack(message)  # type: ignore[misc, no-any-return]


class InFlightBytes:
    """Stops the delivery of messages while those that agents have not finished exceed MAX_IN_FLIGHT_BYTES."""

    app: Any
    should_stop: bool
    flow_active: bool
    suspend_flow: Any
    wait_first: Any
    _in_flight_bytes = 0

    async def on_partitions_assigned(self, assigned: Any, generation_id: int = 0) -> None:
        """Forget the messages of the former assignment: Faust has dropped them, or ignores their acks."""
        self._in_flight_bytes = 0
        await super().on_partitions_assigned(assigned, generation_id)  # type: ignore[misc]

    def is_current(self, message: Any) -> bool:
        """Return whether *message* was read under the current assignment."""
        return bool(message.generation_id == self.app.consumer_generation_id)

    def unfinished_bytes(self) -> int:
        """Return the bytes of the delivered messages that agents have not finished."""
        return self._in_flight_bytes

    def free_bytes(self) -> int:
        """Return the number of bytes that may be delivered now; never negative."""
        return max(0, MAX_IN_FLIGHT_BYTES - self._in_flight_bytes)

    async def _wait_for_space(self) -> None:
        """Wait until messages may be delivered, or until a rebalance suspends the flow."""
        while not self.free_bytes() and self.flow_active and not self.should_stop:
            self._space.clear()
            await self.wait_first(self._space.wait(), self.suspend_flow.wait(), timeout=SPACE_CHECK_S)

    @property
    def _space(self) -> asyncio.Event:
        event: asyncio.Event | None = getattr(self, "_space_event", None)
        if event is None:
            event = self._space_event = asyncio.Event()
        return event

    def _deliver_bytes(self, message: Any) -> None:
        if InFlightBytes.is_current(self, message):
            self._in_flight_bytes += size_of(message)

    def ack(self, message: Any) -> bool:
        """Free the bytes of a finished message."""
        if not message.acked and InFlightBytes.is_current(self, message):
            self._in_flight_bytes = max(0, self._in_flight_bytes - size_of(message))
            if self.free_bytes():
                self._space.set()
        return super().ack(message)  # type: ignore[misc, no-any-return]


class DirectDrain(InFlightBytes):
    """Delivers a message directly while no queue is full and the flow is active, and messages of agents in batches.

    Faust itself starts two tasks per message, in case the flow is suspended. They take a third of the CPU time per item
    on Valkey.
    """

    callback: Any
    _read_offset: Any
    getmany: Any
    _add_gap: Any
    _to_faust_message: Any

    def _consumed(self, tp: Any, records: Sequence[Any]) -> list[ConsumedMessage]:
        """Return the messages of the transport's *records* of a partition."""
        raise NotImplementedError

    def _epoch(self, tp: Any) -> int:
        """Return the epoch of the position from which the last records of a partition were read; see `is_current`."""
        return 0

    async def _wait_next_records(self, timeout: float) -> Any:
        """Return the next records, those of the topics of copydesk's agents in batches."""
        records, active = await super()._wait_next_records(timeout)  # type: ignore[misc]
        topics, generation_id = getattr(self.app, "transactional_topics", ()), self.app.consumer_generation_id
        in_topics = {tp: rows for tp, rows in (records or {}).items() if tp.topic in topics}
        batches = {
            tp: in_batches(self._consumed(tp, rows), generation_id, self._epoch(tp)) for tp, rows in in_topics.items()
        }
        return (records and {**records, **batches}), active

    def _to_message(self, tp: Any, record: Any) -> Any:
        return record if isinstance(record, MessageBatch) else self._to_faust_message(tp, record)

    async def _drain_messages(self, fetcher: Any) -> None:
        app, callback, read_offset = self.app, self.callback, self._read_offset
        channels, active = app.topics._tp_index, app.flow_control.is_active
        try:
            while not (self.should_stop or fetcher.should_stop):
                count = 0
                await asyncio.sleep(0)
                async for tp, message in self.getmany(timeout=1.0):
                    count += 1
                    if not count % 100:
                        await asyncio.sleep(0)
                    last, end = read_offset[tp], last_offset(message)
                    if last is not None and end < last:
                        continue
                    if last and message.offset - last > 1 and self._tracks_gaps(message):
                        await self._add_gap(tp, last + 1, message.offset)
                    if not self.free_bytes():
                        await self._wait_for_space()
                    self._deliver_bytes(message)
                    if active() and not any(c.queue.full() for c in channels[tp]):
                        await callback(message)
                    else:
                        await self.wait_first(callback(message), self.suspend_flow.wait())
                    read_offset[tp] = end
        except asyncio.CancelledError:
            if not app.should_stop:
                raise

    def _tracks_gaps(self, message: Any) -> bool:
        """Return whether Faust commits the offset of *message*: it then has to know of missing offsets."""
        return not isinstance(message, MessageBatch) and self.app.topics.acks_enabled_for(message.topic)
