"""Retry with exponential backoff and jitter, for failures that may pass.

It owns the delays between attempts and the log events of an outage. It must not know the calls that it retries.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from streams.errors import UnavailableError
from streams.logger import get_logger

log = get_logger(__name__)
INITIAL_DELAY_S, MAX_DELAY_S = 0.1, 5.0
JITTER = 0.2  # share of the delay; it keeps workers that failed together from retrying together

ResultT = TypeVar("ResultT")


class Backoff:
    """The delays between attempts, in seconds: each doubles the one before, up to a maximum, with jitter."""

    def __init__(self, initial_delay_s: float = INITIAL_DELAY_S, max_delay_s: float = MAX_DELAY_S) -> None:
        self.initial_delay_s, self.max_delay_s = initial_delay_s, max_delay_s
        self._delay_s = initial_delay_s

    def next_delay_s(self) -> float:
        """Return the delay before the next attempt."""
        delay_s, self._delay_s = self._delay_s, min(2 * self._delay_s, self.max_delay_s)
        return delay_s * random.uniform(1 - JITTER, 1 + JITTER)

    def reset(self) -> None:
        """Begin with the initial delay again, after a success."""
        self._delay_s = self.initial_delay_s


async def retry_unavailable(
    attempt: Callable[[], Awaitable[ResultT]],
    event: str,
    *,
    initial_delay_s: float = INITIAL_DELAY_S,
    max_delay_s: float = MAX_DELAY_S,
    timeout_s: float | None = None,
    next_step: str = "",
    **fields: Any,
) -> ResultT:
    """Await *attempt* until it stops raising UnavailableError; return its result.

    The delay doubles after each failure, from *initial_delay_s* up to *max_delay_s*. Other exceptions pass. An outage
    logs *event* with *fields* once as a warning, further failures at level DEBUG, and its end.

    Raises:
        UnavailableError: the next attempt would begin more than *timeout_s* after the first failure.
    """
    backoff, failed_at_s = Backoff(initial_delay_s, max_delay_s), 0.0
    while True:
        try:
            result = await attempt()
        except UnavailableError as exc:
            delay_s, now_s = backoff.next_delay_s(), time.monotonic()
            is_first, failed_at_s = not failed_at_s, failed_at_s or now_s
            if timeout_s is not None and now_s + delay_s - failed_at_s > timeout_s:
                raise
            write = log.warning if is_first else log.debug
            write(event, error=exc, retry_s=delay_s, next_step=next_step, **fields)
            await asyncio.sleep(delay_s)
        else:
            if failed_at_s:
                log.info("available again", failure=event, seconds=time.monotonic() - failed_at_s, **fields)
            return result
