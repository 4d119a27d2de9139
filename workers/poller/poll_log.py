"""The log lines of polls: those of successful polls are written together.

A log record takes 25 µs beside the text of its events, and a system call. A failed poll is logged at once.
"""

import asyncio
from typing import Any

from streams.logger import get_logger, log_together
from streams.records import PollResult
from workers.poller.poll import log_fields

log = get_logger("workers.poller.poller")

DELAY_S = 0.2


class PollLog:
    """Logs published polls. A process that is killed loses the lines of DELAY_S."""

    def __init__(self) -> None:
        self._waiting: list[dict[str, Any]] = []

    def add(self, poll: PollResult) -> None:
        """Log *poll* within DELAY_S."""
        fields = log_fields(poll)
        if poll.outcome == "failed":
            log.warning("poll failed", **fields, retry_s=_retry_s(poll))
            return
        if not self._waiting:
            asyncio.get_running_loop().call_later(DELAY_S, self.flush)
        self._waiting.append(fields)

    def flush(self) -> None:
        """Log the waiting polls."""
        polls, self._waiting = self._waiting, []
        log_together("workers.poller.poller", "poll", polls)


def _retry_s(poll: PollResult) -> float | None:
    """Return the seconds from the end of *poll* to the next one."""
    if poll.next_due is None:
        return None
    return max(0.0, (poll.next_due - poll.started_at).total_seconds() - poll.elapsed_ms / 1_000)
