"""Measurement of stalls, and of pauses of the measuring process."""

import os
import signal

from tests.faults.stalls import LONG_STALL_S, StallClock, has_handler


def test_stall_clock_measures_time_without_progress() -> None:
    clock = StallClock(100.0)
    for now_s, is_stalled in ((101.0, False), (104.0, True), (109.0, True), (110.0, False), (113.0, True)):
        clock.observe(now_s, is_stalled=is_stalled)
    assert clock.stall_s == clock.raw_stall_s == 8.0


def test_stall_excludes_pauses_of_this_process() -> None:
    clock = StallClock(100.0)
    clock.pause(50.0)
    clock.observe(150.0, is_stalled=False)
    clock.pause(0.05)
    clock.pause(30.0)
    clock.observe(185.0, is_stalled=True)
    assert (clock.stall_s, clock.raw_stall_s, clock.pause_s) == (5.0, 35.0, 50.0)


def test_long_stall_is_reported_once() -> None:
    clock = StallClock(0.0)
    reports: list[float] = []
    clock.on_long_stall = reports.append
    for now_s in (LONG_STALL_S, LONG_STALL_S + 1, LONG_STALL_S + 2):
        clock.observe(now_s, is_stalled=True)
    assert reports == [LONG_STALL_S + 1]


def test_has_handler_reads_signals_of_process() -> None:
    former = signal.signal(signal.SIGUSR1, lambda *args: None)
    try:
        assert has_handler(os.getpid(), signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, former)
    assert not has_handler(os.getpid(), signal.SIGUSR1)
