"""A subscriber's position in a Kafka topic, and its part in rebalances of its group."""

import asyncio
import contextlib
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError

from streams.brokers.base import ConsumedMessage
from streams.brokers.kafka.client import KafkaClient, partitions_of
from streams.brokers.read_ahead import ReadAhead
from streams.clock import boottime_s
from streams.errors import UnavailableError
from streams.logger import get_logger
from streams.start import Start, StartPosition, resolve_start
from streams.topics import Partition

HANDOVER_S = 20.0  # in a rebalance, a member waits this long for its program's current records
HANDOVER_CHECK_S, REBALANCE_CHECK_S = 0.02, 0.5
CONFIRM_S = 5.0  # half a session: a frozen member then checks its membership
FETCH_RECORDS = 500

log = get_logger(__name__)


class Rebalance(ConsumerRebalanceListener):
    """Delays a rebalance until `KafkaReader` has handed over the revoked partitions.

    aiokafka sends heartbeats while its listener waits, so the group waits, too.
    """

    def __init__(self, reader: "KafkaReader") -> None:
        self.reader = reader

    async def on_partitions_revoked(self, revoked: Collection[KafkaPartition]) -> None:
        """Wait until the reader has handed over all partitions, for at most `HANDOVER_S`."""
        reader, end_s = self.reader, time.monotonic() + HANDOVER_S
        reader.revoked = {(tp.topic, tp.partition) for tp in revoked}
        while reader.revoked and reader.is_member() and time.monotonic() < end_s:
            await asyncio.sleep(HANDOVER_CHECK_S)
        reader.lost |= reader.revoked
        reader.revoked = set()

    async def on_partitions_assigned(self, assigned: Collection[KafkaPartition]) -> None:
        """Record the membership as confirmed, since the broker has just assigned partitions."""
        self.reader.confirmed_s = boottime_s()


class KafkaReader:
    """A subscriber's position in a Kafka topic; members of a group share its partitions."""

    def __init__(self, client: KafkaClient, topic: str, group: str) -> None:
        self.client, self.topic, self.group = client, topic, group
        self._consumer: AIOKafkaConsumer | None = None
        self._start: StartPosition = Start.EARLIEST
        self._position: dict[int, int] = {}
        self._read_ahead = ReadAhead(FETCH_RECORDS)
        self._has_initial_offset: set[KafkaPartition] = set()
        self.revoked: set[Partition] = set()  # to be handed over
        self.lost: set[Partition] = set()
        self.confirmed_s = boottime_s()

    async def open(self, start: StartPosition, numbers: Collection[int] | None = None) -> None:
        """Begin at *start*. *numbers*: the partitions to read without a group; None reads all."""
        self._start = start
        # The reset also decides after retention has passed a committed offset: no stored record may be skipped then.
        consumer = self.client.create_consumer(group_id=self.group or None, auto_offset_reset="earliest")
        try:
            if self.group:
                self._consumer = consumer
                consumer.subscribe([self.topic], listener=Rebalance(self))
                await consumer.start()
            else:
                await consumer.start()
                existing = await partitions_of(consumer, self.topic)
                tps = [KafkaPartition(self.topic, n) for n in sorted(existing if numbers is None else numbers)]
                consumer.assign(tps)
                self._position = await self._seek(consumer, tps, start)
        except BaseException:
            await consumer.stop()
            raise
        self._consumer = consumer

    @staticmethod
    async def _seek(consumer: AIOKafkaConsumer, tps: list[KafkaPartition], start: StartPosition) -> dict[int, int]:
        first, end = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        offsets = {tp: resolve_start(start, tp.partition, first[tp], end[tp]) for tp in tps}
        for tp, offset in offsets.items():
            consumer.seek(tp, offset)
        return {tp.partition: offset for tp, offset in offsets.items()}

    @property
    def _open(self) -> AIOKafkaConsumer:
        assert self._consumer is not None, "open() comes first"
        return self._consumer

    def is_member(self) -> bool:
        """Return whether the group's coordinator knew this member at the last heartbeat."""
        return bool(self._open._coordinator.generation >= 0)

    def is_due(self) -> bool:
        is_late = boottime_s() - self.confirmed_s > CONFIRM_S
        return bool(self.group) and (is_late or bool(self.revoked or self.lost))

    async def confirm_leases(self) -> set[Partition]:
        if boottime_s() - self.confirmed_s > CONFIRM_S:
            await self._confirm()
        lost, self.lost = self.lost, set()
        return lost

    async def _confirm(self) -> None:
        """Send a heartbeat and wait for its reply: aiokafka's own heartbeats do not report the time of the reply."""
        coordinator, sent_s = self._open._coordinator, boottime_s()
        with self.client.mapped_errors():
            is_alive = self.is_member() and await coordinator._do_heartbeat()
        if not is_alive and self.is_member():
            raise UnavailableError(f"broker unavailable: {self.client.url} (no heartbeat of group {self.group})")
        if is_alive:
            with self._open._subscription.fetch_context():  # aiokafka leaves the group after 300 s without a fetch
                pass
        else:
            self.lost |= {(tp.topic, tp.partition) for tp in self._open.assignment()}
        self.confirmed_s = sent_s

    def to_release(self) -> Collection[Partition]:
        return self.revoked

    async def hand_over(self, partitions: Collection[Partition]) -> None:
        self.revoked -= set(partitions)

    async def read(self, wait_s: float) -> list[ConsumedMessage]:
        fetched: Mapping[KafkaPartition, Sequence[Any]] = {}
        with self.client.mapped_errors():
            if not self.group:
                fetched = await self._fetch(wait_s)
                self._require_connection(fetched)
            elif self.revoked:
                await asyncio.sleep(HANDOVER_CHECK_S)  # aiokafka returns no records until the handover is complete
            else:
                with contextlib.suppress(TimeoutError):  # a rebalance waits for `hand_over`, so the read must return
                    async with asyncio.timeout(wait_s + REBALANCE_CHECK_S):
                        await self._commit_initial_offsets()
                        fetched = await self._fetch(wait_s)
        if self.group and (self.revoked or self.lost or not self.is_member()):
            self._rewind(fetched)
            return []
        self._position |= {tp.partition: records[-1].offset + 1 for tp, records in fetched.items() if records}
        messages = [to_message(record) for records in fetched.values() for record in records]
        self._read_ahead.record(len(messages))
        return messages

    def _rewind(self, fetched: Mapping[KafkaPartition, Sequence[Any]]) -> None:
        """Read *fetched* records again: this member may own their partitions again since a rebalance."""
        for tp, records in fetched.items():
            if records and tp in self._open.assignment():
                self._open.seek(tp, records[0].offset)

    async def _fetch(self, wait_s: float) -> Mapping[KafkaPartition, Sequence[Any]]:
        fetched: Mapping[KafkaPartition, Sequence[Any]] = await self._open.getmany(
            timeout_ms=int(wait_s * 1000),
            max_records=self._read_ahead.next_count() if self.group else FETCH_RECORDS,
        )
        return fetched

    def _require_connection(self, fetched: Mapping[KafkaPartition, Sequence[Any]]) -> None:
        """Raise UnavailableError during an outage: aiokafka reconnects and returns no records, without an error.

        A group member detects an outage by its heartbeats, in `confirm_leases`.
        """
        connections = self._open._client._conns.values()
        if not fetched and not any(connection.connected() for connection in connections):
            raise UnavailableError(f"broker unavailable: {self.client.url} (no connection)")

    async def _commit_initial_offsets(self) -> None:
        """Commit the initial offsets of a new group. A group that starts at the end then misses no later message.

        A read that ends meanwhile continues at the next partition.
        """
        mine = self._open.assignment()
        self._has_initial_offset &= mine
        for tp in sorted(mine - self._has_initial_offset):
            if await self._open.committed(tp) is None:
                offset = (await self._seek(self._open, [tp], self._start))[tp.partition]
                await self.commit({(tp.topic, tp.partition): offset - 1})
            self._has_initial_offset.add(tp)

    def position(self) -> dict[int, int]:
        return dict(self._position)

    async def commit(self, through: Mapping[Partition, int]) -> None:
        if not self.group:
            return
        mine = self._open.assignment()
        offsets = {KafkaPartition(*tp): o + 1 for tp, o in through.items() if KafkaPartition(*tp) in mine}
        if offsets:
            try:
                with self.client.mapped_errors():
                    if offsets := await self._advancing(offsets):
                        await self._open.commit(offsets)
            except CommitFailedError as exc:
                log.info(
                    "commit refused", topic=self.topic, group=self.group, reason="partitions reassigned", error=exc
                )
                self.lost |= set(through)

    async def _advancing(self, offsets: dict[KafkaPartition, int]) -> dict[KafkaPartition, int]:
        """Return *offsets* without those of lost partitions whose interim owner has committed as much or more."""
        for tp in [tp for tp in offsets if (tp.topic, tp.partition) in self.lost]:
            if (await self._open.committed(tp) or 0) >= offsets[tp]:
                del offsets[tp]
        return offsets

    async def at_end(self) -> bool:
        with self.client.mapped_errors():
            tps = list(self._open.assignment())
            ends = await self._open.end_offsets(tps)
            return bool(tps) and all([await self._open.position(tp) >= ends[tp] for tp in tps])

    async def close(self) -> None:
        self.revoked = set()  # ends the wait of a rebalance
        if self._consumer is not None:
            await self._consumer.stop()


def to_message(record: Any) -> ConsumedMessage:
    """Return the message of aiokafka's *record*."""
    return ConsumedMessage(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp / 1000,
        record.key or b"",
        record.value or b"",
        tuple(record.headers),
    )
