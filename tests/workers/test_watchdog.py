"""The watchdog's decision: only the owner of a partition without progress exits."""

from streams.brokers.base import Progress
from streams.faust.agents import REBALANCE_TIMEOUT_S
from streams.faust.consumer_mixins import HANDOVER_S
from workers.watchdog import STALL_TIMEOUT_S, CheckTime, StallDetector

MINE, OTHERS = ("copydesk.items", 0), ("copydesk.items", 1)
STUCK, EMPTY = Progress(5, 9), Progress(9, 9)


def stalled(detector: StallDetector, now_s: float, mine: Progress, others: Progress = STUCK) -> list[str]:
    return detector.stalled({MINE: mine, OTHERS: others}, [MINE], now_s)


def test_stalled_partition_of_another_member_is_ignored() -> None:
    detector = StallDetector(30)
    assert all(not stalled(detector, float(now_s), EMPTY) for now_s in range(0, 300, 3))
    assert all(not stalled(detector, 300.0 + n, Progress(5 + n, 900)) for n in range(0, 300, 3))


def test_stalled_partition_of_this_member_is_reported() -> None:
    detector = StallDetector(30)
    assert not stalled(detector, 0, STUCK)
    assert not stalled(detector, 30, STUCK)
    assert stalled(detector, 31, STUCK) == ["copydesk.items/0"]


def test_partition_that_waits_for_others_is_no_stall() -> None:
    detector = StallDetector(30)
    for now_s in range(0, 300, 10):
        assert detector.stalled({MINE: Progress(now_s, 900), OTHERS: STUCK}, [MINE, OTHERS], float(now_s)) == []


def test_stall_timeout_starts_with_ownership_and_progress() -> None:
    detector = StallDetector(30)
    assert not stalled(detector, 0, STUCK)
    assert detector.stalled({MINE: STUCK}, [], 29) == []
    assert not stalled(detector, 31, STUCK)  # owned again since now
    assert not stalled(detector, 60, Progress(6, 9))
    assert not stalled(detector, 89, Progress(6, 9))
    assert stalled(detector, 91, Progress(6, 9))
    detector.reset()
    assert not stalled(detector, 92, Progress(6, 9))


def test_rebalance_without_end_is_reported_while_items_wait() -> None:
    detector = StallDetector(30)
    assert not detector.is_rebalance_stalled(True, 9, 0)
    assert not detector.is_rebalance_stalled(True, 0, 20)
    assert not detector.is_rebalance_stalled(True, 9, 40)
    assert not detector.is_rebalance_stalled(False, 9, 60)
    assert not detector.is_rebalance_stalled(True, 9, 61)
    assert detector.is_rebalance_stalled(True, 9, 92)


def test_waits_of_a_rebalance_end_before_the_watchdog() -> None:
    assert HANDOVER_S < REBALANCE_TIMEOUT_S < STALL_TIMEOUT_S


def test_late_check_counts_as_one_interval() -> None:
    checks = CheckTime(3.0, 100.0)
    assert checks.advance(103.0) == 3.0
    assert checks.advance(105.0) == 5.0
    assert checks.advance(165.0) == 8.0


def test_process_without_cpu_time_is_no_stall() -> None:
    detector, checks = StallDetector(30), CheckTime(3.0, 0.0)
    assert not any(stalled(detector, checks.advance(20.0 * n), STUCK) for n in range(1, 12))
    assert stalled(detector, checks.advance(20.0 * 12), STUCK) == ["copydesk.items/0"]
