"""Faust, set up once for both brokers, and the one wrapper around every agent.

    take a batch ──▶ by partition ──▶ handle(batch) ──▶ publish + remember + commit ──▶ ack

Faust acks a message when its agent raises, and so loses it. The wrapper therefore owns the loop: bad data is the
handler's to set aside as dead letters, what is unavailable is retried in place, and anything else is a bug that stops
the process with the batch uncommitted.
"""

import logging
import os
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

import faust
from faust.sensors.monitor import Monitor

from streams.records import Coordinates
from streams.retry import retrying
from streams.settings import Settings
from streams.topics import Topic
from streams.transport.broker import Broker, Command, Guard, Message

log = logging.getLogger(__name__)

TAKE_WITHIN_S = 0.05  # a lone item waits at most this long for company
EXIT_BUG = 70  # sysexits.h: EX_SOFTWARE


class Incoming(NamedTuple):
    """A message in a worker's hands."""

    at: Coordinates
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


class Outcome(NamedTuple):
    """What handling a batch comes to: messages to publish, then state to remember."""

    messages: Sequence[Message] = ()
    remember: Sequence[Command] = ()


Handle = Callable[[Sequence[Incoming]], Awaitable[Outcome]]


class QuietMonitor(Monitor):
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
        broker_session_timeout=max(6, round(settings.lease_s)),
        broker_heartbeat_interval=max(2, round(settings.lease_s / 4)),
        Monitor=QuietMonitor,
    )


def _faust_url(url: str, settings: Settings, name: str) -> str:
    if url.startswith("kafka:"):
        return ";".join(f"guarded+{part}" for part in url.split(";"))
    return f"{url}?lease={settings.lease_s}" + (f"&name={quote(name)}" if name else "")


def run_agent(app: faust.App, broker: Broker, topic: Topic, handle: Handle, batch: int) -> None:
    """Have *app* feed *topic* to *handle*, in order within each partition, at most *batch* messages at a time."""
    following: dict[Any, int] = {}  # the next offset of each partition that isn't done yet
    app.commits_with_publish = {*getattr(app, "commits_with_publish", ()), topic.name}
    channel = app.topic(
        topic.name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw", acks=True
    )

    async def agent(stream: Any) -> None:
        async for events in stream.take_events(batch, within=TAKE_WITHIN_S):
            try:
                runs = list(_runs(app, events, following))
                done = await _carry_out(app, broker, runs, handle) if runs else True
                for run in runs:
                    # Refused as a whole: one partition was taken over, and the others mustn't suffer for it.
                    ok = done or (len(runs) > 1 and await _carry_out(app, broker, [run], handle))
                    following[run[0].tp] = run[-1].offset + 1 if ok else 0
                    if not ok:
                        log.warning("%s: taken over; %d messages left to its new owner", run[0].tp, len(run))
                        await broker.rewind(app, *run[0].tp)
            except Exception:
                log.critical("bug: stopping with %s uncommitted", events[0].message.tp, exc_info=True)
                os._exit(EXIT_BUG)

    app.agent(channel, name=f"{app.conf.id}:{topic.name}", concurrency=1)(agent)


def _runs(app: faust.App, events: Sequence[Any], following: Mapping[Any, int]) -> Iterator[list[Any]]:
    """Yield the messages of each partition that are still to do.

    What a rebalance has made stale is left to its new owner; what was read twice was done the first time.
    """
    runs: dict[Any, list[Any]] = {}
    for event in events:
        message = event.message
        if message.generation_id == app.consumer_generation_id and message.offset >= following.get(message.tp, 0):
            runs.setdefault(message.tp, []).append(message)
    yield from runs.values()


async def _carry_out(app: faust.App, broker: Broker, runs: Sequence[Sequence[Any]], handle: Handle) -> bool:
    """Handle, publish, remember and commit in one step; False when a partition isn't ours any more."""
    incoming = [
        Incoming(Coordinates(m.topic, m.partition, m.offset), m.key or b"", m.value or b"", _headers(m.headers))
        for run in runs
        for m in run
    ]
    guards: list[Guard] = []
    for run in runs:
        topic, partition = run[0].tp
        guards += broker.progress(app, topic, partition, run[0].offset, run[-1].offset + 1)

    async def attempt() -> bool:
        outcome = await handle(incoming)
        done = await broker.publish(outcome.messages, outcome.remember, guards)
        if done:
            _report(app, outcome.messages)
        return done

    return await retrying(attempt)


def _headers(headers: Any) -> tuple[tuple[str, bytes], ...]:
    return tuple(headers.items() if isinstance(headers, dict) else headers or ())


def _report(app: faust.App, messages: Sequence[Message]) -> None:
    """Tell Faust's sensors what went out, as its own producer would."""
    sensors, producer = app.sensors, app.producer
    for m in messages:
        state = sensors.on_send_initiated(producer, m.topic, m, len(m.key), len(m.value))
        sensors.on_send_completed(producer, state, None)
