"""The simulated processes. Each runs the product's classes over a `Host`; variants of them come from `Parts`."""

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, NamedTuple

from streams.brokers.base import Broker, ConsumedMessage
from streams.config.settings import Settings
from streams.config.tables import SinkTable
from streams.errors import UnavailableError, UnreadableError
from streams.faust.agents import BatchProcessor
from streams.start import Start
from streams.subscribe import Subscription
from streams.topics import ARTICLES, BUILTIN_TOPICS, DESK_GROUP, ITEMS, Partition
from tests.simulation.brokers import LEASE_S, Host, retry
from tests.simulation.feeds import SimulatedFeeds
from tests.simulation.world import Process, World
from workers import dead_letters
from workers.desk.article import clean_item
from workers.desk.batch import give_up
from workers.desk.desk import Desk
from workers.poller.feed_update import FeedUpdate
from workers.poller.parser_pool import ParseRequest, _parse
from workers.poller.poller import Poller
from workers.poller.registry import FeedRegistry
from workers.replay import replay_items
from workers.retention import retention_loop
from workers.sinks.base import Sink, SinkEvent, SinkRejectedError, SinkRetryError
from workers.sinks.runner import SinkRunner

BATCH = 20
READERS, SINK = "readers", "w"
REJECTED_SHARES = (0.01, 0.2)  # of articles, by the endpoint of the sink
SLOW_SHARE = 0.002  # share of items whose cleaning blocks the process


# -- poller ---------------------------------------------------------------------------------------------------


class Parsers:
    """Parses in the process: a parser pool without processes."""

    async def parse(self, request: ParseRequest, *, is_suspect: bool = False) -> FeedUpdate:
        await asyncio.sleep(0.01)
        response = _parse(request)
        if response.update is None:
            assert response.failure is not None
            raise UnreadableError(response.failure.error, code=response.failure.error_kind)
        return response.update

    async def __aenter__(self) -> "Parsers":
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Do nothing: there is no process."""


class SimulatedPoller(Poller):
    """The product's poller with simulated feeds, and with its parsers in the process."""

    def __init__(self, around: "Surroundings", broker: Broker) -> None:
        super().__init__(around.settings, broker, DESK_GROUP)
        http, parsers, rng = around.feeds, Parsers(), random.Random(around.world.random.random())
        self.http, self.parsers, self._random = http, parsers, rng  # type: ignore[assignment]


# -- parts ----------------------------------------------------------------------------------------------------


class Delivery(NamedTuple):
    """A record as a subscriber or a sink received it, with the group's committed offset at that time."""

    group: str
    process: int
    id: str
    revision: int
    topic: str
    partition: int
    offset: int
    committed: int
    time_s: float


@dataclass
class Parts:
    """The classes of a simulation. A planted bug replaces one of them by a variant."""

    open_broker: Callable[[Host], Broker]
    desk: Callable[[Settings, Broker, Any], Desk] = Desk
    clean: Callable[..., Any] = clean_item
    poller: type[SimulatedPoller] = SimulatedPoller
    subscription: type[Subscription] = Subscription
    sink_runner: type[SinkRunner] = SinkRunner
    retention: Callable[..., Any] = retention_loop
    replay_letter: Callable[..., Any] = dead_letters.replay
    import_feeds: Callable[..., Any] = lambda registry, urls: import_feeds(registry, urls)
    commits_before_work: bool = False
    wrap: Callable[[Broker, str], Broker] = field(default=lambda broker, program: broker)


class Surroundings(NamedTuple):
    """All that the programs share: the feeds, the record of deliveries, and the settings."""

    world: World
    feeds: SimulatedFeeds
    settings: Settings
    parts: Parts
    committed: Callable[[str, Partition], int]
    deliveries: list[Delivery]
    rejected_share: float

    def broker(self, host: Host, program: str) -> Broker:
        return self.parts.wrap(self.parts.open_broker(host), program)

    def record(self, group: str, process: Process, message: ConsumedMessage, article: Any) -> None:
        committed = self.committed(group, (message.topic, message.partition)) if group else 0
        self.deliveries.append(
            Delivery(
                group, process.number, article.id, article.revision,
                message.topic, message.partition, message.offset, committed, self.world.now_s,
            )
        )  # fmt: skip


async def run_poller(around: Surroundings, host: Host, process: Process) -> None:
    broker = around.broker(host, "poller")
    await retry(lambda: broker.create_topics(BUILTIN_TOPICS))
    await around.parts.poller(around, broker).run()


# -- desk -----------------------------------------------------------------------------------------------------


async def run_desk(around: Surroundings, host: Host, process: Process) -> None:
    """Do the work of a desk: reader and leases in place of Faust, then the product's batch processor and desk."""
    broker = around.broker(host, "desk")
    await retry(lambda: broker.create_topics(BUILTIN_TOPICS))
    reader: Any = await retry(lambda: broker.open_reader(ITEMS, DESK_GROUP, Start.EARLIEST))
    clean, rnd = around.parts.clean, around.world.random

    def slow_clean(*args: Any) -> Any:
        if rnd.random() < SLOW_SHARE:
            around.world.advance(rnd.uniform(0, 1.5 * LEASE_S))
        return clean(*args)

    app: Any = SimpleNamespace(
        conf=SimpleNamespace(id=DESK_GROUP), consumer=reader, sensors=(), producer=None, rebalancing=False
    )
    desk = around.parts.desk(around.settings, broker, slow_clean)
    processor = BatchProcessor(app, broker, desk.handle, give_up)
    upkeep = asyncio.ensure_future(around.parts.retention(broker, around.settings, 5.0))
    while True:
        if upkeep.done():
            upkeep.result()  # returns at once on the in-memory broker
        if reader.is_due():
            await retry(reader.confirm_leases)
            await retry(lambda: reader.hand_over(list(reader.to_release())))
        await _process(processor, broker, reader, await retry(lambda: reader.read(1.0)))


async def _process(processor: BatchProcessor, broker: Broker, reader: Any, messages: Sequence[ConsumedMessage]) -> None:
    """Process *messages* in batches; skip the rest of a partition that was refused."""
    refused: set[Partition] = set()
    for first in range(0, len(messages), BATCH):
        partitions: dict[Partition, list[ConsumedMessage]] = {}
        for message in messages[first : first + BATCH]:
            tp = message.topic, message.partition
            if tp not in refused:
                partitions.setdefault(tp, []).append(message)
        if not partitions:
            continue
        for (tp, batch), done in zip(
            partitions.items(), await processor.process(list(partitions.values())), strict=True
        ):
            if not done:
                refused.add(tp)
                offsets = batch[0].offset, batch[-1].offset + 1
                await _rewind(processor, broker, tp, *offsets)


async def _rewind(processor: BatchProcessor, broker: Broker, tp: Partition, first: int, end: int) -> None:
    from streams.brokers.base import OffsetRange

    await retry(lambda: broker.rewind_to_committed(processor.context, OffsetRange(*tp, first, end)))


# -- subscribers ----------------------------------------------------------------------------------------------


async def run_member(around: Surroundings, host: Host, process: Process) -> None:
    """Receive articles as a member of a group that commits automatically."""
    settings = around_settings(around, host)
    async with (
        around.parts.subscription("articles", group=READERS, auto_commit=True, settings=settings) as subscription,
        aclosing(subscription.messages()) as messages,
    ):
        async for message, article in messages:
            if around.parts.commits_before_work:
                subscription._mark_consumed(message)
                await subscription.commit()
                await asyncio.sleep(around.world.random.expovariate(20))
            around.record(READERS, process, message, article)
            await asyncio.sleep(around.world.random.expovariate(50))


async def run_tail(around: Surroundings, host: Host, process: Process) -> None:
    """Receive all articles without a group."""
    settings = around_settings(around, host)
    async with (
        around.parts.subscription("articles", settings=settings) as subscription,
        aclosing(subscription.messages()) as messages,
    ):
        async for message, article in messages:
            around.record("", process, message, article)


def around_settings(around: Surroundings, host: Host) -> Settings:
    from dataclasses import replace

    return replace(around.settings, broker_url=f"simulated://{host.name}")


class SimulatedSink(Sink[Any]):
    """An endpoint that is slow, unreachable, overloaded or loses its responses; it records each event."""

    options_type = object

    def __init__(self, around: Surroundings, process: Process) -> None:
        super().__init__(around.settings, None)
        self.around, self.process = around, process

    async def deliver(self, batch: Sequence[SinkEvent]) -> None:
        rnd = self.around.world.random
        for event in batch:
            if rnd.random() < 0.02:
                raise UnavailableError("simulated: endpoint unreachable")
            if rnd.random() < 0.02:
                raise SinkRetryError("HTTP 503", 0.5)
            if rnd.random() < self.around.rejected_share and event.message_id.topic == ARTICLES.name:
                raise SinkRejectedError("HTTP 400")
            message = ConsumedMessage(*_position(event), 0.0, b"", b"")
            self.around.record(f"sink.{SINK}", self.process, message, event.article)
            await asyncio.sleep(rnd.expovariate(30))
            if rnd.random() < 0.01:
                raise UnavailableError("simulated: response lost")

    async def close(self) -> None:
        """Do nothing: there is no connection."""


def _position(event: SinkEvent) -> tuple[str, int, int]:
    return event.message_id.topic, event.message_id.partition, event.message_id.offset


async def run_sink(around: Surroundings, host: Host, process: Process) -> None:
    settings = around_settings(around, host)
    broker = around.broker(host, "sink")
    await retry(lambda: broker.create_topics(BUILTIN_TOPICS))
    table = SinkTable(name=SINK, type="simulated", start_from=Start.EARLIEST)
    sink = SimulatedSink(around, process)
    await around.parts.sink_runner(settings, broker, table, sink, initial_delay_s=0.2).run()


# -- commands of an operator ----------------------------------------------------------------------------------


async def run_replay(around: Surroundings, host: Host, process: Process) -> None:
    """Send all retained items to the desk again: `copydesk replay`."""
    broker = around.broker(host, "replay")
    await retry(lambda: broker.create_topics(BUILTIN_TOPICS))
    await replay_items(around.settings, broker, datetime.fromtimestamp(0, UTC), lambda line: None)


async def run_letter_replay(around: Surroundings, host: Host, process: Process) -> None:
    """Send the pending dead letters of the sink again: `copydesk dead-letters replay`."""
    broker = around.broker(host, "replay")
    await retry(lambda: broker.create_topics(BUILTIN_TOPICS))
    async for pending in dead_letters.pending(broker):
        if pending.letter.sink:
            await around.parts.replay_letter(broker, pending)


async def run_import(around: Surroundings, host: Host, process: Process) -> None:
    """Import all feeds: `copydesk feeds import`."""
    broker = around.broker(host, "import")
    await retry(lambda: around.parts.import_feeds(FeedRegistry(broker.state), around.feeds.urls))


async def run_pause(around: Surroundings, host: Host, process: Process) -> None:
    """Pause a feed and resume it: `copydesk feeds pause`, then `resume`."""
    registry = FeedRegistry(around.broker(host, "pause").state)
    url = around.world.random.choice(around.feeds.urls)
    for paused in (True, False):
        await retry(lambda paused=paused: registry.set_paused([url], paused))  # type: ignore[misc]
        await asyncio.sleep(1.0)


async def import_feeds(registry: FeedRegistry, urls: Sequence[str]) -> None:
    await registry.add([(url, "") for url in urls])


Program = Callable[[Surroundings, Host, Process], Any]
REPLAYS: dict[str, Program] = {"replay": run_replay, "letter-replay": run_letter_replay}
FEED_CHANGES: dict[str, Program] = {"import": run_import, "pause": run_pause}
COMMANDS = REPLAYS | FEED_CHANGES
PROGRAMS: dict[str, Program] = {
    "poller-1": run_poller,
    "poller-2": run_poller,
    "desk-1": run_desk,
    "desk-2": run_desk,
    "member-1": run_member,
    "member-2": run_member,
    "sink-1": run_sink,
    "sink-2": run_sink,
    "tail": run_tail,
}
