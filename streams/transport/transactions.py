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

from streams.errors import UnavailableError
from streams.transport.broker import Command, Guard, Message, Run
from streams.transport.offsets import fetch_stable_offset
from streams.transport.redis_streams.client import Partition, partition_name, translated

if TYPE_CHECKING:
    from streams.transport.kafka import KafkaBroker

log = logging.getLogger(__name__)

# A dead worker's open transaction hides what others publish behind it until its heir comes, or this has passed.
TRANSACTION_TIMEOUT_S = 15.0
RETRY_MS = 20  # the broker often asks to wait a moment for the marks of the transaction before
OPEN_TIMEOUT_S = 20.0
STEP_TIMEOUT_S = 60.0  # aiokafka goes on trying by itself while brokers are away


class Owned:
    """A source partition that we took over, and how far its group is."""

    def __init__(self, producer: AIOKafkaProducer, token: str, position: int) -> None:
        self.producer, self.token, self.position = producer, token, position


class Transactions:
    """The steps of one consumer group's worker on Kafka. See `Broker.holds` and `Broker.advance`."""

    def __init__(self, kafka: "KafkaBroker", group: str) -> None:
        self.kafka, self.group = kafka, group
        self.tokens = f"copydesk:kafka:tokens:{group}"
        self.intentions = f"copydesk:kafka:intentions:{group}"
        self._owned: dict[Partition, Owned] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def holds(self, run: Run) -> bool:
        """Whether *run* begins where the group is; takes the partition over when that hasn't been done yet."""
        owned = self._owned.get(run.partition_of) or await self._take_over(run.partition_of)
        if await self._begins(run, owned):
            return True
        with translated(self.kafka.state_log.url):
            token = await self.kafka.state.hget(self.tokens, partition_name(*run.partition_of))
        if token == owned.token.encode():
            return False
        self._drop(run.partition_of)  # somebody had it in the meantime, and moved on
        return await self._begins(run, await self._take_over(run.partition_of))

    async def _begins(self, run: Run, owned: Owned) -> bool:
        if owned.position == run.first:
            return True
        # A gap is right where nothing is kept between: retention, compaction, the marks of transactions.
        return owned.position < run.first == await self.kafka.next_offset(run.partition_of, owned.position)

    async def advance(self, run: Run, messages: Sequence[Message], remember: Sequence[Command]) -> bool:
        """Publish, commit and remember; False when somebody else has the partition. `holds` comes first."""
        tp = run.partition_of
        owned = self._owned[tp]
        intention = msgspec.msgpack.encode([run.following, remember])
        try:
            if not await self._intend(owned, tp, intention):
                self._drop(tp)
                return False
            await self._transact(owned.producer, run, messages)
            owned.position = run.following
            await self._settle(tp, intention, remember)
        except ProducerFenced:
            self._drop(tp)
            return False
        except BaseException:
            self._drop(tp)  # taking it over again finds out how far this came
            raise
        return True

    async def _intend(self, owned: Owned, tp: Partition, intention: bytes) -> bool:
        name = partition_name(*tp)
        ours = Guard(self.tokens, name, owned.token, owned.token)
        return await self.kafka.state_log.publish((), (), [ours, Guard(self.intentions, name, "", intention)])

    async def _transact(self, producer: AIOKafkaProducer, run: Run, messages: Sequence[Message]) -> None:
        what = f"{partition_name(*run.partition_of)}, offsets {run.first} to {run.following}"
        with self.kafka.translated(), broken_is_unavailable(what):
            async with asyncio.timeout(STEP_TIMEOUT_S):
                await self._send(producer, run, messages)

    async def _send(self, producer: AIOKafkaProducer, run: Run, messages: Sequence[Message]) -> None:
        await producer.begin_transaction()
        sent = [await producer.send(m.topic, m.value, m.key or None, headers=list(m.headers)) for m in messages]
        source = {KafkaPartition(run.topic, run.number): run.following}
        committed = producer.send_offsets_to_transaction(source, self.group)
        for result in await asyncio.gather(*sent, committed, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
        await producer.commit_transaction()

    async def _settle(self, tp: Partition, intention: bytes, remember: Sequence[Command]) -> None:
        """Do what was intended and mark it as done, in one step that a second try doesn't repeat."""
        done = Guard(self.intentions, partition_name(*tp), intention, "")
        await self.kafka.state_log.publish((), remember, [done])

    async def _take_over(self, tp: Partition) -> Owned:
        """Fence whoever had the partition before, and finish what it had begun."""
        name, token = partition_name(*tp), secrets.token_hex(8)
        async with self._opened(f"{self.group}:{name}") as producer:
            with translated(self.kafka.state_log.url):
                await self.kafka.state.hset(self.tokens, name, token)
            committed = await fetch_stable_offset(producer.client, self.group, tp)
            await self._resolve(tp, committed)
            position = await self.kafka.first_offset(tp) if committed is None else committed
            owned = self._owned[tp] = Owned(producer, token, position)
        return owned

    @asynccontextmanager
    async def _opened(self, transactional_id: str) -> AsyncGenerator[AIOKafkaProducer, None]:
        """Give a producer that Kafka has accepted as the only one of its id; closed again if the block fails."""
        producer = self.kafka.new_producer(
            transactional_id=transactional_id,
            transaction_timeout_ms=int(TRANSACTION_TIMEOUT_S * 1000),
            retry_backoff_ms=RETRY_MS,
        )
        try:
            with self.kafka.translated(), broken_is_unavailable(transactional_id):
                async with asyncio.timeout(OPEN_TIMEOUT_S):
                    await producer.start()
                    await producer.begin_transaction()  # returns once the id is ours
                    await producer.abort_transaction()  # nothing in it: no request
            yield producer
        except BaseException:
            self._close(producer)
            raise

    async def _resolve(self, tp: Partition, committed: int | None) -> None:
        with translated(self.kafka.state_log.url):
            intention = await self.kafka.state.hget(self.intentions, partition_name(*tp))
        if intention:
            following, remember = msgspec.msgpack.decode(intention)
            came_true = committed is not None and committed >= following
            log.info("%s: the last batch before was %s", partition_name(*tp), "done" if came_true else "not done")
            await self._settle(tp, intention, remember if came_true else ())

    def _drop(self, tp: Partition) -> None:
        owned = self._owned.pop(tp, None)
        if owned is not None:
            self._close(owned.producer)

    def keep_only(self, partitions: set[Partition]) -> None:
        """Let go of the partitions that were assigned to others."""
        for tp in set(self._owned) - partitions:
            self._drop(tp)

    def _close(self, producer: AIOKafkaProducer) -> None:
        """Close in the background: a producer whose broker is gone takes its time."""
        task = asyncio.create_task(_closed(producer))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Close all producers."""
        for tp in list(self._owned):
            self._drop(tp)
        if self._closing:
            await asyncio.wait(self._closing, timeout=OPEN_TIMEOUT_S)


@contextmanager
def broken_is_unavailable(what: str) -> Iterator[None]:
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
