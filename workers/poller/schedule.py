"""The schedule: when a feed is polled next. Pure.

    history ──▶ expected time of the next item ──▶ hints of the feed ──▶ headers of the response ──▶ seconds to wait

copydesk never abandons a feed. Failures only lengthen its interval, up to a day. A feed that is gone is polled weekly.

The interval trades polls against delay. A feed has a rate of r items per hour. With steady rates, intervals
proportional to r ** -1/2 minimise the sum of delays over all items. The exponent -0.7 gives more of the polls to feeds
with more items. It needs an eighth fewer polls at the same median delay, for a mean delay that is a fifth longer.
`make bench ARGS=schedule` measures this on real feeds.

The rate depends on the hour of the day. It rises during a burst, when more items appear than usual at that hour.
One item is then often followed by others.
"""

import math
import random
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from workers.http.retry_after import OVERLOADED

MINUTE_S, HOUR_S, DAY_S = 60.0, 3_600.0, 86_400.0
JITTER = 0.05  # spreads feeds that were added together
MAX_BACKOFF_DOUBLINGS = 16
GONE_AFTER, GONE_INTERVAL_S = 3, 7 * DAY_S  # after three consecutive 410, once a week
BUSY_S = 60.0  # minimum wait after 429 or 503 without Retry-After
TRUST_304_S = DAY_S  # one unconditional request a day, because some servers return 304 incorrectly
MOVED_AFTER, MOVED_S = 3, DAY_S  # polls and time with a permanent redirect until it is accepted

REFERENCE_PER_HOUR = 3.0  # a feed with this rate is polled every `poll_interval_s`
RATE_EXPONENT = 0.7
MIN_FACTOR, MAX_FACTOR = 1 / 3, 16.0  # times `poll_interval_s`
HISTORY_DECAY_S = 14 * DAY_S  # time constant of the history
FRESH_S = 2 * DAY_S  # weight of a feed's first document
BURST_DECAY_S = HOUR_S  # time constant of a burst
FIRST_PER_HOUR = 0.25  # rate of an unknown feed
SMOOTHING = 3.0  # items added to each hour, so that few items change the rate little
STEP_S = 900.0


class History(msgspec.Struct, frozen=True, array_like=True):
    """The publishing history of a feed: decaying counts of new items by hour of the day (UTC), over `weight_s` seconds.

    `recent` counts new items with the time constant BURST_DECAY_S. `expected` is its expected value.
    """

    polled_s: float
    weight_s: float
    hours: tuple[float, ...]
    recent: float = 0.0
    expected: float = 0.0

    @property
    def is_rate_known(self) -> bool:
        """Whether polls of more than half a day are in the history, which begins with FRESH_S."""
        return self.weight_s >= FRESH_S + DAY_S / 2

    @property
    def per_hour(self) -> float:
        """Mean number of new items per hour."""
        return sum(self.hours) / self.weight_s * HOUR_S


class PollHints(msgspec.Struct, frozen=True, omit_defaults=True):
    """Polling hints in the feed document, in UTC. `skip_days` counts from Monday as 0."""

    wait_s: float = 0.0
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()


# -- history -------------------------------------------------------------------------------------------------


def initial_history(now_s: float, times_s: Sequence[float]) -> History:
    """Return the history of a feed after its first poll. *times_s* are the times of the items in its document."""
    past = sorted(t for t in times_s if t <= now_s)
    span_s = now_s - past[0] if past else 0.0
    per_hour = (len(past) - 1) / span_s * HOUR_S if len(past) > 2 and span_s > HOUR_S else FIRST_PER_HOUR
    return History(now_s, FRESH_S, (per_hour * FRESH_S / DAY_S,) * 24)


def update_history(history: History, now_s: float, times_s: Sequence[float]) -> History:
    """Return *history* after a poll at *now_s* with new items, which appeared at *times_s*."""
    passed_s = max(0.0, now_s - history.polled_s)
    decay, burst_decay = math.exp(-passed_s / HISTORY_DECAY_S), math.exp(-passed_s / BURST_DECAY_S)
    hundredths = [count * decay * 100 for count in history.hours]
    for time_s in times_s:
        hundredths[_hour(time_s if history.polled_s - DAY_S < time_s <= now_s else now_s)] += 100
    return History(
        round(now_s, 1),
        round(history.weight_s * decay + passed_s),
        tuple([int(count + 0.5) / 100 for count in hundredths]),  # `round` takes 1 µs for each count
        round(history.recent * burst_decay + len(times_s), 3),
        round(history.expected * burst_decay + _expected(history, now_s, min(passed_s, DAY_S)), 3),
    )


def _hour(time_s: float) -> int:
    return int(time_s // HOUR_S) % 24


def _rate_share(history: History) -> float:
    """Return new items per hour for each item in the smoothed count of an hour of the day."""
    total = sum(history.hours)
    return total / history.weight_s * HOUR_S / (total / 24 + SMOOTHING)


def _expected(history: History, now_s: float, passed_s: float) -> float:
    share, items, at_s = _rate_share(history), 0.0, now_s - passed_s
    while at_s < now_s:
        until_s = min(now_s, (at_s // HOUR_S + 1) * HOUR_S)
        items += (until_s - at_s) / HOUR_S * share * (history.hours[_hour(at_s)] + SMOOTHING)
        at_s = until_s
    return items


# -- interval -------------------------------------------------------------------------------------------------


def expected_wait_s(history: History, now_s: float, interval_s: float) -> float:
    """Return the seconds until the next poll. *interval_s* is the interval at the rate REFERENCE_PER_HOUR."""
    burst, share = (history.recent + 1) / (history.expected + 1), _rate_share(history)
    need, at_s, longest_s = interval_s, now_s, interval_s * MAX_FACTOR
    while at_s - now_s < longest_s:
        per_hour = share * (history.hours[_hour(at_s)] + SMOOTHING) * burst ** math.exp(-(at_s - now_s) / BURST_DECAY_S)
        speed = (per_hour / REFERENCE_PER_HOUR) ** RATE_EXPONENT
        step_s = min(STEP_S, (at_s // HOUR_S + 1) * HOUR_S - at_s)
        if speed * step_s >= need:
            at_s += need / speed
            break
        need -= speed * step_s
        at_s += step_s
    return min(longest_s, max(interval_s * MIN_FACTOR, at_s - now_s))


def apply_hints_s(
    wait_s: float, hints: PollHints, document_items: int, history: History | None, now: datetime
) -> float:
    """Return *wait_s*, extended by the *hints* of the feed, up to a day.

    At most half of *document_items*, the number of items in the document, may be new at the next poll.
    A hint beyond that is shortened: the document would lose items between two polls.
    """
    per_hour = history.per_hour if history else 0.0
    max_wait_s = document_items / 2 / per_hour * HOUR_S if document_items and per_hour > 0 else DAY_S
    wait_s = max(wait_s, min(hints.wait_s, max_wait_s, DAY_S))
    for _ in range(24):
        due = now + timedelta(seconds=wait_s)
        if wait_s >= min(DAY_S, max_wait_s) or not (due.hour in hints.skip_hours or due.weekday() in hints.skip_days):
            break
        wait_s += HOUR_S - (due.minute * MINUTE_S + due.second)
    return wait_s


def backoff_s(interval_s: float, failures: int, status: int) -> float:
    """Return the seconds until the next poll after *failures* consecutive failures, the last with *status*."""
    if status == 410 and failures >= GONE_AFTER:
        return GONE_INTERVAL_S
    wait_s: float = interval_s * 2 ** min(failures, MAX_BACKOFF_DOUBLINGS)
    wait_s = min(wait_s, max(DAY_S, interval_s))
    return max(wait_s, BUSY_S) if status in OVERLOADED else wait_s


def jittered_s(wait_s: float, rng: random.Random) -> float:
    """Return *wait_s*, changed by up to JITTER."""
    return wait_s * rng.uniform(1 - JITTER, 1 + JITTER)


# -- hints ----------------------------------------------------------------------------------------------------

_PERIODS_S = {"hourly": HOUR_S, "daily": DAY_S, "weekly": 7 * DAY_S, "monthly": 30 * DAY_S, "yearly": 365 * DAY_S}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
HEAD_BYTES = 65_536  # the elements of the channel nearly always precede its items
_SKIP = re.compile(rb"<skip(?:Hours|Days)>((?:[^<]|<(?!/?skip)){0,2000}+)</skip(?:Hours|Days)>", re.IGNORECASE)
_SKIPPED = re.compile(rb"<(hour|day)>\s{0,9}(\w{1,9})\s{0,9}</", re.IGNORECASE)
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,12})", re.IGNORECASE)


def feed_hints(channel: Mapping[str, Any], body: bytes) -> PollHints:
    """Return the hints of a document: `ttl`, `skipHours`, `skipDays` (RSS 2.0), `sy:` (RSS 1.0 module)."""
    waits_s = [_number(channel.get("ttl")) * MINUTE_S]
    if period_s := _PERIODS_S.get(str(channel.get("sy_updateperiod") or "").strip().lower()):
        waits_s.append(period_s / max(1.0, _number(channel.get("sy_updatefrequency"))))
    hours: set[int] = set()
    days: set[int] = set()
    for block in _SKIP.findall(body[:HEAD_BYTES]):
        for unit, value in _SKIPPED.findall(block):
            word = value.decode("ascii", "replace").lower()
            if unit.lower() == b"hour" and word.isdecimal():
                hours.add(int(word) % 24)  # some feeds use 24 for midnight
            elif word in _DAYS:
                days.add(_DAYS.index(word))
    if len(hours) == 24 or len(days) == 7:
        hours, days = set(), set()  # a feed that skips all of them is misconfigured
    return PollHints(min(max(waits_s), DAY_S), tuple(sorted(hours)), tuple(sorted(days)))


def freshness_lifetime_s(headers: Mapping[str, str], now: datetime) -> float:
    """Return the freshness lifetime of a response (RFC 9111 §4.2.1) in seconds, at most a day."""
    control = headers.get("cache-control", "")
    if "no-cache" in control or "no-store" in control:
        return 0.0
    if max_age := _MAX_AGE.search(control):
        age = headers.get("age", "").strip()
        return max(0.0, min(DAY_S, float(max_age[1]) - (float(age[:9]) if age.isdecimal() else 0.0)))
    if "expires" not in headers:
        return 0.0
    try:
        expires = parsedate_to_datetime(headers["expires"])
        return max(0.0, min(DAY_S, (expires - now).total_seconds()))
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _number(value: Any) -> float:
    text = str(value or "").strip()
    return float(text[:12]) if text.isdecimal() else 0.0
