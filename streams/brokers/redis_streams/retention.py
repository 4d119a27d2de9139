"""Retention: messages and groups go when they are old, whatever the wall clock does.

    copydesk:clock         hash: `latest`, the broker's time at the last round of any process
    copydesk:clock:jumps   list, newest first: the broker's time after a jump, and its seconds

Age is the broker's time less the jumps since. A jump that no process saw, because none ran, looks like age. So what
is more than the time that passed since the round before explains, and more than a tenth, goes a tenth an hour.
"""

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import NamedTuple

from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.clock import Moment, boottime_s

log = logging.getLogger(__name__)

JUMP_BACK_S, JUMP_FORWARD_S = (
    5.0,
    60.0,
)  # smaller ones are adjustments (the same bounds as in workers/poller/registry.py)
MAX_SHARE = 0.1
STEP_EVERY_S = 3_600.0
GROUPS = "registered groups"


class Jump(NamedTuple):
    """A jump of the broker's clock by `size_s`; `at_s` is the broker's time right after it."""

    at_s: float
    size_s: float


def cutoff_s(now_s: float, kept_s: float, jumps: Sequence[Jump]) -> float:
    """Return the broker's time before which everything is older than *kept_s*. *jumps*: the newest first.

    A jump counts for as long as something written before it may be younger than *kept_s*.
    """
    ahead_s = most_s = 0.0
    for jump in jumps:
        if now_s - jump.at_s - ahead_s > kept_s:
            break
        ahead_s += jump.size_s
        most_s = max(most_s, ahead_s)
    return now_s - kept_s - most_s


def _steady(now: Moment, kept_s: float, jumps: Sequence[Jump]) -> Moment:
    """Return the cutoff by a clock without the jumps: it moves on as time passes, except for jumps that nobody saw."""
    return Moment(now.time_s - sum(jump.size_s for jump in jumps) - kept_s, now.ticks_s)


class Retention:
    """Rounds of trimming and of group expiry. *now* gives the broker's time and the time that nobody sets."""

    def __init__(self, broker: RedisStreamsBroker, now: Callable[[], Awaitable[Moment]] | None = None) -> None:
        self.broker = broker
        self._now = now or self._broker_now
        self._last_ticks_s: float | None = None
        self._reached: dict[str, Moment] = {}  # topic → the steady cutoff that all went up to, and when
        self._refused_ticks_s: dict[str, float] = {}  # topic → when a request was last refused or cut down

    async def trim(self) -> dict[str, int]:
        """Remove what every group has committed and retention no longer keeps; returns how many, by topic."""
        now, jumps = await self._look()
        out = {}
        for topic, kept_s in (await self.broker.retentions()).items():
            before_s = cutoff_s(now.time_s, kept_s, jumps)
            may, there, _ = await self.broker.trim_topic(topic, 0, before_s=before_s)
            if count := self._permitted(topic, may, there, _steady(now, kept_s, jumps)):
                _, _, out[topic] = await self.broker.trim_topic(topic, count, before_s=before_s)
        return out

    async def expire_groups(self, silent_s: float, keep: Collection[str] = ()) -> list[str]:
        """Stop waiting, when trimming, for groups that have been silent for *silent_s*; returns their names.

        One that comes back goes on where it was, behind what was trimmed in the meantime.
        """
        now, jumps = await self._look()
        before_s = cutoff_s(now.time_s, silent_s, jumps)
        heard = await self.broker.groups()
        silent = sorted((at_s, name) for name, at_s in heard.items() if at_s < before_s and name not in keep)
        count = self._permitted(GROUPS, len(silent), len(heard), _steady(now, silent_s, jumps))
        gone = [name for _, name in silent[:count]]
        await self.broker.forget_groups(gone)
        return gone

    async def _broker_now(self) -> Moment:
        now_ticks_s = boottime_s()
        return Moment(await self.broker.time_s(), now_ticks_s)

    async def _look(self) -> tuple[Moment, list[Jump]]:
        """Return what time it is, and the jumps that were noted."""
        now = await self._now()
        passed_s = -1.0 if self._last_ticks_s is None else now.ticks_s - self._last_ticks_s
        keys = [self.broker.key("clock"), self.broker.key("clock", "jumps")]
        args = [f"{now.time_s:.3f}", f"{passed_s:.3f}", JUMP_BACK_S, JUMP_FORWARD_S]
        noted = await self.broker.script("clock", keys, args)
        self._last_ticks_s = now.ticks_s
        return now, [Jump(*map(float, jump.split(b"|"))) for jump in noted]

    def _permitted(self, name: str, wanted: int, there: int, cutoff: Moment) -> int:
        """Return how many of *there* may go in this round, and remember it for the next."""
        since, ticks = self._reached.get(name), cutoff.ticks_s
        explained = since is not None and cutoff.time_s - since.time_s <= ticks - since.ticks_s + JUMP_FORWARD_S
        if explained or wanted <= there * MAX_SHARE:
            self._reached[name] = cutoff
            self._refused_ticks_s.pop(name, None)
            return wanted
        self._reached.pop(name, None)
        refused_s = self._refused_ticks_s.get(name)
        if refused_s is not None and ticks - refused_s < STEP_EVERY_S:
            return 0
        self._refused_ticks_s[name] = ticks
        count = 0 if refused_s is None else max(1, int(there * MAX_SHARE))
        log.warning(
            "removal limited: %s (%d of %d are too old, %.0f %%, more than elapsed time explains; removed now: %d); "
            "up to a tenth follows every %g s; if the clock is wrong, correct it",
            name, wanted, there, 100 * wanted / there, count, STEP_EVERY_S,
        )  # fmt: skip
        return count
