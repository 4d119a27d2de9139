"""Limits of CPU time within a process: one timer for all blocks of a batch."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

IMPORT_CHECK_S = MIN_DEADLINE_S = 0.01


class CpuTimer:
    """Raises TimeoutError in a block that takes too much CPU time. Works in the main thread only.

        with timer(limit_s, spent_s): ...

    Cleaning never awaits, so asyncio cannot interrupt it, but a signal can. Wall-clock time is unsuitable: it passes
    while the process is frozen or the machine is busy. The timer keeps running between blocks, because setting it costs
    a system call. When it fires, it compares the CPU time with the limit of the current block, and continues below that
    limit. `stop` ends it. Blocks cannot be nested.
    """

    def __init__(self) -> None:
        self._limit_s = self._end_s = 0.0  # `_end_s`: CPU time at which the current block ends; 0 outside of one
        self._fires_s = 0.0  # CPU time at which the timer fires; 0 if it does not run

    def __call__(self, limit_s: float, spent_s: float = 0.0) -> "CpuTimer":
        """Return the context of a block of *limit_s* seconds of CPU time, *spent_s* included."""
        self._limit_s, self._end_s = limit_s, time.process_time() + max(MIN_DEADLINE_S, limit_s - spent_s)
        return self

    def __enter__(self) -> None:
        if (self._fires_s == 0.0 or self._end_s < self._fires_s) and _in_main_thread():
            self._start()

    def __exit__(self, *exc: object) -> None:
        self._end_s = 0.0

    def _start(self) -> None:
        if self._fires_s == 0.0:
            signal.signal(signal.SIGPROF, self._on_alarm)
        self._fires_s = self._end_s
        signal.setitimer(signal.ITIMER_PROF, max(MIN_DEADLINE_S, self._end_s - time.process_time()))

    def _on_alarm(self, signum: int, frame: FrameType | None) -> None:
        self._fires_s = 0.0
        if self._end_s == 0.0:
            return
        if is_importing(frame):  # some modules, numpy among them, cannot be imported again after a partial import
            self._fires_s = time.process_time() + IMPORT_CHECK_S
            signal.setitimer(signal.ITIMER_PROF, IMPORT_CHECK_S)
        elif time.process_time() < self._end_s:
            self._start()
        else:
            raise TimeoutError(f"cleaning took longer than {self._limit_s:g} s of CPU time")

    def stop(self) -> None:
        """Stop the timer."""
        if _in_main_thread():
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, signal.SIG_IGN)  # the default action of a late signal ends the process
        self._fires_s = 0.0


@contextmanager
def cpu_deadline(limit_s: float, spent_s: float = 0.0) -> Iterator[Any]:
    """Raise TimeoutError in the block after *limit_s* seconds of CPU time, *spent_s* included."""
    timer = CpuTimer()
    try:
        with timer(limit_s, spent_s):
            yield
    finally:
        timer.stop()


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def is_importing(frame: FrameType | None) -> bool:
    """Return whether *frame* runs within an import."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
