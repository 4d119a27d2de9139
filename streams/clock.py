"""A monotonic clock that detects jumps of the wall clock."""

import sys
import time
from typing import NamedTuple


class Moment(NamedTuple):
    """The broker's Unix time and the local boot-time clock, read at about the same moment."""

    time_s: float
    ticks_s: float


def boottime_s() -> float:
    """Return CLOCK_BOOTTIME (monotonic, includes suspend), or CLOCK_MONOTONIC where that is unavailable."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic()
