"""Exactly once on Kafka: a fenced producer for each source partition, and state that follows its transactions.

    intend     what will be remembered, and up to which offset     Redis, under our token
    publish    all outputs and the source offset, or neither       Kafka, one transaction
    remember   what was intended, once                             Redis

Whoever takes a partition over opens the producer of its name: Kafka then refuses the one before (fencing) and ends
its transaction. The committed offset tells whether the last intention came true; only then is it remembered.
Source: KIP-98 (transactions, fencing), KIP-447 (offsets that no transaction can still change).

copydesk:kafka:tokens:GROUP       hash: partition → token of whoever took it over last
copydesk:kafka:intentions:GROUP   hash: partition → offset and commands (MessagePack), "" when done
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError, ProducerFenced

from streams.brokers.base import Condition, OffsetRange, OutgoingMessage, RedisCommand
from streams.brokers.kafka.stable_offsets import fetch_stable_offset
from streams.errors import UnavailableError
from streams.state.redis_client import Partition, map_redis_errors, partition_name

if TYPE_CHECKING:
    from streams.brokers.kafka.broker import KafkaBroker

log = logging.getLogger(__name__)

# A dead worker's open transaction hides what others publish behind it until its heir comes, or this has passed.
TRANSACTION_TIMEOUT_S = 15.0
RETRY_MS = 20  # the broker often asks to wait a moment for the marks of the transaction before
OPEN_TIMEOUT_S = 20.0
STEP_TIMEOUT_S = 60.0  # aiokafka goes on trying by itself while brokers are away


class OwnedPartition:
    """A source partition that we took over, and how far its group is."""

    def __init__(self, producer: AIOKafkaProducer, token: str, position: int) -> None:
        self.producer, self.token, self.position = producer, token, position


class Transactions:
    """The steps of one consumer group's worker on Kafka. See `Broker.holds` and `Broker.advance`."""

    def __init__(self, kafka: "KafkaBroker", group: str) -> None:
        self.kafka, self.group = kafka, group
        self.tokens = f"copydesk:kafka:tokens:{group}"
        self.intents = f"copydesk:kafka:intentions:{group}"
        self._owned: dict[Partition, OwnedPartition] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def holds(self, run: OffsetRange) -> bool:
        """Whether *run* begins where the group is; takes the partition over when that hasn't been done yet."""
        owned = self._owned.get(run.topic_partition) or await self._take_over(run.topic_partition)
        if await self._is_next(run, owned):
            return True
        with map_redis_errors(self.kafka.state_store.url):
            token = await self.kafka.state.hget(self.tokens, partition_name(*run.topic_partition))
        if token == owned.token.encode():
            return False
        self._release(run.topic_partition)  # somebody had it in the meantime, and moved on
        return await self._is_next(run, await self._take_over(run.topic_partition))

    async def _is_next(self, run: OffsetRange, owned: OwnedPartition) -> bool:
        if owned.position == run.first:
            return True
        # A gap is right where nothing is kept between: retention, compaction, the marks of transactions.
        return owned.position < run.first == await self.kafka.next_offset(run.topic_partition, owned.position)

    async def advance(
        self, run: OffsetRange, messages: Sequence[OutgoingMessage], state_writes: Sequence[RedisCommand]
    ) -> bool:
        """Publish, commit and remember; False when somebody else has the partition. `holds` comes first."""
        tp = run.topic_partition
        owned = self._owned[tp]
        intention = msgspec.msgpack.encode([run.end, state_writes])
        try:
            if not await self._write_intent(owned, tp, intention):
                self._release(tp)
                return False
            await self._commit_transaction(owned.producer, run, messages)
            owned.position = run.end
            await self._apply_intent(tp, intention, state_writes)
        except ProducerFenced:
            self._release(tp)
            return False
        except BaseException:
            self._release(tp)  # taking it over again finds out how far this came
            raise
        return True

    async def _write_intent(self, owned: OwnedPartition, tp: Partition, intention: bytes) -> bool:
        name = partition_name(*tp)
        ours = Condition(self.tokens, name, owned.token, owned.token)
        return await self.kafka.state_store.publish((), (), [ours, Condition(self.intents, name, "", intention)])

    async def _commit_transaction(
        self, producer: AIOKafkaProducer, run: OffsetRange, messages: Sequence[OutgoingMessage]
    ) -> None:
        what = f"{partition_name(*run.topic_partition)}, offsets {run.first} to {run.end}"
        with self.kafka.mapped_errors(), map_transaction_errors(what):
            async with asyncio.timeout(STEP_TIMEOUT_S):
                await self._send(producer, run, messages)

    async def _send(self, producer: AIOKafkaProducer, run: OffsetRange, messages: Sequence[OutgoingMessage]) -> None:
        await producer.begin_transaction()
        sent = [await producer.send(m.topic, m.value, m.key or None, headers=list(m.headers)) for m in messages]
        source = {KafkaPartition(run.topic, run.partition): run.end}
        committed = producer.send_offsets_to_transaction(source, self.group)
        for result in await asyncio.gather(*sent, committed, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
        await producer.commit_transaction()

    async def _apply_intent(self, tp: Partition, intention: bytes, remember: Sequence[RedisCommand]) -> None:
        """Do what was intended and mark it as done, in one step that a second try doesn't repeat."""
        done = Condition(self.intents, partition_name(*tp), intention, "")
        await self.kafka.state_store.publish((), remember, [done])

    async def _take_over(self, tp: Partition) -> OwnedPartition:
        """Fence whoever had the partition before, and finish what it had begun."""
        name, token = partition_name(*tp), secrets.token_hex(8)
        async with self._fenced_producer(f"{self.group}:{name}") as producer:
            with map_redis_errors(self.kafka.state_store.url):
                await self.kafka.state.hset(self.tokens, name, token)
            committed = await fetch_stable_offset(producer.client, self.group, tp)
            await self._recover_intent(tp, committed)
            position = await self.kafka.first_offset(tp) if committed is None else committed
            owned = self._owned[tp] = OwnedPartition(producer, token, position)
        return owned

    @asynccontextmanager
    async def _fenced_producer(self, transactional_id: str) -> AsyncGenerator[AIOKafkaProducer, None]:
        """Give a producer that Kafka has accepted as the only one of its id; closed again if the block fails."""
        producer = self.kafka.create_producer(
            transactional_id=transactional_id,
            transaction_timeout_ms=int(TRANSACTION_TIMEOUT_S * 1000),
            retry_backoff_ms=RETRY_MS,
        )
        try:
            with self.kafka.mapped_errors(), map_transaction_errors(transactional_id):
                async with asyncio.timeout(OPEN_TIMEOUT_S):
                    await producer.start()
                    await producer.begin_transaction()  # returns once the id is ours
                    await producer.abort_transaction()  # nothing in it: no request
            yield producer
        except BaseException:
            self._close(producer)
            raise

    async def _recover_intent(self, tp: Partition, committed: int | None) -> None:
        with map_redis_errors(self.kafka.state_store.url):
            intention = await self.kafka.state.hget(self.intents, partition_name(*tp))
        if intention:
            following, remember = msgspec.msgpack.decode(intention)
            came_true = committed is not None and committed >= following
            log.info("%s: the last batch before was %s", partition_name(*tp), "done" if came_true else "not done")
            await self._apply_intent(tp, intention, remember if came_true else ())

    def _release(self, tp: Partition) -> None:
        owned = self._owned.pop(tp, None)
        if owned is not None:
            self._close(owned.producer)

    def release_except(self, partitions: set[Partition]) -> None:
        """Let go of the partitions that were assigned to others."""
        for tp in set(self._owned) - partitions:
            self._release(tp)

    def _close(self, producer: AIOKafkaProducer) -> None:
        """Close in the background: a producer whose broker is gone takes its time."""
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
def map_transaction_errors(what: str) -> Iterator[None]:
    """Turn whatever else stops a transaction into UnavailableError: taking over again ends it and begins anew."""
    try:
        yield
    except ProducerFenced:
        raise
    except (KafkaError, AssertionError) as exc:  # aiokafka asserts the order of its transaction's states
        raise UnavailableError(f"transaction of {what}: {exc!r}") from exc


async def _closed(producer: Any) -> None:
    try:
        await producer.stop()
    except (KafkaError, OSError, UnavailableError) as exc:
        log.info("closing a producer: %r", exc)
