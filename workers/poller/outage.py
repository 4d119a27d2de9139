"""Network outages: if most hosts are unreachable at once, the fault is on our side. Pure.

During an outage the backoff of feeds doesn't grow, and each is tried again after RETRY_S.
"""

from collections import OrderedDict

NETWORK_ERRORS = frozenset(("connection", "timeout", "tls"))  # codes of polls without an HTTP response
MIN_HOSTS = 3
MIN_SHARE = 0.8  # of the recently polled hosts
WINDOW_S = 900.0
MAX_HOSTS = 200  # the latest ones
RETRY_S = 120.0
MAX_FEEDS = 100_000


class OutageDetector:
    """The latest outcome of each host that was polled within WINDOW_S."""

    def __init__(self) -> None:
        self.is_outage = False
        self._outcomes: OrderedDict[str, tuple[float, bool]] = OrderedDict()
        self._unreachable = 0  # number of them
        self._feeds: OrderedDict[str, float] = OrderedDict()  # feeds that failed, by time

    def record(self, feed: str, host: str, now_s: float, *, is_reachable: bool) -> list[str]:
        """Record a poll. Return the feeds that failed since the beginning of an outage that has ended with it."""
        self._unreachable += not is_reachable
        self._unreachable -= not self._outcomes.pop(host, (0.0, True))[1]
        self._outcomes[host] = (now_s, is_reachable)
        while len(self._outcomes) > MAX_HOSTS or now_s - next(iter(self._outcomes.values()))[0] > WINDOW_S:
            _, (_, was_reachable) = self._outcomes.popitem(last=False)
            self._unreachable -= not was_reachable
        self._feeds.pop(feed, None)
        if not is_reachable and len(self._feeds) < MAX_FEEDS:
            self._feeds[feed] = now_s
        was_outage, self.is_outage = self.is_outage, self._has_most_failed()
        if self.is_outage:
            return []
        failed = list(self._feeds) if was_outage else []
        while self._feeds and (was_outage or now_s - next(iter(self._feeds.values())) > WINDOW_S):
            self._feeds.popitem(last=False)
        return failed

    def _has_most_failed(self) -> bool:
        return len(self._outcomes) >= MIN_HOSTS and self._unreachable >= MIN_SHARE * len(self._outcomes)
