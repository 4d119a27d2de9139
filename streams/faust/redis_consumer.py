"""Faust's consumer of Redis Streams: reads in the worker's loop, shares partitions by leases, fences its commits."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from faust.assignor.client_assignment import ClientAssignment
from faust.transport import base
from faust.types import TP, ConsumerMessage
from mode import Service

from streams.brokers.base import ConsumedMessage
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.brokers.redis_streams.leases import BEATS_PER_LEASE, Leases
from streams.brokers.redis_streams.reader import to_message
from streams.brokers.redis_streams.store import Bounds
from streams.errors import UnavailableError
from streams.faust.consumer_mixins import CommitGuard, DirectDrain, without_transactional_topics
from streams.faust.message_batch import MessageBatch
from streams.logger import get_logger
from streams.retry import retry_unavailable
from streams.start import Start

log = get_logger(__name__)

RETRY_DELAY_S = 0.5
END_OFFSETS_EVERY_S = 5.0


class Position(NamedTuple):
    """The next offset to read. Each seek changes the epoch, so that a stale fetch is recognised."""

    offset: int
    epoch: int


class FetchedMessage(ConsumerMessage):
    """A message with the epoch of the position from which it was read."""

    epoch = 0


class Consumer(DirectDrain, CommitGuard, base.Consumer):
    """A consumer with one XREAD connection per worker.

    Rebalances run in a separate task, because a callback into Faust from `subscribe()` would deadlock.
    """

    logger = logging.getLogger(__name__)  # of Faust's base class
    consumer_stopped_errors = (asyncio.CancelledError,)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        query = self.transport.url[0].query
        self.streams: RedisStreamsBroker = self.transport.streams
        self.group: str = self.app.conf.id
        self.leases = Leases(self.streams, self.group, float(query.get("lease", 6.0)), query.get("name", ""))
        self._topics: set[str] = set()
        self._assigned: set[TP] = set()
        self._assigned_leases: Mapping[Any, str] = {}
        self._position: dict[TP, Position] = {}
        self._fetched_epoch: dict[TP, int] = {}  # epoch at the last fetch
        self._end_offset: dict[TP, int] = {}
        self._subscription_changed = asyncio.Event()
        self._assignment_changed = asyncio.Event()
        self._buffer_space = asyncio.Event()

    async def on_start(self) -> None:
        """Start renewing leases from a thread, because the cleaning of an item blocks the event loop."""
        await super().on_start()
        self.leases.start_renewing()

    async def on_stop(self) -> None:
        """Finish and commit the current messages, then release the partitions."""
        await super().on_stop()
        try:
            await self.leases.release(self._assigned, leave=True)
        except UnavailableError as exc:
            log.warning("leases not released", group=self.group, error=exc, next_step="they will expire")
        finally:
            self.leases.stop_renewing()

    async def on_shutdown(self) -> None:
        """Close the connections, which no task uses any more."""
        await super().on_shutdown()
        await self.streams.close()

    # -- subscription and assignment --------------------------------------------------------------------------

    async def subscribe(self, topics: Iterable[str]) -> None:
        topics = set(topics)
        for topic in topics:
            read = partial(self.streams.partitions, topic, self.app.conf.topic_partitions)
            await retry_unavailable(read, "partitions not read", topic=topic, group=self.group)
        self._topics = topics
        self._subscription_changed.set()

    def _subscribed(self) -> list[TP]:
        return [TP(t, p) for t in sorted(self._topics) for p in range(self.streams.cached_partition_count(t) or 0)]

    @Service.task
    async def _heartbeat(self) -> None:
        while not self.should_stop:
            await self.wait_first(self._subscription_changed.wait(), timeout=self.leases.lease_s / BEATS_PER_LEASE)
            self._subscription_changed.clear()
            if self._topics and not self.should_stop:
                try:
                    await self.leases.heartbeat(self._subscribed())
                except UnavailableError as exc:
                    log.warning("heartbeat failed", group=self.group, error=exc, retry_s=RETRY_DELAY_S)
                    await self.sleep(RETRY_DELAY_S)
                else:
                    self._assignment_changed.set()

    @Service.task
    async def _coordinator(self) -> None:
        while not self.should_stop:
            if await self.wait_for_stopped(self._assignment_changed):
                return
            self._assignment_changed.clear()
            assigned = {TP(*tp) for tp in self.leases.owned}
            if assigned != self._assigned or not self.app.consumer_generation_id or self._has_new_leases():
                await self._rebalance(assigned)
            if self.leases.to_release:
                await retry_unavailable(
                    lambda: self.leases.release(list(self.leases.to_release)), "leases not released", group=self.group
                )

    def _has_new_leases(self) -> bool:
        return any(self._assigned_leases.get(tp) != lease for tp, lease in self.leases.owned.items())

    async def _rebalance(self, assigned: set[TP]) -> None:
        app = self.app
        app.on_rebalance_start()
        if self._assigned:
            await self.on_partitions_revoked(set(self._assigned))  # waits for current messages and commits
        self._assigned_leases = dict(self.leases.owned)
        self._assigned = set(assigned)
        self._position.clear()
        by_topic: dict[str, list[int]] = {}
        for tp in sorted(assigned):
            by_topic.setdefault(tp.topic, []).append(tp.partition)
        app.assignor._assignment = ClientAssignment(actives=by_topic, standbys={})  # read by Faust's recovery
        app.consumer_generation_id += 1
        start = Start.LATEST if app.conf.consumer_auto_offset_reset == "latest" else Start.EARLIEST
        if assigned:
            await retry_unavailable(
                lambda: self.streams.register(self.group, assigned, start), "group not registered", group=self.group
            )
            await self._refresh_end_offsets(assigned)
        await self.on_partitions_assigned(set(assigned), app.consumer_generation_id)

    def lease_of(self, topic: str, partition: int) -> str:
        """Return the lease of the assignment; the broker refuses a write under a lost one."""
        return self._assigned_leases.get((topic, partition), "lost")

    def assignment(self) -> set[TP]:
        return self._assigned

    # -- positions --------------------------------------------------------------------------------------------

    def _move(self, tp: TP, offset: int) -> None:
        old = self._position.get(tp)
        self._position[tp] = Position(max(offset, 0), old.epoch + 1 if old else 0)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek to the committed offsets; do nothing after a rebalance meanwhile, which has its own seek."""
        assigned, generation = set(self._assigned), self.app.consumer_generation_id
        committed = await retry_unavailable(
            lambda: self.streams.committed(self.group, assigned), "offsets not read", group=self.group
        )
        bounds = await retry_unavailable(lambda: self.streams.bounds(assigned), "offsets not read", group=self.group)
        if generation != self.app.consumer_generation_id:
            return {}
        offsets = {tp: max(committed[tp] or 0, bounds[tp].first) for tp in assigned}
        for tp, offset in offsets.items():
            self._move(tp, offset)
        return offsets

    async def _seek(self, partition: TP, offset: int) -> None:
        self._move(partition, offset)

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        for tp, offset in partitions.items():
            self._move(tp, offset)
            self._read_offset[tp] = offset if offset > 0 else None

    async def rewind(self, offsets: Mapping[Any, int]) -> None:
        """Continue reading at *offsets* in the partitions that are still assigned."""
        await self.seek_wait({TP(*tp): offset for tp, offset in offsets.items() if tp in self._assigned})

    async def seek_to_beginning(self, *partitions: TP) -> None:
        await self.seek_wait(await self.earliest_offsets(*partitions))

    async def position(self, tp: TP) -> int | None:
        position = self._position.get(tp)
        return position.offset if position else None

    def highwater(self, tp: TP) -> int:
        return self._end_offset.get(tp, 0)

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        return {tp: b.end for tp, b in (await self.streams.bounds(partitions)).items()}

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        return {tp: b.first for tp, b in (await self.streams.bounds(partitions)).items()}

    def topic_partitions(self, topic: str) -> int | None:
        return self.streams.cached_partition_count(topic)

    async def _refresh_end_offsets(self, partitions: Iterable[TP]) -> None:
        bounds: Mapping[TP, Bounds] = await retry_unavailable(
            lambda: self.streams.bounds(partitions), "offsets not read", group=self.group
        )
        for tp, b in bounds.items():
            self._end_offset[tp] = b.end

    # -- reading ----------------------------------------------------------------------------------------------

    def on_buffer_drop(self, tp: TP) -> None:
        super().on_buffer_drop(tp)
        self._buffer_space.set()

    async def _wait_next_records(self, timeout: float) -> Any:
        # Faust sleeps for one second when every buffer is full; wait for buffer space instead.
        if self.flow_active and self._assigned and not self._get_active_partitions():
            self._buffer_space.clear()
            await self.wait_first(self._buffer_space.wait(), timeout=timeout)
            return {}, set()
        return await super()._wait_next_records(timeout)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> dict[TP, list[Any]]:
        active = self._assigned if active_partitions is None else active_partitions
        await self._wait_for_space()
        before = {tp: self._position[tp] for tp in active if tp in self._position}
        if not before or not self.flow_active:
            await self.sleep(0.02)
            return {}
        try:
            fetched = await self.streams.fetch(
                {tp: p.offset for tp, p in before.items()}, timeout, max_bytes=self.free_bytes()
            )
        except UnavailableError as exc:
            log.warning("fetch failed", group=self.group, error=exc, retry_s=RETRY_DELAY_S)
            await self.sleep(RETRY_DELAY_S)
            return {}
        return {TP(*tp): entries for tp, entries in fetched.items() if self._accept(TP(*tp), entries, before)}

    def _accept(self, tp: TP, entries: list[Any], before: Mapping[TP, Position]) -> bool:
        if self._position.get(tp) != before[tp]:
            return False  # a seek or a rebalance happened during the fetch
        next_offset = int(entries[-1][0][2:])
        self._fetched_epoch[tp] = before[tp].epoch
        self._position[tp] = Position(next_offset, before[tp].epoch)
        self._end_offset[tp] = max(next_offset, self._end_offset.get(tp, 0))
        return True

    def _consumed(self, tp: Any, records: Sequence[Any]) -> list[ConsumedMessage]:
        return [to_message(tp, record) for record in records]

    def _epoch(self, tp: Any) -> int:
        return self._fetched_epoch[tp]

    def is_current(self, message: FetchedMessage | MessageBatch) -> bool:
        """Return whether *message* was read under the current assignment, and after the last seek of its partition."""
        position = self._position.get(message.tp)
        return super().is_current(message) and position is not None and message.epoch == position.epoch

    def _to_faust_message(self, tp: TP, record: Any) -> FetchedMessage:
        entry_id, flat = record
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        key, value = fields.get(b"k"), fields.get(b"v")
        message = FetchedMessage(
            tp.topic,
            tp.partition,
            int(entry_id[2:]) - 1,
            float(fields.get(b"t", 0)),
            0,
            [(n[2:].decode(), v) for n, v in fields.items() if n[:2] == b"h:"],
            key,
            value,
            None,
            len(key) if key is not None else 0,
            len(value) if value is not None else 0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )
        message.epoch = self._epoch(tp)
        return message

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)

    # -- committing -------------------------------------------------------------------------------------------

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        offsets = without_transactional_topics(self.app, offsets)
        if not offsets:
            return True
        leases = {tp: self._assigned_leases.get(tp, "lost") for tp in offsets}
        committed: int = await retry_unavailable(
            lambda: self.streams.commit(self.group, offsets, leases), "offsets not committed", group=self.group
        )
        return committed == len(offsets)

    @Service.task
    async def _end_offsets(self) -> None:
        while not self.should_stop:
            await self.sleep(END_OFFSETS_EVERY_S)
            if self._assigned and not self.should_stop:
                await self._refresh_end_offsets(set(self._assigned))

    # -- the rest of the interface ----------------------------------------------------------------------------

    async def create_topic(self, topic: str, partitions: int, replication: int, **kwargs: Any) -> None:
        await self.streams.partitions(topic, partitions)

    def key_partition(self, topic: str, key: bytes | None, partition: int | None = None) -> int | None:
        if partition is not None or self.streams.cached_partition_count(topic) is None:
            return partition
        return self.streams.partition_of(topic, key)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Do nothing: Faust's livelock detector supports Kafka only."""
