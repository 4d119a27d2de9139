"""Trying again: with backoff and jitter, and only what may succeed later."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from streams.errors import UnavailableError

log = logging.getLogger(__name__)
INITIAL_DELAY_S, MAX_DELAY_S = 0.1, 5.0


async def retry_unavailable(attempt: Callable[[], Awaitable[bool]]) -> bool:
    """Return what *attempt* returns, trying again with backoff and jitter for as long as it raises UnavailableError."""
    delay_s = INITIAL_DELAY_S
    while True:
        try:
            return await attempt()
        except UnavailableError as exc:
            log.warning("%s; trying again in %.1f s", exc, delay_s)
            await asyncio.sleep(delay_s * random.uniform(0.8, 1.2))
            delay_s = min(delay_s * 2, MAX_DELAY_S)
