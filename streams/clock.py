"""A clock that nobody sets, to tell a jump of the wall clock from time that passed."""

import sys
import time
from typing import NamedTuple


class Moment(NamedTuple):
    """The broker's Unix time, and `ticks_s` at about the same moment."""

    time_s: float
    ticks_s: float


def boottime_s() -> float:
    """Return the seconds of a clock that nobody sets; it counts while the machine sleeps, where there is such a one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic()
