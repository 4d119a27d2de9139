"""A subscriber's position in a topic."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from streams.brokers.base import Delivery, resolve_start
from streams.brokers.redis_streams.leases import Leases
from streams.state.redis_client import Partition, offset_from_entry_id

if TYPE_CHECKING:
    from streams.brokers.redis_streams.broker import RedisStreamsBroker


GROUP_FETCH = 100  # entries per partition that a group's member reads ahead: others wait for its share meanwhile

log = logging.getLogger(__name__)


class RedisStreamsReader:
    """A subscriber's position in a topic; members of one group share its partitions by leases."""

    def __init__(self, log: "RedisStreamsBroker", partitions: list[Partition], group: str) -> None:
        self.log, self.group, self.partitions = log, group, partitions
        self._position: dict[Partition, int] = {}
        self._position_lease: dict[Partition, str] = {}  # the lease that each position was begun under
        self._lost: set[Partition] = set()
        self._leases = Leases(log, group, log.lease_s) if group else None

    async def open(self, start: str) -> None:
        if self._leases is not None:
            await self.log.register(self.group, self.partitions, start)
            self._leases.start_renewing()
            return
        bounds = await self.log.bounds(self.partitions)
        self._position = {tp: resolve_start(start, tp[1], b.first, b.end) for tp, b in bounds.items()}

    def is_due(self) -> bool:
        return self._leases is not None and (bool(self._lost) or self._leases.is_due())

    async def keep(self) -> set[Partition]:
        await self._refresh_leases()
        lost, self._lost = self._lost, set()
        return lost

    def surplus(self) -> Collection[Partition]:
        return self._leases.to_release if self._leases is not None else ()

    async def hand_over(self, partitions: Collection[Partition]) -> None:
        if self._leases is None or not partitions:
            return
        await self._leases.release(partitions)
        for tp in partitions:
            self._position.pop(tp, None)
            self._position_lease.pop(tp, None)
        self._leases.to_release = [tp for tp in self._leases.to_release if tp not in partitions]

    async def _refresh_leases(self) -> None:
        """Keep to the leases that we hold. Whatever is interrupted here is made up for at the next call.

        A surplus partition is read no further; its lease stays until `hand_over`, for what is in hand of it.
        """
        leases = self._leases
        if leases is None or not leases.is_due():
            return
        await leases.heartbeat(self.partitions)
        kept = {tp: lease for tp, lease in self._position_lease.items() if tp in leases.to_release}
        owned = leases.owned | kept
        self._lost |= {tp for tp, lease in self._position_lease.items() if owned.get(tp) != lease}
        same = {tp: p for tp, p in self._position.items() if tp in owned and self._position_lease.get(tp) == owned[tp]}
        new = [tp for tp in leases.owned if tp not in same]
        try:
            self._position = same | (await self._initial_positions(new) if new else {})
        except BaseException:
            leases.expire()
            raise
        self._position_lease = owned

    async def _initial_positions(self, partitions: list[Partition]) -> dict[Partition, int]:
        """Return where the group is; behind what was trimmed, should it have been away for too long."""
        committed = await self.log.committed(self.group, partitions)
        bounds = await self.log.bounds(partitions)
        out = {tp: max(committed[tp] or 0, bounds[tp].first) for tp in partitions}
        gone = {tp: n for tp in partitions if (n := out[tp] - (committed[tp] or 0)) > 0}
        for (topic, partition), n in gone.items():
            log.warning("%s/%d: group %s was away while %d messages were removed", topic, partition, self.group, n)
        return out

    async def read(self, wait_s: float) -> list[Delivery]:
        if not self._position_lease:
            await self._refresh_leases()
        wanted = {tp: p for tp, p in self._position.items() if tp not in self.surplus()}
        if not wanted:
            await asyncio.sleep(wait_s)
            return []
        found = await self.log.fetch(wanted, wait_s, **({"count": GROUP_FETCH} if self.group else {}))
        out = []
        for tp, entries in found.items():
            if (gone := offset_from_entry_id(entries[0][0]) - self._position[tp]) > 0:
                log.warning("%s/%d: %d messages were removed before they were read", *tp, gone)
            out += [to_message(tp, entry) for entry in entries]
            self._position[tp] = out[-1].offset + 1
        return out

    def position(self) -> dict[int, int]:
        return {tp[1]: offset for tp, offset in self._position.items()}

    async def commit(self, through: Mapping[Partition, int]) -> None:
        if self._leases is not None:
            leases = {tp: self._position_lease.get(tp, "lost") for tp in through}
            done = await self.log.commit(self.group, {tp: offset + 1 for tp, offset in through.items()}, leases)
            if done < len(through):
                log.warning("group %s: a lease was lost before its commit; its new owner goes on", self.group)
                self._leases.expire()

    async def at_end(self) -> bool:
        bounds = await self.log.bounds(self.partitions)
        return bool(self._position) and all(p >= bounds[tp].end for tp, p in self._position.items())

    async def close(self) -> None:
        if self._leases is not None:
            await self._leases.release([*self._leases.owned, *self._leases.to_release], leave=True)


def to_message(tp: Partition, entry: Any) -> Delivery:
    """Return the message in a raw entry."""
    entry_id, flat = entry
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    headers = tuple((n[2:].decode(), v) for n, v in fields.items() if n[:2] == b"h:")
    return Delivery(
        *tp,
        offset_from_entry_id(entry_id),
        float(fields.get(b"t", 0)),
        fields.get(b"k", b""),
        fields.get(b"v", b""),
        headers,
    )
