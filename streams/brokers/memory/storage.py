"""The data behind all in-memory brokers of one name: partitions, state, and the leases and offsets of groups."""

import asyncio
import weakref
from collections.abc import Iterable, Sequence

from streams.brokers.base import Condition, ConsumedMessage
from streams.brokers.memory.state import Keyspace, MemoryState, to_bytes
from streams.start import StartPosition, resolve_start
from streams.topics import Partition, partition_name


class Group:
    """A consumer group: its members, and the number of changes of members and leases.

    Leases and committed offsets are hashes in the state, so that `Storage.compare` checks them like any condition.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.leases_key, self.offsets_key = f"copydesk:leases:{name}", f"copydesk:offsets:{name}"
        self.members: weakref.WeakValueDictionary[str, object] = weakref.WeakValueDictionary()
        self.changes = 0
        self.last_member = self.last_epoch = 0

    def version(self) -> tuple[int, int]:
        """Return a value that changes with the members and the leases; a member without `close` leaves silently."""
        return self.changes, len(self.members)


class Storage:
    """Topics, groups and state. Use it from one event loop at a time."""

    def __init__(self, url: str) -> None:
        self.state = MemoryState(url)
        self.topics: dict[str, list[list[ConsumedMessage]]] = {}
        self.groups: dict[str, Group] = {}
        self._waiting: dict[asyncio.Event, None] = {}  # in order, so that a simulation can be replayed

    def clear(self) -> None:
        self.topics.clear()
        self.groups.clear()
        self.state.data = Keyspace()

    def group(self, name: str) -> Group:
        return self.groups.setdefault(name, Group(name))

    def end(self, partition: Partition) -> int:
        """Return the next offset to be written."""
        return len(self.topics[partition[0]][partition[1]])

    def committed(self, group: Group, partition: Partition) -> int:
        return int(self.state.run("HGET", group.offsets_key, partition_name(*partition)) or 0)

    def lease(self, group: Group, partition: Partition) -> str:
        """Return the current lease of *partition*; "" without an owner."""
        return (self.state.run("HGET", group.leases_key, partition_name(*partition)) or b"").decode()

    def register(self, group: Group, partitions: Iterable[Partition], start: StartPosition) -> None:
        """Commit the offset at *start* in the partitions without a committed offset."""
        for tp in partitions:
            offset = resolve_start(start, tp[1], 0, self.end(tp))
            self.state.run("HSETNX", group.offsets_key, partition_name(*tp), offset)

    # -- compare-and-set --------------------------------------------------------------------------------------

    def compare(self, conditions: Sequence[Condition]) -> bool | None:
        """Return True if *conditions* hold, False if one failed, and None if the step was done before.

        The rules are those of `redis_streams/lua/publish.lua`.
        """
        done = pending = False
        for key, field, expected, new in conditions:
            value = self.state.run("HGET", key, field) or b""
            if value == to_bytes(expected):
                pending |= expected != new
            elif value == to_bytes(new):
                done = True
            else:
                return False
        if done:
            return False if pending else None
        return True

    def apply(self, conditions: Sequence[Condition]) -> None:
        for key, field, expected, new in conditions:
            if expected != new:
                self.state.run("HSET", key, field, new)

    # -- waiting ----------------------------------------------------------------------------------------------

    async def wait(self, wait_s: float) -> None:
        """Return at the next `notify`, or after *wait_s* seconds."""
        event = asyncio.Event()
        self._waiting[event] = None
        try:
            async with asyncio.timeout(wait_s):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting.pop(event, None)

    def notify(self) -> None:
        """Wake all waiting readers, after a publication or a change of a group."""
        for event in self._waiting:
            event.set()
