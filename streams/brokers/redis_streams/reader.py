"""A subscriber's position in a topic of Redis Streams."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from streams.brokers.base import ConsumedMessage
from streams.brokers.read_ahead import ReadAhead
from streams.brokers.redis_streams.leases import Leases
from streams.brokers.redis_streams.store import StreamStore
from streams.logger import get_logger
from streams.start import StartPosition, resolve_start
from streams.state.redis_client import offset_from_entry_id
from streams.topics import Partition

GROUP_FETCH = 100  # entries per partition that a group member reads ahead

log = get_logger(__name__)


class RedisStreamsReader:
    """A subscriber's position in a topic; members of a group share its partitions by leases."""

    def __init__(self, store: StreamStore, partitions: list[Partition], group: str) -> None:
        self.store, self.group, self.partitions = store, group, partitions
        self._position: dict[Partition, int] = {}
        self._position_lease: dict[Partition, str] = {}  # the lease under which each position was initialised
        self._lost: set[Partition] = set()
        self._leases = Leases(store, group, store.lease_s) if group else None
        self._read_ahead = ReadAhead(GROUP_FETCH * len(partitions))

    async def open(self, start: StartPosition) -> None:
        if self._leases is not None:
            await self.store.register(self.group, self.partitions, start)
            self._leases.start_renewing()
            return
        bounds = await self.store.bounds(self.partitions)
        self._position = {tp: resolve_start(start, tp[1], b.first, b.end) for tp, b in bounds.items()}

    def is_due(self) -> bool:
        return self._leases is not None and (bool(self._lost) or self._leases.is_due())

    async def confirm_leases(self) -> set[Partition]:
        await self._refresh_leases()
        lost, self._lost = self._lost, set()
        return lost

    def to_release(self) -> Collection[Partition]:
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
        """Send a due heartbeat and adapt the positions to the owned leases; an interrupted call is completed later.

        Reading of a partition to release stops. Its lease stays until `hand_over`, for its uncommitted messages.
        """
        leases = self._leases
        if leases is None or not leases.is_due():
            return
        await leases.heartbeat(self.partitions)
        to_release = {tp: lease for tp, lease in self._position_lease.items() if tp in leases.to_release}
        owned = leases.owned | to_release
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
        """Return the committed offsets, or the first stored offsets where trimming has passed them."""
        committed = await self.store.committed(self.group, partitions)
        bounds = await self.store.bounds(partitions)
        positions = {tp: max(committed[tp] or 0, bounds[tp].first) for tp in partitions}
        for tp, position in positions.items():
            if (removed := position - (committed[tp] or 0)) > 0:
                log.warning(
                    "messages missed", topic=tp[0], partition=tp[1], group=self.group, count=removed,
                    reason="removed while the group was inactive",
                )  # fmt: skip
        return positions

    async def read(self, wait_s: float) -> list[ConsumedMessage]:
        if not self._position_lease:
            await self._refresh_leases()
        positions = {tp: p for tp, p in self._position.items() if tp not in self.to_release()}
        if not positions:
            await asyncio.sleep(wait_s)
            return []
        fetched = await self.store.fetch(positions, wait_s, **self._limit(len(positions)))
        messages = []
        for tp, entries in fetched.items():
            if (removed := offset_from_entry_id(entries[0][0]) - self._position[tp]) > 0:
                log.warning(
                    "messages missed", topic=tp[0], partition=tp[1], count=removed, reason="removed before the read"
                )
            messages += [to_message(tp, entry) for entry in entries]
            self._position[tp] = messages[-1].offset + 1
        self._read_ahead.record(len(messages))
        return messages

    def _limit(self, partitions: int) -> dict[str, int]:
        """Return the `fetch` argument that bounds the read-ahead of a group member."""
        return {"count": -(-self._read_ahead.next_count() // partitions)} if self.group else {}

    def position(self) -> dict[int, int]:
        return {tp[1]: offset for tp, offset in self._position.items()}

    async def commit(self, through: Mapping[Partition, int]) -> None:
        if self._leases is not None:
            leases = {tp: self._position_lease.get(tp, "lost") for tp in through}
            done = await self.store.commit(self.group, {tp: offset + 1 for tp, offset in through.items()}, leases)
            if done < len(through):
                log.warning(
                    "commit refused", topic=min(through)[0], group=self.group, reason="lease lost",
                    partition=", ".join(str(tp[1]) for tp in sorted(through)), next_step="the new owner continues",
                )  # fmt: skip
                self._leases.expire()

    async def at_end(self) -> bool:
        bounds = await self.store.bounds(self.partitions)
        return bool(self._position) and all(p >= bounds[tp].stored_end for tp, p in self._position.items())

    async def close(self) -> None:
        if self._leases is not None:
            await self._leases.release([*self._leases.owned, *self._leases.to_release], leave=True)


def to_message(tp: Partition, entry: Any) -> ConsumedMessage:
    """Return the message of a raw stream entry."""
    entry_id, flat = entry
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    headers = tuple((n[2:].decode(), v) for n, v in fields.items() if n[:2] == b"h:")
    return ConsumedMessage(
        *tp,
        offset_from_entry_id(entry_id),
        float(fields.get(b"t", 0)),
        fields.get(b"k", b""),
        fields.get(b"v", b""),
        headers,
    )
