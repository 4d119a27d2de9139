"""The lines of successful polls are one record; a failed poll is logged at once."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from streams.records import PollResult
from workers.poller.poll_log import PollLog


def poll(n: int, outcome: str = "unchanged") -> PollResult:
    started = datetime(2026, 11, 27, tzinfo=UTC)
    return PollResult(id=f"{n:016x}", feed=f"https://courier.example/{n}", started_at=started, outcome=outcome)


async def test_successful_polls_are_one_record(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "workers.poller.poller")
    log = PollLog()
    for n in range(3):
        log.add(poll(n))
    assert not caplog.records
    log.flush()
    log.flush()
    (record,) = caplog.records
    assert record.getMessage().splitlines() == [
        f"poll: outcome=unchanged feed=https://courier.example/{n} (status=0, items_total=0, items_new=0, elapsed_ms=0)"
        for n in range(3)
    ]


async def test_failed_poll_is_logged_at_once(caplog: pytest.LogCaptureFixture) -> None:
    failed = poll(1, "failed")
    failed = replace(failed, error="HTTP 500", elapsed_ms=1_500, next_due=failed.started_at + timedelta(minutes=30))
    PollLog().add(failed)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert caplog.messages == [
        "poll failed: outcome=failed feed=https://courier.example/1 "
        "(HTTP 500, status=0, items_total=0, items_new=0, elapsed_ms=1500); retrying in 1798.5 s"
    ]
