"""Leases on partitions: sharing among the members of a group, and takeover from dead members."""

import asyncio
import os
import secrets
import socket
import threading
import weakref
from collections.abc import Iterable, Sequence

from streams.brokers.redis_streams.store import ScriptStore
from streams.clock import boot_id, boottime_s
from streams.errors import CopydeskError
from streams.logger import get_logger
from streams.topics import Partition, partition_name

BEATS_PER_LEASE = 4  # a lease survives three lost heartbeats
BEATS_PER_CALL = 3  # the member may be frozen while the reply waits; each repetition needs another such pause
SILENT_S = 300.0  # a member without activity for this time counts as stuck; the default of Kafka's max.poll.interval.ms

log = get_logger(__name__)


class Leases:
    """A member's share of a group's partitions, held by heartbeats.

    `owned` maps a partition to its lease ("member|epoch"). The broker refuses a write under an outdated lease.
    A worker that restarts under the same *name* takes over its former partitions at once.

    `heartbeat` acquires and releases partitions. The thread of `start_renewing` only renews leases while the member's
    event loop is blocked.
    """

    def __init__(self, store: ScriptStore, group: str, lease_s: float, name: str = "") -> None:
        self.store, self.group, self.lease_s = store, group, lease_s
        # The default name is unique, since two members of one process must not take over each other's partitions.
        name = name or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.member = f"{name}#{secrets.token_hex(4)}"
        self.owned: dict[Partition, str] = {}
        self.to_release: list[Partition] = []
        self.renewed_s = float("-inf")  # `boottime_s` when the last successful renewal was sent
        self._next_beat_s = float("-inf")
        self._active_s = boottime_s()
        self._joined = False
        self._boot = boot_id() or socket.gethostname()
        self._renewer: Renewer | None = None

    def _keys(self) -> list[str]:
        return [self.store.key(suffix, self.group) for suffix in ("members", "leases", "epochs")]

    def is_due(self) -> bool:
        """Return whether a heartbeat must come before further work under these leases."""
        now_s = self._active_s = boottime_s()
        return now_s >= self._next_beat_s or self._is_outdated(now_s)

    def _is_outdated(self, now_s: float) -> bool:
        return now_s - self.renewed_s > self.lease_s / 2

    def expire(self) -> None:
        """Make a heartbeat due, because a lease was lost."""
        self._next_beat_s = self.renewed_s = float("-inf")

    async def heartbeat(self, partitions: Sequence[Partition]) -> None:
        """Renew the owned leases, and acquire this member's share of the free *partitions*.

        A reply older than half a lease may name partitions of other members. The heartbeat is then repeated.
        """
        for _ in range(BEATS_PER_CALL):
            await self._beat(partitions)
            if not self._is_outdated(boottime_s()):
                return

    async def _beat(self, partitions: Sequence[Partition]) -> None:
        by_name = {partition_name(*tp).encode(): tp for tp in partitions}
        keys = [*self._keys(), self.store.key("groups"), self.store.key("lease-clocks", self.group)]
        keys += [self.store.key(suffix, self.group) for suffix in ("member-topics", "offsets")]
        sent_s = self._active_s = boottime_s()
        clock = [self._boot, int(sent_s * 1000)]
        args = [self.member, int(self.lease_s * 1000), 0 if self._joined else 1, self.group, *clock, *by_name]
        owned, to_release = await self.store.script("heartbeat", keys, args)
        self._joined = True
        self.owned = {by_name[n]: lease.decode() for n, lease in zip(owned[::2], owned[1::2], strict=True)}
        self.to_release = [by_name[n] for n in to_release]
        self.renewed_s, self._next_beat_s = sent_s, sent_s + self.lease_s / BEATS_PER_LEASE

    async def release(self, partitions: Iterable[Partition], *, leave: bool = False) -> None:
        """Release *partitions*; with *leave*, also leave the group, so that others acquire them at their heartbeat."""
        if leave:
            self.stop_renewing()
        names = [partition_name(*tp) for tp in partitions]
        await self.store.script("release", self._keys()[:2], [self.member, int(leave), *names])

    # -- renewing in a thread ---------------------------------------------------------------------------------

    def start_renewing(self) -> None:
        """Renew from a thread until `stop_renewing`, or until the member has been inactive for `SILENT_S`."""
        if self._renewer is None:
            self._renewer = Renewer(self)
            self._renewer.start()

    def stop_renewing(self) -> None:
        """Tell the thread to stop, without waiting for it."""
        if self._renewer is not None:
            self._renewer.stopping.set()
            self._renewer = None

    async def renew(self, store: ScriptStore) -> None:
        """Renew the leases over *store*, the thread's connection; lost leases stay lost."""
        sent_s = boottime_s()
        if sent_s - self._active_s > SILENT_S:
            return
        if await store.script("renew", self._keys()[:1], [self.member, int(self.lease_s * 1000)]):
            self.renewed_s = max(self.renewed_s, sent_s)
        else:
            self.expire()


class Renewer(threading.Thread):
    """Renews a member's leases while its event loop is blocked: a desk cleans an item, or a subscriber works.

    The thread ends on `stopping`, or with its `Leases`, so that a reader without `close` holds no partition.
    """

    def __init__(self, leases: Leases) -> None:
        super().__init__(name=f"leases of {leases.group}", daemon=True)
        self.stopping = threading.Event()
        self._leases = weakref.ref(leases)
        self._store = leases.store.sibling()
        self._every_s = leases.lease_s / BEATS_PER_LEASE

    def run(self) -> None:
        with asyncio.Runner() as runner:
            while not self.stopping.wait(self._every_s) and (leases := self._leases()) is not None:
                try:
                    runner.run(leases.renew(self._store))
                except CopydeskError as exc:
                    log.warning("leases not renewed", group=leases.group, error=exc, next_step="will retry")
                del leases
            runner.run(self._store.close())
