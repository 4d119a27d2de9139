"""Stalls of the desks: times in which items wait and no desk handles one.

All connections of a fault run pass through its own process. A time in which that process gets no CPU is an outage of
the network, and no stall of a desk. A stall is therefore reported twice: as measured, and without such pauses.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

TICK_S = 0.1
LATE_S = 0.1  # a tick that is later than this counts as a pause
LONG_STALL_S = 12.0  # log the stacks of all tasks; the goal is 15 s
SIGCGT = "SigCgt:"  # signals with a handler, in /proc/PID/status


class StallClock:
    """Measures stalls from observations. `stall_s` excludes pauses of this process, `raw_stall_s` includes them."""

    def __init__(self, now_s: float) -> None:
        self.stall_s = self.raw_stall_s = self.pause_s = 0.0
        self.on_long_stall: Callable[[float], None] = lambda stall_s: None
        self._since_s, self._paused_s, self._is_reported = now_s, 0.0, False

    def pause(self, late_s: float) -> None:
        """Record a tick that was *late_s* late."""
        if late_s > LATE_S:
            self.pause_s = max(self.pause_s, late_s)
            self._paused_s += late_s

    def observe(self, now_s: float, *, is_stalled: bool) -> None:
        """Record whether items wait and none was handled since the last observation."""
        if not is_stalled:
            self._since_s, self._paused_s, self._is_reported = now_s, 0.0, False
        raw_s = now_s - self._since_s
        self.raw_stall_s = max(self.raw_stall_s, raw_s)
        self.stall_s = max(self.stall_s, raw_s - self._paused_s)
        if raw_s > LONG_STALL_S and not self._is_reported:
            self._is_reported = True
            self.on_long_stall(raw_s)

    async def tick(self) -> None:
        """Measure the pauses of this process, until cancelled."""
        while True:
            before_s = time.monotonic()
            await asyncio.sleep(TICK_S)
            self.pause(time.monotonic() - before_s - TICK_S)


def has_handler(pid: int, signum: int) -> bool:
    """Return whether process *pid* handles signal *signum*; without a handler, SIGUSR1 ends a process."""
    try:
        rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    caught = next((int(row.removeprefix(SIGCGT), 16) for row in rows if row.startswith(SIGCGT)), 0)
    return bool(caught >> (signum - 1) & 1)
