"""The watchdog of a desk: it ends a process that makes no progress, so that a supervisor restarts it.

It must not know the pipeline. It reads the offsets of the desk's consumer group.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Protocol

from streams.brokers.base import Broker, Progress
from streams.errors import UnavailableError
from streams.exit_codes import ExitCode, abort
from streams.topics import DESK_GROUP, ITEMS, Partition, partition_name
from workers.dedupe.rebuild import INTACT_KEY
from workers.task_stacks import log_task_stacks

STALL_TIMEOUT_S = 30.0  # above REBALANCE_TIMEOUT_S: a desk does not exit while its group waits for another member
CHECKS = 10  # of the progress within STALL_TIMEOUT_S


class Membership(Protocol):
    """The part of `FaustContext` with the partitions that this worker must process."""

    def assignment(self) -> Collection[Partition]: ...

    def is_rebalancing(self) -> bool: ...


class StallDetector:
    """Decides whether this worker has messages and makes no progress. Pure; times are monotonic."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._waiting: dict[Partition, int] = {}  # position of each owned partition that has messages
        self._since_s = float("inf")
        self._rebalancing_since_s: float | None = None

    def stalled(self, progress: Mapping[Partition, Progress], owned: Collection[Partition], now_s: float) -> list[str]:
        """Return the names of the *owned* partitions with messages if none moved for `timeout_s`. Call it regularly.

        One partition may wait for the others: a step handles the messages of a few partitions.
        """
        waiting = {tp: progress[tp].position for tp in owned if tp in progress and progress[tp].lag}
        if not waiting or waiting != self._waiting:
            self._waiting, self._since_s = waiting, now_s
        is_late = bool(waiting) and now_s - self._since_s > self.timeout_s
        return [partition_name(*tp) for tp in sorted(waiting)] if is_late else []

    def is_rebalance_stalled(self, is_rebalancing: bool, lag: int, now_s: float) -> bool:
        """Return whether items wait and this worker has been in a rebalance for `timeout_s`."""
        if not (is_rebalancing and lag):
            self._rebalancing_since_s = None
        elif self._rebalancing_since_s is None:
            self._rebalancing_since_s = now_s
        return self._rebalancing_since_s is not None and now_s - self._rebalancing_since_s > self.timeout_s

    def reset(self) -> None:
        """Start over after an outage, which is no sign of a stalled worker."""
        self._waiting.clear()
        self._rebalancing_since_s = None


class CheckTime:
    """Time in which this process could work: a late check counts as one interval.

    A check is late when the process gets no CPU time or is frozen, or when the broker is slow. None of these is a
    stall, and a restart would take more CPU time.
    """

    def __init__(self, interval_s: float, now_s: float) -> None:
        self.interval_s = interval_s
        self._checked_s, self._counted_s = now_s, 0.0

    def advance(self, now_s: float) -> float:
        """Return the counted time up to a check at the monotonic time *now_s*."""
        self._counted_s += min(now_s - self._checked_s, self.interval_s)
        self._checked_s = now_s
        return self._counted_s


async def watchdog(
    broker: Broker,
    membership: Membership,
    restore: Callable[[], Awaitable[object]],
    stall_timeout_s: float = STALL_TIMEOUT_S,
) -> None:
    """End this process when its partitions make no progress for *stall_timeout_s*; *restore* a lost state.

    Other members' partitions are no reason to exit: only their owner can release them. A rebalance that does not end is
    a reason: it may hang after the death of a broker. The restarted worker joins the group again.
    """
    detector = StallDetector(stall_timeout_s)
    checks = CheckTime(stall_timeout_s / CHECKS, time.monotonic())
    while True:
        await asyncio.sleep(checks.interval_s)
        try:
            if not await broker.state.exists(INTACT_KEY):
                await restore()
                detector.reset()
            progress = await broker.progress(ITEMS.name, DESK_GROUP)
        except UnavailableError:
            detector.reset()
            continue
        now_s, lag = checks.advance(time.monotonic()), sum(p.lag for p in progress.values())
        if stalled := detector.stalled(progress, membership.assignment(), now_s):
            reason = f"no progress of {', '.join(stalled)}"
        elif detector.is_rebalance_stalled(membership.is_rebalancing(), lag, now_s):
            reason = "rebalance does not end"
        else:
            continue
        log_task_stacks()
        abort(ExitCode.TEMPFAIL, "desk stalled", reason=reason, seconds=stall_timeout_s, lag=lag,
              next_step="restarting")  # fmt: skip
