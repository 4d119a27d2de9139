"""A reader of the in-memory broker; as a member of a group it is also the `AgentContext` of `publish_and_commit`."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

from streams.brokers.base import ConsumedMessage
from streams.brokers.memory.storage import Group, Storage
from streams.logger import get_logger
from streams.start import StartPosition, resolve_start
from streams.topics import Partition, partition_name

log = get_logger(__name__)

MAX_FETCH = 500  # messages per partition and read, as on Redis Streams


class InMemoryReader:
    """A position in a topic. Members of a group share its partitions by leases, as on Redis Streams.

    A lease ends by `hand_over`, `close` or `InMemoryBroker.revoke_leases`; it never expires.
    """

    def __init__(self, storage: Storage, partitions: list[Partition], group: str, start: StartPosition) -> None:
        self.storage, self.partitions, self.group = storage, partitions, group
        self._position: dict[Partition, int] = {}
        self._position_lease: dict[Partition, str] = {}  # the lease under which each position was initialised
        self._lost: set[Partition] = set()
        self._to_release: set[Partition] = set()
        self._group: Group | None = None
        self._version: tuple[int, int] | None = None
        if group:
            self._join(storage.group(group), start)
        else:
            self._position = {tp: resolve_start(start, tp[1], 0, storage.end(tp)) for tp in partitions}

    # -- group ------------------------------------------------------------------------------------------------

    def _join(self, group: Group, start: StartPosition) -> None:
        self.storage.register(group, self.partitions, start)
        group.last_member += 1
        self.member = f"{self.partitions[0][0]}#{group.last_member:09}"
        group.members[self.member] = self
        group.changes += 1
        self._group = group
        self.storage.notify()

    def is_due(self) -> bool:
        # A partition to release is handed over later, once its messages are committed.
        return bool(self._to_release) or self._has_changes()

    def _has_changes(self) -> bool:
        return self._group is not None and (bool(self._lost) or self._group.version() != self._version)

    async def confirm_leases(self) -> set[Partition]:
        self._refresh_leases()
        lost, self._lost = self._lost, set()
        return lost

    def _refresh_leases(self) -> None:
        """Acquire this member's share of the free partitions, and adapt the positions to the owned leases."""
        group = self._group
        if group is None:
            return
        topic = self.partitions[0][0]
        members = sorted(m for m in group.members if m.startswith(f"{topic}#"))
        owned: dict[Partition, str] = {}
        self._to_release = set()
        for tp in self.partitions:
            lease = self.storage.lease(group, tp)
            is_mine = members[tp[1] % len(members)] == self.member
            if is_mine and lease.partition("|")[0] not in members:
                lease = self._acquire(group, tp)
            if lease.partition("|")[0] == self.member:
                owned[tp] = lease
                if not is_mine:
                    self._to_release.add(tp)
        self._lost |= {tp for tp, lease in self._position_lease.items() if owned.get(tp) != lease}
        for tp, lease in owned.items():
            if self._position_lease.get(tp) != lease:
                self._position[tp] = self.storage.committed(group, tp)
        self._position = {tp: self._position[tp] for tp in owned}
        self._position_lease, self._version = owned, group.version()

    def _acquire(self, group: Group, partition: Partition) -> str:
        group.last_epoch += 1
        lease = f"{self.member}|{group.last_epoch}"
        self.storage.state.run("HSET", group.leases_key, partition_name(*partition), lease)
        return lease

    def _release(self, partitions: Collection[Partition]) -> None:
        assert self._group is not None
        for tp in partitions:
            if self._position_lease.get(tp) == self.storage.lease(self._group, tp):
                self.storage.state.run("HDEL", self._group.leases_key, partition_name(*tp))
            self._position.pop(tp, None)
            self._position_lease.pop(tp, None)
        self._to_release -= set(partitions)
        self._group.changes += 1
        self.storage.notify()

    def to_release(self) -> Collection[Partition]:
        return self._to_release

    async def hand_over(self, partitions: Collection[Partition]) -> None:
        if self._group is not None and partitions:
            self._release(partitions)

    # -- AgentContext -----------------------------------------------------------------------------------------

    def assignment(self) -> Collection[Partition]:
        return [tp for tp in self._position if tp not in self._to_release]

    def lease_of(self, topic: str, partition: int) -> str:
        return self._position_lease.get((topic, partition), "lost")

    async def rewind(self, offsets: Mapping[Partition, int]) -> None:
        self._position |= {tp: offset for tp, offset in offsets.items() if tp in self._position}

    # -- reading ----------------------------------------------------------------------------------------------

    async def read(self, wait_s: float) -> Sequence[ConsumedMessage]:
        if self._group is not None and not self._position_lease:
            self._refresh_leases()
        await asyncio.sleep(0)  # other tasks run even if messages are always available
        if not (messages := self._take()) and not self._has_changes():
            await self.storage.wait(wait_s)
            messages = self._take()
        return messages

    def _take(self) -> list[ConsumedMessage]:
        messages: list[ConsumedMessage] = []
        for tp in self.assignment():
            start = self._position[tp]
            taken = self.storage.topics[tp[0]][tp[1]][start : start + MAX_FETCH]
            self._position[tp] += len(taken)
            messages += taken
        return messages

    def position(self) -> dict[int, int]:
        return {tp[1]: offset for tp, offset in self._position.items()}

    async def commit(self, through: Mapping[Partition, int]) -> None:
        group = self._group
        if group is None:
            return
        for tp, offset in through.items():
            if self.storage.lease(group, tp) != self._position_lease.get(tp):
                log.warning("commit refused", topic=tp[0], partition=tp[1], group=group.name, reason="lease lost")
            elif offset + 1 > self.storage.committed(group, tp):
                self.storage.state.run("HSET", group.offsets_key, partition_name(*tp), offset + 1)

    async def at_end(self) -> bool:
        return bool(self._position) and all(p >= self.storage.end(tp) for tp, p in self._position.items())

    async def close(self) -> None:
        if self._group is not None and self._group.members.pop(self.member, None) is not None:
            self._release(list(self._position_lease))
