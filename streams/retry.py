"""Trying again: with backoff and jitter, and only what may succeed later."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from streams.errors import UnavailableError

log = logging.getLogger(__name__)
FIRST_RETRY_S, LAST_RETRY_S = 0.1, 5.0


async def retrying(attempt: Callable[[], Awaitable[bool]]) -> bool:
    """Return what *attempt* returns, trying again with backoff and jitter for as long as it raises UnavailableError."""
    delay_s = FIRST_RETRY_S
    while True:
        try:
            return await attempt()
        except UnavailableError as exc:
            log.warning("%s; trying again in %.1f s", exc, delay_s)
            await asyncio.sleep(delay_s * random.uniform(0.8, 1.2))
            delay_s = min(delay_s * 2, LAST_RETRY_S)
