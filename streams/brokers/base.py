"""The broker interface: topics, exactly-once commits, and shared state. It knows no implementation and no Faust.

    publish(messages, state_writes, conditions)                     messages, then state; on Valkey in one atomic step
    publish_and_commit(context, ranges, messages, state_writes)     one batch of a worker, exactly once
    open_reader(topic, group, start)                                for subscribers
    state                                                           client of the shared state, for reads

Implementations: `brokers/redis_streams` and `brokers/kafka`. `brokers.open_broker` selects one by URL scheme.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from streams.records import MessageId
from streams.start import StartPosition
from streams.state.store import StateStore
from streams.topics import Partition, Topic

RedisCommand = tuple[str | bytes | int | float, ...]
"""A Redis command that writes state, such as `("HSET", key, field, value)`."""


Headers = tuple[tuple[str, bytes], ...]


class OutgoingMessage(NamedTuple):
    """A message to publish.

    `event_headers` returns CloudEvents attributes. Only brokers with headers of their own call it.
    """

    topic: str
    key: bytes
    value: bytes
    headers: Headers = ()
    event_headers: Callable[[], Headers] = tuple


class ConsumedMessage(NamedTuple):
    """A message as read from a topic. `time_s` is its Unix time, 0 if unknown."""

    topic: str
    partition: int
    offset: int
    time_s: float
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def message_id(self) -> MessageId:
        return MessageId(self.topic, self.partition, self.offset)


class Condition(NamedTuple):
    """Compare-and-set of a hash field: it must be `expected` ("" = absent) and becomes `new` in the same step.

    `expected == new` only checks. If the field is `new` already, the step was done before, so a repeat is safe.
    """

    key: str
    field: str | bytes
    expected: str | bytes
    new: str | bytes


class OffsetRange(NamedTuple):
    """A half-open offset range [first, end) of one partition."""

    topic: str
    partition: int
    first: int
    end: int

    @property
    def topic_partition(self) -> Partition:
        return self.topic, self.partition


class Progress(NamedTuple):
    """A consumer group in one partition: the offset of the next message to process, and the end of the partition."""

    position: int
    end: int

    @property
    def lag(self) -> int:
        return self.end - self.position


class AgentContext(Protocol):
    """A worker's membership in its consumer group, as a broker needs it."""

    group: str

    def assignment(self) -> Collection[Partition]:
        """Return the partitions that are assigned to the worker."""

    def lease_of(self, topic: str, partition: int) -> str:
        """Return the lease under which the partition is assigned; "" where the broker fences without leases."""

    async def rewind(self, offsets: Mapping[Partition, int]) -> None:
        """Continue reading at *offsets* in the partitions that are still assigned to the worker."""


class Reader(Protocol):
    """A position in a topic. One task at a time may use it.

    A group member calls `confirm_leases` whenever `is_due` returns True: before each read and before each record.
    """

    async def read(self, wait_s: float) -> Sequence[ConsumedMessage]:
        """Return new messages, or none after *wait_s* seconds."""

    def position(self) -> dict[int, int]:
        """Return the next offset of each partition that is read."""

    def is_due(self) -> bool:
        """Return whether `confirm_leases` must be called first; always False without a group."""

    async def confirm_leases(self) -> set[Partition]:
        """Confirm the group's leases; return the partitions lost since the last call, whose messages are stale."""

    def to_release(self) -> Collection[Partition]:
        """Return the partitions that another member waits for. This member owns them until `hand_over`."""

    async def hand_over(self, partitions: Collection[Partition]) -> None:
        """Release *partitions*; their next owner receives all uncommitted messages again."""

    async def commit(self, through: Mapping[Partition, int]) -> None:
        """Commit the offsets up to and including *through* for the group; lost leases are skipped."""

    async def at_end(self) -> bool:
        """Return whether the reader has read all messages published before this call."""

    async def close(self) -> None: ...


class Broker(Protocol):
    """A connection to topics and state. Methods raise UnavailableError while the broker is unreachable."""

    state: StateStore

    async def create_topics(self, topics: Sequence[Topic]) -> None:
        """Create the missing topics."""

    async def publish(
        self,
        messages: Sequence[OutgoingMessage],
        state_writes: Sequence[RedisCommand] = (),
        conditions: Sequence[Condition] = (),
    ) -> bool:
        """Publish *messages*, then write state; return False if a condition failed, on Valkey without any effect.

        On Kafka the messages are confirmed first. A crash in between publishes them again, but never loses them.
        Workers use `publish_and_commit` instead.
        """

    supports_multi_partition_commit: bool
    """True if one `publish_and_commit` can commit several partitions."""

    async def owns(self, context: AgentContext, offsets: OffsetRange) -> bool:
        """Return whether the worker may process *offsets*. The check saves work; only `publish_and_commit` decides."""

    async def publish_and_commit(
        self,
        context: AgentContext,
        ranges: Sequence[OffsetRange],
        messages: Sequence[OutgoingMessage],
        state_writes: Sequence[RedisCommand],
    ) -> bool:
        """Publish, write state and commit *ranges* atomically; return False without any effect if one was lost."""

    async def rewind_to_committed(self, context: AgentContext, offsets: OffsetRange) -> None:
        """Rewind the worker to the partition's committed offset after a refusal, if it still owns the partition."""

    async def open_reader(self, topic: Topic, group: str, start: StartPosition) -> Reader:
        """Return a reader of *topic*.

        *start* applies to partitions without a committed offset. Without a group (""), nothing is committed and
        *start* always applies.
        """

    async def open_partitions(self, group: str, partitions: Sequence[Partition]) -> Reader:
        """Return a reader of *partitions* of one topic from the offsets that *group* has committed.

        It joins no group: the caller owns the partitions by other means, and commits by `publish_and_commit`.
        """

    async def read_message(self, message: MessageId) -> ConsumedMessage | None:
        """Return a stored message; None if it has been removed."""

    async def partition_for(self, topic: str, key: bytes) -> int:
        """Return the partition of messages with *key*."""

    async def progress(self, topic: str, group: str) -> dict[Partition, Progress]:
        """Return the progress of the group in each partition of *topic*."""

    async def lag(self, topic: str, group: str) -> int:
        """Return the number of messages of *topic* that the group has not committed."""

    def removal_commands(self, message: MessageId) -> Sequence[RedisCommand]:
        """Return the state writes that remove a message from the broker's memory; none for messages on disk."""

    async def has_topic(self, topic: str) -> bool:
        """Return whether the topic exists; it is not created."""

    async def message_count(self, topic: str) -> int:
        """Return the number of stored messages of *topic*."""

    async def group_lags(self) -> Mapping[str, int]:
        """Return the lag of each registered group, in messages; empty where the broker registers no groups."""

    async def memory_usage(self) -> float:
        """Return the used share of the broker's memory, from 0 to 1; 0 if unknown."""

    async def free_bytes(self, share: float) -> int | None:
        """Return the bytes of messages until *share* of the broker's memory is used; None without a limit."""

    async def close(self) -> None: ...
