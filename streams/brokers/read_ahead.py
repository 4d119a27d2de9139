"""Read-ahead of a group member, bounded by time: a handover waits for the records that the member has read."""

import time
from collections.abc import Callable

READ_AHEAD_S = 2.0  # work that a member reads ahead; a handover waits for it
FIRST_COUNT = 10  # records, while the speed of the member is unknown


class ReadAhead:
    """Computes the number of records to read next, at most *limit*, from the time that the last ones took."""

    def __init__(self, limit: int, now_s: Callable[[], float] = lambda: time.monotonic()) -> None:
        self.limit, self._now_s = limit, now_s  # the lambda finds a clock that a simulation has replaced
        self._next_count = min(FIRST_COUNT, limit)
        self._count, self._read_s = 0, 0.0

    def next_count(self) -> int:
        """Return the number of records that the member processes in READ_AHEAD_S; at most double the last number."""
        if self._count:
            took_s = max(self._now_s() - self._read_s, 1e-6)
            in_time = int(READ_AHEAD_S * self._count / took_s)
            self._next_count = max(1, min(self.limit, 2 * self._next_count, in_time))
            self._count = 0
        return self._next_count

    def record(self, count: int) -> None:
        """Record that a read has returned *count* records, which the member processes from now on."""
        self._count, self._read_s = count, self._now_s()
