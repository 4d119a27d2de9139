"""Retries: temporary failures are repeated, others pass."""

import asyncio

import pytest

from streams.errors import SettingsError, UnavailableError
from streams.retry import retry_unavailable


def test_retry_returns_result_after_temporary_failures() -> None:
    failures = [UnavailableError("down")] * 3

    async def attempt() -> str:
        if failures:
            raise failures.pop()
        return "result"

    assert asyncio.run(retry_unavailable(attempt, initial_delay_s=0.0)) == "result"
    assert not failures


def test_retry_passes_other_errors() -> None:
    async def attempt() -> None:
        raise SettingsError("wrong")

    with pytest.raises(SettingsError, match="wrong"):
        asyncio.run(retry_unavailable(attempt))
