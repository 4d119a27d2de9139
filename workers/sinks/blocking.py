"""Calls that block, for the sinks that write files: one thread per sink, one call at a time."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


class BlockingCalls:
    """A thread that makes the calls in order. A call continues after its caller was cancelled; the next one waits."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None

    async def run(self, call: Callable[[], Result]) -> Result:
        """Return the result of *call*."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "sink")
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def close(self) -> None:
        """End the thread after the calls that it has accepted."""
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None
