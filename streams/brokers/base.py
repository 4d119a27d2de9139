"""The seam: what copydesk asks of whatever carries its topics, and keeps its state.

    publish(messages, remember, guards)      all outputs, then all state; on Valkey in one atomic step
    advance(app, runs, messages, remember)   a worker's step: outputs, state and progress, exactly once
    reader(topic, group)                     for subscribers
    state                                    the Redis or Valkey with shared state, for reading

Two implementations: `redis_streams/log.py` and `kafka.py`. `open_broker` chooses by the URL's scheme, once.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from streams.config.settings import Settings
from streams.topics import Topic

RedisCommand = tuple[str | bytes | int | float, ...]
"""A Redis command that remembers something, such as `("HSET", key, field, value)`."""


class OutgoingMessage(NamedTuple):
    """A message to publish."""

    topic: str
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class Delivery(NamedTuple):
    """A message as a subscriber gets it."""

    topic: str
    partition: int
    offset: int
    time_s: float
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class Condition(NamedTuple):
    """A hash field that must be `before` ("" = absent) and becomes `after` in the same step.

    `before == after` only checks. Finding `after` means that the step was done before: repeating is safe.
    """

    key: str
    field: str | bytes
    expected: str | bytes
    new: str | bytes


class OffsetRange(NamedTuple):
    """What a worker has in hand of one partition: the offsets from `first` to just before `following`."""

    topic: str
    partition: int
    first: int
    end: int

    @property
    def topic_partition(self) -> tuple[str, int]:
        return self.topic, self.partition


class Reader(Protocol):
    """A position in a topic. Not for use by two tasks at once.

    A member of a group calls `keep` whenever `is_due` says so: before it reads, and before it handles a record.
    """

    async def read(self, wait_s: float) -> Sequence[Delivery]:
        """Return what has arrived, or nothing after *wait_s* seconds."""

    def position(self) -> dict[int, int]:
        """Return the next offset of each partition that is read."""

    def is_due(self) -> bool:
        """Return whether `keep` must come first; never for a reader without group."""

    async def keep(self) -> set[tuple[str, int]]:
        """Confirm the group's leases; return the partitions that were lost since: what was read of them is stale."""

    def surplus(self) -> Collection[tuple[str, int]]:
        """Return the partitions that another member waits for. They are ours until `hand_over`."""

    async def hand_over(self, partitions: Collection[tuple[str, int]]) -> None:
        """Give *partitions* up; what was read of them and isn't committed comes again at their next owner."""

    async def commit(self, through: Mapping[tuple[str, int], int]) -> None:
        """Remember for the group that all up to and including these offsets is done; refused under a lost lease."""

    async def at_end(self) -> bool:
        """Whether everything that was published when this was asked has been read."""

    async def close(self) -> None: ...


class Broker(Protocol):
    """A connection to topics and state. Methods raise UnavailableError when the broker doesn't answer."""

    state: Any

    async def create_topics(self, topics: Sequence[Topic]) -> None:
        """Create the topics that aren't there."""

    async def publish(
        self,
        messages: Sequence[OutgoingMessage],
        state_writes: Sequence[RedisCommand] = (),
        conditions: Sequence[Condition] = (),
    ) -> bool:
        """Publish, then remember. False: a guard refused, and on Valkey nothing at all was done.

        On Kafka the messages are confirmed first; a crash in between publishes them again, never loses them. What
        workers publish goes through `advance`.
        """

    supports_multi_partition_commit: bool
    """Whether one step can advance several partitions."""

    async def owns(self, app: Any, run: OffsetRange) -> bool:
        """Whether *run* is this worker's to do, as far as that is known. Ask before handling it, `advance` after."""

    async def publish_and_commit(
        self,
        app: Any,
        runs: Sequence[OffsetRange],
        messages: Sequence[OutgoingMessage],
        state_writes: Sequence[RedisCommand],
    ) -> bool:
        """Publish, remember and commit *runs* as one. False: one of them isn't ours any more, and nothing was done."""

    async def rewind_to_committed(self, app: Any, run: OffsetRange) -> None:
        """After a refusal: have the worker read the partition from what is committed, should it still be its own."""

    async def open_reader(self, topic: Topic, group: str, start: str) -> Reader:
        """Return a reader; *start* says where, in partitions that the group hasn't committed.

        It is `start`, `end`, an offset, `last:N` (so many before the end), or an offset each, `0:12.1:7`.

        With an empty group, nothing is committed and *start* always counts.
        """

    async def partition_for(self, topic: str, key: bytes) -> int:
        """Return the partition that messages of *key* go to."""

    async def lag(self, topic: str, group: str) -> int:
        """Return how many messages of *topic* the group hasn't committed."""

    async def memory_usage(self) -> float:
        """Return how full the broker's memory is, from 0 to 1; 0 where it doesn't say."""

    async def close(self) -> None: ...


def resolve_start(start: str, partition: int, first: int, following: int) -> int:
    """Return where to begin in a partition that holds the offsets from *first* to before *following*."""
    if start in ("start", "end"):
        return first if start == "start" else following
    if start.startswith("last:"):
        return max(first, following - int(start[5:]))
    if ":" in start:
        return int(dict(part.split(":") for part in start.split(".")).get(str(partition), first))
    return int(start)


def open_broker(settings: Settings, url: str | None = None) -> Broker:
    """Return the broker at *url* (else `settings.broker_url`), not yet connected."""
    url = url or settings.broker_url
    if url.startswith("kafka:"):
        from streams.brokers.kafka.broker import KafkaBroker  # aiokafka costs memory: only who uses it pays

        return KafkaBroker(url, settings)
    from streams.brokers.redis_streams.broker import RedisStreamsBroker

    return RedisStreamsBroker(url, partitions=settings.partitions, lease_s=settings.lease_timeout_s)
