"""Faust, set up once for both brokers, and the one wrapper around every agent.

    take a batch ──▶ by partition ──▶ handle(batch) ──▶ publish + remember + commit ──▶ ack

Faust acks a message when its agent raises, and so loses it. The wrapper therefore owns the loop: bad data is the
handler's to set aside as dead letters, what is unavailable is retried in place, and anything else is a bug that stops
the process with the batch uncommitted.
"""

import asyncio
import logging
import os
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

import faust
from faust.sensors.monitor import Monitor

from streams.brokers.base import Broker, OffsetRange, OutgoingMessage, RedisCommand
from streams.config.settings import Settings, kafka_bootstrap_servers
from streams.records import MessageId
from streams.retry import retry_unavailable
from streams.topics import Topic

log = logging.getLogger(__name__)

BATCH_LINGER_S = 0.05  # a lone item waits at most this long for company
EX_SOFTWARE = 70  # sysexits.h: EX_SOFTWARE


class ConsumedMessage(NamedTuple):
    """A message in a worker's hands."""

    at: MessageId
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


class BatchResult(NamedTuple):
    """What handling a batch comes to: messages to publish, then state to remember.

    `handled` is how many messages of the batch that is, from its first; None is all. The rest makes another step.
    """

    messages: Sequence[OutgoingMessage] = ()
    state_writes: Sequence[RedisCommand] = ()
    handled: int | None = None


BatchHandler = Callable[[Sequence[ConsumedMessage]], Awaitable[BatchResult]]


class NullMonitor(Monitor):
    """Faust's monitor without its bookkeeping per message; copydesk counts for itself."""

    def on_message_in(self, tp: Any, offset: int, message: Any) -> None: ...
    def on_stream_event_in(self, tp: Any, offset: int, stream: Any, event: Any) -> None: ...
    def on_stream_event_out(self, tp: Any, offset: int, stream: Any, event: Any, state: Any = None) -> None: ...
    def on_message_out(self, tp: Any, offset: int, message: Any) -> None: ...
    def on_send_initiated(self, producer: Any, topic: str, message: Any, keysize: int, valsize: int) -> None: ...
    def on_send_completed(self, producer: Any, state: Any, metadata: Any) -> None: ...
    def on_topic_buffer_full(self, tp: Any) -> None: ...
    def track_tp_end_offset(self, tp: Any, offset: int) -> None: ...


def create_app(settings: Settings, group: str, *, url: str | None = None, name: str = "") -> faust.App:
    """Return a Faust app that is member *name* of consumer group *group*. The URL's scheme chooses the transport."""
    return faust.App(
        group,
        broker=_faust_url(url or settings.broker_url, settings, name),
        broker_credentials=_credentials(settings),
        topic_partitions=settings.partitions,
        topic_allow_declare=False,  # Broker.declare does, with retention
        topic_disable_leader=True,  # a topic of Faust's own that nobody needs
        store="memory://",
        datadir=tempfile.gettempdir(),  # only tables would write there, and we have none
        web_enabled=False,
        stream_wait_empty=True,  # work in hand is finished before partitions are handed over
        stream_buffer_maxsize=4096,
        broker_commit_interval=1.0,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=max(6, round(settings.lease_timeout_s)),
        broker_heartbeat_interval=max(2, round(settings.lease_timeout_s / 4)),
        Monitor=NullMonitor,
    )


def _faust_url(url: str, settings: Settings, name: str) -> str:
    if url.startswith("kafka:"):
        return ";".join(f"guarded+kafka://{server}" for server in kafka_bootstrap_servers(url))
    return f"{url}?lease={settings.lease_timeout_s}" + (f"&name={quote(name)}" if name else "")


def _credentials(settings: Settings) -> Any:
    if settings.broker_scheme != "kafka":
        return None
    from streams.brokers.kafka.broker import faust_credentials  # aiokafka costs memory: only who uses it pays

    return faust_credentials(settings)


def add_agent(app: faust.App, broker: Broker, topic: Topic, handle: BatchHandler, batch: int) -> None:
    """Have *app* feed *topic* to *handle*, in order within each partition, about *batch* messages a step."""
    following: dict[Any, int] = {}  # the next offset of each partition that isn't done yet
    app.commits_with_publish = {*getattr(app, "commits_with_publish", ()), topic.name}
    channel = app.topic(
        topic.name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw", acks=True
    )
    step = BatchProcessor(app, broker, handle)
    take = batch * (1 if broker.supports_multi_partition_commit else app.conf.topic_partitions)

    async def agent(stream: Any) -> None:
        async for events in stream.take_events(take, within=BATCH_LINGER_S):
            try:
                runs = _batches_by_partition(app, events, following)
                for messages, done in zip(runs, await step.process(runs), strict=True):
                    run = _offset_range(messages)
                    following[messages[0].tp] = run.end if done else 0
                    if not done:
                        log.warning("%s: taken over; %d messages left to its new owner", messages[0].tp, len(messages))
                        await _rewind(app, broker, run)
            except Exception:
                log.critical("bug: stopping with %s uncommitted", events[0].message.tp, exc_info=True)
                os._exit(EX_SOFTWARE)

    app.agent(channel, name=f"{app.conf.id}:{topic.name}", concurrency=1)(agent)


FaustMessages = Sequence[Any]  # Faust's, of one partition


def _batches_by_partition(app: faust.App, events: Sequence[Any], following: Mapping[Any, int]) -> list[FaustMessages]:
    """Return the messages of each partition that are still to do.

    What a rebalance has made stale is left to its new owner; what was read twice was done the first time.
    """
    runs: dict[Any, list[Any]] = {}
    for event in events:
        message = event.message
        run = runs.setdefault(message.tp, [])
        wanted = (
            run[-1].offset + 1 if run else following.get(message.tp, 0)
        )  # what a rewind brings may stand there twice
        if message.generation_id == app.consumer_generation_id and message.offset >= wanted:
            run.append(message)
    return [run for run in runs.values() if run]


def _offset_range(messages: FaustMessages) -> OffsetRange:
    topic, partition = messages[0].tp
    return OffsetRange(topic, partition, messages[0].offset, messages[-1].offset + 1)


class BatchProcessor:
    """Takes batches through *handle* and the broker, trying again for as long as something is unavailable."""

    def __init__(self, app: faust.App, broker: Broker, handle: BatchHandler) -> None:
        self.app, self.broker, self.handle = app, broker, handle
        self._handling = asyncio.Lock()

    async def process(self, runs: Sequence[FaustMessages]) -> Sequence[bool]:
        """Return for each partition's messages whether they were done, or left to another owner."""
        if len(runs) > 1 and self.broker.supports_multi_partition_commit and await self._process(runs):
            return [True] * len(runs)
        # One by one if they were refused together: one was taken over, and the others mustn't suffer for it.
        return await asyncio.gather(*(self._process([messages]) for messages in runs))

    async def _process(self, batch: Sequence[FaustMessages]) -> bool:
        """Do the batch in as many steps as its handler makes of it; False when a partition isn't ours any more."""
        rest: Sequence[FaustMessages] | None = batch
        while rest:
            rest = await self._step(rest)
        return rest is not None

    async def _step(self, batch: Sequence[FaustMessages]) -> Sequence[FaustMessages] | None:
        """Handle, publish, remember and commit in one step; returns what is left to do, None after a refusal."""
        incoming = [
            ConsumedMessage(
                MessageId(m.topic, m.partition, m.offset), m.key or b"", m.value or b"", _headers(m.headers)
            )
            for messages in batch
            for m in messages
        ]
        left: Sequence[FaustMessages] = ()

        async def attempt() -> bool:
            nonlocal left
            if not all([await self.broker.owns(self.app, _offset_range(messages)) for messages in batch]):
                return False
            async with self._handling:  # partitions of one batch may be on their way together, but are handled in turn
                outcome = await self.handle(incoming)
            handled, left = split(batch, len(incoming) if outcome.handled is None else outcome.handled)
            runs = [_offset_range(messages) for messages in handled]
            done = await self.broker.publish_and_commit(self.app, runs, outcome.messages, outcome.state_writes)
            if done:
                _notify_sensors(self.app, outcome.messages)
            return done

        return left if await retry_unavailable(attempt) else None


def split(batch: Sequence[FaustMessages], count: int) -> tuple[list[FaustMessages], list[FaustMessages]]:
    """Return the first *count* messages of a batch and the rest, both by partition."""
    first: list[FaustMessages] = []
    rest: list[FaustMessages] = []
    for messages in batch:
        first.append(messages[:count])
        rest.append(messages[count:])
        count = max(0, count - len(messages))
    return [m for m in first if m], [m for m in rest if m]


async def _rewind(app: faust.App, broker: Broker, run: OffsetRange) -> None:
    async def attempt() -> bool:
        await broker.rewind_to_committed(app, run)
        return True

    await retry_unavailable(attempt)


def _headers(headers: Any) -> tuple[tuple[str, bytes], ...]:
    return tuple(headers.items() if isinstance(headers, dict) else headers or ())


def _notify_sensors(app: faust.App, messages: Sequence[OutgoingMessage]) -> None:
    """Tell Faust's sensors what went out, as its own producer would."""
    sensors, producer = app.sensors, app.producer
    for m in messages:
        state = sensors.on_send_initiated(producer, m.topic, m, len(m.key), len(m.value))
        sensors.on_send_completed(producer, state, None)
