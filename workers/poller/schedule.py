"""The schedule: when a feed is polled next. Pure.

    history ──▶ how soon is the next item likely? ──▶ the feed's hints ──▶ what the server said ──▶ seconds to wait

A feed is never given up: failures only make the polls rarer, up to once a day; one that is gone is asked weekly.

How long to wait for the next item is a trade of polls against delay. Were items to come at a steady rate r, then the
delay summed over all feeds' items would be least, for so many polls, with intervals that go with r to the power of
-1/2. To the power of -0.7 feeds with more items get more of the polls: an eighth fewer of them at the same median
delay, for a mean delay that is a fifth longer. `make bench ARGS=schedule` measures it on real feeds. The rate is a
feed's own by the hour of the day, and it is lifted while more comes than at that hour is usual, as one item often
brings others.
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
GONE_AFTER, GONE_INTERVAL_S = 3, 7 * DAY_S  # so many 410 in a row, then once a week
BUSY_S = 60.0  # the least to wait after 429 or 503 without Retry-After
TRUST_304_S = DAY_S  # then the document is asked for whatever the server says: some lie
MOVED_AFTER, MOVED_S = 3, DAY_S  # so many sightings over so long, and a permanent redirect is believed

REFERENCE_PER_HOUR = 3.0  # a feed with so many new items is polled every `poll_interval_s`
RATE_EXPONENT = 0.7
MIN_FACTOR, MAX_FACTOR = 1 / 3, 16.0  # times `poll_interval_s`
HISTORY_DECAY_S = 14 * DAY_S  # how fast a history fades
FRESH_S = 2 * DAY_S  # how much a feed's first document counts as
BURST_DECAY_S = HOUR_S  # how fast a rush fades
FIRST_PER_HOUR = 0.25  # a feed of which nothing is known
SMOOTHING = 3.0  # items that a feed must have had at an hour before that hour differs much
STEP_S = 900.0


class History(msgspec.Struct, frozen=True, array_like=True):
    """What a feed's past tells: fading counts of new items by hour of the day (UTC), over `weight_s` seconds.

    `recent` counts new items too, fading within an hour or so, `expected` what was to be expected meanwhile.
    """

    polled_s: float
    weight_s: float
    hours: tuple[float, ...]
    recent: float = 0.0
    expected: float = 0.0

    @property
    def per_hour(self) -> float:
        """New items in an hour, on average."""
        return sum(self.hours) / self.weight_s * HOUR_S


class PollHints(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the feed itself says of when to come; `skip_days` counts from Monday as 0. All of it in UTC."""

    wait_s: float = 0.0
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()


# -- learning -------------------------------------------------------------------------------------------------


def initial_history(now_s: float, times_s: Sequence[float]) -> History:
    """Return the history of a feed that is read for the first time, by the *times_s* of the items in its document."""
    past = sorted(t for t in times_s if t <= now_s)
    span_s = now_s - past[0] if past else 0.0
    per_hour = (len(past) - 1) / span_s * HOUR_S if len(past) > 2 and span_s > HOUR_S else FIRST_PER_HOUR
    return History(now_s, FRESH_S, (per_hour * FRESH_S / DAY_S,) * 24)


def update_history(history: History, now_s: float, times_s: Sequence[float]) -> History:
    """Return *history* after a poll at *now_s* that found new items of *times_s* (when they appeared, at best)."""
    passed_s = max(0.0, now_s - history.polled_s)
    fade, rush_fade = math.exp(-passed_s / HISTORY_DECAY_S), math.exp(-passed_s / BURST_DECAY_S)
    hours = [count * fade for count in history.hours]
    for time_s in times_s:
        hours[_hour(time_s if history.polled_s - DAY_S < time_s <= now_s else now_s)] += 1
    return History(
        round(now_s, 1),
        round(history.weight_s * fade + passed_s),
        tuple(round(count, 2) for count in hours),
        round(history.recent * rush_fade + len(times_s), 3),
        round(history.expected * rush_fade + _expected(history, now_s, min(passed_s, DAY_S)), 3),
    )


def _hour(time_s: float) -> int:
    return int(time_s // HOUR_S) % 24


def _per_hour(history: History, time_s: float) -> float:
    usual = sum(history.hours) / 24
    return history.per_hour * (history.hours[_hour(time_s)] + SMOOTHING) / (usual + SMOOTHING)


def _expected(history: History, now_s: float, passed_s: float) -> float:
    items, at_s = 0.0, now_s - passed_s
    while at_s < now_s:
        until_s = min(now_s, (at_s // HOUR_S + 1) * HOUR_S)
        items += (until_s - at_s) / HOUR_S * _per_hour(history, at_s)
        at_s = until_s
    return items


# -- deciding -------------------------------------------------------------------------------------------------


def expected_wait_s(history: History, now_s: float, interval_s: float) -> float:
    """Return how long to wait for the next items; *interval_s* is what a feed of REFERENCE_PER_HOUR gets."""
    rush = (history.recent + 1) / (history.expected + 1)
    need, at_s, longest_s = interval_s, now_s, interval_s * MAX_FACTOR
    while at_s - now_s < longest_s:
        per_hour = _per_hour(history, at_s) * rush ** math.exp(-(at_s - now_s) / BURST_DECAY_S)
        speed = (per_hour / REFERENCE_PER_HOUR) ** RATE_EXPONENT
        step_s = min(STEP_S, (at_s // HOUR_S + 1) * HOUR_S - at_s)
        if speed * step_s >= need:
            at_s += need / speed
            break
        need -= speed * step_s
        at_s += step_s
    return min(longest_s, max(interval_s * MIN_FACTOR, at_s - now_s))


def apply_hints_s(wait_s: float, hints: PollHints, window: int, history: History | None, now: datetime) -> float:
    """Return *wait_s* as the feed's own *hints* would have it, but at most a day.

    A feed that asks for fewer polls than its items can wait for gets them still: of its *window*, as many items as
    a document holds, no more than half may be new.
    """
    per_hour = history.per_hour if history else 0.0
    in_time_s = window / 2 / per_hour * HOUR_S if window and per_hour > 0 else DAY_S
    wait_s = max(wait_s, min(hints.wait_s, in_time_s, DAY_S))
    for _ in range(24):
        due = now + timedelta(seconds=wait_s)
        if wait_s >= min(DAY_S, in_time_s) or not (due.hour in hints.skip_hours or due.weekday() in hints.skip_days):
            break
        wait_s += HOUR_S - (due.minute * MINUTE_S + due.second)
    return wait_s


def backoff_s(interval_s: float, failures: int, status: int) -> float:
    """Return the seconds until the next poll after *failures* failed ones in a row, the last with *status*."""
    if status == 410 and failures >= GONE_AFTER:
        return GONE_INTERVAL_S
    wait_s: float = interval_s * 2 ** min(failures, MAX_BACKOFF_DOUBLINGS)
    wait_s = min(wait_s, max(DAY_S, interval_s))
    return max(wait_s, BUSY_S) if status in OVERLOADED else wait_s


def jittered_s(wait_s: float, spread: random.Random) -> float:
    """Return *wait_s*, a little longer or shorter."""
    return wait_s * spread.uniform(1 - JITTER, 1 + JITTER)


# -- hints ----------------------------------------------------------------------------------------------------

_PERIODS_S = {"hourly": HOUR_S, "daily": DAY_S, "weekly": 7 * DAY_S, "monthly": 30 * DAY_S, "yearly": 365 * DAY_S}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
HEAD_BYTES = 65_536  # a channel's own elements come first, as good as always
_SKIP = re.compile(rb"<skip(?:Hours|Days)>((?:[^<]|<(?!/?skip)){0,2000}+)</skip(?:Hours|Days)>", re.IGNORECASE)
_SKIPPED = re.compile(rb"<(hour|day)>\s{0,9}(\w{1,9})\s{0,9}</", re.IGNORECASE)
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,12})", re.IGNORECASE)


def feed_hints(channel: Mapping[str, Any], body: bytes) -> PollHints:
    """Return what a document says of when to come: `ttl`, `skipHours`, `skipDays` (RSS 2.0), `sy:` (RSS 1.0 module)."""
    waits_s = [_number(channel.get("ttl")) * MINUTE_S]
    if period_s := _PERIODS_S.get(str(channel.get("sy_updateperiod") or "").strip().lower()):
        waits_s.append(period_s / max(1.0, _number(channel.get("sy_updatefrequency"))))
    hours: set[int] = set()
    days: set[int] = set()
    for block in _SKIP.findall(body[:HEAD_BYTES]):
        for kind, value in _SKIPPED.findall(block):
            word = value.decode("ascii", "replace").lower()
            if kind.lower() == b"hour" and word.isdecimal():
                hours.add(int(word) % 24)  # 24 is midnight to some
            elif word in _DAYS:
                days.add(_DAYS.index(word))
    if len(hours) == 24 or len(days) == 7:
        hours, days = set(), set()  # never is no time to come
    return PollHints(min(max(waits_s), DAY_S), tuple(sorted(hours)), tuple(sorted(days)))


def freshness_lifetime_s(headers: Mapping[str, str], now: datetime) -> float:
    """Return for how long an answer says that it stays fresh (RFC 9111 §4.2.1), at most a day."""
    control = headers.get("cache-control", "")
    if "no-cache" in control or "no-store" in control:
        return 0.0
    if found := _MAX_AGE.search(control):
        age = headers.get("age", "").strip()
        return max(0.0, min(DAY_S, float(found[1]) - (float(age[:9]) if age.isdecimal() else 0.0)))
    try:
        expires = parsedate_to_datetime(headers.get("expires", ""))
        return max(0.0, min(DAY_S, (expires - now).total_seconds()))
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _number(value: Any) -> float:
    text = str(value or "").strip()
    return float(text[:12]) if text.isdecimal() else 0.0
