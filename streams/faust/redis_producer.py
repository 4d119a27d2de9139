"""Faust's producer for Redis Streams: sends are queued, and one task writes the queue in pipelines."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from faust.transport import base
from faust.transport.producer import ProducerBuffer
from faust.types import TP, RecordMetadata
from mode import Service

from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.errors import UnavailableError
from streams.retry import retry_unavailable
from streams.state.redis_client import offset_from_entry_id

MAX_BATCH = 500
MAX_QUEUED = 5_000  # senders wait above this
LINGER_S = 0.002
INITIAL_DELAY_S, MAX_DELAY_S = 0.05, 2.0


class PendingSend(NamedTuple):
    """A queued message and the future of its confirmation."""

    tp: TP
    fields: list[Any]
    sent: "asyncio.Future[RecordMetadata]"


def _confirm(batch: Sequence[PendingSend], replies: Sequence[Any]) -> tuple[list[PendingSend], list[Exception]]:
    """Confirm the added messages of *batch*; return the others, and their errors."""
    unsent: list[PendingSend] = []
    failures: list[Exception] = []
    for pending, reply in zip(batch, replies, strict=True):
        if isinstance(reply, Exception):  # not added, for example for lack of memory
            unsent.append(pending)
            failures.append(reply)
        elif not pending.sent.done():
            pending.sent.set_result(RecordMetadata(*pending.tp, pending.tp, offset_from_entry_id(reply)))
    return unsent, failures


class FastBuffer(ProducerBuffer):
    """A buffer with a cheap `size`: Faust reads it for every message, and its own looks up two settings."""

    @property
    def size(self) -> int:
        return int(self.pending.qsize())


class Producer(base.Producer):
    """An at-least-once producer: a send without reply is repeated. `Broker.publish` with conditions is exactly once."""

    logger = logging.getLogger(__name__)  # of Faust's base class

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.buffer = FastBuffer(loop=self.loop, beacon=self.beacon)
        self.buffer.app = self.app

    def __post_init__(self) -> None:
        self.streams: RedisStreamsBroker = self.transport.streams
        self._queue: deque[PendingSend] = deque()
        self._wake, self._idle, self._queue_space, self._flush_now = (asyncio.Event() for _ in range(4))
        self._idle.set()
        self._round_robin = 0
        self._linger_s = self.app.conf.producer_linger or LINGER_S

    async def on_stop(self) -> None:
        await self.flush()

    async def on_shutdown(self) -> None:
        """Close the connections, which no task uses any more."""
        await super().on_shutdown()
        await self.streams.close()

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: Any,
        *,
        transactional_id: str | None = None,
    ) -> "asyncio.Future[RecordMetadata]":
        """Queue a message; return a future that completes with the broker's confirmation."""
        count = await self.streams.partitions(topic, self.app.conf.topic_partitions)
        if partition is None:
            self._round_robin += 1
            partition = self.streams.partition_of(topic, key) if key is not None else self._round_robin % count
        pairs = headers.items() if isinstance(headers, Mapping) else headers or ()
        fields = self.streams.entry_fields(key, value, b"%.3f" % (timestamp or time.time()), pairs)
        while len(self._queue) >= MAX_QUEUED:
            self._queue_space.clear()
            await self._queue_space.wait()
        sent: asyncio.Future[RecordMetadata] = asyncio.get_running_loop().create_future()
        self._queue.append(PendingSend(TP(topic, partition), fields, sent))
        self._idle.clear()
        self._wake.set()
        if len(self._queue) >= MAX_BATCH:
            self._flush_now.set()
        return sent

    async def send_and_wait(self, *args: Any, **kwargs: Any) -> RecordMetadata:
        return await (await self.send(*args, **kwargs))

    @Service.task
    async def _flusher(self) -> None:
        queue = self._queue
        while True:
            if not queue:
                self._idle.set()
                self._wake.clear()
                await self._wake.wait()
            if len(queue) < MAX_BATCH:
                await self.wait_first(self._flush_now.wait(), timeout=self._linger_s)
            self._flush_now.clear()
            batch = [queue.popleft() for _ in range(min(len(queue), MAX_BATCH))]
            self._queue_space.set()
            await self._write(batch)

    async def _write(self, batch: list[PendingSend]) -> None:
        """Write until all messages are confirmed; the source offset is committed only after `flush()` returns."""
        unsent = batch

        async def attempt() -> None:
            nonlocal unsent
            replies = await self.streams.append_entries([(q.tp, q.fields) for q in unsent])
            unsent, failures = _confirm(unsent, replies)
            if failures:
                raise UnavailableError(f"messages not added: {len(unsent)} ({failures[-1]})") from failures[-1]

        await retry_unavailable(
            attempt, "send failed", initial_delay_s=INITIAL_DELAY_S, max_delay_s=MAX_DELAY_S, count=len(batch)
        )

    async def flush(self) -> None:
        await self.buffer.flush()
        self._flush_now.set()
        await self._idle.wait()

    async def create_topic(self, topic: str, partitions: int, replication: int, **kwargs: Any) -> None:
        await self.streams.partitions(topic, partitions)

    def key_partition(self, topic: str, key: bytes) -> TP:
        is_cached = self.streams.cached_partition_count(topic)
        return TP(topic, self.streams.partition_of(topic, key) if is_cached else 0)

    def supports_headers(self) -> bool:
        return True
