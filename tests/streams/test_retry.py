"""Retries: temporary failures are repeated, others pass."""

import logging

import pytest

from streams.errors import SettingsError, UnavailableError
from streams.retry import JITTER, Backoff, retry_unavailable


async def test_retry_returns_result_after_temporary_failures() -> None:
    failures = [UnavailableError("down")] * 3

    async def attempt() -> str:
        if failures:
            raise failures.pop()
        return "result"

    assert await retry_unavailable(attempt, "call failed", initial_delay_s=0.0) == "result"
    assert not failures


async def test_retry_passes_other_errors() -> None:
    async def attempt() -> None:
        raise SettingsError("wrong")

    with pytest.raises(SettingsError, match="wrong"):
        await retry_unavailable(attempt, "call failed")


async def test_retry_logs_outage_once(caplog: pytest.LogCaptureFixture) -> None:
    failures = [UnavailableError("down")] * 4

    async def attempt() -> None:
        if failures:
            raise failures.pop()

    with caplog.at_level(logging.INFO, "streams.retry"):
        await retry_unavailable(attempt, "read failed", initial_delay_s=0.001, topic="t")
    failed, recovered = [record.getMessage() for record in caplog.records]
    assert failed == "read failed: topic=t (down); retrying in 0 s"
    assert recovered.startswith("available again: topic=t ")


async def test_retry_raises_after_timeout() -> None:
    attempts = 0

    async def attempt() -> None:
        nonlocal attempts
        attempts += 1
        raise UnavailableError("down")

    with pytest.raises(UnavailableError, match="down"):
        await retry_unavailable(attempt, "read failed", initial_delay_s=0.01, timeout_s=0.1)
    assert attempts > 1


def test_backoff_doubles_up_to_maximum() -> None:
    backoff = Backoff(1.0, 4.0)
    for expected_s in (1.0, 2.0, 4.0, 4.0):
        assert backoff.next_delay_s() == pytest.approx(expected_s, rel=JITTER)
    backoff.reset()
    assert backoff.next_delay_s() == pytest.approx(1.0, rel=JITTER)
