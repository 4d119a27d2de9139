"""Latency of articles: the time between an item's poll and the publication of its article."""

import re
from bisect import bisect_left
from collections import deque
from datetime import datetime
from itertools import accumulate

from streams.brokers.base import ConsumedMessage
from streams.topics import ARCHIVE_ITEMS

BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
WINDOW_ARTICLES = 500  # the newest, for percentiles
_ARCHIVED = f'"topic":"{ARCHIVE_ITEMS.name}"'.encode()
_FETCHED = re.compile(rb'"fetched_at":"([^"]{10,40})"')


class Latency:
    """A histogram since the start of the process, and a window of the newest values."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0
        self.last_s: deque[float] = deque(maxlen=WINDOW_ARTICLES)

    def observe(self, message: ConsumedMessage) -> None:
        """Record the latency of an encoded article. Articles of archives, and without `fetched_at`, are ignored."""
        match = _FETCHED.search(message.value)
        if match is None or _ARCHIVED in message.value:
            return
        try:
            fetched_at = datetime.fromisoformat(match[1].decode())
        except ValueError:
            return
        latency_s = max(0.0, message.time_s - fetched_at.timestamp())
        self.counts[bisect_left(BOUNDS_S, latency_s)] += 1
        self.sum_s += latency_s
        self.last_s.append(latency_s)

    def percentiles_ms(self) -> dict[str, float]:
        """Return p50, p90 and p99 of the window; {} while the window is empty."""
        values = sorted(self.last_s)
        indexes = {p: min(len(values) - 1, len(values) * p // 100) for p in (50, 90, 99)}
        return {f"p{p}": round(1000 * values[n], 1) for p, n in indexes.items() if values}

    def buckets(self) -> list[tuple[str, float]]:
        """Return the cumulative buckets as (upper bound, count); the last bound is +Inf."""
        bounds = (*map(str, BOUNDS_S), "+Inf")
        return list(zip(bounds, map(float, accumulate(self.counts)), strict=True))
