"""Subscriptions that a cancelled request closes too.

anyio cancels each `await` of a cancelled scope, also those of a clean-up (anyio documentation, "Cancellation").
A shield lets the subscription open and close as a whole, so no connection to the broker stays open.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio

from streams.subscribe import Subscription


@asynccontextmanager
async def opened(subscription: Subscription) -> AsyncGenerator[Subscription, None]:
    """Open *subscription* for the block."""
    with anyio.CancelScope(shield=True):
        await subscription.__aenter__()
    try:
        yield subscription
    finally:
        with anyio.CancelScope(shield=True):
            await subscription.__aexit__(None, None, None)
