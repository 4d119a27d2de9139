"""Claims on hosts when the server's clock jumps between two claims; found by the simulation (seed 2)."""

import asyncio

from streams.brokers.memory.state import Keyspace
from tests.simulation.server import Client, Network, NetworkFaults, Server
from tests.simulation.world import Process, World
from tests.support.poller_desk import claim_urls
from workers.poller.registry import FeedRegistry

URL, CLAIM_S = "https://feeds.example/1", 6.0


def test_claim_renewed_during_clock_jump_expires() -> None:
    """The clock goes forward and back again while a poll is in progress; then its poller dies."""
    world = World(1)
    server = Server(world, Keyspace())
    claimed: list[str] = []

    async def go(process: Process) -> None:
        client = Client(server, Network(server, process), NetworkFaults())
        dying, other = (FeedRegistry(client, CLAIM_S) for _ in range(2))
        await dying.add([(URL, "")])
        assert await claim_urls(dying, 1) == [URL]
        server.wall_offset_s = 3_600.0
        await dying.renew([URL])
        server.wall_offset_s = 0.0
        await asyncio.sleep(3 * CLAIM_S)
        claimed.extend(await claim_urls(other, 1))

    with world.active():
        main = world.spawn("poller", go).main
        assert main is not None
        while not main.done():
            world.step()
    main.result()
    assert claimed == [URL]
