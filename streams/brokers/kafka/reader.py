"""A subscriber's position in a Kafka topic, and what it does in a rebalance of its group."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError

from streams.brokers.base import Delivery, resolve_start
from streams.brokers.redis_streams.leases import clock_s
from streams.errors import UnavailableError
from streams.state.redis_client import Partition

if TYPE_CHECKING:
    from streams.brokers.kafka.broker import KafkaBroker

HANDOVER_S = 20.0  # a member in a rebalance waits so long for what its program has in hand
HANDOVER_CHECK_S, REBALANCE_CHECK_S = 0.02, 0.5
CONFIRM_S = 5.0  # half a session: a member that was frozen asks whether it still is one

log = logging.getLogger(__name__)


async def partitions_of(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    """Return the partitions of *topic*."""
    await consumer._client._wait_on_metadata(topic)
    return set(consumer.partitions_for_topic(topic) or ())


class Rebalance(ConsumerRebalanceListener):
    """Keeps partitions from the other members until what is in hand of them is committed; `KafkaReader` says when.

    aiokafka sends heartbeats while its listener waits, so the group waits too.
    """

    def __init__(self, reader: "KafkaReader") -> None:
        self.reader = reader

    async def on_partitions_revoked(self, revoked: Collection[KafkaPartition]) -> None:
        """Wait until the reader has handed everything over, no longer than the group does."""
        reader, end_s = self.reader, time.monotonic() + HANDOVER_S
        reader.revoked = {(tp.topic, tp.partition) for tp in revoked}
        while reader.revoked and reader.is_member() and time.monotonic() < end_s:
            await asyncio.sleep(HANDOVER_CHECK_S)
        reader.lost |= reader.revoked
        reader.revoked = set()

    async def on_partitions_assigned(self, assigned: Collection[KafkaPartition]) -> None:
        """Count as confirmed: the broker has just said so."""
        self.reader.confirmed_s = clock_s()


class KafkaReader:
    """A subscriber's position in a Kafka topic; members of one group share its partitions."""

    def __init__(self, broker: "KafkaBroker", topic: str, group: str) -> None:
        self.broker, self.topic, self.group = broker, topic, group
        self._consumer: AIOKafkaConsumer | None = None
        self._position: dict[int, int] = {}
        self._initial_offset_committed: set[KafkaPartition] = set()
        self.revoked: set[Partition] = set()  # to be handed over
        self.lost: set[Partition] = set()
        self.confirmed_s = clock_s()

    async def open(self, start: str) -> None:
        reset = "latest" if start == "end" else "earliest"
        consumer = self.broker.new_consumer(group_id=self.group or None, auto_offset_reset=reset)
        try:
            if self.group:
                self._consumer = consumer
                consumer.subscribe([self.topic], listener=Rebalance(self))
                await consumer.start()
            else:
                await consumer.start()
                tps = [KafkaPartition(self.topic, n) for n in sorted(await partitions_of(consumer, self.topic))]
                consumer.assign(tps)
                self._position = await self._seek(consumer, tps, start)
        except BaseException:
            await consumer.stop()
            raise
        self._consumer = consumer

    @staticmethod
    async def _seek(consumer: AIOKafkaConsumer, tps: list[KafkaPartition], start: str) -> dict[int, int]:
        first, following = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        at = {tp: resolve_start(start, tp.partition, first[tp], following[tp]) for tp in tps}
        for tp, offset in at.items():
            consumer.seek(tp, offset)
        return {tp.partition: offset for tp, offset in at.items()}

    @property
    def _open(self) -> AIOKafkaConsumer:
        assert self._consumer is not None, "open() comes first"
        return self._consumer

    def is_member(self) -> bool:
        """Whether the group's coordinator knows this member, as far as the last heartbeat told."""
        return bool(self._open._coordinator.generation >= 0)

    def is_due(self) -> bool:
        late = clock_s() - self.confirmed_s > CONFIRM_S
        return bool(self.group) and (late or bool(self.revoked or self.lost))

    async def keep(self) -> set[Partition]:
        if clock_s() - self.confirmed_s > CONFIRM_S:
            await self._confirm()
        lost, self.lost = self.lost, set()
        return lost

    async def _confirm(self) -> None:
        """Ask the coordinator by a heartbeat: those that aiokafka sends by itself don't say when they came back."""
        coordinator, sent_s = self._open._coordinator, clock_s()
        with self.broker.mapped_errors():
            alive = self.is_member() and await coordinator._do_heartbeat()
        if not alive and self.is_member():
            raise UnavailableError(f"broker unavailable: {self.broker.url} (no heartbeat of group {self.group})")
        if not alive:
            self.lost |= {(tp.topic, tp.partition) for tp in self._open.assignment()}
        self.confirmed_s = sent_s

    def surplus(self) -> Collection[Partition]:
        return self.revoked

    async def hand_over(self, partitions: Collection[Partition]) -> None:
        self.revoked -= set(partitions)

    async def read(self, wait_s: float) -> list[Delivery]:
        found: Mapping[KafkaPartition, Sequence[Any]] = {}
        with self.broker.mapped_errors():
            if not self.group:
                found = await self._open.getmany(timeout_ms=int(wait_s * 1000), max_records=500)
            elif self.revoked:
                await asyncio.sleep(HANDOVER_CHECK_S)  # aiokafka holds records back until all is handed over
            else:
                with contextlib.suppress(TimeoutError):  # in a rebalance it would wait for us, and we for it
                    async with asyncio.timeout(wait_s + REBALANCE_CHECK_S):
                        await self._commit_initial_offset()
                        found = await self._open.getmany(timeout_ms=int(wait_s * 1000), max_records=500)
        if self.group and (self.revoked or self.lost or not self.is_member()):
            return []  # they come again from what is committed, to whoever gets their partition
        self._position |= {tp.partition: records[-1].offset + 1 for tp, records in found.items() if records}
        return [
            Delivery(r.topic, r.partition, r.offset, r.timestamp / 1000, r.key or b"", r.value or b"", tuple(r.headers))
            for records in found.values()
            for r in records
        ]

    async def _commit_initial_offset(self) -> None:
        """Commit where a new group begins: else one that begins at the end skips what comes while it is away."""
        mine = self._open.assignment()
        for tp in mine - self._initial_offset_committed:
            if await self._open.committed(tp) is None:
                await self.commit({(tp.topic, tp.partition): await self._open.position(tp) - 1})
        self._initial_offset_committed = set(mine)

    def position(self) -> dict[int, int]:
        return dict(self._position)

    async def commit(self, through: Mapping[tuple[str, int], int]) -> None:
        if not self.group:
            return
        mine = self._open.assignment()
        offsets = {KafkaPartition(*tp): o + 1 for tp, o in through.items() if KafkaPartition(*tp) in mine}
        if offsets:
            try:
                with self.broker.mapped_errors():
                    await self._open.commit(offsets)
            except CommitFailedError as exc:
                log.info("topic %s, group %s: partitions moved on before the commit: %s", self.topic, self.group, exc)
                self.lost |= set(through)

    async def at_end(self) -> bool:
        with self.broker.mapped_errors():
            tps = list(self._open.assignment())
            ends = await self._open.end_offsets(tps)
            return bool(tps) and all([await self._open.position(tp) >= ends[tp] for tp in tps])

    async def close(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()
