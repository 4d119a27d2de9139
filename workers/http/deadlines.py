"""Deadlines of one length: one timer of the event loop serves all of them.

Each request has a deadline, and each of its reads has another one. A timer for each of them costs 1 to 4 µs, and nearly
all of them are cancelled. Deadlines of one length end in the order of their start, so that a queue is enough.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType


class Deadline:
    """A call at a time of the event loop, unless it is cancelled before."""

    __slots__ = ("callback", "time_s")

    def __init__(self, time_s: float, callback: Callable[[], object]) -> None:
        self.time_s = time_s
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        """Drop the call. Its place in the queue remains until its time."""
        self.callback = None


class Deadlines:
    """The deadlines of an event loop that end *length_s* seconds after their start."""

    def __init__(self, length_s: float) -> None:
        self.length_s = length_s
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Deadline] = deque()
        self._has_timer = False

    def start(self, callback: Callable[[], object]) -> Deadline:
        """Return a deadline that calls *callback* after `length_s`."""
        deadline = Deadline(self._loop.time() + self.length_s, callback)
        self._queue.append(deadline)
        if not self._has_timer:
            self._has_timer = True
            self._loop.call_at(deadline.time_s, self._end)
        return deadline

    def timeout(self) -> "Timeout":
        """Return a context manager with the effect of `asyncio.timeout(length_s)`."""
        return Timeout(self)

    def _end(self) -> None:
        """Call what is due, and set the timer for the next deadline."""
        now_s = self._loop.time()
        while self._queue and (self._queue[0].callback is None or self._queue[0].time_s <= now_s):
            callback = self._queue.popleft().callback
            if callback is not None:
                callback()
        self._has_timer = bool(self._queue)
        if self._queue:
            self._loop.call_at(self._queue[0].time_s, self._end)


class Timeout:
    """Cancels its task at a deadline, and turns that cancellation into TimeoutError, as `asyncio.timeout` does."""

    __slots__ = ("_cancelling", "_deadline", "_deadlines", "_has_ended", "_task")

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines, self._has_ended = deadlines, False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a timeout needs a task")
        self._task, self._cancelling = task, task.cancelling()
        self._deadline = self._deadlines.start(self._cancel)

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._deadline.cancel()
        is_ours = self._has_ended and self._task.uncancel() <= self._cancelling
        if is_ours and exc_type is asyncio.CancelledError:
            raise TimeoutError from exc

    def _cancel(self) -> None:
        self._has_ended = True
        self._task.cancel()
