"""Topics in Kafka: Faust's driver with the commit guard, and the broker for publishing and subscribing outside it.

Every Kafka option that copydesk sets is in this module, with its reason.
"""

import asyncio
import logging
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAlreadyExistsError,
    for_code,
)
from aiokafka.partitioner import DefaultPartitioner
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.brokers.base import Condition, OffsetRange, OutgoingMessage, RedisCommand
from streams.brokers.kafka.reader import KafkaReader, partitions_of
from streams.brokers.kafka.stable_offsets import fetch_stable_offset
from streams.brokers.kafka.transactions import Transactions
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.config.settings import Settings, kafka_bootstrap_servers
from streams.errors import SettingsError, UnavailableError
from streams.faust.consumer_mixins import CommitGuard, DirectDrain
from streams.state.redis_client import Partition
from streams.topics import MAX_MESSAGE_BYTES, Topic

AUTH_ERRORS = (AuthenticationFailedError, SaslAuthenticationFailed, ssl.SSLCertVerificationError)
log = logging.getLogger(__name__)

PRODUCER_OPTIONS: dict[str, Any] = {
    "acks": "all",  # confirmed means on every replica in sync
    "enable_idempotence": True,  # a repeated request doesn't repeat the message
    "linger_ms": 5,  # gather a batch; costs 5 ms, saves most of the requests
    "max_batch_size": 256 * 1024,  # the default, 16 KiB, is a handful of articles
    "max_request_size": MAX_MESSAGE_BYTES,
}
CONSUMER_OPTIONS: dict[str, Any] = {
    "enable_auto_commit": False,  # commit what is done, not what was read
    "isolation_level": "read_committed",  # what a dead worker left half published is never seen
    "fetch_max_wait_ms": 500,
    "session_timeout_ms": 10_000,  # a killed subscriber's partitions go to the others after this
    "heartbeat_interval_ms": 2_500,
    "rebalance_timeout_ms": 30_000,  # longer than a member waits for what its program has in hand (HANDOVER_S)
}
MAX_REPLICATION = 3  # as far as there are brokers; one may die and the rest still confirm
READ_TIMEOUT_S = 10.0


class Consumer(DirectDrain, CommitGuard, driver.Consumer):
    """Faust's aiokafka consumer that never commits past work in hand, nor what `Transactions` commit."""

    async def _commit(self, offsets: Mapping[Any, int]) -> bool:
        ours = getattr(self.app, "commits_with_publish", ())
        offsets = {tp: offset for tp, offset in offsets.items() if tp.topic not in ours}
        return await super()._commit(offsets) if offsets else True


class Transport(driver.Transport):
    """Faust's aiokafka transport with the commit guard."""

    Consumer = Consumer


def security_options(settings: Settings) -> dict[str, Any]:
    """Return aiokafka's options for TLS and SASL. Raises SettingsError for a file that can't be read."""
    options: dict[str, Any] = {"security_protocol": settings.kafka_security_protocol}
    if settings.kafka_security_protocol.endswith("SSL"):
        options["ssl_context"] = _tls(settings)
    if settings.kafka_security_protocol.startswith("SASL"):
        options |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": settings.kafka_password,
        }
    return options


def _tls(settings: Settings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ca_file or None)
        if settings.kafka_cert_file:
            context.load_cert_chain(settings.kafka_cert_file, settings.kafka_key_file or None)
    except OSError as exc:  # ssl.SSLError is one
        raise SettingsError(f"kafka_ca_file, kafka_cert_file, kafka_key_file: {exc}") from exc
    return context


def faust_credentials(settings: Settings) -> faust.auth.Credentials | None:
    """Return the same for Faust, which has classes for it."""
    options = security_options(settings)
    if settings.kafka_security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            mechanism=settings.kafka_sasl_mechanism, username=settings.kafka_username, password=settings.kafka_password,
            ssl_context=options.get("ssl_context"),
        )  # fmt: skip
    return faust.SSLCredentials(options["ssl_context"]) if "ssl_context" in options else None


@contextmanager
def map_kafka_errors(url: str) -> Iterator[None]:
    """Turn what aiokafka raises into UnavailableError, where trying again may help."""
    try:
        yield
    except (TimeoutError, OSError) as exc:
        raise UnavailableError(f"broker unavailable: {url} ({exc!r})") from exc
    except KafkaError as exc:
        if not exc.retriable and type(exc) is not KafkaError:  # the bare class is aiokafka's wrapping of any other
            raise
        raise UnavailableError(f"broker unavailable: {url} ({exc!r})") from exc


class KafkaBroker:
    """Topics in Kafka, state in Redis or Valkey. See `Broker` for the methods that have no docstring here."""

    supports_multi_partition_commit = False  # a transaction fences one partition

    def __init__(self, url: str, settings: Settings) -> None:
        self.url = url
        self.settings = settings
        self.connection = {"bootstrap_servers": ",".join(kafka_bootstrap_servers(url)), **security_options(settings)}
        self.state_store = RedisStreamsBroker(settings.state_url)
        self.state = self.state_store.state
        self._producer: AIOKafkaProducer | None = None
        self._admin_consumers: dict[str, AIOKafkaConsumer] = {}
        self._transactions: dict[str, Transactions] = {}

    def mapped_errors(self) -> AbstractContextManager[None]:
        return map_kafka_errors(self.url)

    # -- topics -----------------------------------------------------------------------------------------------

    async def create_topics(self, topics: Sequence[Topic]) -> None:
        await self.state_store.check_schema_version()
        with self.mapped_errors():
            await self._check_access()
            admin = AIOKafkaAdminClient(**self.connection)
            try:
                await admin.start()
                existing = set(await admin.list_topics())
                brokers = len(admin._client.cluster.brokers()) or 1
                missing = [self._new_topic(t, brokers) for t in topics if t.name not in existing]
                if missing and admin._client.cluster.controller is None:
                    raise UnavailableError(f"broker {self.url} has no controller yet, and so can't create topics")
                if missing:
                    await self._create(admin, missing)
            finally:
                await admin.close()

    async def _check_access(self) -> None:
        """Raise SettingsError when a server refuses us. aiokafka's clients only say that they can't connect."""
        if self.settings.kafka_security_protocol == "PLAINTEXT":
            return
        host, _, port = kafka_bootstrap_servers(self.url)[0].rpartition(":")
        try:
            connection = await create_conn(host, int(port), **security_options(self.settings))
        except AUTH_ERRORS as exc:
            raise SettingsError(f"broker {self.url} refuses: {exc}") from exc
        connection.close()

    async def _create(self, admin: AIOKafkaAdminClient, missing: Sequence[NewTopic]) -> None:
        answer = await admin.create_topics(list(missing))
        for name, code, why in answer.topic_errors:
            if code and for_code(code) is not TopicAlreadyExistsError:  # another worker was faster
                raise UnavailableError(f"broker {self.url} can't create topic {name}: {why or for_code(code)!r}")

    def _new_topic(self, topic: Topic, brokers: int) -> NewTopic:
        replication = self.settings.replication_factor or min(MAX_REPLICATION, brokers)
        config = {
            "retention.ms": str(topic.retention_s * 1000),
            "cleanup.policy": "compact,delete" if topic.compact else "delete",
            "max.message.bytes": str(MAX_MESSAGE_BYTES),
            "min.insync.replicas": str(max(1, replication - 1)),  # confirmed means on two disks, where there are three
        }
        return NewTopic(topic.name, self.settings.partitions, replication, topic_configs=config)

    # -- publishing -------------------------------------------------------------------------------------------

    def create_producer(self, **options: Any) -> AIOKafkaProducer:
        """Return a producer that isn't started yet."""
        return AIOKafkaProducer(**self.connection, **PRODUCER_OPTIONS, **options)

    def new_consumer(self, **options: Any) -> AIOKafkaConsumer:
        """Return a consumer that isn't started yet."""
        return AIOKafkaConsumer(**self.connection, **CONSUMER_OPTIONS, **options)

    async def _started_producer(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = self.create_producer()
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer

    async def publish(
        self,
        messages: Sequence[OutgoingMessage],
        state_writes: Sequence[RedisCommand] = (),
        conditions: Sequence[Condition] = (),
    ) -> bool:
        with self.mapped_errors():
            producer = await self._started_producer()
            sent = [await producer.send(m.topic, m.value, m.key or None, headers=list(m.headers)) for m in messages]
            await asyncio.gather(*sent)
        # Remember only what the broker has confirmed: a crash before this line publishes again under the same
        # (id, revision), and subscribers can tell; in the other order it would lose, and nobody could.
        return await self.state_store.publish((), state_writes, conditions) if state_writes or conditions else True

    # -- a worker's steps -------------------------------------------------------------------------------------

    def _transactions_of(self, app: Any) -> Transactions:
        group = app.conf.id
        if group not in self._transactions:
            self._transactions[group] = Transactions(self, group)
        return self._transactions[group]

    async def owns(self, app: Any, run: OffsetRange) -> bool:
        steps = self._transactions_of(app)
        steps.release_except(set(app.consumer.assignment()))
        with self.mapped_errors():
            return await steps.holds(run)

    async def publish_and_commit(
        self,
        app: Any,
        runs: Sequence[OffsetRange],
        messages: Sequence[OutgoingMessage],
        state_writes: Sequence[RedisCommand],
    ) -> bool:
        [run] = runs
        return await self._transactions_of(app).advance(run, messages, state_writes)

    async def rewind_to_committed(self, app: Any, run: OffsetRange) -> None:
        tp = TP(*run.topic_partition)
        with self.mapped_errors():
            observer = await self._admin_consumer("")
            committed = await fetch_stable_offset(observer._client, app.conf.id, run.topic_partition)
            offset = await self.first_offset(run.topic_partition) if committed is None else committed
            if tp in app.consumer.assignment():
                await app.consumer.seek_wait({tp: offset})

    async def first_offset(self, tp: Partition) -> int:
        """Return the first offset that is kept."""
        observer = await self._admin_consumer("")
        partition = KafkaPartition(*tp)
        return int((await observer.beginning_offsets([partition]))[partition])

    async def next_offset(self, tp: Partition, offset: int) -> int | None:
        """Return the offset of the first message from *offset* on; None if there is none."""
        reader = self.new_consumer(auto_offset_reset="earliest")
        with self.mapped_errors():
            try:
                await reader.start()
                reader.assign([KafkaPartition(*tp)])
                reader.seek(KafkaPartition(*tp), offset)
                async with asyncio.timeout(READ_TIMEOUT_S):
                    return int((await reader.getone()).offset)
            except TimeoutError:
                return None
            finally:
                await reader.stop()

    # -- reading ----------------------------------------------------------------------------------------------

    async def open_reader(self, topic: Topic, group: str, start: str) -> KafkaReader:
        reader = KafkaReader(self, topic.name, group)
        with self.mapped_errors():
            await reader.open(start)
        return reader

    async def partition_for(self, topic: str, key: bytes) -> int:
        with self.mapped_errors():
            count = len(await partitions_of(await self._admin_consumer(""), topic))
        return int(DefaultPartitioner()(key, range(count), range(count)))

    async def lag(self, topic: str, group: str) -> int:
        with self.mapped_errors():
            observer = await self._admin_consumer(group)
            tps = [KafkaPartition(topic, n) for n in sorted(await partitions_of(observer, topic))]
            first, following = await observer.beginning_offsets(tps), await observer.end_offsets(tps)
            done = {tp: await observer.committed(tp) or 0 for tp in tps}
        return sum(following[tp] - max(first[tp], done[tp]) for tp in tps)

    async def _admin_consumer(self, group: str) -> AIOKafkaConsumer:
        """Return a consumer that only asks, how far *group* is say. It subscribes to nothing, and so is no member."""
        found = self._admin_consumers.get(group)
        if found is None:
            found = self.new_consumer(group_id=group or None)
            try:
                await found.start()
            except BaseException:
                await found.stop()
                raise
            self._admin_consumers[group] = found
        return found

    async def memory_usage(self) -> float:
        return await self.state_store.memory_usage()

    async def close(self) -> None:
        for steps in self._transactions.values():
            await steps.close()
        for client in (self._producer, *self._admin_consumers.values()):
            if client is not None:
                await client.stop()
        await self.state.aclose()


__all__ = ["KafkaBroker", "Transport"]
