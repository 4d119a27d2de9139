"""Retry with exponential backoff and jitter, for failures that may pass.

It owns the delays between attempts. It must not know the calls that it retries.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from streams.errors import UnavailableError

log = logging.getLogger(__name__)
INITIAL_DELAY_S, MAX_DELAY_S = 0.1, 5.0
JITTER = 0.2  # share of the delay; it keeps workers that failed together from retrying together

ResultT = TypeVar("ResultT")


async def retry_unavailable(
    attempt: Callable[[], Awaitable[ResultT]],
    *,
    initial_delay_s: float = INITIAL_DELAY_S,
    max_delay_s: float = MAX_DELAY_S,
) -> ResultT:
    """Await *attempt* until it stops raising UnavailableError; return its result.

    The delay doubles after each failure, from *initial_delay_s* up to *max_delay_s*. Other exceptions pass.
    """
    delay_s = initial_delay_s
    while True:
        try:
            return await attempt()
        except UnavailableError as exc:
            log.warning("%s; retrying in %.1f s", exc, delay_s)
            await asyncio.sleep(delay_s * random.uniform(1 - JITTER, 1 + JITTER))
            delay_s = min(delay_s * 2, max_delay_s)
