"""A message dated between two opposite jumps of the server's clock keeps its age; found by the simulation (seed 2)."""

from streams.brokers.base import OutgoingMessage
from streams.brokers.memory.state import Keyspace
from streams.brokers.redis_streams.clock import record_clock
from streams.brokers.redis_streams.retention import Retention
from streams.topics import ARTICLES
from tests.simulation.brokers import Host, SimulatedStreams
from tests.simulation.server import Network, NetworkFaults, Server
from tests.simulation.world import Process, World

JUMP_S = 60 * 86_400.0  # longer than the retention of articles


def test_message_between_opposite_jumps_is_not_removed() -> None:
    world = World(1)
    server = Server(world, Keyspace())
    counts: list[int] = []

    async def go(process: Process) -> None:
        broker = SimulatedStreams(Host(server, Network(server, process), NetworkFaults()))
        await broker.create_topics([ARTICLES])
        await record_clock(broker)
        keys = [b"%d" % number for number in range(40)]
        late = broker.partition_of(ARTICLES.name, keys[0])
        others = [key for key in keys if broker.partition_of(ARTICLES.name, key) != late]
        await broker.publish([OutgoingMessage(ARTICLES.name, key, b"{}") for key in others])
        server.wall_offset_s = -JUMP_S
        await broker.publish([OutgoingMessage(ARTICLES.name, keys[0], b"{}")])
        server.wall_offset_s = 0.0
        counts.append(await broker.message_count(ARTICLES.name))
        await Retention(broker).trim()
        counts.append(await broker.message_count(ARTICLES.name))

    with world.active():
        main = world.spawn("publisher", go).main
        assert main is not None
        while not main.done():
            world.step()
    main.result()
    assert counts[0] > 20
    assert counts[1] == counts[0]
