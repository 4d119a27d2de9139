"""The two brokers over the simulated server: Redis Streams with its own Lua files, and the in-memory broker."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from streams.brokers.base import AgentContext, Broker, Condition, OffsetRange, OutgoingMessage, RedisCommand
from streams.brokers.memory.broker import InMemoryBroker
from streams.brokers.memory.reader import InMemoryReader
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.brokers.redis_streams.leases import BEATS_PER_LEASE, Leases
from streams.brokers.redis_streams.reader import RedisStreamsReader
from streams.errors import UnavailableError
from streams.start import StartPosition
from streams.topics import DESK_GROUP, Partition, Topic
from tests.simulation.server import Client, Network, NetworkFaults, Server

T = TypeVar("T")
PARTITIONS = 4
LEASE_S = 6.0


class Host:
    """The environment of a process: its network, and the broker that it opens."""

    def __init__(self, server: Server, network: Network, faults: NetworkFaults, name: str = "") -> None:
        self.server, self.network, self.faults, self.name = server, network, faults, name
        self.readers: list[RemoteReader] = []

    def client(self) -> Client:
        return Client(self.server, self.network, self.faults)

    async def call(self, operation: Callable[[], T]) -> T:
        return await self.network.call(operation, self.faults)

    async def hop(self) -> None:
        """Send a request that does nothing."""
        await self.call(lambda: None)


# -- Redis Streams --------------------------------------------------------------------------------------------


class TaskLeases(Leases):
    """Leases that a task renews in place of a thread, so that the scheduler decides when."""

    def start_renewing(self) -> None:
        self._renewing = asyncio.ensure_future(self._renew_forever())

    def stop_renewing(self) -> None:
        self._renewing.cancel()

    async def _renew_forever(self) -> None:
        while True:
            await asyncio.sleep(self.lease_s / BEATS_PER_LEASE)
            try:
                await self.renew(self.store)
            except UnavailableError:
                continue  # the thread of the product logs it and tries again, too


class StreamsReader(RedisStreamsReader):
    """The product's reader, as an `AgentContext`."""

    def __init__(self, broker: "SimulatedStreams", partitions: list[Partition], group: str) -> None:
        super().__init__(broker, partitions, group)
        if group:
            name = broker.host.name if group == DESK_GROUP else ""  # as the product: only desks have names
            self._leases = TaskLeases(broker, group, broker.lease_s, name)

    def assignment(self) -> Sequence[Partition]:
        return [tp for tp in self._position if tp not in self.to_release()]

    def lease_of(self, topic: str, partition: int) -> str:
        return self._position_lease.get((topic, partition), "lost")

    async def rewind(self, offsets: Any) -> None:
        self._position |= {tp: offset for tp, offset in offsets.items() if tp in self._position}


class SimulatedStreams(RedisStreamsBroker):
    """The product's broker on the simulated server."""

    def __init__(self, host: Host) -> None:
        super().__init__("valkey://simulated", partitions=PARTITIONS, lease_s=LEASE_S)
        self.host = host
        self.state: Any = host.client()

    def sibling(self) -> "SimulatedStreams":
        return self

    async def open_reader(self, topic: Topic, group: str, start: StartPosition) -> StreamsReader:
        count = await self.partitions(topic.name)
        reader = StreamsReader(self, [(topic.name, number) for number in range(count)], group)
        await reader.open(start)
        return reader


# -- in-memory ------------------------------------------------------------------------------------------------


class RemoteReader(InMemoryReader):
    """The in-memory reader behind a network."""

    host: Host

    def expire(self) -> None:
        """Remove the member from its group, as Redis Streams does after a silent lease."""
        group = self.storage.group(self.group)
        if group.members.pop(self.member, None) is not None:
            group.changes += 1
            self.storage.notify()

    def _refresh_leases(self) -> None:
        group = self._group
        if group is not None and self.member not in group.members:  # it has expired, and joins again
            group.members[self.member] = self
            group.changes += 1
            self.storage.notify()
        super()._refresh_leases()

    async def confirm_leases(self) -> set[Partition]:
        await self.host.hop()
        return await super().confirm_leases()

    async def read(self, wait_s: float) -> Any:
        await self.host.hop()
        return await super().read(wait_s)

    async def hand_over(self, partitions: Any) -> None:
        await self.host.hop()
        await super().hand_over(partitions)

    async def commit(self, through: Any) -> None:
        await self.host.hop()
        await super().commit(through)
        await self.host.hop()

    async def at_end(self) -> bool:
        await self.host.hop()
        return await super().at_end()


class SimulatedMemory(InMemoryBroker):
    """The in-memory broker behind a network. `name` selects the data."""

    reader_class: type[RemoteReader] = RemoteReader

    def __init__(self, host: Host, name: str) -> None:
        super().__init__(name, partitions=PARTITIONS)
        self.host = host
        self.state: Any = host.client()

    async def publish(
        self,
        messages: Sequence[OutgoingMessage],
        state_writes: Sequence[RedisCommand] = (),
        conditions: Sequence[Condition] = (),
    ) -> bool:
        await self.host.hop()
        done = await super().publish(messages, state_writes, conditions)
        await self.host.hop()
        return done

    async def rewind_to_committed(self, context: AgentContext, offsets: OffsetRange) -> None:
        await self.host.hop()
        await super().rewind_to_committed(context, offsets)

    async def lag(self, topic: str, group: str) -> int:
        await self.host.hop()
        return await super().lag(topic, group)

    async def open_reader(self, topic: Topic, group: str, start: StartPosition) -> RemoteReader:
        await self.host.hop()
        partitions = [(topic.name, number) for number in range(len(self._partitions(topic.name)))]
        reader = self.reader_class(self._storage, partitions, group, start)
        reader.host = self.host
        self.host.readers.append(reader)
        return reader


Opener = Callable[[Host], Broker]


async def retry(call: Callable[[], Awaitable[T]]) -> T:
    """Await *call* until the server answers."""
    while True:
        try:
            return await call()
        except UnavailableError:
            await asyncio.sleep(0.1)
