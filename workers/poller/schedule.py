"""The schedule: when a feed is polled next. Pure.

A feed is never given up: failures only make the polls rarer, up to once a day.
"""

import random
from datetime import datetime
from email.utils import parsedate_to_datetime

DAY_S = 86_400.0
JITTER = 0.1  # spreads feeds that were added together
MAX_BACKOFF_DOUBLINGS = 16


def next_wait_s(interval_s: float, failures: int, retry_after_s: float | None, spread: random.Random) -> float:
    """Return the seconds until the next poll, after *failures* failed ones in a row.

    A server's Retry-After counts to the letter, up to a day.
    """
    backoff: float = interval_s * 2 ** min(failures, MAX_BACKOFF_DOUBLINGS)
    wait_s = min(backoff, max(DAY_S, interval_s)) * spread.uniform(1 - JITTER, 1 + JITTER)
    if retry_after_s is not None:
        return max(wait_s, min(retry_after_s, DAY_S))
    return wait_s


def parse_retry_after(value: str, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for (RFC 9110 §10.2.3: seconds or a date), or None."""
    value = value.strip()
    if value.isdigit():
        return float(value[:9])
    try:
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (ValueError, TypeError):
        return None
