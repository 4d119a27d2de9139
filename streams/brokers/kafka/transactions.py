"""Exactly-once batches on Kafka: one fenced producer per source partition, and state that follows its transactions.

    write intent    planned state writes and the end offset       Redis, under the worker's token
    publish         messages and the source offset, atomically    Kafka, one transaction
    apply intent    the planned state writes, once                Redis

A worker that takes over a partition opens the producer with the partition's transactional id. Kafka then fences the
previous producer and ends its transaction. The committed offset tells whether the last intent's transaction was
committed; only then are its state writes applied.
Source: KIP-98 (transactions, fencing), KIP-447 (stable offsets).

An archive partition shares the producer, the token and the takeover of the items partition that it follows. Both may
hold items of the same article.

copydesk:kafka:tokens:GROUP    hash: partition → token of the last worker that took it over
copydesk:kafka:intents:GROUP   hash: partition → offset and commands (MessagePack), "" when done
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Protocol

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError, ProducerFenced

from streams.brokers.base import Condition, OffsetRange, OutgoingMessage, RedisCommand
from streams.brokers.kafka.client import KafkaClient
from streams.brokers.kafka.stable_offsets import fetch_stable_offset
from streams.errors import UnavailableError
from streams.logger import get_logger
from streams.state.store import StateStore
from streams.topics import Partition, owned_partitions, owner_partition, partition_name

log = get_logger(__name__)

# An open transaction of a dead worker hides later messages of all producers until a takeover, or for this time.
TRANSACTION_TIMEOUT_S = 15.0
RETRY_MS = 20  # short, since the broker is often still writing the markers of the previous transaction
OPEN_TIMEOUT_S = 20.0
BATCH_TIMEOUT_S = 60.0  # aiokafka retries without a limit while brokers are down


class StatePublisher(Protocol):
    """The Redis Streams broker, as far as transactions use it."""

    state: StateStore

    async def publish(
        self,
        messages: Sequence[OutgoingMessage],
        state_writes: Sequence[RedisCommand] = (),
        conditions: Sequence[Condition] = (),
    ) -> bool: ...


class OwnedPartition:
    """A source partition that this worker has taken over, with those that follow it.

    `positions`: the next offset of each; None before the first commit.
    """

    def __init__(self, producer: AIOKafkaProducer, token: str, positions: dict[Partition, int | None]) -> None:
        self.producer, self.token, self.positions = producer, token, positions


class Transactions:
    """Batches of one worker of consumer group *group*; implements `Broker.owns` and `Broker.publish_and_commit`."""

    def __init__(self, client: KafkaClient, state_store: StatePublisher, group: str) -> None:
        self.client, self.state_store, self.group = client, state_store, group
        self.tokens = f"copydesk:kafka:tokens:{group}"
        self.intents = f"copydesk:kafka:intents:{group}"
        self._owned: dict[Partition, OwnedPartition] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def owns(self, offsets: OffsetRange) -> bool:
        """Return whether *offsets* begins at the group's position; take the partition over if not yet owned."""
        owner = owner_partition(offsets.topic_partition)
        owned = self._owned.get(owner) or await self._take_over(owner)
        if await self._is_next(offsets, owned):
            return True
        token = await self.state_store.state.hget(self.tokens, partition_name(*owner))
        if token == owned.token.encode():
            return False
        self._release(owner)  # another worker owned the partition meanwhile and moved the position
        return await self._is_next(offsets, await self._take_over(owner))

    async def _is_next(self, offsets: OffsetRange, owned: OwnedPartition) -> bool:
        tp = offsets.topic_partition
        position = owned.positions[tp]
        if position is None:
            position = owned.positions[tp] = await self.client.first_offset(tp)
        if position == offsets.first:
            return True
        # Retention, compaction and transaction markers leave gaps without messages, which are valid.
        return position < offsets.first == await self.client.next_offset(tp, position)

    async def publish_and_commit(
        self, offsets: OffsetRange, messages: Sequence[OutgoingMessage], state_writes: Sequence[RedisCommand]
    ) -> bool:
        """Publish, commit and write state; return False if another worker owns the partition. Call `owns` first."""
        tp = offsets.topic_partition
        owner = owner_partition(tp)
        owned = self._owned.get(owner)
        if owned is None:  # a rebalance took the partition during the work, and another step released it
            return False
        intent = msgspec.msgpack.encode([offsets.end, state_writes])
        try:
            if not await self._write_intent(owned, tp, intent):
                self._release(owner)
                return False
            await self._commit_transaction(owned.producer, offsets, messages)
            owned.positions[tp] = offsets.end
            await self._apply_intent(tp, intent, state_writes)
        except ProducerFenced:
            self._release(owner)
            return False
        except BaseException:
            self._release(owner)  # the next takeover finds out whether the transaction was committed
            raise
        return True

    async def _write_intent(self, owned: OwnedPartition, tp: Partition, intent: bytes) -> bool:
        owner = Condition(self.tokens, partition_name(*owner_partition(tp)), owned.token, owned.token)
        return await self.state_store.publish((), (), [owner, Condition(self.intents, partition_name(*tp), "", intent)])

    async def _commit_transaction(
        self, producer: AIOKafkaProducer, offsets: OffsetRange, messages: Sequence[OutgoingMessage]
    ) -> None:
        subject = f"{partition_name(*offsets.topic_partition)}, offsets {offsets.first} to {offsets.end}"
        with self.client.mapped_errors(), map_transaction_errors(subject):
            async with asyncio.timeout(BATCH_TIMEOUT_S):
                await self._send(producer, offsets, messages)

    async def _send(
        self, producer: AIOKafkaProducer, offsets: OffsetRange, messages: Sequence[OutgoingMessage]
    ) -> None:
        await producer.begin_transaction()
        sent = [
            await producer.send(m.topic, m.value, m.key or None, headers=[*m.headers, *m.event_headers()])
            for m in messages
        ]
        source = {KafkaPartition(offsets.topic, offsets.partition): offsets.end}
        committed = producer.send_offsets_to_transaction(source, self.group)
        for result in await asyncio.gather(*sent, committed, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
        await producer.commit_transaction()

    async def _apply_intent(self, tp: Partition, intent: bytes, state_writes: Sequence[RedisCommand]) -> None:
        """Write state and clear the intent in one step that a retry does not repeat."""
        done = Condition(self.intents, partition_name(*tp), intent, "")
        await self.state_store.publish((), state_writes, [done])

    async def _take_over(self, owner: Partition) -> OwnedPartition:
        """Fence the previous owner of the partition and of those that follow it, and complete their last intents."""
        name, token = partition_name(*owner), secrets.token_hex(8)
        async with self._fenced_producer(f"{self.group}:{name}") as producer:
            await self.state_store.state.hset(self.tokens, name, token)
            positions: dict[Partition, int | None] = {}
            for tp in owned_partitions(owner):
                positions[tp] = await fetch_stable_offset(producer.client, self.group, tp)
                await self._recover_intent(tp, positions[tp])
            owned = self._owned[owner] = OwnedPartition(producer, token, positions)
        return owned

    @asynccontextmanager
    async def _fenced_producer(self, transactional_id: str) -> AsyncGenerator[AIOKafkaProducer, None]:
        """Yield a producer that Kafka has accepted as the only one of its id; close it if the block fails."""
        producer = self.client.create_producer(
            transactional_id=transactional_id,
            transaction_timeout_ms=int(TRANSACTION_TIMEOUT_S * 1000),
            retry_backoff_ms=RETRY_MS,
        )
        try:
            with self.client.mapped_errors(), map_transaction_errors(transactional_id):
                async with asyncio.timeout(OPEN_TIMEOUT_S):
                    await producer.start()
                    await producer.begin_transaction()  # returns when this producer has fenced all others
                    await producer.abort_transaction()  # empty transaction: no request
            yield producer
        except BaseException:
            self._close(producer)
            raise

    async def _recover_intent(self, tp: Partition, committed: int | None) -> None:
        intent = await self.state_store.state.hget(self.intents, partition_name(*tp))
        if intent:
            end, state_writes = msgspec.msgpack.decode(intent)
            was_committed = committed is not None and committed >= end
            reason = "last batch committed" if was_committed else "last batch not committed"
            log.info("partition taken over", topic=tp[0], partition=tp[1], reason=reason)
            await self._apply_intent(tp, intent, state_writes if was_committed else ())

    def _release(self, tp: Partition) -> None:
        owned = self._owned.pop(tp, None)
        if owned is not None:
            self._close(owned.producer)

    def release_except(self, partitions: set[Partition]) -> None:
        """Release all partitions except *partitions*."""
        for tp in set(self._owned) - partitions:
            self._release(tp)

    def _close(self, producer: AIOKafkaProducer) -> None:
        """Close in the background, since this takes long while the broker is down."""
        task = asyncio.create_task(_closed(producer))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Close all producers."""
        for tp in list(self._owned):
            self._release(tp)
        if self._closing:
            await asyncio.wait(self._closing, timeout=OPEN_TIMEOUT_S)


@contextmanager
def map_transaction_errors(subject: str) -> Iterator[None]:
    """Map all errors but fencing to UnavailableError; the next takeover ends the transaction of *subject*."""
    try:
        yield
    except ProducerFenced:
        raise
    except (KafkaError, AssertionError) as exc:  # aiokafka asserts the order of its transaction's states
        raise UnavailableError(f"transaction failed: {subject} ({exc!r})") from exc


async def _closed(producer: Any) -> None:
    try:
        await producer.stop()
    except (KafkaError, OSError, UnavailableError) as exc:
        log.info("producer not closed cleanly", error=repr(exc))
