"""Kafka clients: all options with their reasons, TLS and SASL, error mapping, and offset lookups."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError, KafkaTimeoutError, KafkaUnavailableError

from streams.brokers.kafka.group_errors import check_group_errors
from streams.brokers.kafka.stable_offsets import fetch_stable_offset
from streams.brokers.kafka.static_members import keep_static_members
from streams.config.settings import Settings, kafka_bootstrap_servers
from streams.errors import SettingsError, UnavailableError
from streams.topics import MAX_MESSAGE_BYTES, METADATA_MAX_AGE_S, Partition

check_group_errors()  # Faust's consumers, too: its transport imports this module
keep_static_members()

PRODUCER_OPTIONS: dict[str, Any] = {
    "acks": "all",  # a message is confirmed when every in-sync replica has it
    "enable_idempotence": True,  # a repeated request does not repeat the message
    "linger_ms": 5,  # collects a batch: costs 5 ms, saves most of the requests
    "max_batch_size": 256 * 1024,  # the default of 16 KiB holds only a handful of articles
    "max_request_size": MAX_MESSAGE_BYTES,
}
CONSUMER_OPTIONS: dict[str, Any] = {
    "enable_auto_commit": False,  # commits follow the processing, not the reads
    "isolation_level": "read_committed",  # hides the half-published batch of a dead worker
    "fetch_max_wait_ms": 500,
    "metadata_max_age_ms": METADATA_MAX_AGE_S * 1000,
    "session_timeout_ms": 10_000,  # time until the partitions of a killed subscriber are reassigned
    "heartbeat_interval_ms": 2_500,
    "rebalance_timeout_ms": 30_000,  # longer than a member waits for its program's current records (HANDOVER_S)
}
READ_TIMEOUT_S = 10.0


def security_options(settings: Settings) -> dict[str, Any]:
    """Return aiokafka's options for TLS and SASL; raise SettingsError for an unreadable file."""
    options: dict[str, Any] = {"security_protocol": settings.kafka_security_protocol}
    if settings.kafka_security_protocol.endswith("SSL"):
        options["ssl_context"] = _tls_context(settings)
    if settings.kafka_security_protocol.startswith("SASL"):
        options |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": settings.kafka_password,
        }
    return options


def _tls_context(settings: Settings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ca_file or None)
        if settings.kafka_cert_file:
            context.load_cert_chain(settings.kafka_cert_file, settings.kafka_key_file or None)
    except OSError as exc:  # includes ssl.SSLError
        raise SettingsError(
            f"unreadable certificate: kafka_ca_file, kafka_cert_file or kafka_key_file ({exc}); correct the path"
        ) from exc
    return context


@contextmanager
def map_kafka_errors(url: str) -> Iterator[None]:
    """Map aiokafka's temporary errors to UnavailableError."""
    try:
        yield
    except (TimeoutError, OSError, KafkaTimeoutError, KafkaUnavailableError) as exc:  # aiokafka retries neither
        raise UnavailableError(f"broker unavailable: {url} ({exc!r})") from exc
    except KafkaError as exc:
        if not exc.retriable and type(exc) is not KafkaError:  # aiokafka wraps other errors in the bare class
            raise
        raise UnavailableError(f"broker unavailable: {url} ({exc!r})") from exc


async def partitions_of(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    """Return the partition numbers of *topic*."""
    await consumer._client._wait_on_metadata(topic)
    return set(consumer.partitions_for_topic(topic) or ())


class KafkaClient:
    """Creates producers and consumers of one cluster, and looks up offsets."""

    def __init__(self, url: str, settings: Settings) -> None:
        self.url = url
        self.connection = {"bootstrap_servers": ",".join(kafka_bootstrap_servers(url)), **security_options(settings)}
        self._admin_consumers: dict[str, AIOKafkaConsumer] = {}
        self._starting = asyncio.Lock()

    def mapped_errors(self) -> AbstractContextManager[None]:
        return map_kafka_errors(self.url)

    def create_producer(self, **options: Any) -> AIOKafkaProducer:
        """Return a producer that is not started."""
        return AIOKafkaProducer(**self.connection, **PRODUCER_OPTIONS, **options)

    def create_consumer(self, **options: Any) -> AIOKafkaConsumer:
        """Return a consumer that is not started."""
        return AIOKafkaConsumer(**self.connection, **CONSUMER_OPTIONS, **options)

    async def admin_consumer(self, group: str = "") -> AIOKafkaConsumer:
        """Return a started consumer for lookups about *group*. It has no subscription, so it is not a member."""
        async with self._starting:  # partitions are taken over concurrently; a second consumer would stay open
            if group not in self._admin_consumers:
                self._admin_consumers[group] = await self._start_consumer(group)
        return self._admin_consumers[group]

    async def _start_consumer(self, group: str) -> AIOKafkaConsumer:
        consumer = self.create_consumer(group_id=group or None)
        try:
            await consumer.start()
        except BaseException:
            await consumer.stop()
            raise
        return consumer

    async def first_offset(self, tp: Partition) -> int:
        """Return the offset of the oldest stored message."""
        consumer = await self.admin_consumer()
        partition = KafkaPartition(*tp)
        return int((await consumer.beginning_offsets([partition]))[partition])

    async def next_offset(self, tp: Partition, offset: int) -> int | None:
        """Return the offset of the first message at or after *offset*; None without one."""
        reader = self.create_consumer(auto_offset_reset="earliest")
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

    async def committed_offset(self, group: str, tp: Partition) -> int | None:
        """Return the committed offset that no open transaction can change; None without one."""
        consumer = await self.admin_consumer()
        return await fetch_stable_offset(consumer._client, group, tp)

    async def close(self) -> None:
        for consumer in self._admin_consumers.values():
            await consumer.stop()
