"""A broker within one process, for tests of subscribers: same guarantees as Redis Streams, no server, nothing on disk.

It has no Faust transport, so it carries no desk. Messages are kept until `clear`; retention and memory are unlimited.
"""

import asyncio
import secrets
import time
import zlib
from collections.abc import Mapping, Sequence

from streams.brokers.base import (
    AgentContext,
    Condition,
    ConsumedMessage,
    OffsetRange,
    OutgoingMessage,
    Progress,
    RedisCommand,
)
from streams.brokers.memory.reader import InMemoryReader
from streams.brokers.memory.state import check_supported
from streams.brokers.memory.storage import Storage
from streams.records import MessageId
from streams.start import Offsets, Start, StartPosition
from streams.state.store import StateStore
from streams.topics import Partition, Topic, owner_partition, partition_name

_STORAGES: dict[str, Storage] = {}  # name → data of all brokers of that name in the process


class InMemoryBroker:
    """Topics and state in memory. `Broker` documents the methods that have no docstring here.

    All brokers of one *name* in a process share their data, also after `close`. Without a name, the broker is new.
    `Settings(broker_url=broker.url)` makes a subscription read it. *partitions* applies to new topics.
    """

    supports_multi_partition_commit = True

    def __init__(self, name: str = "", *, partitions: int = 8) -> None:
        self.name = name or secrets.token_hex(8)
        self.url = f"memory://{self.name}"
        self.default_partitions = partitions
        self._storage = _STORAGES.setdefault(self.name, Storage(self.url))
        self.state: StateStore = self._storage.state

    # -- topics -----------------------------------------------------------------------------------------------

    async def create_topics(self, topics: Sequence[Topic]) -> None:
        for topic in topics:
            self._partitions(topic.name)

    def _partitions(self, topic: str) -> list[list[ConsumedMessage]]:
        topics = self._storage.topics
        if topic not in topics:
            topics[topic] = [[] for _ in range(self.default_partitions)]
        return topics[topic]

    async def read_message(self, message: MessageId) -> ConsumedMessage | None:
        partitions = self._partitions(message.topic)
        partition = partitions[message.partition] if message.partition < len(partitions) else []
        return partition[message.offset] if message.offset < len(partition) else None

    async def partition_for(self, topic: str, key: bytes) -> int:
        return self._partition_of(topic, key)

    def _partition_of(self, topic: str, key: bytes) -> int:
        return zlib.crc32(key) % len(self._partitions(topic)) if key else 0

    # -- publishing -------------------------------------------------------------------------------------------

    async def publish(
        self,
        messages: Sequence[OutgoingMessage],
        state_writes: Sequence[RedisCommand] = (),
        conditions: Sequence[Condition] = (),
    ) -> bool:
        """Publish *messages* and write state in one step; return False without any effect if a condition failed.

        Raises:
            NotImplementedError: a state write uses an unsupported command; no effect.
            TypeError: a key has another type. As on Redis, the state writes before it remain; nothing is published.
        """
        for name, *_ in state_writes:
            check_supported(name)
        await asyncio.sleep(0)  # a loop that publishes must not block the subscriber that it waits for
        storage = self._storage
        if not (holds := storage.compare(conditions)):
            return holds is None
        for command in state_writes:
            storage.state.run(*command)
        for message in messages:
            self._append(message)
        storage.apply(conditions)
        storage.notify()
        return True

    def _append(self, message: OutgoingMessage) -> None:
        number = self._partition_of(message.topic, message.key)
        partition = self._partitions(message.topic)[number]
        partition.append(ConsumedMessage(message.topic, number, len(partition), time.time(), *message[1:4]))

    async def owns(self, context: AgentContext, offsets: OffsetRange) -> bool:
        tp = owner_partition(offsets.topic_partition)
        return self._storage.lease(self._storage.group(context.group), tp) == context.lease_of(*tp)

    async def publish_and_commit(
        self,
        context: AgentContext,
        ranges: Sequence[OffsetRange],
        messages: Sequence[OutgoingMessage],
        state_writes: Sequence[RedisCommand],
    ) -> bool:
        group = self._storage.group(context.group)
        conditions = []
        for offsets in ranges:
            tp = offsets.topic_partition
            name, owner = partition_name(*tp), owner_partition(tp)
            lease = context.lease_of(*owner)
            conditions.append(Condition(group.leases_key, partition_name(*owner), lease, lease))
            conditions.append(Condition(group.offsets_key, name, str(offsets.first), str(offsets.end)))
        return await self.publish(messages, state_writes, conditions)

    async def rewind_to_committed(self, context: AgentContext, offsets: OffsetRange) -> None:
        tp = offsets.topic_partition
        await context.rewind({tp: self._storage.committed(self._storage.group(context.group), tp)})

    # -- reading ----------------------------------------------------------------------------------------------

    async def open_reader(self, topic: Topic, group: str, start: StartPosition) -> InMemoryReader:
        partitions = [(topic.name, number) for number in range(len(self._partitions(topic.name)))]
        return InMemoryReader(self._storage, partitions, group, start)

    async def open_partitions(self, group: str, partitions: Sequence[Partition]) -> InMemoryReader:
        members = self._storage.group(group)
        self._partitions(partitions[0][0])
        self._storage.register(members, list(partitions), Start.EARLIEST)
        start = Offsets({tp[1]: self._storage.committed(members, tp) for tp in partitions})
        return InMemoryReader(self._storage, list(partitions), "", start)

    async def progress(self, topic: str, group: str) -> dict[Partition, Progress]:
        storage = self._storage
        partitions = [(topic, number) for number in range(len(self._partitions(topic)))]
        return {tp: Progress(storage.committed(storage.group(group), tp), storage.end(tp)) for tp in partitions}

    async def lag(self, topic: str, group: str) -> int:
        return sum(progress.lag for progress in (await self.progress(topic, group)).values())

    def removal_commands(self, message: MessageId) -> Sequence[RedisCommand]:
        return ()

    async def has_topic(self, topic: str) -> bool:
        return topic in self._storage.topics

    async def message_count(self, topic: str) -> int:
        return sum(map(len, self._partitions(topic)))

    async def group_lags(self) -> Mapping[str, int]:
        return {}

    async def memory_usage(self) -> float:
        return 0.0

    async def free_bytes(self, share: float) -> int | None:
        return None

    async def close(self) -> None:
        """Do nothing: the data outlive the connection until `clear`."""

    # -- for tests --------------------------------------------------------------------------------------------

    def member_count(self, group: str) -> int:
        """Return the number of open readers in *group*."""
        return len(self._storage.group(group).members)

    def revoke_leases(self, group: str) -> None:
        """End all leases of *group*, as if its members had sent no heartbeats. They then acquire new leases.

        Records that a member has read and not committed are redelivered, and its commits of them are refused.
        """
        consumer_group = self._storage.group(group)
        self._storage.state.run("DEL", consumer_group.leases_key)
        consumer_group.changes += 1
        self._storage.notify()

    def clear(self) -> None:
        """Remove all topics, groups and state of this name. Close readers and subscriptions first."""
        self._storage.clear()
