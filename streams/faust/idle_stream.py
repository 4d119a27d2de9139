"""A Faust stream that sleeps while no event arrives. Faust's own wakes up after each linger time: 20 times a second."""

import asyncio
from typing import Any

import faust

MAX_SLEEP_S = 1.0


class IdleStream(faust.Stream):  # type: ignore[misc] # faust has no types
    """A stream whose `take_events` begins to linger with the first event of a batch."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._has_arrived = asyncio.Event()
        self.add_processor(self._note_arrival)

    async def _note_arrival(self, value: Any) -> Any:
        self._has_arrived.set()
        return value

    async def wait_for_stopped(self, *coros: Any, timeout: Any = None) -> bool:
        """Wait for the next event, then for *coros* up to *timeout* seconds; return False if *coros* came first."""
        if timeout is not None and not self._has_arrived.is_set():
            await super().wait_for_stopped(self._has_arrived, timeout=MAX_SLEEP_S)
            if not self._has_arrived.is_set():
                return True
        self._has_arrived.clear()
        return bool(await super().wait_for_stopped(*coros, timeout=timeout))
