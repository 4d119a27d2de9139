"""Topics in Kafka: Faust's driver with the commit guard, and the broker for publishing and subscribing outside it.

Every Kafka option that copydesk sets is in this module, with its reason.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError
from faust.transport.drivers import aiokafka as driver
from yarl import URL

from streams.errors import UnavailableError
from streams.topics import Topic
from streams.transport.broker import Command, Delivery, Guard, Message
from streams.transport.guard import CommitGuard
from streams.transport.redis_streams.log import Log

PRODUCER = {
    "acks": "all",  # confirmed means on every replica in sync
    "enable_idempotence": True,  # a repeated request doesn't repeat the message
    "linger_ms": 5,  # gather a batch; costs 5 ms, saves most of the requests
    "max_request_size": 5 * 1024 * 1024,  # an article with its audit may be large
}
CONSUMER = {
    "enable_auto_commit": False,  # commit what is done, not what was read
    "isolation_level": "read_committed",  # other programs may write transactions
    "fetch_max_wait_ms": 500,
}
MAX_REPLICATION = 3  # as far as there are brokers; two may die and nothing is lost


class Consumer(CommitGuard, driver.Consumer):
    """Faust's aiokafka consumer that never commits past work in hand."""


class Transport(driver.Transport):
    """Faust's aiokafka transport with the commit guard."""

    Consumer = Consumer


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Turn what aiokafka raises into UnavailableError, where trying again may help."""
    try:
        yield
    except (TimeoutError, OSError) as exc:
        raise UnavailableError(f"broker {url} doesn't answer: {exc!r}") from exc
    except KafkaError as exc:
        if not exc.retriable:
            raise
        raise UnavailableError(f"broker {url} doesn't answer: {exc!r}") from exc


class KafkaBroker:
    """Topics in Kafka, state in Redis or Valkey. See `Broker` for the methods that have no docstring here."""

    def __init__(self, url: str, state_url: str, partitions: int) -> None:
        self.url = url
        self.servers = ",".join(f"{u.host}:{u.port or 9092}" for u in map(URL, url.split(";")))
        self.state_log = Log(state_url)
        self.state = self.state_log.state
        self.default_partitions = partitions
        self._producer: AIOKafkaProducer | None = None
        self._observers: dict[str, AIOKafkaConsumer] = {}

    async def declare(self, topics: Sequence[Topic]) -> None:
        with translated(self.url):
            admin = AIOKafkaAdminClient(bootstrap_servers=self.servers)
            try:
                await admin.start()
                existing = set(await admin.list_topics())
                replication = min(MAX_REPLICATION, len(admin._client.cluster.brokers()) or 1)
                missing = [self._new_topic(t, replication) for t in topics if t.name not in existing]
                if missing and admin._client.cluster.controller is None:
                    raise UnavailableError(f"broker {self.url} has no controller yet, and so can't create topics")
                if missing:
                    await admin.create_topics(missing)
            except TopicAlreadyExistsError:
                pass  # another worker was faster
            finally:
                await admin.close()

    def _new_topic(self, topic: Topic, replication: int) -> NewTopic:
        config = {
            "retention.ms": str(topic.retention_s * 1000),
            "cleanup.policy": "compact,delete" if topic.compact else "delete",
        }
        return NewTopic(topic.name, self.default_partitions, replication, topic_configs=config)

    async def _started_producer(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(bootstrap_servers=self.servers, **PRODUCER)
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer

    async def publish(
        self, messages: Sequence[Message], remember: Sequence[Command] = (), guards: Sequence[Guard] = ()
    ) -> bool:
        with translated(self.url):
            producer = await self._started_producer()
            sent = [await producer.send(m.topic, m.value, m.key or None, headers=list(m.headers)) for m in messages]
            await asyncio.gather(*sent)
        # Remember only what the broker has confirmed: a crash before this line publishes again under the same
        # (id, revision), and subscribers can tell; in the other order it would lose, and nobody could.
        return await self.state_log.publish((), remember, guards) if remember or guards else True

    def progress(self, app: Any, topic: str, partition: int, first: int, following: int) -> Sequence[Guard]:
        return ()  # Faust commits to Kafka, once the agent has taken the next batch

    async def rewind(self, app: Any, topic: str, partition: int) -> None:
        """Without guards, nothing is refused."""

    async def reader(self, topic: Topic, group: str, start: str) -> "KafkaReader":
        reader = KafkaReader(self, topic.name, group)
        with translated(self.url):
            await reader.open(start)
        return reader

    async def lag(self, topic: str, group: str) -> int:
        with translated(self.url):
            observer = await self._observer(group)
            tps = [KafkaPartition(topic, n) for n in sorted(await _partitions(observer, topic))]
            first, following = await observer.beginning_offsets(tps), await observer.end_offsets(tps)
            done = {tp: await observer.committed(tp) or 0 for tp in tps}
        return sum(following[tp] - max(first[tp], done[tp]) for tp in tps)

    async def _observer(self, group: str) -> AIOKafkaConsumer:
        """A consumer that only asks how far *group* is. It subscribes to nothing, and so is no member."""
        found = self._observers.get(group)
        if found is None:
            found = AIOKafkaConsumer(bootstrap_servers=self.servers, group_id=group, **CONSUMER)
            try:
                await found.start()
            except BaseException:
                await found.stop()
                raise
            self._observers[group] = found
        return found

    async def pressure(self) -> float:
        return await self.state_log.pressure()

    async def close(self) -> None:
        for client in (self._producer, *self._observers.values()):
            if client is not None:
                await client.stop()
        await self.state.aclose()


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer._client._wait_on_metadata(topic)
    return set(consumer.partitions_for_topic(topic) or ())


class KafkaReader:
    """A subscriber's position in a Kafka topic."""

    def __init__(self, broker: KafkaBroker, topic: str, group: str) -> None:
        self.broker, self.topic, self.group = broker, topic, group
        self._consumer: AIOKafkaConsumer | None = None

    async def open(self, start: str) -> None:
        reset = "latest" if start == "end" else "earliest"
        options: dict[str, Any] = {"auto_offset_reset": reset, **CONSUMER}
        consumer = AIOKafkaConsumer(bootstrap_servers=self.broker.servers, group_id=self.group or None, **options)
        try:
            if self.group:
                consumer.subscribe([self.topic])
                await consumer.start()
            else:
                await consumer.start()
                tps = [KafkaPartition(self.topic, n) for n in sorted(await _partitions(consumer, self.topic))]
                consumer.assign(tps)
                await self._seek(consumer, tps, start)
        except BaseException:
            await consumer.stop()
            raise
        self._consumer = consumer

    @staticmethod
    async def _seek(consumer: AIOKafkaConsumer, tps: list[KafkaPartition], start: str) -> None:
        if start == "start":
            await consumer.seek_to_beginning(*tps)
        elif start == "end":
            await consumer.seek_to_end(*tps)
        else:
            for tp in tps:
                consumer.seek(tp, int(start))

    @property
    def _open(self) -> AIOKafkaConsumer:
        assert self._consumer is not None, "open() comes first"
        return self._consumer

    async def read(self, wait_s: float) -> list[Delivery]:
        with translated(self.broker.url):
            found = await self._open.getmany(timeout_ms=int(wait_s * 1000), max_records=500)
        return [
            Delivery(r.topic, r.partition, r.offset, r.timestamp / 1000, r.key or b"", r.value or b"", tuple(r.headers))
            for records in found.values()
            for r in records
        ]

    async def commit(self, through: Mapping[tuple[str, int], int]) -> None:
        if not self.group:
            return
        mine = self._open.assignment()
        offsets = {KafkaPartition(*tp): o + 1 for tp, o in through.items() if KafkaPartition(*tp) in mine}
        if offsets:
            with translated(self.broker.url):
                await self._open.commit(offsets)

    async def at_end(self) -> bool:
        with translated(self.broker.url):
            tps = list(self._open.assignment())
            ends = await self._open.end_offsets(tps)
            return bool(tps) and all([await self._open.position(tp) >= ends[tp] for tp in tps])

    async def close(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()


__all__ = ["KafkaBroker", "Transport"]
