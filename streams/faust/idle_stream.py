"""A Faust stream that sleeps while no event arrives. Faust's own wakes up after each linger time: 20 times a second."""

import asyncio
import sys
from typing import Any

import faust

from streams.faust.message_batch import MessageBatch

MAX_SLEEP_S = 1.0


class IdleStream(faust.Stream):  # type: ignore[misc] # faust has no types
    """A stream whose `take_events` begins to linger with the first event of a batch."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._has_arrived, self._is_full, self._is_taken = (asyncio.Event() for _ in range(3))
        self._messages, self._max_messages = 0, sys.maxsize
        self.add_processor(self._note_arrival)

    def take_batches(self, max_messages: int, within: float) -> Any:
        """Yield events with about *max_messages* messages; fewer *within* seconds after the first."""
        self._max_messages = max_messages
        return self.take_events(sys.maxsize, within)

    async def _note_arrival(self, value: Any) -> Any:
        """Count the messages of the current event; wait first while the batch is full."""
        while self._messages >= self._max_messages:
            self._is_taken.clear()
            await self._is_taken.wait()
        message = getattr(self.current_event, "message", None)
        self._messages += len(message.messages) if isinstance(message, MessageBatch) else 1
        self._has_arrived.set()
        if self._messages >= self._max_messages:
            self._is_full.set()
        return value

    async def wait_for_stopped(self, *coros: Any, timeout: Any = None) -> bool:
        """Wait for the next event, then for a full batch up to *timeout* seconds; return False for a full batch.

        Without *timeout*, wait for *coros*.
        """
        if timeout is None:
            return bool(await super().wait_for_stopped(*coros))
        if not self._has_arrived.is_set():
            await super().wait_for_stopped(self._has_arrived, timeout=MAX_SLEEP_S)
            if not self._has_arrived.is_set():
                return True
        self._has_arrived.clear()
        is_stopped = bool(await super().wait_for_stopped(self._is_full, timeout=timeout))
        self._messages = 0  # the caller takes all events that have arrived
        self._is_full.clear()
        self._is_taken.set()
        return is_stopped
