"""One simulation: start the fleet, inject faults, heal them, and check all that was published and delivered."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple
from unittest.mock import patch

from streams import brokers
from streams.brokers.base import Broker
from streams.brokers.memory.broker import InMemoryBroker
from streams.brokers.memory.state import Keyspace
from streams.config.settings import Settings
from streams.topics import ARTICLES, BUILTIN_TOPICS, DESK_GROUP, ITEMS, SINK_REPLAYS, Partition, partition_name
from tests.faults.checker import FIGURES
from tests.simulation.brokers import LEASE_S, PARTITIONS, Host, SimulatedMemory, SimulatedStreams
from tests.simulation.chaos import RESTART_S, Chaos
from tests.simulation.checks import GROUPS, MORE_FIGURES, REPLAYS_GROUP, Output, Violations, check_output, read_output
from tests.simulation.feeds import DELAYS_S, LIVE_EVERY_S, SimulatedFeeds
from tests.simulation.fleet import Fleet
from tests.simulation.programs import REJECTED_SHARES, Parts, Surroundings
from tests.simulation.server import Network, NetworkFaults, Server
from tests.simulation.world import Process, World
from workers.poller.registry import FeedRegistry

TAIL_S = (
    10.0  # then the tail has read all, after its longest delay (`streams.retry.MAX_DELAY_S`), and live feeds are polled
)
IMPORTED_FEEDS = 2  # feeds that only `change_feeds` adds


class Scene(NamedTuple):
    """The length of a simulation and its faults: *steps* with faults of these *kinds*, any without names.

    *settle_s*: the virtual time in which all queues must be empty after the last fault.
    """

    steps: int = 20_000
    kinds: Sequence[str] = ()
    settle_s: float = 1_200.0


DEFAULT_SCENE = Scene()


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


def simulate(
    seed: int, make_parts: Callable[[str], Parts], broker: str = "memory", scene: Scene = DEFAULT_SCENE
) -> Result:
    """Run callbacks with faults, then heal, let all queues become empty, and check."""
    _import_all()
    return _run(seed, make_parts, broker, scene)


def _run(seed: int, make_parts: Callable[[str], Parts], broker: str, scene: Scene) -> Result:
    world = World(seed)
    memory_name = f"simulation-{seed}" if broker == "memory" else ""
    logging.disable(logging.CRITICAL)
    try:
        with world.active():
            return _simulate(world, seed, make_parts(memory_name), memory_name, scene)
    finally:
        logging.disable(logging.NOTSET)
        if memory_name:
            InMemoryBroker(memory_name).clear()


@cache
def _import_all() -> None:
    """Run a first simulation, since modules that are imported later use random numbers (numpy does)."""
    for broker in ("memory", "streams"):
        _run(0, default_parts, broker, Scene(2_000))


def default_parts(memory_name: str) -> Parts:
    """Return the product's classes over the in-memory broker *memory_name*, or over Redis Streams if it is empty."""
    return Parts(lambda host: SimulatedMemory(host, memory_name) if memory_name else SimulatedStreams(host))


def _simulate(world: World, seed: int, parts: Parts, memory_name: str, scene: Scene) -> Result:
    data = InMemoryBroker(memory_name, partitions=PARTITIONS)._storage.state.data if memory_name else Keyspace()
    server = Server(world, data)
    fleet = Fleet(world, server, parts, memory_name)
    around = _surroundings(world, seed, parts, server)
    operator = Operator(fleet, around, scene)
    with patch.dict(brokers.OPENERS, {"simulated": fleet.open}):  # type: ignore[arg-type]
        main = world.spawn("operator", operator.run).main
        assert main is not None
        while world.steps < scene.steps and not world.errors and not main.done():
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
        seed, world.steps, round(world.now_s - 1_000.0, 1), world.trace & 0xFFFFFFFF, len(operator.output.wire),
        operator.output.items, len(around.deliveries), dict(operator.chaos.done), violations, examples,
    )  # fmt: skip


def _surroundings(world: World, seed: int, parts: Parts, server: Server) -> Surroundings:
    settings = Settings(
        broker_url="simulated://none", partitions=PARTITIONS, lease_timeout_s=LEASE_S, item_timeout_s=3_600.0,
        poll_interval_s=1.0, adaptive_polling=False, host_delay_s=0.0, max_desk_lag=2_000,
    )  # fmt: skip
    choose = world.random.choice
    feeds = SimulatedFeeds(
        world, seed, 3, choose((2, 6)), choose((0.2, 2.0)), choose(LIVE_EVERY_S), choose(DELAYS_S)
    )  # fmt: skip
    return Surroundings(
        world, feeds, settings, parts, lambda *at: _committed(server, *at), [], choose(REJECTED_SHARES)
    )  # fmt: skip


def _committed(server: Server, group: str, partition: Partition) -> int:
    return int(server.run("HGET", f"copydesk:offsets:{group}", partition_name(*partition)) or 0)


class Operator:
    """Starts the fleet, injects faults, heals them, and reads the topics at the end."""

    def __init__(self, fleet: Fleet, around: Surroundings, scene: Scene) -> None:
        self.fleet, self.around, self.world, self.settle_s = fleet, around, fleet.world, scene.settle_s
        self.chaos = Chaos(fleet, around, scene.kinds)
        self.healing = self.finished = self.settled = False
        self.output = Output()

    async def run(self, process: Process) -> None:
        host = Host(self.fleet.server, Network(self.fleet.server, process), NetworkFaults())
        broker = self.fleet.parts.open_broker(host)
        await broker.create_topics(BUILTIN_TOPICS)
        if self.fleet.memory_name:
            await broker.state.hset(
                "copydesk:retention", mapping={topic.name: topic.retention_s for topic in BUILTIN_TOPICS}
            )
        registry = FeedRegistry(broker.state)
        await registry.add([(url, "") for url in self._first_feeds()])
        faults = asyncio.ensure_future(self.chaos.run())
        while not self.healing:
            self.fleet.ensure(self.around)
            await asyncio.sleep(RESTART_S)
        faults.cancel()
        await asyncio.gather(faults, return_exceptions=True)
        await self._heal(registry)
        await self._settle(broker)
        self.output = await read_output(broker)
        self.finished = True

    def _first_feeds(self) -> list[str]:
        urls = self.around.feeds.urls
        return urls[:-IMPORTED_FEEDS] if self.chaos.injects("change_feeds") else urls

    async def _heal(self, registry: FeedRegistry) -> None:
        self.chaos.end()
        self.around.feeds.freeze()
        feeds = {feed.url: feed for feed in await registry.all()}
        # A listed feed must be polled without another import.
        await registry.add([(url, "") for url in self.around.feeds.urls if url not in feeds])
        await registry.set_paused([url for url, feed in feeds.items() if feed.paused], False)

    async def _settle(self, broker: Broker) -> None:
        end_s = self.world.now_s + self.settle_s
        while self.world.now_s < end_s:
            self.fleet.ensure(self.around)
            await asyncio.sleep(2.0)
            if self.around.feeds.all_taken() and await self._is_idle(broker):
                self.settled = True
                await asyncio.sleep(TAIL_S)
                if await self._is_idle(broker):
                    return

    async def _is_idle(self, broker: Broker) -> bool:
        lags = [await broker.lag(ITEMS.name, DESK_GROUP), *[await broker.lag(ARTICLES.name, g) for g in GROUPS]]
        return not any([*lags, await broker.lag(SINK_REPLAYS.name, REPLAYS_GROUP)])

    def verdict(self) -> tuple[dict[str, int], dict[str, Any]]:
        """Return the number of violations by type, and one example of each."""
        violations: Violations = {name: [] for name in MORE_FIGURES}
        violations["bug"] = list(self.world.errors)
        if not self.finished or not self.settled:
            violations["stuck"] = [round(self.world.now_s, 1)]
        figures: dict[str, int] = dict.fromkeys(FIGURES, 0)
        examples: dict[str, Any] = {}
        if self.finished:
            figures, examples = check_output(
                self.output, self.around.feeds, self.chaos.poison, self.around.deliveries, violations
            )
        examples |= {name: cases[0] for name, cases in violations.items() if cases}
        return figures | {name: len(cases) for name, cases in violations.items()}, examples
