"""The archive lane: a second topic, handled by the owners of the live topic while no live message waits.

    live agent      ──▶ turn ◀── archive steps, one at a time, while no live message waits or is handled

Archive partition n belongs to the owner of partition n of the live topic. Both carry the items of the same articles, so
one worker must handle both, one step after the other. A handler may interrupt its step for live messages by a
PreemptedError; the worker then repeats the step. A step uses the lease of its start. The broker therefore refuses a
worker that has lost the partition meanwhile, even if the worker has it back.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import faust

from streams.brokers.base import Broker, ConsumedMessage, Reader
from streams.errors import UnavailableError
from streams.exit_codes import ExitCode, abort
from streams.faust.context import FaustContext
from streams.logger import get_logger
from streams.topics import Partition, Topic

log = get_logger(__name__)

Turn = Callable[[], AbstractAsyncContextManager[None]]
READ_WAIT_S = 5.0  # a message ends the wait at once
OWNED_CHECK_S = 1.0
LIVE_CHECK_S = 0.005
BATCH = 16  # messages; after a crash, all of them are suspect
RETRY_S = 1.0


class PreemptedError(Exception):
    """An archive step ended without a result, because live messages wait."""


class Turns:
    """Lets one of two lanes work at a time. An archive step begins only while the live lane neither works nor waits.

    *is_waiting*: whether live messages were read that no step has finished.
    """

    def __init__(self, is_waiting: Callable[[], bool] = lambda: False) -> None:
        self.is_waiting = is_waiting
        self._lock, self._is_idle = asyncio.Lock(), asyncio.Event()
        self._is_idle.set()

    @asynccontextmanager
    async def live(self) -> AsyncIterator[None]:
        """Work on a live batch; wait for an archive step in progress."""
        self._is_idle.clear()
        try:
            async with self._lock:
                yield
        finally:
            self._is_idle.set()

    @asynccontextmanager
    async def archive(self) -> AsyncIterator[None]:
        """Work on one archive step."""
        while True:
            await self._is_idle.wait()
            async with self._lock:
                if self._is_idle.is_set() and not self.is_waiting():
                    yield
                    return
            await asyncio.sleep(LIVE_CHECK_S)


class FollowerContext(FaustContext):
    """The ownership of the partitions of *topic* by a member that owns those of *followed*; an `AgentContext`."""

    def __init__(self, app: faust.App, followed: Topic, topic: Topic) -> None:
        super().__init__(app)
        self.followed, self.topic = followed, topic
        self._leases: Mapping[Partition, str] = {}

    def owned(self) -> list[Partition]:
        """Return the partitions of the topic that are owned now; none during a rebalance."""
        numbers = sorted(number for topic, number in self.assignment() if topic == self.followed.name)
        return [] if self.is_rebalancing() else [(self.topic.name, number) for number in numbers]

    def begin_step(self) -> None:
        """Take the leases of the coming step."""
        self._leases = {tp: super(FollowerContext, self).lease_of(*tp) for tp in self.assignment()}

    def lease_of(self, topic: str, partition: int) -> str:
        return self._leases.get((topic, partition), "lost")

    async def rewind(self, offsets: Mapping[Partition, int]) -> None:
        """Do nothing: after a refusal, the reader starts over at the committed offset."""


class Processor(Protocol):
    """`agents.BatchProcessor`."""

    async def process(self, batches: Sequence[Sequence[ConsumedMessage]]) -> Sequence[bool]: ...


class ArchiveReader:
    """Reads the archive partitions that a worker owns, and passes them to *processor*."""

    def __init__(self, broker: Broker, context: FollowerContext, processor: Processor) -> None:
        self.broker, self.context, self.processor = broker, context, processor
        self._reader: Reader | None = None
        self._partitions: Collection[Partition] = ()

    async def run(self) -> None:
        """Handle messages until the task is cancelled."""
        try:
            while True:
                try:
                    await self._round()
                except UnavailableError as exc:
                    log.warning("archive lane interrupted", topic=self.context.topic.name, error=exc, retry_s=RETRY_S)
                    await self._close()
                    await asyncio.sleep(RETRY_S)
        except Exception:  # noqa: BLE001 - `abort` logs it and ends the process
            abort(
                ExitCode.SOFTWARE, "bug in the handler", exc_info=True, topic=self.context.topic.name,
                next_step="stopping, batch uncommitted",
            )  # fmt: skip
        finally:
            await self._close()

    async def _round(self) -> None:
        """Read once, and handle the messages of each partition in order."""
        owned = self.context.owned()
        if owned != self._partitions:
            await self._close()
        if not owned:
            await asyncio.sleep(OWNED_CHECK_S)
            return
        if self._reader is None:
            self._reader = await self.broker.open_partitions(self.context.group, owned)
            self._partitions = owned
        for batch in _batches(await self._reader.read(READ_WAIT_S)):
            if self.context.owned() != owned or not all(await self.processor.process([batch])):
                log.info("archive partition refused", topic=batch[0].topic, partition=batch[0].partition,
                         offset=batch[0].offset, next_step="read from the committed offset")  # fmt: skip
                await self._close()
                return

    async def _close(self) -> None:
        self._partitions = ()
        if self._reader is not None:
            reader, self._reader = self._reader, None
            await reader.close()


def _batches(messages: Sequence[ConsumedMessage]) -> list[list[ConsumedMessage]]:
    """Return *messages* by partition, at most BATCH together."""
    by_partition: dict[Partition, list[ConsumedMessage]] = {}
    for message in messages:
        by_partition.setdefault((message.topic, message.partition), []).append(message)
    return [batch[n : n + BATCH] for batch in by_partition.values() for n in range(0, len(batch), BATCH)]
