"""Spike: agents on `Broker` alone, without Faust, to measure the cost of Faust (decision 134).

It has the interface of `streams.faust.agents`, as far as benchmarks and contract tests use it. The contract tests run on
it with COPYDESK_TEST_AGENTS=plain. It lacks several agents in one app, the archive lane, and the watchdog.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition as KafkaPartition

from streams.brokers.base import Broker, ConsumedMessage, OffsetRange, Reader
from streams.brokers.kafka.reader import KafkaReader
from streams.config.settings import Settings
from streams.faust.agents import BatchHandler, BatchProcessor, GiveUp
from streams.retry import retry_unavailable
from streams.start import Start
from streams.topics import Partition, Topic

READ_WAIT_S = 1.0


class ReaderContext:
    """The membership of a reader in its group; implements `AgentContext`."""

    def __init__(self, group: str) -> None:
        self.group = group
        self.reader: Any = None

    def begin_step(self) -> None: ...

    def assignment(self) -> Collection[Partition]:
        if isinstance(self.reader, KafkaReader):
            return {(tp.topic, tp.partition) for tp in self.reader._open.assignment()}
        return list(self.reader._position_lease)

    def is_rebalancing(self) -> bool:
        return False

    def lease_of(self, topic: str, partition: int) -> str:
        if isinstance(self.reader, KafkaReader):
            return ""
        return str(self.reader._position_lease.get((topic, partition), "lost"))

    async def rewind(self, offsets: Mapping[Partition, int]) -> None:
        for tp, offset in offsets.items():
            if isinstance(self.reader, KafkaReader):
                if tp in self.assignment():
                    self.reader._open.seek(KafkaPartition(*tp), offset)
            elif tp in self.reader._position:
                self.reader._position[tp] = offset


class PlainApp:
    """An agent of one topic in a consumer group."""

    def __init__(self, settings: Settings, group: str) -> None:
        self.settings, self.context = settings, ReaderContext(group)
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False

    def set_agent(self, broker: Broker, topic: Topic, handle: BatchHandler, batch: int, give_up: GiveUp | None) -> None:
        self.broker, self.topic, self.batch = broker, topic, batch
        sensorless: Any = SimpleNamespace(sensors=(), producer=None)
        context: Any = self.context
        self.processor = BatchProcessor(sensorless, broker, handle, give_up, context)

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="plain agent")

    async def stop(self) -> None:
        """Stop after the current batch, and leave the group."""
        self._is_stopping = True
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        topic, group = self.topic, self.context.group
        reader: Reader = await _retried(lambda: self.broker.open_reader(topic, group, Start.EARLIEST))
        self.context.reader = reader
        while not self._is_stopping:
            await self._keep(reader)
            await self._process(reader, await _retried(lambda: reader.read(READ_WAIT_S)))
        await reader.close()

    async def _keep(self, reader: Reader) -> set[Partition]:
        """Return the partitions that were lost or handed over."""
        if not reader.is_due():
            return set()
        lost: set[Partition] = await _retried(reader.confirm_leases)
        released = set(reader.to_release())
        await _retried(lambda: reader.hand_over(released))
        return lost | released

    async def _process(self, reader: Reader, messages: Sequence[ConsumedMessage]) -> None:
        """Process *messages* in batches. The rest of a partition that was refused is read again."""
        partitions: dict[Partition, list[ConsumedMessage]] = {}
        for message in messages:
            partitions.setdefault((message.topic, message.partition), []).append(message)
        size = self.batch if self.broker.supports_multi_partition_commit else self.batch * self.settings.partitions
        while partitions and not self._is_stopping:
            share = -(-size // len(partitions))
            step = [rows[:share] for rows in partitions.values()]
            done = dict(zip(partitions, await self.processor.process(step), strict=True))
            for tp in [tp for tp, is_done in done.items() if not is_done]:
                rows = partitions.pop(tp)
                offsets = OffsetRange(*tp, rows[0].offset, rows[-1].offset + 1)
                await _retried(lambda offsets=offsets: self.broker.rewind_to_committed(self.processor.context, offsets))
            partitions = {tp: rest for tp, rows in partitions.items() if (rest := rows[share:])}
            for tp in await self._keep(reader):
                partitions.pop(tp, None)


async def _retried(work: Any) -> Any:
    return await retry_unavailable(work, "request failed")


def create_app(settings: Settings, group: str, *, url: str | None = None, name: str = "") -> PlainApp:
    """Return an app that is a member of consumer group *group*."""
    return PlainApp(settings, group)


def add_agent(
    app: PlainApp, broker: Broker, topic: Topic, handle: BatchHandler, batch: int, give_up: GiveUp | None = None
) -> None:
    """Make *app* pass the messages of *topic* to *handle*, in order within each partition."""
    app.set_agent(broker, topic, handle, batch, give_up)
