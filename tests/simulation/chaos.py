"""Faults of a simulation: which, when and against which process. The seed decides."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from streams.brokers.base import OutgoingMessage
from streams.errors import UnavailableError
from streams.topics import BUILTIN_TOPICS, ITEMS
from tests.simulation.brokers import LEASE_S, Host
from tests.simulation.fleet import Fleet
from tests.simulation.programs import FEED_CHANGES, PROGRAMS, REPLAYS, Surroundings
from tests.simulation.server import Network, NetworkFaults

RESTART_S = 0.5
JUMPS_S = (5, -5, 90, -90, 3_600, -3_600, 20 * 86_400, -20 * 86_400)


class Chaos:
    """Injects faults, one after a random pause. Each simulation uses only some types, at rates of its own.

    *only*: types of faults, each with the programs or commands that it may hit: `kill:desk`, `replay:letter`.
    """

    def __init__(self, fleet: Fleet, around: Surroundings, only: Sequence[str] = ()) -> None:
        self.fleet, self.around, self.world, self.random = fleet, around, fleet.world, fleet.world.random
        self.done: Counter[str] = Counter()
        self.poison: list[str] = []
        names = [name for name in KINDS if self.random.random() < 0.7] or list(KINDS)
        self.kinds = list(only) or names
        self.mean_pause_s = self.random.choice((0.1, 0.3, 1.0))
        self.calm = NetworkFaults()
        self.target = ""  # prefix of the programs or commands that the present fault may hit

    async def run(self) -> None:
        if "slow_network" in self.kinds:  # from the start: requests that overlap
            self.fleet.faults.mean_delay_s = self.random.choice((0.001, 0.01, 0.05))
        while True:
            await asyncio.sleep(self.random.expovariate(1 / self.mean_pause_s))
            self.fleet.ensure(self.around)
            kind, _, self.target = self.random.choice(self.kinds).partition(":")
            self.done[kind] += 1
            await getattr(self, kind)()

    def injects(self, kind: str) -> bool:
        return any(name.partition(":")[0] == kind for name in self.kinds)

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
        name = self.random.choice([name for name in names if name.startswith(self.target)])
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
