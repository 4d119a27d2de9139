"""Leases: how the members of a group share its partitions, and take over from the dead."""

import asyncio
import logging
import os
import secrets
import socket
import sys
import threading
import time
import weakref
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from streams.errors import CopydeskError
from streams.state.redis_client import Partition, partition_name

if TYPE_CHECKING:
    from streams.brokers.redis_streams.broker import RedisStreamsBroker

BEATS_PER_LEASE = 4  # three heartbeats may get lost before the lease does
SILENT_S = 300.0  # Kafka's max.poll.interval.ms: a member that doesn't come back for so long is taken for stuck

logger = logging.getLogger(__name__)


class Leases:
    """A member's share of a group's partitions, kept by heartbeats.

    `held` maps a partition to its lease ("member|epoch"); a write that names a lease that has moved on is refused.
    A worker that comes back under its old name takes over at once from the dead one.

    `beat` takes and learns; the thread of `start_renewing` only renews, while the member's event loop is blocked.
    """

    def __init__(self, log: "RedisStreamsBroker", group: str, lease_s: float, name: str = "") -> None:
        self.log, self.group, self.lease_s = log, group, lease_s
        # Two members of one process must not take each other for the dead self: only a name that was given is known.
        name = name or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.member = f"{name}#{secrets.token_hex(4)}"
        self.owned: dict[Partition, str] = {}
        self.to_release: list[Partition] = []
        self.renewed_s = float("-inf")  # by `clock_s`, when the last renewal that succeeded was sent
        self._next_beat_s = float("-inf")
        self._seen_s = clock_s()
        self._joined = False
        self._renewer: Renewer | None = None

    def _keys(self) -> list[str]:
        return [self.log.key(kind, self.group) for kind in ("members", "leases", "epochs")]

    def is_due(self) -> bool:
        """Return whether a heartbeat must come before anything else is done under these leases."""
        now_s = self._seen_s = clock_s()
        return now_s >= self._next_beat_s or now_s - self.renewed_s > self.lease_s / 2

    def expire(self) -> None:
        """Require a heartbeat: a lease was found to be lost."""
        self._next_beat_s = self.renewed_s = float("-inf")

    async def heartbeat(self, partitions: Sequence[Partition]) -> None:
        """Renew what is held, and take what is free and our share."""
        by_name = {partition_name(*tp).encode(): tp for tp in partitions}
        args = [self.member, int(self.lease_s * 1000), 0 if self._joined else 1, self.group, *by_name]
        sent_s = self._seen_s = clock_s()
        held, surplus = await self.log.script("beat", [*self._keys(), self.log.key("groups")], args)
        self._joined = True
        self.owned = {by_name[n]: lease.decode() for n, lease in zip(held[::2], held[1::2], strict=True)}
        self.to_release = [by_name[n] for n in surplus]
        self.renewed_s, self._next_beat_s = sent_s, sent_s + self.lease_s / BEATS_PER_LEASE

    async def release(self, partitions: Iterable[Partition], *, leave: bool = False) -> None:
        """Hand *partitions* over; leaving the group lets the others take them at their next heartbeat."""
        if leave:
            self.stop_renewing()
        names = [partition_name(*tp) for tp in partitions]
        await self.log.script("release", self._keys()[:2], [self.member, int(leave), *names])

    # -- renewing in a thread ---------------------------------------------------------------------------------

    def start_renewing(self) -> None:
        """Renew from a thread until `stop_renewing`, or until the member has been silent for `SILENT_S`."""
        if self._renewer is None:
            self._renewer = Renewer(self)
            self._renewer.start()

    def stop_renewing(self) -> None:
        """Stop the thread; returns at once."""
        if self._renewer is not None:
            self._renewer.stopping.set()
            self._renewer = None

    async def renew(self, log: "RedisStreamsBroker") -> None:
        """Renew over a connection of its own; a lease that is lost already isn't renewed."""
        sent_s = clock_s()
        if sent_s - self._seen_s > SILENT_S:
            return
        if await log.script("renew", self._keys()[:1], [self.member, int(self.lease_s * 1000)]):
            self.renewed_s = max(self.renewed_s, sent_s)
        else:
            self.expire()


class Renewer(threading.Thread):
    """Renews a member's leases whatever its event loop does: cleaning an item or a subscriber's work may block that.

    It ends with `stopping`, or with the `Leases`: a reader that nobody closed keeps no partition.
    """

    def __init__(self, leases: Leases) -> None:
        super().__init__(name=f"leases of {leases.group}", daemon=True)
        self.stopping = threading.Event()
        self._leases = weakref.ref(leases)
        self._log = leases.log.sibling()
        self._every_s = leases.lease_s / BEATS_PER_LEASE

    def run(self) -> None:
        with asyncio.Runner() as runner:
            while not self.stopping.wait(self._every_s) and (leases := self._leases()) is not None:
                try:
                    runner.run(leases.renew(self._log))
                except CopydeskError as exc:
                    logger.warning("%s not renewed, will retry: %s", self.name, exc)
                del leases
            runner.run(self._log.close())


def clock_s() -> float:
    """Return seconds of a clock that goes on while the machine sleeps, where there is one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic()
