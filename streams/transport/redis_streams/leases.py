"""Leases: how the members of a group share its partitions, and take over from the dead."""

import os
import secrets
import socket
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from streams.transport.redis_streams.client import Partition, partition_name

if TYPE_CHECKING:
    from streams.transport.redis_streams.log import Log


class Leases:
    """A member's share of a group's partitions, kept by heartbeats.

    `held` maps a partition to its lease ("member|epoch"); a write that names a lease that has moved on is refused.
    A worker that comes back under its old name takes over at once from the dead one.
    """

    def __init__(self, log: "Log", group: str, lease_s: float, name: str = "") -> None:
        self.log, self.group, self.lease_s = log, group, lease_s
        # Two members of one process must not take each other for the dead self: only a name that was given is known.
        name = name or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.member = f"{name}#{secrets.token_hex(4)}"
        self.held: dict[Partition, str] = {}
        self.surplus: list[Partition] = []
        self._joined = False

    def _keys(self) -> list[str]:
        return [self.log.key(kind, self.group) for kind in ("members", "leases", "epochs")]

    async def beat(self, partitions: Sequence[Partition]) -> None:
        """Renew what is held, and take what is free and our share."""
        by_name = {partition_name(*tp).encode(): tp for tp in partitions}
        args = [self.member, int(self.lease_s * 1000), 0 if self._joined else 1, self.group, *by_name]
        held, surplus = await self.log.script("beat", [*self._keys(), self.log.key("groups")], args)
        self._joined = True
        self.held = {by_name[n]: lease.decode() for n, lease in zip(held[::2], held[1::2], strict=True)}
        self.surplus = [by_name[n] for n in surplus]

    async def release(self, partitions: Iterable[Partition], *, leave: bool = False) -> None:
        """Hand *partitions* over; leaving the group lets the others take them at their next heartbeat."""
        names = [partition_name(*tp) for tp in partitions]
        await self.log.script("release", self._keys()[:2], [self.member, int(leave), *names])
