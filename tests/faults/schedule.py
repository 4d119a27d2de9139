"""Fault schedule: random faults, each undone after a while. The same seed gives the same faults."""

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from streams.errors import UnavailableError
from tests.conftest import until
from tests.faults.fleet import LEASE_S, MEMBERS, SERVER, SINKS, Fleet, Part
from tests.faults.proxy import Proxy
from tests.support.kafka_topics import is_replicated
from workers import dead_letters, replay

JUMPS_S = (0, 5, -5, 90, -90, 3_600, -3_600, 86_400, -86_400, 20 * 86_400, -20 * 86_400)
Fault = Callable[[Fleet, random.Random], Awaitable[None]]
REPLACED_S = 15.0  # a process ends in this time at most
BUSY_S = 30.0  # a desk handles items in this time at most
WORKERS = ("poller-1", "poller-2", "desk-1", "desk-2")
SUBSCRIBERS = (*MEMBERS, *SINKS)
PROGRAMS = (*WORKERS, *SUBSCRIBERS, "tail")


def hit(fleet: Fleet, name: str) -> Part:
    """Return the process *name*, and count the fault: a subscriber may repeat its last records."""
    fleet.hits[name] += 1
    return fleet.parts[name]


def some_proxy(fleet: Fleet, rnd: random.Random) -> Proxy:
    name = rnd.choice(PROGRAMS)
    fleet.hits[name] += 1
    return fleet.proxies[name]


def hit_server(fleet: Fleet) -> None:
    fleet.hits.update(PROGRAMS)


def at_work(fleet: Fleet, rnd: random.Random) -> Part:
    """Return a worker; prefer one that has been running long enough to process items."""
    return min((fleet.parts[name] for name in rnd.sample(WORKERS, 2)), key=lambda part: part.started_s)


async def kill_worker(fleet: Fleet, rnd: random.Random) -> None:
    at_work(fleet, rnd).signal(signal.SIGKILL)


async def kill_desk(fleet: Fleet, rnd: random.Random) -> None:
    """Kill the desk that has been running longest."""
    min((fleet.parts[name] for name in ("desk-1", "desk-2")), key=lambda part: part.started_s).signal(signal.SIGKILL)


async def kill_busy_desk(fleet: Fleet, rnd: random.Random) -> None:
    """Kill the desk that has been running longest, shortly after items were handled: restarts take long under load."""
    async with fleet.kills:
        await fleet.next_progress(BUSY_S)
        await asyncio.sleep(rnd.uniform(0, 0.3))
        await kill_desk(fleet, rnd)


async def kill_poller(fleet: Fleet, rnd: random.Random) -> None:
    """Kill the poller that has been running longest."""
    min((fleet.parts[name] for name in ("poller-1", "poller-2")), key=lambda part: part.started_s).signal(
        signal.SIGKILL
    )


async def kill_subscriber(fleet: Fleet, rnd: random.Random) -> None:
    """Kill a member of the group or a process of the sink."""
    hit(fleet, rnd.choice(SUBSCRIBERS)).signal(signal.SIGKILL)


async def kill_member(fleet: Fleet, rnd: random.Random) -> None:
    hit(fleet, rnd.choice(MEMBERS)).signal(signal.SIGKILL)


async def freeze_subscriber(fleet: Fleet, rnd: random.Random) -> None:
    part = hit(fleet, rnd.choice(SUBSCRIBERS))
    part.signal(signal.SIGSTOP)
    await asyncio.sleep(rnd.choice((0.2, LEASE_S / 2, LEASE_S * 1.5)))
    part.signal(signal.SIGCONT)


async def end_subscriber(fleet: Fleet, rnd: random.Random) -> None:
    """End a subscriber in order: it must repeat nothing."""
    fleet.parts[rnd.choice(SUBSCRIBERS)].signal(signal.SIGTERM)


async def roll(fleet: Fleet, rnd: random.Random) -> None:
    """End each process in order when the former one was replaced, as an upgrade does; a desk is the first.

    The reader without a group is left out: it begins at the start again.
    """
    desk = rnd.choice(("desk-1", "desk-2"))
    for name in (desk, *(other for other in (*WORKERS, *SUBSCRIBERS) if other != desk)):
        part, started_s = fleet.parts[name], fleet.parts[name].started_s
        part.signal(signal.SIGTERM)
        end_s = time.monotonic() + REPLACED_S
        while part.started_s == started_s and time.monotonic() < end_s:
            await asyncio.sleep(0.1)


async def replay_items(fleet: Fleet, rnd: random.Random) -> None:
    """Send retained items to the desks again, and stop in between."""
    since = datetime.now(UTC) - timedelta(seconds=5)
    replaying = asyncio.create_task(replay.replay_items(fleet.direct, fleet.broker, since, lambda line: None))
    await asyncio.wait({replaying}, timeout=rnd.choice((0.05, 0.3, 2.0)))
    replaying.cancel()
    await asyncio.gather(replaying, return_exceptions=True)


async def replay_letters(fleet: Fleet, rnd: random.Random) -> None:
    """Send the pending dead letters to the desks again, and stop in between."""

    async def replay_all() -> None:
        for letter in await dead_letters.select(fleet.broker, ()):
            await dead_letters.replay(fleet.broker, letter)

    replaying = asyncio.create_task(replay_all())
    await asyncio.wait({replaying}, timeout=rnd.choice((0.05, 0.3, 2.0)))
    replaying.cancel()
    await asyncio.gather(replaying, return_exceptions=True)


async def end_desk(fleet: Fleet, rnd: random.Random) -> None:
    fleet.parts[rnd.choice(("desk-1", "desk-2"))].signal(signal.SIGTERM)


async def freeze_worker(fleet: Fleet, rnd: random.Random) -> None:
    """Freeze a worker, for less or more than its lease."""
    part = at_work(fleet, rnd)
    part.signal(signal.SIGSTOP)
    await asyncio.sleep(rnd.choice((0.2, LEASE_S / 2, LEASE_S * 1.5)))
    part.signal(signal.SIGCONT)


async def freeze_desk(fleet: Fleet, rnd: random.Random) -> None:
    """Freeze a desk for longer than its lease, probably within a step: its network is slow before."""
    name = rnd.choice(("desk-1", "desk-2"))
    fleet.proxies[name].slow(0.05)
    await asyncio.sleep(0.3)
    fleet.parts[name].signal(signal.SIGSTOP)
    await asyncio.sleep(LEASE_S * 1.5)
    fleet.parts[name].signal(signal.SIGCONT)
    await asyncio.sleep(0.5)
    fleet.proxies[name].heal()


async def storm(fleet: Fleet, rnd: random.Random) -> None:
    """Kill both desks and their replacements."""
    for _ in range(2):
        for name in ("desk-1", "desk-2"):
            fleet.parts[name].signal(signal.SIGKILL)
        await asyncio.sleep(rnd.uniform(0.3, 0.8))


async def kill_valkey(fleet: Fleet, rnd: random.Random) -> None:
    hit_server(fleet)
    if fleet.valkey.process is not None:
        fleet.valkey.process.kill()


async def freeze_valkey(fleet: Fleet, rnd: random.Random) -> None:
    hit_server(fleet)
    process = fleet.valkey.process
    if process is not None and process.poll() is None:
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(rnd.uniform(0.1, 1.0))
        process.send_signal(signal.SIGCONT)


async def reset(fleet: Fleet, rnd: random.Random) -> None:
    some_proxy(fleet, rnd).reset()


async def half_close(fleet: Fleet, rnd: random.Random) -> None:
    some_proxy(fleet, rnd).half_close()


async def cut(fleet: Fleet, rnd: random.Random) -> None:
    some_proxy(fleet, rnd).cut(rnd.randint(1, 3000))


async def black_hole(fleet: Fleet, rnd: random.Random) -> None:
    proxy = some_proxy(fleet, rnd)
    proxy.black_hole()
    await asyncio.sleep(rnd.uniform(0.2, LEASE_S * 1.5))
    proxy.heal()


async def slow(fleet: Fleet, rnd: random.Random) -> None:
    proxy = some_proxy(fleet, rnd)
    proxy.slow(rnd.uniform(0.02, 0.2))
    await asyncio.sleep(0.5)
    proxy.heal()


async def poison(fleet: Fleet, rnd: random.Random) -> None:
    await fleet.add_poison(f"poison-{len(fleet.poison)}-{rnd.randrange(1 << 30)}")


async def jump_clock(fleet: Fleet, rnd: random.Random) -> None:
    """Move the clock of the machine by seconds or weeks, forwards or backwards."""
    hit_server(fleet)
    fleet.jump(rnd.choice(JUMPS_S))


async def jump_one_clock(fleet: Fleet, rnd: random.Random) -> None:
    """Move the clock of one process, or of the server, as on several machines."""
    hit_server(fleet)
    fleet.jump(rnd.choice(JUMPS_S), [rnd.choice((*PROGRAMS, SERVER))])


async def kill_node(fleet: Fleet, rnd: random.Random) -> None:
    """Kill a node. Three replicas tolerate the loss of one, so the next fault waits until all are in sync again."""
    assert fleet.cluster is not None
    cluster = fleet.cluster
    async with fleet.node_faults:
        hit_server(fleet)
        node = rnd.choice(cluster.nodes)
        fleet.record("node killed", node=node.number)
        cluster.kill(node)
        cluster.run(node)
        await asyncio.to_thread(cluster.wait_for, node)
        await until(lambda: is_replicated(cluster), what="all replicas in sync")
        fleet.record("replicas in sync")


async def freeze_node(fleet: Fleet, rnd: random.Random) -> None:
    assert fleet.cluster is not None
    cluster = fleet.cluster
    async with fleet.node_faults:
        hit_server(fleet)
        node = rnd.choice(cluster.nodes)
        fleet.record("node frozen", node=node.number)
        cluster.signal(node, signal.SIGSTOP)
        await asyncio.sleep(rnd.choice((0.5, 4.5)))
        cluster.signal(node, signal.SIGCONT)
        await until(lambda: is_replicated(cluster), what="all replicas in sync")
        fleet.record("replicas in sync")


CLOCK: dict[Fault, int] = {jump_clock: 3, jump_one_clock: 4, kill_worker: 1, kill_valkey: 1}
# Weights: a Python start costs a second of CPU, so kills are rarer than faults without a restart.
EMBEDDED: dict[Fault, int] = {
    kill_worker: 5, end_desk: 1, storm: 1, kill_subscriber: 2, end_subscriber: 1, freeze_subscriber: 2, kill_valkey: 3,
    replay_items: 1, replay_letters: 1, roll: 1, freeze_valkey: 2, freeze_worker: 6,
    reset: 5, half_close: 3, cut: 5, black_hole: 4, slow: 3, poison: 3,
}  # fmt: skip
# Without starts of processes: many faults an hour on a busy machine.
QUICK: dict[Fault, int] = {
    kill_valkey: 3, freeze_valkey: 2, freeze_worker: 8, freeze_subscriber: 3, reset: 8, half_close: 4, cut: 8,
    black_hole: 5, slow: 3, poison: 3, replay_items: 1, replay_letters: 1,
}  # fmt: skip
KAFKA: dict[Fault, int] = {
    kill_worker: 5, end_desk: 3, storm: 1, kill_subscriber: 1, kill_valkey: 1, freeze_worker: 4, reset: 2, cut: 2,
    black_hole: 2, poison: 3, kill_node: 4, freeze_node: 2, replay_letters: 1, roll: 1,
}  # fmt: skip


# Kafka: many rebalances of the desks, over slow and restarted nodes.
REBALANCES: dict[Fault, int] = {
    kill_desk: 3, end_desk: 5, freeze_worker: 3, kill_node: 4, freeze_node: 3, kill_worker: 1, black_hole: 1,
    kill_valkey: 1,
}  # fmt: skip


async def break_things(
    fleet: Fleet, seed: int, faults: int, kinds: dict[Fault, int], pace_s: float, items: int = 0
) -> Counter[str]:
    """Inject this many faults, about one every *pace_s*, some at the same time; return the number of each.

    *items*: between two faults, desks handle so many items at least, or BUSY_S pass.
    """
    rnd = random.Random(seed)
    done: Counter[str] = Counter()
    lasting: set[asyncio.Task[Any]] = set()
    for _ in range(faults):
        fault = rnd.choices(list(kinds), list(kinds.values()))[0]
        done[fault.__name__] += 1
        fleet.record(fault.__name__)
        task = asyncio.ensure_future(fault(fleet, random.Random(rnd.random())))
        lasting.add(task)
        await asyncio.sleep(rnd.uniform(0.3, 1.7) * pace_s)
        if items:
            with suppress(UnavailableError):  # a killed server
                await fleet.next_progress(BUSY_S, items)
    for task in lasting:
        await asyncio.gather(task, return_exceptions=True)
    return done
