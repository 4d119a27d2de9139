"""Retention: remove old messages and inactive groups, independent of jumps of the wall clock.

The age of a message is the broker's time minus its timestamp and the jumps since. A jump while no process runs looks
like age. Therefore each removal is compared with the time since the last round. A removal of more than a tenth of a
topic that this time does not explain is limited to a tenth an hour.
"""

from collections.abc import Collection, Sequence

from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.brokers.redis_streams.clock import JUMP_FORWARD_S, Jump, Now, record_clock
from streams.clock import Moment
from streams.logger import get_logger

log = get_logger(__name__)

MAX_SHARE = 0.1  # of a topic, which a removal may exceed only if the elapsed time explains it
STEP_EVERY_S = 3_600.0
GROUPS = "registered groups"


def cutoff_s(now_s: float, retention_s: float, jumps: Sequence[Jump]) -> float:
    """Return the broker's time before which all messages are older than *retention_s*. *jumps*: newest first.

    A jump counts while messages from before it may be younger than *retention_s*.
    """
    ahead_s = max_ahead_s = 0.0
    for jump in jumps:
        if now_s - jump.time_s - ahead_s > retention_s:
            break
        ahead_s += jump.size_s
        max_ahead_s = max(max_ahead_s, ahead_s)
    return now_s - retention_s - max_ahead_s


def _unadjusted_cutoff(now: Moment, retention_s: float, jumps: Sequence[Jump]) -> Moment:
    """Return the cutoff without the recorded jumps. It follows the elapsed time, except for unrecorded jumps."""
    return Moment(now.time_s - sum(jump.size_s for jump in jumps) - retention_s, now.ticks_s)


class Retention:
    """Rounds of trimming and group expiry. *now* returns the broker's time and the monotonic time."""

    def __init__(self, broker: RedisStreamsBroker, now: Now | None = None) -> None:
        self.broker, self._now = broker, now
        self._reached: dict[str, Moment] = {}  # topic → unadjusted cutoff of the last complete removal
        self._refused_ticks_s: dict[str, float] = {}  # topic → time when a removal was last refused or limited

    async def trim(self) -> dict[str, int]:
        """Remove messages beyond retention that every group has committed; return their number by topic."""
        now, jumps = await self._read_clock()
        out = {}
        for topic, retention_s in (await self.broker.retentions()).items():
            before_s = cutoff_s(now.time_s, retention_s, jumps)
            removable, stored, _ = await self.broker.trim_topic(topic, 0, before_s=before_s)
            if count := self._permitted(topic, removable, stored, _unadjusted_cutoff(now, retention_s, jumps)):
                _, _, out[topic] = await self.broker.trim_topic(topic, count, before_s=before_s)
        return out

    async def expire_groups(self, silent_s: float, keep: Collection[str] = ()) -> list[str]:
        """Unregister groups without a heartbeat for *silent_s*; return their names. Trimming then ignores them.

        A group that returns resumes at its offset, or after the trimmed messages.
        """
        now, jumps = await self._read_clock()
        before_s = cutoff_s(now.time_s, silent_s, jumps)
        groups = await self.broker.groups()
        silent = sorted((seen_s, name) for name, seen_s in groups.items() if seen_s < before_s and name not in keep)
        count = self._permitted(GROUPS, len(silent), len(groups), _unadjusted_cutoff(now, silent_s, jumps))
        expired = [name for _, name in silent[:count]]
        await self.broker.forget_groups(expired)
        return expired

    async def _read_clock(self) -> tuple[Moment, list[Jump]]:
        return await record_clock(self.broker, self._now)

    def _permitted(self, name: str, expired: int, total: int, cutoff: Moment) -> int:
        """Return how many of *expired* to remove in this round, and store the decision for the next."""
        last, ticks = self._reached.get(name), cutoff.ticks_s
        is_explained = last is not None and cutoff.time_s - last.time_s <= ticks - last.ticks_s + JUMP_FORWARD_S
        if is_explained or expired <= total * MAX_SHARE:
            self._reached[name] = cutoff
            self._refused_ticks_s.pop(name, None)
            return expired
        self._reached.pop(name, None)
        refused_s = self._refused_ticks_s.get(name)
        if refused_s is not None and ticks - refused_s < STEP_EVERY_S:
            return 0
        self._refused_ticks_s[name] = ticks
        count = 0 if refused_s is None else max(1, int(total * MAX_SHARE))
        log.warning(
            "removal limited", **({} if name == GROUPS else {"topic": name}),
            reason=f"more {'groups' if name == GROUPS else 'messages'} are too old than elapsed time explains",
            count=count, expired=expired, total=total, retry_s=STEP_EVERY_S,
            next_step="up to a tenth follows each time; if the clock is wrong, correct it",
        )  # fmt: skip
        return count
