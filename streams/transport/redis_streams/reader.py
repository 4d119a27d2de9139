"""A subscriber's position in a topic."""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streams.transport.broker import Delivery, start_offset
from streams.transport.redis_streams.client import Partition, offset_of
from streams.transport.redis_streams.leases import Leases

if TYPE_CHECKING:
    from streams.transport.redis_streams.log import Log


logger = logging.getLogger(__name__)


class LogReader:
    """A subscriber's position in a topic; members of one group share its partitions by leases."""

    lease_s = 10.0

    def __init__(self, log: "Log", partitions: list[Partition], group: str) -> None:
        self.log, self.group, self.all = log, group, partitions
        self._position: dict[Partition, int] = {}
        self._read_under: dict[Partition, str] = {}  # the lease that each position was begun under
        self._leases = Leases(log, group, self.lease_s) if group else None
        self._next_beat_s = 0.0

    async def open(self, start: str) -> None:
        if self.group:
            await self.log.register(self.group, self.all, start)
            return
        bounds = await self.log.bounds(self.all)
        self._position = {tp: start_offset(start, tp[1], b.first, b.following) for tp, b in bounds.items()}

    async def _share(self) -> None:
        """Keep to the leases that we hold. Whatever is interrupted here is made up for at the next call."""
        if self._leases is None or time.monotonic() < self._next_beat_s:
            return
        await self._leases.beat(self.all)
        if self._leases.surplus:
            await self._leases.release(self._leases.surplus)
        held = dict(self._leases.held)
        kept = {tp: p for tp, p in self._position.items() if self._read_under.get(tp) == held.get(tp)}
        new = [tp for tp in held if tp not in kept]
        self._position = kept | (await self._resumed(new) if new else {})
        self._read_under = held
        self._next_beat_s = time.monotonic() + self.lease_s / 4

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
        await self._share()
        if not self._position:
            await asyncio.sleep(wait_s)
            return []
        found = await self.log.fetch(self._position, wait_s)
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
            leases = {tp: self._leases.held.get(tp, "lost") for tp in through}
            await self.log.commit(self.group, {tp: offset + 1 for tp, offset in through.items()}, leases)

    async def at_end(self) -> bool:
        bounds = await self.log.bounds(self.all)
        return bool(self._position) and all(p >= bounds[tp].following for tp, p in self._position.items())

    async def close(self) -> None:
        if self._leases is not None:
            await self._leases.release(self._leases.held, leave=True)


def delivery(tp: Partition, entry: Any) -> Delivery:
    """Return the message in a raw entry."""
    entry_id, flat = entry
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    headers = tuple((n[2:].decode(), v) for n, v in fields.items() if n[:2] == b"h:")
    return Delivery(
        *tp, offset_of(entry_id), float(fields.get(b"t", 0)), fields.get(b"k", b""), fields.get(b"v", b""), headers
    )
