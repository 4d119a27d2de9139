"""The Kafka broker: topics in Kafka, shared state in Redis or Valkey. It knows nothing of Faust."""

import asyncio
import ssl
from collections.abc import Collection, Mapping, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.conn import create_conn
from aiokafka.errors import AuthenticationFailedError, SaslAuthenticationFailed, TopicAlreadyExistsError, for_code
from aiokafka.partitioner import DefaultPartitioner

from streams.brokers.base import (
    AgentContext,
    Condition,
    ConsumedMessage,
    OffsetRange,
    OutgoingMessage,
    Progress,
    RedisCommand,
)
from streams.brokers.kafka.client import KafkaClient, partitions_of, security_options
from streams.brokers.kafka.reader import KafkaReader
from streams.brokers.kafka.transactions import Transactions
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.config.settings import Settings, kafka_bootstrap_servers
from streams.errors import SettingsError, UnavailableError
from streams.records import MessageId
from streams.start import Offsets, StartPosition
from streams.topics import MAX_MESSAGE_BYTES, Partition, Topic, owner_partition

AUTH_ERRORS = (AuthenticationFailedError, SaslAuthenticationFailed, ssl.SSLCertVerificationError)
READ_TIMEOUT_S = 5.0  # for one message, read by its offset
MAX_REPLICATION = 3  # limited by the number of brokers; with three, one may fail and the others still confirm


class KafkaBroker:
    """Topics in Kafka, state in Redis or Valkey. `Broker` documents the methods that have no docstring here."""

    supports_multi_partition_commit = False  # a transaction fences one partition

    def __init__(self, url: str, settings: Settings) -> None:
        self.settings = settings
        self.client = KafkaClient(url, settings)
        self.state_store = RedisStreamsBroker(settings.state_url)
        self.state = self.state_store.state
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._transactions: dict[str, Transactions] = {}

    # -- topics -----------------------------------------------------------------------------------------------

    async def create_topics(self, topics: Sequence[Topic]) -> None:
        await self.state_store.check_schema_version()
        with self.client.mapped_errors():
            await self._check_access()
            admin = AIOKafkaAdminClient(**self.client.connection)
            try:
                await admin.start()
                existing = set(await admin.list_topics())
                brokers = len(admin._client.cluster.brokers()) or 1
                missing = [
                    self._new_topic(t, brokers, await self._partition_count(admin, t, existing))
                    for t in topics
                    if t.name not in existing
                ]
                if missing and admin._client.cluster.controller is None:
                    raise UnavailableError(f"topics not created: {self.client.url} (no controller yet)")
                if missing:
                    await self._create(admin, missing)
            finally:
                await admin.close()

    async def _check_access(self) -> None:
        """Raise SettingsError if a server rejects the credentials; aiokafka's clients report only a lost connection."""
        if self.settings.kafka_security_protocol == "PLAINTEXT":
            return
        host, _, port = kafka_bootstrap_servers(self.client.url)[0].rpartition(":")
        try:
            connection = await create_conn(host, int(port), **security_options(self.settings))
        except AUTH_ERRORS as exc:
            raise SettingsError(f"broker login failed: {self.client.url} ({exc}); check the kafka_* settings") from exc
        connection.close()

    async def _create(self, admin: AIOKafkaAdminClient, missing: Sequence[NewTopic]) -> None:
        response = await admin.create_topics(list(missing))
        for name, code, message in response.topic_errors:
            if code and for_code(code) is not TopicAlreadyExistsError:  # created by another worker meanwhile
                raise UnavailableError(
                    f"topic not created: {name} (broker {self.client.url}, {message or repr(for_code(code))})"
                )

    async def _partition_count(self, admin: AIOKafkaAdminClient, topic: Topic, existing: Collection[str]) -> int:
        """Return the partition count of a new topic: that of the topic that it follows, else the setting."""
        owner = owner_partition((topic.name, 0))[0]
        if owner not in existing:
            return self.settings.partitions
        [description] = await admin.describe_topics([owner])
        return len(description["partitions"])

    def _new_topic(self, topic: Topic, brokers: int, partitions: int) -> NewTopic:
        replication = self.settings.replication_factor or min(MAX_REPLICATION, brokers)
        config = {
            "retention.ms": str(topic.retention_s * 1000),
            "cleanup.policy": "compact,delete" if topic.compact else "delete",
            "max.message.bytes": str(MAX_MESSAGE_BYTES),
            "min.insync.replicas": str(max(1, replication - 1)),  # with three replicas, two confirm each message
        }
        return NewTopic(topic.name, partitions, replication, topic_configs=config)

    # -- publishing -------------------------------------------------------------------------------------------

    async def _started_producer(self) -> AIOKafkaProducer:
        async with self._starting:  # for concurrent first calls; a second producer would stay open
            if self._producer is None:
                producer = self.client.create_producer()
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
        with self.client.mapped_errors():
            producer = await self._started_producer()
            sent = [
                await producer.send(m.topic, m.value, m.key or None, headers=[*m.headers, *m.event_headers()])
                for m in messages
            ]
            await asyncio.gather(*sent)
        # State follows the confirmed messages. A crash before this line repeats messages under the same (id, revision),
        # which subscribers recognise. In the other order, a crash would lose messages unnoticed.
        return await self.state_store.publish((), state_writes, conditions) if state_writes or conditions else True

    # -- batches of a worker ----------------------------------------------------------------------------------

    def _transactions_of(self, group: str) -> Transactions:
        if group not in self._transactions:
            self._transactions[group] = Transactions(self.client, self.state_store, group)
        return self._transactions[group]

    async def owns(self, context: AgentContext, offsets: OffsetRange) -> bool:
        transactions = self._transactions_of(context.group)
        transactions.release_except(set(context.assignment()))
        with self.client.mapped_errors():
            return await transactions.owns(offsets)

    async def publish_and_commit(
        self,
        context: AgentContext,
        ranges: Sequence[OffsetRange],
        messages: Sequence[OutgoingMessage],
        state_writes: Sequence[RedisCommand],
    ) -> bool:
        [offsets] = ranges
        return await self._transactions_of(context.group).publish_and_commit(offsets, messages, state_writes)

    async def rewind_to_committed(self, context: AgentContext, offsets: OffsetRange) -> None:
        tp = offsets.topic_partition
        with self.client.mapped_errors():
            committed = await self.client.committed_offset(context.group, tp)
            offset = await self.client.first_offset(tp) if committed is None else committed
            await context.rewind({tp: offset})

    # -- reading ----------------------------------------------------------------------------------------------

    async def open_reader(self, topic: Topic, group: str, start: StartPosition) -> KafkaReader:
        reader = KafkaReader(self.client, topic.name, group)
        with self.client.mapped_errors():
            await reader.open(start)
        return reader

    async def open_partitions(self, group: str, partitions: Sequence[Partition]) -> KafkaReader:
        reader = KafkaReader(self.client, partitions[0][0], "")
        with self.client.mapped_errors():
            committed = {tp[1]: await self.client.committed_offset(group, tp) for tp in partitions}
            start = Offsets({number: offset for number, offset in committed.items() if offset is not None})
            await reader.open(start, [number for _, number in partitions])
        return reader

    async def read_message(self, message: MessageId) -> ConsumedMessage | None:
        reader = KafkaReader(self.client, message.topic, "")
        with self.client.mapped_errors():
            await reader.open(Offsets({message.partition: message.offset}), [message.partition])
        try:
            messages = await reader.read(READ_TIMEOUT_S)
        finally:
            await reader.close()
        return next((m for m in messages if m.offset == message.offset), None)

    async def partition_for(self, topic: str, key: bytes) -> int:
        with self.client.mapped_errors():
            count = len(await partitions_of(await self.client.admin_consumer(), topic))
        return int(DefaultPartitioner()(key, range(count), range(count)))

    async def progress(self, topic: str, group: str) -> dict[Partition, Progress]:
        with self.client.mapped_errors():
            consumer = await self.client.admin_consumer(group)
            tps = [KafkaPartition(topic, n) for n in sorted(await partitions_of(consumer, topic))]
            first, end = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
            committed = {tp: await consumer.committed(tp) or 0 for tp in tps}
        return {(tp.topic, tp.partition): Progress(max(first[tp], committed[tp]), end[tp]) for tp in tps}

    async def lag(self, topic: str, group: str) -> int:
        return sum(progress.lag for progress in (await self.progress(topic, group)).values())

    def removal_commands(self, message: MessageId) -> Sequence[RedisCommand]:
        return ()

    async def has_topic(self, topic: str) -> bool:
        with self.client.mapped_errors():
            return topic in await (await self.client.admin_consumer()).topics()

    async def message_count(self, topic: str) -> int:
        with self.client.mapped_errors():
            consumer = await self.client.admin_consumer()
            tps = [KafkaPartition(topic, n) for n in sorted(await partitions_of(consumer, topic))]
            first, end = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        return sum(end[tp] - first[tp] for tp in tps)

    async def group_lags(self) -> Mapping[str, int]:
        return {}

    async def memory_usage(self) -> float:
        return await self.state_store.memory_usage()

    async def free_bytes(self, share: float) -> int | None:
        return None  # Kafka keeps messages on disk

    async def close(self) -> None:
        for transactions in self._transactions.values():
            await transactions.close()
        if self._producer is not None:
            await self._producer.stop()
        await self.client.close()
        await self.state.aclose()
