"""Latency: from the poll that brought an item to its article on the topic."""

import re
from bisect import bisect_left
from collections import deque
from datetime import datetime

from streams.brokers.base import Delivery

BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
KEPT = 500  # of the last articles, for percentiles
_FETCHED = re.compile(rb'"fetched_at":"([^"]{10,40})"')


class Latency:
    """What has been measured: counts by bound, and the last few."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0
        self.last_s: deque[float] = deque(maxlen=KEPT)

    def observe(self, delivery: Delivery) -> None:
        """Take in an article as it came off its topic; one that doesn't say when it was fetched counts for nothing."""
        found = _FETCHED.search(delivery.value)
        if found is None:
            return
        try:
            fetched = datetime.fromisoformat(found[1].decode())
        except ValueError:
            return
        took_s = max(0.0, delivery.time_s - fetched.timestamp())
        self.counts[bisect_left(BOUNDS_S, took_s)] += 1
        self.sum_s += took_s
        self.last_s.append(took_s)

    def percentiles_ms(self) -> dict[str, float]:
        """Return p50, p90 and p99 of the last articles; nothing while there are none."""
        last = sorted(self.last_s)
        return {f"p{p}": round(1000 * last[min(len(last) - 1, len(last) * p // 100)], 1) for p in (50, 90, 99) if last}

    def buckets(self) -> list[tuple[str, float]]:
        """Return (bound, count of all up to it), the last being +Inf."""
        total, out = 0, []
        for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), self.counts, strict=True):
            total += count
            out.append((bound, float(total)))
        return out
