"""Faust apps and agents for all brokers, and the batch wrapper around every agent.

    take a batch ──▶ by partition ──▶ handle(batch) ──▶ publish + write state + commit ──▶ ack

Faust acks a message whose agent raised, and so loses it. Therefore the wrapper owns the loop. The handler turns bad
input into dead letters. The wrapper retries an UnavailableError in place. Any other exception is a bug, which stops the
process with the batch uncommitted.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from typing import Any, NamedTuple
from urllib.parse import quote

import faust
from faust.sensors.monitor import Monitor
from faust.tables import TableManager

from streams.brokers.base import Broker, ConsumedMessage, OffsetRange, OutgoingMessage, RedisCommand
from streams.config.settings import Settings, kafka_bootstrap_servers
from streams.exit_codes import ExitCode, abort
from streams.faust.archive import ArchiveReader, FollowerContext, PreemptedError, Turn, Turns
from streams.faust.attempts import Attempt, Attempts
from streams.faust.context import FaustContext
from streams.faust.idle_stream import IdleStream
from streams.logger import get_logger
from streams.retry import retry_unavailable
from streams.topics import METADATA_MAX_AGE_S, Partition, Topic

log = get_logger(__name__)

BATCH_LINGER_S = 0.05  # maximum time that an item waits for more items
# Kafka's coordinator removes a member that does not rejoin in this time. Longer than a member waits for its current
# step (HANDOVER_S), shorter than the watchdog waits for progress.
REBALANCE_TIMEOUT_S = 10.0
# A member on Kafka learns of a rebalance by its next heartbeat. It then waits for its current step, and joins in time.
MAX_HEARTBEAT_S = 3


class BatchResult(NamedTuple):
    """Messages to publish and state to write for one batch.

    `handled` is the number of messages covered, from the first of the batch; None means all. The rest of the batch is
    handled in a further step.
    """

    messages: Sequence[OutgoingMessage] = ()
    state_writes: Sequence[RedisCommand] = ()
    handled: int | None = None


BatchHandler = Callable[[Sequence[ConsumedMessage]], Awaitable[BatchResult]]
GiveUp = Callable[[ConsumedMessage, int], BatchResult]
"""Returns the result for a message that has ended its worker in each attempt, and the number of attempts."""


class ArchiveAgent(NamedTuple):
    """A topic whose messages are handled while no message of the agent's own topic waits. Keep its steps short."""

    topic: Topic
    handle: BatchHandler


class NullMonitor(Monitor):
    """Faust's monitor without its counters per message; copydesk has its own."""

    def on_message_in(self, tp: Any, offset: int, message: Any) -> None: ...
    def on_stream_event_in(self, tp: Any, offset: int, stream: Any, event: Any) -> None: ...
    def on_stream_event_out(self, tp: Any, offset: int, stream: Any, event: Any, state: Any = None) -> None: ...
    def on_message_out(self, tp: Any, offset: int, message: Any) -> None: ...
    def on_send_initiated(self, producer: Any, topic: str, message: Any, keysize: int, valsize: int) -> None: ...
    def on_send_completed(self, producer: Any, state: Any, metadata: Any) -> None: ...
    def on_topic_buffer_full(self, tp: Any) -> None: ...
    def track_tp_end_offset(self, tp: Any, offset: int) -> None: ...


class NoTables(TableManager):
    """Faust's table manager without its wait of one second for late tables: copydesk has no tables."""

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


def create_app(settings: Settings, group: str, *, url: str | None = None, name: str = "") -> faust.App:
    """Return a Faust app that is member *name* of consumer group *group*; the URL's scheme selects the transport.

    On Kafka, a member with a name is a static one (KIP-345).
    """
    url = url or settings.broker_url
    return faust.App(
        group,
        broker=_faust_url(url, settings, name),
        consumer_group_instance_id=(name or None) if url.startswith("kafka:") else None,
        broker_credentials=_credentials(settings),
        topic_partitions=settings.partitions,
        topic_allow_declare=False,  # Broker.create_topics creates topics with retention
        topic_disable_leader=True,  # Faust's leader topic is unused
        store="memory://",
        datadir=tempfile.gettempdir(),  # unused: only Faust's tables write there
        web_enabled=False,
        stream_wait_empty=True,  # a rebalance waits for the current batches
        stream_buffer_maxsize=4096,
        broker_commit_interval=1.0,
        consumer_auto_offset_reset="earliest",
        consumer_metadata_max_age_ms=METADATA_MAX_AGE_S * 1000,
        broker_rebalance_timeout=REBALANCE_TIMEOUT_S,
        broker_session_timeout=max(6, round(settings.lease_timeout_s)),
        broker_heartbeat_interval=min(MAX_HEARTBEAT_S, max(2, round(settings.lease_timeout_s / 4))),
        Monitor=NullMonitor,
        Stream=IdleStream,
        TableManager=NoTables,
    )


def _faust_url(url: str, settings: Settings, name: str) -> str:
    if url.startswith("kafka:"):
        return ";".join(f"guarded+kafka://{server}" for server in kafka_bootstrap_servers(url))
    return f"{url}?lease={settings.lease_timeout_s}" + (f"&name={quote(name)}" if name else "")


def _credentials(settings: Settings) -> Any:
    if settings.broker_scheme != "kafka":
        return None
    from streams.faust.kafka_transport import faust_credentials  # lazy: aiokafka takes memory

    return faust_credentials(settings)


def add_agent(
    app: faust.App, broker: Broker, topic: Topic, handle: BatchHandler, batch: int, give_up: GiveUp | None = None,
    archive: ArchiveAgent | None = None,
) -> None:  # fmt: skip
    """Make *app* pass the messages of *topic* to *handle*, in order within each partition.

    *batch* is the approximate number of messages per step. With *give_up*, attempts are counted, and a message that
    ends its worker again and again is passed to it instead. *archive* handles a second topic in between.
    """
    next_offsets: dict[Partition, int] = {}  # next unprocessed offset of each partition
    app.transactional_topics = {*getattr(app, "transactional_topics", ()), topic.name}
    channel = app.topic(
        topic.name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw", acks=True
    )
    turns = Turns(lambda: has_unfinished(app))
    processor = BatchProcessor(app, broker, handle, give_up, FaustContext(app), turns.live)
    if archive is not None:
        following = FollowerContext(app, topic, archive.topic)
        steps = BatchProcessor(app, broker, archive.handle, give_up, following, step_turn=turns.archive)
        app.task(ArchiveReader(broker, following, steps).run)
    max_messages = batch * (1 if broker.supports_multi_partition_commit else app.conf.topic_partitions)

    async def agent(stream: Any) -> None:
        async for events in stream.take_batches(max_messages, within=BATCH_LINGER_S):
            try:
                await _process(app, broker, processor, events, next_offsets)
            except Exception:  # noqa: BLE001 - `abort` logs it and ends the process
                topic_name, partition = events[0].message.tp
                abort(
                    ExitCode.SOFTWARE, "bug in the handler", exc_info=True, topic=topic_name, partition=partition,
                    next_step="stopping, batch uncommitted",
                )  # fmt: skip

    app.agent(channel, name=f"{app.conf.id}:{topic.name}", concurrency=1)(agent)


async def _process(
    app: faust.App, broker: Broker, processor: "BatchProcessor", events: Sequence[Any],
    next_offsets: dict[Partition, int],
) -> None:  # fmt: skip
    """Process the messages of *events* by partition, and update *next_offsets*. Rewind reassigned partitions."""
    batches = _batches_by_partition(app, events, next_offsets)
    for messages, done in zip(batches, await processor.process(batches), strict=True):
        offsets = _offset_range(messages)
        next_offsets[offsets.topic_partition] = offsets.end if done else 0
        if not done:
            log.warning(
                "partition reassigned", topic=offsets.topic, partition=offsets.partition, offset=offsets.first,
                count=len(messages), next_step="the new owner processes them",
            )  # fmt: skip
            await _rewind(processor.context, broker, offsets)


def has_unfinished(app: faust.App) -> bool:
    """Return whether the app has read messages that its agents have not finished."""
    return bool(app.consumer.unfinished_bytes())


Messages = Sequence[ConsumedMessage]
"""Messages of one partition."""


def _batches_by_partition(
    app: faust.App, events: Sequence[Any], next_offsets: Mapping[Partition, int]
) -> list[Messages]:
    """Return the unprocessed messages of each partition. The events carry batches.

    Outdated messages are skipped: this worker or the partition's new owner reads them again. Messages that were read
    twice are skipped, too. After a rewind, the batch starts at the earlier message. The broker would refuse messages
    that were read before it; the worker reads them again.
    """
    batches: dict[Partition, list[ConsumedMessage]] = {}
    for arrived in (event.message for event in events):
        batch, next_offset = batches.setdefault(arrived.tp, []), next_offsets.get(arrived.tp, 0)
        messages = [message for message in arrived.messages if message.offset >= next_offset]
        if not messages or not app.consumer.is_current(arrived):
            continue
        if batch and messages[0].offset < batch[0].offset:
            batch.clear()
        last = batch[-1].offset if batch else -1
        batch += [message for message in messages if message.offset > last]
    return [batch for batch in batches.values() if batch]


def _offset_range(messages: Messages) -> OffsetRange:
    first = messages[0]
    return OffsetRange(first.topic, first.partition, first.offset, messages[-1].offset + 1)


class Step(NamedTuple):
    """The messages of a step, those that wait for further steps, and the attempt of a message that is alone."""

    messages: Sequence[Messages]
    waiting: Sequence[Messages]
    attempt_alone: Attempt | None


class BatchProcessor:
    """Passes batches to *handle* and its results to the broker; retries while a part is unavailable.

    *turn* is held during `process`, *step_turn* during each step.
    """

    def __init__(
        self, app: faust.App, broker: Broker, handle: BatchHandler, give_up: GiveUp | None = None,
        context: FaustContext | None = None, turn: Turn = nullcontext, step_turn: Turn = nullcontext,
    ) -> None:  # fmt: skip
        self.app, self.broker, self.handle, self.give_up = app, broker, handle, give_up
        self.context, self.turn, self.step_turn = context or FaustContext(app), turn, step_turn
        self.attempts = Attempts(broker.state, self.context.group)
        self._handling = asyncio.Lock()

    async def process(self, batches: Sequence[Messages]) -> Sequence[bool]:
        """Return for each partition's messages whether they were committed; False if another worker owns them."""
        async with self.turn():
            if len(batches) > 1 and self.broker.supports_multi_partition_commit and await self._process(batches):
                return [True] * len(batches)
            # After a joint refusal, commit each partition separately: only some of them were reassigned.
            return await asyncio.gather(*(self._process([messages]) for messages in batches))

    async def _process(self, batch: Sequence[Messages]) -> bool:
        """Process *batch* in as many steps as the handler needs; return False if a partition was reassigned."""
        rest: Sequence[Messages] | None = batch
        while rest:
            with suppress(PreemptedError):
                async with self.step_turn():
                    rest = await self._step(rest)
        return rest is not None

    async def _step(self, batch: Sequence[Messages]) -> Sequence[Messages] | None:
        """Handle, publish, write state and commit once; return the remaining messages, None after a refusal."""
        rest: Sequence[Messages] = ()

        async def attempt() -> bool:
            nonlocal rest
            self.context.begin_step()
            if not all([await self.broker.owns(self.context, _offset_range(messages)) for messages in batch]):
                return False
            async with self._handling:  # partitions may be processed concurrently, but handlers run one at a time
                step = await self._begin(batch)
                result = await self._handle(step)
                handled, unhandled = split(step.messages, result.handled)
                rest = [*unhandled, *step.waiting]
                if step.attempt_alone is not None:  # no other message may end the process before this commit
                    return await self._commit(handled, result)
            return await self._commit(handled, result)

        first = batch[0][0]
        done = await retry_unavailable(
            attempt, "batch failed", topic=first.topic, partition=first.partition, offset=first.offset
        )
        return rest if done else None

    async def _begin(self, batch: Sequence[Messages]) -> Step:
        """Record the start of a step; return all messages, or only the first one of a suspect partition."""
        if self.give_up is None:
            return Step(batch, (), None)
        alone = await self.attempts.begin([_offset_range(messages) for messages in batch])
        if alone is None:
            return Step(batch, (), None)
        number, attempt = alone
        waiting = [m for m in (batch[number][1:], *batch[:number], *batch[number + 1 :]) if m]
        return Step([batch[number][:1]], waiting, attempt)

    async def _handle(self, step: Step) -> BatchResult:
        consumed = [message for messages in step.messages for message in messages]
        attempt = step.attempt_alone
        if self.give_up is not None and attempt is not None and attempt.is_exhausted:
            return self.give_up(consumed[0], attempt.former)
        return await self.handle(consumed)

    async def _commit(self, handled: Sequence[Messages], result: BatchResult) -> bool:
        """Publish and commit *result*; return False after a refusal."""
        ranges = [_offset_range(messages) for messages in handled]
        done = await self.broker.publish_and_commit(self.context, ranges, result.messages, result.state_writes)
        if done:
            _notify_sensors(self.app, result.messages)
        return done


def split(batch: Sequence[Messages], handled: int | None) -> tuple[list[Messages], list[Messages]]:
    """Return the first *handled* messages of a batch and the rest, each grouped by partition; None means all."""
    count = sum(map(len, batch)) if handled is None else handled
    first: list[Messages] = []
    rest: list[Messages] = []
    for messages in batch:
        first.append(messages[:count])
        rest.append(messages[count:])
        count = max(0, count - len(messages))
    return [m for m in first if m], [m for m in rest if m]


async def _rewind(context: FaustContext, broker: Broker, offsets: OffsetRange) -> None:
    await retry_unavailable(
        lambda: broker.rewind_to_committed(context, offsets),
        "rewind failed",
        topic=offsets.topic,
        partition=offsets.partition,
    )


def _notify_sensors(app: faust.App, messages: Sequence[OutgoingMessage]) -> None:
    """Report the published messages to Faust's sensors, as Faust's producer does."""
    sensors, producer = app.sensors, app.producer
    if all(isinstance(sensor, NullMonitor) for sensor in sensors):
        return
    for m in messages:
        state = sensors.on_send_initiated(producer, m.topic, m, len(m.key), len(m.value))
        sensors.on_send_completed(producer, state, None)
