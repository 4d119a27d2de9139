"""A subscriber's position in a topic."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from streams.transport.broker import Delivery, start_offset
from streams.transport.redis_streams.client import Partition, offset_of
from streams.transport.redis_streams.leases import Leases

if TYPE_CHECKING:
    from streams.transport.redis_streams.log import Log


GROUP_FETCH = 100  # entries per partition that a group's member reads ahead: others wait for its share meanwhile

logger = logging.getLogger(__name__)


class LogReader:
    """A subscriber's position in a topic; members of one group share its partitions by leases."""

    def __init__(self, log: "Log", partitions: list[Partition], group: str) -> None:
        self.log, self.group, self.all = log, group, partitions
        self._position: dict[Partition, int] = {}
        self._read_under: dict[Partition, str] = {}  # the lease that each position was begun under
        self._lost: set[Partition] = set()
        self._leases = Leases(log, group, log.lease_s) if group else None

    async def open(self, start: str) -> None:
        if self._leases is not None:
            await self.log.register(self.group, self.all, start)
            self._leases.start_renewing()
            return
        bounds = await self.log.bounds(self.all)
        self._position = {tp: start_offset(start, tp[1], b.first, b.following) for tp, b in bounds.items()}

    def is_due(self) -> bool:
        return self._leases is not None and (bool(self._lost) or self._leases.is_due())

    async def keep(self) -> set[Partition]:
        await self._share()
        lost, self._lost = self._lost, set()
        return lost

    def surplus(self) -> Collection[Partition]:
        return self._leases.surplus if self._leases is not None else ()

    async def hand_over(self, partitions: Collection[Partition]) -> None:
        if self._leases is None or not partitions:
            return
        await self._leases.release(partitions)
        for tp in partitions:
            self._position.pop(tp, None)
            self._read_under.pop(tp, None)
        self._leases.surplus = [tp for tp in self._leases.surplus if tp not in partitions]

    async def _share(self) -> None:
        """Keep to the leases that we hold. Whatever is interrupted here is made up for at the next call.

        A surplus partition is read no further; its lease stays until `hand_over`, for what is in hand of it.
        """
        leases = self._leases
        if leases is None or not leases.is_due():
            return
        await leases.beat(self.all)
        kept = {tp: lease for tp, lease in self._read_under.items() if tp in leases.surplus}
        owned = leases.held | kept
        self._lost |= {tp for tp, lease in self._read_under.items() if owned.get(tp) != lease}
        same = {tp: p for tp, p in self._position.items() if tp in owned and self._read_under.get(tp) == owned[tp]}
        new = [tp for tp in leases.held if tp not in same]
        try:
            self._position = same | (await self._resumed(new) if new else {})
        except BaseException:
            leases.expire()
            raise
        self._read_under = owned

    async def _resumed(self, partitions: list[Partition]) -> dict[Partition, int]:
        """Return where the group is; behind what was trimmed, should it have been away for too long."""
        committed = await self.log.committed(self.group, partitions)
        bounds = await self.log.bounds(partitions)
        out = {tp: max(committed[tp] or 0, bounds[tp].first) for tp in partitions}
        gone = {tp: n for tp in partitions if (n := out[tp] - (committed[tp] or 0)) > 0}
        for (topic, partition), n in gone.items():
            logger.warning("%s/%d: group %s was away while %d messages were removed", topic, partition, self.group, n)
        return out

    async def read(self, wait_s: float) -> list[Delivery]:
        if not self._read_under:
            await self._share()
        wanted = {tp: p for tp, p in self._position.items() if tp not in self.surplus()}
        if not wanted:
            await asyncio.sleep(wait_s)
            return []
        found = await self.log.fetch(wanted, wait_s, **({"count": GROUP_FETCH} if self.group else {}))
        out = []
        for tp, entries in found.items():
            if (gone := offset_of(entries[0][0]) - self._position[tp]) > 0:
                logger.warning("%s/%d: %d messages were removed before they were read", *tp, gone)
            out += [delivery(tp, entry) for entry in entries]
            self._position[tp] = out[-1].offset + 1
        return out

    def position(self) -> dict[int, int]:
        return {tp[1]: offset for tp, offset in self._position.items()}

    async def commit(self, through: Mapping[Partition, int]) -> None:
        if self._leases is not None:
            leases = {tp: self._read_under.get(tp, "lost") for tp in through}
            done = await self.log.commit(self.group, {tp: offset + 1 for tp, offset in through.items()}, leases)
            if done < len(through):
                logger.warning("group %s: a lease was lost before its commit; its new owner goes on", self.group)
                self._leases.expire()

    async def at_end(self) -> bool:
        bounds = await self.log.bounds(self.all)
        return bool(self._position) and all(p >= bounds[tp].following for tp, p in self._position.items())

    async def close(self) -> None:
        if self._leases is not None:
            await self._leases.release([*self._leases.held, *self._leases.surplus], leave=True)


def delivery(tp: Partition, entry: Any) -> Delivery:
    """Return the message in a raw entry."""
    entry_id, flat = entry
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    headers = tuple((n[2:].decode(), v) for n, v in fields.items() if n[:2] == b"h:")
    return Delivery(
        *tp, offset_of(entry_id), float(fields.get(b"t", 0)), fields.get(b"k", b""), fields.get(b"v", b""), headers
    )
