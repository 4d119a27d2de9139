"""One simulation: the fleet, its faults, and the checks of all that it published and delivered."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple
from unittest.mock import patch

from streams import brokers
from streams.brokers.base import Broker, OutgoingMessage
from streams.brokers.memory.broker import InMemoryBroker
from streams.brokers.memory.state import Keyspace
from streams.codec import decode
from streams.config.settings import Settings
from streams.errors import UnavailableError
from streams.records import Article, DeadLetter
from streams.start import Start
from streams.topics import (
    ARTICLES,
    BUILTIN_TOPICS,
    DEAD_LETTERS,
    DESK_GROUP,
    ITEMS,
    SINK_REPLAYS,
    Partition,
    Topic,
    partition_name,
)
from tests.faults.checker import FIGURES, Out, _conserve, check, is_replayed
from tests.faults.ledger_server import digest
from tests.simulation.brokers import LEASE_S, PARTITIONS, Host, SimulatedMemory, SimulatedStreams, retry
from tests.simulation.feeds import SimulatedFeeds
from tests.simulation.programs import (
    COMMANDS,
    FEED_CHANGES,
    PROGRAMS,
    READERS,
    REPLAYS,
    SINK,
    Delivery,
    Parts,
    Surroundings,
)
from tests.simulation.server import Network, NetworkFaults, Server
from tests.simulation.world import Process, World
from workers import dead_letters
from workers.counters import read_counters
from workers.poller.registry import FeedRegistry
from workers.urls.canonical import canonicalise

SETTLE_S = 1_200.0  # virtual time in which all queues must be empty after the last fault
RESTART_S = 0.5
JUMPS_S = (5, -5, 90, -90, 3_600, -3_600, 20 * 86_400, -20 * 86_400)
GROUPS = (READERS, f"sink.{SINK}")
REPLAYS_GROUP = f"sink.{SINK}.replays"
MORE_FIGURES = ("live", "group_lost", "group_repeated", "group_order", "tail", "replay", "stuck", "bug")


class Result(NamedTuple):
    """The figures of a simulation; violations by type, with examples."""

    seed: int
    steps: int
    virtual_s: float
    trace: int
    articles: int
    items: int
    deliveries: int
    faults: Mapping[str, int]
    violations: Mapping[str, int]
    examples: Mapping[str, Any]

    @property
    def ok(self) -> bool:
        return self.articles > 0 and self.deliveries > 0 and not any(self.violations.values())


@dataclass
class Fleet:
    """The processes, the server and the networks between them."""

    world: World
    server: Server
    parts: Parts
    memory_name: str = ""
    faults: NetworkFaults = field(default_factory=NetworkFaults)
    hosts: dict[str, Host] = field(default_factory=dict)
    running: dict[str, Process] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)

    def open(self, url: str, settings: Settings) -> Broker:
        """Open the broker at `simulated://NAME` for the process of that name."""
        return self.parts.wrap(self.parts.open_broker(self.hosts[url.rpartition("/")[2]]), "subscriber")

    def start(self, around: Surroundings, name: str) -> None:
        def main(process: Process) -> Coroutine[Any, Any, None]:
            self.hosts[name] = host = Host(self.server, Network(self.server, process), self.faults, name)
            main: Coroutine[Any, Any, None] = {**PROGRAMS, **COMMANDS}[name](around, host, process)
            return main

        self.running[name] = self.world.spawn(name, main)

    def ensure(self, around: Surroundings) -> None:
        """Start all programs that have ended, as a supervisor does."""
        for name in (*PROGRAMS, *COMMANDS):
            process = self.running.get(name)
            if process is not None and process.main is not None and process.main.done():
                self._note_end(process)
                self.kill(name)
            if name in PROGRAMS and name not in self.running and name not in self.down:
                self.start(around, name)

    def _note_end(self, process: Process) -> None:
        assert process.main is not None
        if not process.main.cancelled() and not isinstance(error := process.main.exception(), UnavailableError | None):
            self.world.errors.append(f"{process.name}: {error!r}")

    def kill(self, name: str) -> None:
        if (process := self.running.pop(name, None)) is not None:
            self.world.kill(process)
            self.world.bury(process, self.hosts[name])  # its readers count as members until `expire`
            self.expire(name)

    def expire(self, name: str, after_s: float = LEASE_S) -> None:
        """End the leases of a silent process on the in-memory broker, which has no expiry of its own."""
        readers = self.hosts[name].readers if self.memory_name else []
        for reader in [reader for reader in readers if reader.group]:
            self.operator.call_later(after_s, reader.expire)

    @property
    def operator(self) -> asyncio.AbstractEventLoop:
        return self.world.processes[0].loop


# -- faults ---------------------------------------------------------------------------------------------------


class Chaos:
    """Injects faults, one after a random pause. Each simulation uses only some types, at rates of its own.

    *only*: types of faults, each with the programs that it may hit: `kill:desk`.
    """

    def __init__(self, fleet: Fleet, around: Surroundings, only: Sequence[str] = ()) -> None:
        self.fleet, self.around, self.world, self.random = fleet, around, fleet.world, fleet.world.random
        self.done: Counter[str] = Counter()
        self.poison: list[str] = []
        names = [name for name in KINDS if self.random.random() < 0.7] or list(KINDS)
        self.kinds = list(only) or names
        self.mean_pause_s = self.random.choice((0.1, 0.3, 1.0))
        self.calm = NetworkFaults()
        self.target = ""  # prefix of the programs that the present fault may hit

    async def run(self) -> None:
        if "slow_network" in self.kinds:  # from the start: requests that overlap
            self.fleet.faults.mean_delay_s = self.random.choice((0.001, 0.01, 0.05))
        while True:
            await asyncio.sleep(self.random.expovariate(1 / self.mean_pause_s))
            self.fleet.ensure(self.around)
            kind, _, self.target = self.random.choice(self.kinds).partition(":")
            self.done[kind] += 1
            await getattr(self, kind)()

    def some(self) -> str:
        return self.random.choice([name for name in PROGRAMS if name.startswith(self.target)])

    def end(self) -> None:
        """Undo all faults that last. Clocks stay as they are."""
        self.fleet.faults.lost_request = self.fleet.faults.lost_reply = 0.0
        self.fleet.faults.mean_delay_s = self.calm.mean_delay_s
        self.fleet.server.down_until_s = self.fleet.server.frozen_until_s = 0.0
        self.fleet.down.clear()
        for name, process in self.fleet.running.items():
            process.frozen_until_s = 0.0
            network = self.fleet.hosts[name].network
            network.cut_until_s, network.armed = 0.0, None

    def _now_or_at_request(self, name: str, fault: Callable[[], None]) -> None:
        """Inject *fault* at once, or at one of the next requests: most windows are between two of them."""
        if self.random.random() < 0.3:
            fault()
        else:
            self.fleet.hosts[name].network.arm(self.random.randrange(12), fault)

    async def kill(self) -> None:
        if (name := self.some()) in self.fleet.running:
            self._now_or_at_request(name, lambda: self.fleet.kill(name))
        await asyncio.sleep(self.random.choice((0.0, RESTART_S)))

    async def freeze(self) -> None:
        name, seconds = self.some(), self.random.choice((0.2, LEASE_S / 2, 1.5 * LEASE_S, 4 * LEASE_S))
        if name in self.fleet.running:
            self._now_or_at_request(name, lambda: self._freeze(name, seconds))

    def _freeze(self, name: str, seconds: float) -> None:
        self.fleet.running[name].freeze(seconds)
        if seconds > LEASE_S:
            self.fleet.expire(name)

    async def restart(self) -> None:
        """End a process in order; it comes back after a while, so that its group rebalances twice."""
        name = self.some()
        if (process := self.fleet.running.get(name)) is not None and process.main is not None:
            process.loop.call_soon(process.main.cancel)
            self.fleet.down.add(name)
            self.fleet.operator.call_later(self.random.uniform(0, 2 * LEASE_S), self.fleet.down.discard, name)

    async def outage(self) -> None:
        self.fleet.server.down_until_s = self.world.now_s + self.random.choice((0.1, 2.0, 1.5 * LEASE_S))

    async def freeze_server(self) -> None:
        self.fleet.server.frozen_until_s = self.world.now_s + self.random.choice((0.5, LEASE_S, 40.0))

    async def cut(self) -> None:
        """Disconnect a process for less or more than its lease."""
        if (name := self.some()) in self.fleet.running:
            self.fleet.hosts[name].network.cut_until_s = self.world.now_s + self.random.choice((0.5, 1.5 * LEASE_S))

    async def lose_replies(self) -> None:
        await self._lossy("lost_reply")

    async def lose_requests(self) -> None:
        await self._lossy("lost_request")

    async def _lossy(self, name: str) -> None:
        setattr(self.fleet.faults, name, self.random.choice((0.02, 0.2)))
        await asyncio.sleep(self.random.uniform(0.5, 3.0))
        setattr(self.fleet.faults, name, 0.0)

    async def jump_clock(self) -> None:
        """Move the clock of a process."""
        if (name := self.some()) in self.fleet.running:
            self.fleet.running[name].wall_offset_s += self.random.choice(JUMPS_S)

    async def jump_server_clock(self) -> None:
        self.fleet.server.wall_offset_s += self.random.choice(JUMPS_S)

    async def slow_network(self) -> None:
        self.fleet.faults.mean_delay_s = self.random.choice((0.001, 0.01, 0.05))

    async def bad_feeds(self) -> None:
        self.around.feeds.chaos = self.random.choice((0.0, 0.05, 0.5))

    async def replay(self) -> None:
        """Start a replay of all items or dead letters."""
        self._command(REPLAYS)

    async def change_feeds(self) -> None:
        """Start an import of feeds, or pause one and resume it."""
        self._command(FEED_CHANGES)

    def _command(self, names: Iterable[str]) -> None:
        """Start a command; half of them are killed."""
        name = self.random.choice(list(names))
        if name not in self.fleet.running:
            self.fleet.start(self.around, name)
            if self.random.random() < 0.5:
                self.fleet.hosts[name].network.arm(
                    self.random.randrange(self.random.choice((10, 40))), lambda: self.fleet.kill(name)
                )

    async def poison_item(self) -> None:
        """Publish an unreadable item."""
        key = f"poison-{len(self.poison)}"
        host = Host(self.fleet.server, Network(self.fleet.server, self.world.processes[0]), self.calm)
        message = OutgoingMessage(ITEMS.name, key.encode(), b'{"poison":')
        broker = self.fleet.parts.open_broker(host)
        try:
            await broker.create_topics(BUILTIN_TOPICS)
            await broker.publish([message])
        except UnavailableError:
            return
        self.poison.append(key)


KINDS = (
    "kill", "freeze", "restart", "outage", "freeze_server", "cut", "lose_replies", "lose_requests", "jump_clock",
    "jump_server_clock", "slow_network", "bad_feeds", "poison_item", "replay", "change_feeds",
)  # fmt: skip


# -- run ------------------------------------------------------------------------------------------------------


def simulate(
    seed: int, steps: int, make_parts: Callable[[str], Parts], broker: str = "memory", kinds: Sequence[str] = ()
) -> Result:
    """Run *steps* callbacks with faults, then heal, let all queues become empty, and check."""
    _import_all()
    return _run(seed, steps, make_parts, broker, kinds)


def _run(seed: int, steps: int, make_parts: Callable[[str], Parts], broker: str, kinds: Sequence[str]) -> Result:
    world = World(seed)
    memory_name = f"simulation-{seed}" if broker == "memory" else ""
    logging.disable(logging.CRITICAL)
    try:
        with world.active():
            return _simulate(world, seed, steps, make_parts(memory_name), memory_name, kinds)
    finally:
        logging.disable(logging.NOTSET)
        if memory_name:
            InMemoryBroker(memory_name).clear()


@cache
def _import_all() -> None:
    """Run a first simulation, since modules that are imported later use random numbers (numpy does)."""
    for broker in ("memory", "streams"):
        _run(0, 2_000, default_parts, broker, ())


def default_parts(memory_name: str) -> Parts:
    """Return the product's classes over the in-memory broker *memory_name*, or over Redis Streams if it is empty."""
    return Parts(lambda host: SimulatedMemory(host, memory_name) if memory_name else SimulatedStreams(host))


def _simulate(world: World, seed: int, steps: int, parts: Parts, memory_name: str, kinds: Sequence[str]) -> Result:
    data = InMemoryBroker(memory_name, partitions=PARTITIONS)._storage.state.data if memory_name else Keyspace()
    server = Server(world, data)
    fleet = Fleet(world, server, parts, memory_name)
    settings = Settings(
        broker_url="simulated://none", partitions=PARTITIONS, lease_timeout_s=LEASE_S,
        item_timeout_s=3_600.0,  # CPU time is real, and differs between runs
        poll_interval_s=1.0, adaptive_polling=False, host_delay_s=0.0, max_desk_lag=2_000,
    )  # fmt: skip
    feeds = SimulatedFeeds(world, seed, 3, world.random.choice((2, 6)), world.random.choice((0.2, 2.0)))
    around = Surroundings(world, feeds, settings, parts, lambda *at: _committed(server, *at), [])
    operator = Operator(fleet, around, kinds)
    with patch.dict(brokers.OPENERS, {"simulated": fleet.open}):  # type: ignore[arg-type]
        main = world.spawn("operator", operator.run).main
        assert main is not None
        while world.steps < steps and not world.errors and not main.done():
            world.step()
        operator.healing = True
        while not world.errors and not main.done():
            world.step()
        for process in world.processes:
            world.bury(process)
        if main.done():
            main.result()
    violations, examples = operator.verdict()
    return Result(
        seed, world.steps, round(world.now_s - 1_000.0, 1), world.trace & 0xFFFFFFFF, len(operator.wire),
        operator.items, len(around.deliveries), dict(operator.chaos.done), violations, examples,
    )  # fmt: skip


def _committed(server: Server, group: str, partition: Partition) -> int:
    return int(server.run("HGET", f"copydesk:offsets:{group}", partition_name(*partition)) or 0)


class Operator:
    """Starts the fleet, injects faults, heals them, and reads the topics at the end."""

    def __init__(self, fleet: Fleet, around: Surroundings, kinds: Sequence[str]) -> None:
        self.fleet, self.around, self.world = fleet, around, fleet.world
        self.chaos = Chaos(fleet, around, kinds)
        self.healing = self.finished = self.settled = False
        self.wire: list[Out] = []
        self.letters: list[DeadLetter] = []
        self.sink_replays = 0
        self.replayed: set[tuple[str, int]] = set()  # rejected by the sink, and sent again
        self.items = 0
        self.counters: Mapping[str, Mapping[str, int]] | None = None

    async def run(self, process: Process) -> None:
        host = Host(self.fleet.server, Network(self.fleet.server, process), NetworkFaults())
        broker = self.fleet.parts.open_broker(host)
        await broker.create_topics(BUILTIN_TOPICS)
        if self.fleet.memory_name:
            await broker.state.hset(
                "copydesk:retention", mapping={topic.name: topic.retention_s for topic in BUILTIN_TOPICS}
            )
        registry = FeedRegistry(broker.state)
        first = self.around.feeds.urls[:-1]  # `change_feeds` imports the last one
        await registry.add([(url, "") for url in first])
        faults = asyncio.ensure_future(self.chaos.run())
        while not self.healing:
            self.fleet.ensure(self.around)
            await asyncio.sleep(RESTART_S)
        faults.cancel()
        await asyncio.gather(faults, return_exceptions=True)
        self.chaos.end()
        self.around.feeds.freeze()
        feeds = {feed.url: feed for feed in await registry.all()}
        # A listed feed must be polled without another import.
        await registry.add([(url, "") for url in self.around.feeds.urls if url not in feeds])
        await registry.set_paused([url for url, feed in feeds.items() if feed.paused], False)
        await self._settle(broker)
        await self._read(broker)
        self.finished = True

    async def _settle(self, broker: Broker) -> None:
        end_s = self.world.now_s + SETTLE_S
        while self.world.now_s < end_s:
            self.fleet.ensure(self.around)
            await asyncio.sleep(2.0)
            if self.around.feeds.all_taken() and await self._is_idle(broker):
                self.settled = True
                await asyncio.sleep(6.0)  # the tail, and polls of live feeds
                if await self._is_idle(broker):
                    return

    async def _is_idle(self, broker: Broker) -> bool:
        lags = [await broker.lag(ITEMS.name, DESK_GROUP), *[await broker.lag(ARTICLES.name, g) for g in GROUPS]]
        return not any([*lags, await broker.lag(SINK_REPLAYS.name, REPLAYS_GROUP)])

    async def _read(self, broker: Broker) -> None:
        for message in await _all(broker, ARTICLES):
            article = decode(message.value, Article)
            assert article.source is not None
            source, words = article.source, digest(article.title, article.paragraphs)
            self.wire.append(
                Out(article.canonical_url, words, article.id, article.revision, message.partition,
                    (source.partition, source.offset))
            )  # fmt: skip
        self.letters = [decode(message.value, DeadLetter) for message in await _all(broker, DEAD_LETTERS)]
        self.items = len(await _all(broker, ITEMS))
        replays = [decode(message.value, Article) for message in await _all(broker, SINK_REPLAYS)]
        self.replayed = {(article.id, article.revision) for article in replays}
        marks = [await broker.state.hgetall(key) for key in (dead_letters.RESOLVED_KEY, dead_letters.REMOVED_KEY)]
        self.sink_replays = len(replays) - sum(status == b"replayed" for mark in marks for status in mark.values())
        self.counters = await read_counters(broker.state)

    # -- checks -----------------------------------------------------------------------------------------------

    def verdict(self) -> tuple[dict[str, int], dict[str, Any]]:
        """Return the violations by type, and one example of each."""
        violations: dict[str, list[Any]] = {name: [] for name in MORE_FIGURES}
        violations["bug"] = list(self.world.errors)
        if not self.finished or not self.settled:
            violations["stuck"] = [round(self.world.now_s, 1)]
        figures: dict[str, int] = dict.fromkeys(FIGURES, 0)
        examples: dict[str, Any] = {}
        if self.finished:
            figures, examples = self._published()
            self._live(violations)
            if self.sink_replays:  # each dead letter is sent once
                violations["replay"].append(self.sink_replays)
            for group in GROUPS:
                self._group(group, violations)
            self._tail(violations)
        examples |= {name: cases[0] for name, cases in violations.items() if cases}
        return figures | {name: len(cases) for name, cases in violations.items()}, examples

    def _published(self) -> tuple[dict[str, int], dict[str, Any]]:
        feeds = self.around.feeds
        urls = {canonicalise(url).key: url for url in (*feeds.ledger, *feeds.live)}
        failed = [letter for letter in self.letters if not letter.sink]
        first = [letter for letter in failed if not is_replayed(letter)]
        dead = [urls.get(key, key) for key in (letter.key.decode() for letter in first)]
        wire = [out for out in self.wire if out.url not in feeds.live]
        report = check(feeds.ledger, wire, dead, self.chaos.poison)
        assert self.counters is not None
        wrong = _conserve(self.counters, len(self.wire), len(failed), self.items)
        examples = dict(report.examples) | ({"conserve": wrong[0]} if wrong else {})
        return {**report.figures, "conserve": len(wrong)}, examples

    def _live(self, violations: dict[str, list[Any]]) -> None:
        """Check that the revisions of live stories never go back, and end with the newest."""
        last: dict[str, int] = {}
        for out in self.wire:
            if out.url in self.around.feeds.live:
                digests = self.around.feeds.live[out.url]
                place = digests.index(out.digest) if out.digest in digests else -1
                if place <= last.get(out.url, -1):
                    violations["live"].append(("order", out.url, last.get(out.url), place))
                last[out.url] = max(place, last.get(out.url, -1))
        for url, digests in self.around.feeds.live.items():
            if last.get(url, -1) != len(digests) - 1:
                violations["live"].append(("newest missing", url, last.get(url), len(digests) - 1))

    def _group(self, group: str, violations: dict[str, list[Any]]) -> None:
        got = [delivery for delivery in self.around.deliveries if delivery.group == group]
        # A replayed article comes from another topic, and after later revisions.
        got = [delivery for delivery in got if delivery.topic == ARTICLES.name]
        rejected = (
            {_name_of(letter) for letter in self.letters if letter.sink} | self.replayed if group != READERS else set()
        )
        missing = {(out.id, out.revision) for out in self.wire} - {(d.id, d.revision) for d in got} - rejected
        violations["group_lost"] += sorted((group, *name) for name in missing)
        violations["group_repeated"] += [d for d in got if d.offset < d.committed]
        violations["group_order"] += disordered(got, repeats=group != READERS)

    def _tail(self, violations: dict[str, list[Any]]) -> None:
        got = [delivery for delivery in self.around.deliveries if not delivery.group]
        violations["tail"] += disordered(got, repeats=False)
        last = max((delivery.process for delivery in got), default=0)
        names = {(d.id, d.revision) for d in got if d.process == last}
        violations["tail"] += sorted({(out.id, out.revision) for out in self.wire} - names)


def disordered(deliveries: Sequence[Delivery], *, repeats: bool) -> list[Delivery]:
    """Return the deliveries to a process that come after a newer revision, or after the same one without *repeats*."""
    newest: dict[tuple[int, str], int] = {}
    wrong = []
    for delivery in deliveries:
        key = delivery.process, delivery.id
        if delivery.revision < newest.get(key, 0) + (not repeats):
            wrong.append(delivery)
        newest[key] = max(delivery.revision, newest.get(key, 0))
    return wrong


def _name_of(letter: DeadLetter) -> tuple[str, int]:
    article = decode(letter.payload, Article)
    return article.id, article.revision


async def _all(broker: Broker, topic: Topic) -> list[Any]:
    reader = await retry(lambda: broker.open_reader(topic, "", Start.EARLIEST))
    out: list[Any] = []
    while True:
        messages = await reader.read(0.05)
        out += messages
        if not messages and await reader.at_end():
            return out
