"""Faust's producer over the log: sends are queued, and one task turns whatever is queued into one pipeline."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from faust.transport import base
from faust.transport.producer import ProducerBuffer
from faust.types import TP, RecordMetadata
from mode import Service, get_logger

from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.errors import UnavailableError
from streams.state.redis_client import offset_from_entry_id

MAX_BATCH = 500
MAX_QUEUED = 5_000  # beyond it a sender waits
LINGER_S = 0.002
INITIAL_DELAY_S, MAX_DELAY_S = 0.05, 2.0


class PendingSend(NamedTuple):
    tp: TP
    fields: list[Any]
    sent: "asyncio.Future[RecordMetadata]"


class FastBuffer(ProducerBuffer):
    """Faust asks for its buffer's size with every message, and looks up two settings each time to answer."""

    @property
    def size(self) -> int:
        return int(self.pending.qsize())


class Producer(base.Producer):
    """At least once: a send whose answer got lost is repeated. `Log.publish` with guards is exactly once."""

    logger = get_logger(__name__)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.buffer = FastBuffer(loop=self.loop, beacon=self.beacon)
        self.buffer.app = self.app

    def __post_init__(self) -> None:
        self.log_: RedisStreamsBroker = self.transport.log_
        self._queue: deque[PendingSend] = deque()
        self._wake, self._idle, self._room, self._hurry = (asyncio.Event() for _ in range(4))
        self._idle.set()
        self._round_robin = 0
        self._linger_s = self.app.conf.producer_linger or LINGER_S

    async def on_stop(self) -> None:
        await self.flush()

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
        """Queue a message; the future is done when the broker has confirmed it."""
        count = await self.log_.partitions(topic, self.app.conf.topic_partitions)
        if partition is None:
            self._round_robin += 1
            partition = self.log_.partition_of(topic, key) if key is not None else self._round_robin % count
        pairs = headers.items() if isinstance(headers, Mapping) else headers or ()
        fields = self.log_.entry_fields(key, value, b"%.3f" % (timestamp or time.time()), pairs)
        while len(self._queue) >= MAX_QUEUED:
            self._room.clear()
            await self._room.wait()
        sent: asyncio.Future[RecordMetadata] = asyncio.get_running_loop().create_future()
        self._queue.append(PendingSend(TP(topic, partition), fields, sent))
        self._idle.clear()
        self._wake.set()
        if len(self._queue) >= MAX_BATCH:
            self._hurry.set()
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
                await self.wait_first(self._hurry.wait(), timeout=self._linger_s)
            self._hurry.clear()
            batch = [queue.popleft() for _ in range(min(len(queue), MAX_BATCH))]
            self._room.set()
            await self._write(batch)

    async def _write(self, batch: list[PendingSend]) -> None:
        """Write until all is confirmed. Never drop: the source offset isn't committed before `flush()` returns."""
        delay_s = INITIAL_DELAY_S
        while batch:
            failure: Exception | None = None
            replies: list[Any] = []
            try:
                replies = await self.log_.append_entries([(q.tp, q.fields) for q in batch])
            except UnavailableError as exc:
                failure = exc
            left = batch if failure else []
            for queued, reply in zip(batch, replies, strict=False):
                if isinstance(reply, Exception):  # out of memory, say: this one wasn't added
                    failure = reply
                    left.append(queued)
                elif not queued.sent.done():
                    queued.sent.set_result(RecordMetadata(*queued.tp, queued.tp, offset_from_entry_id(reply)))
            batch = left
            if failure is not None:
                self.log.warning("send failed, will retry: %s", failure)
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, MAX_DELAY_S)

    async def flush(self) -> None:
        await self.buffer.flush()
        self._hurry.set()
        await self._idle.wait()

    async def create_topic(self, topic: str, partitions: int, replication: int, **kwargs: Any) -> None:
        await self.log_.partitions(topic, partitions)

    def key_partition(self, topic: str, key: bytes) -> TP:
        known = self.log_.cached_partition_count(topic)
        return TP(topic, self.log_.partition_of(topic, key) if known else 0)

    def supports_headers(self) -> bool:
        return True
