"""A monotonic clock that detects jumps of the wall clock."""

import sys
import time
from pathlib import Path
from typing import NamedTuple

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Moment(NamedTuple):
    """The broker's Unix time and the local boot-time clock, read at about the same moment."""

    time_s: float
    ticks_s: float


def boot_id() -> str:
    """Return the id of the boot from which `boottime_s` counts; empty where the kernel has none."""
    return BOOT_ID.read_text("ascii").strip() if BOOT_ID.exists() else ""


def boottime_s() -> float:
    """Return CLOCK_BOOTTIME (monotonic, includes suspend), or CLOCK_MONOTONIC where that is unavailable."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic()
