"""Temporary HTTP failures: retryable statuses and the Retry-After header. Pure."""

from datetime import datetime
from email.utils import parsedate_to_datetime

MAX_RETRY_AFTER_S = 86_400.0
RETRYABLE_4XX = {408, 425, 429}  # RFC 9110 §15.5.9, RFC 8470 §5.2, RFC 6585 §4
OVERLOADED = {429, 503}  # RFC 6585 §4, RFC 9110 §15.6.4: the server asks for fewer requests


def is_retryable(status: int) -> bool:
    """Return whether the same request may succeed later: a status in RETRYABLE_4XX, or 5xx (RFC 9110 §15.6)."""
    return status in RETRYABLE_4XX or status >= 500


def parse_retry_after(value: str, now: datetime) -> float | None:
    """Return the seconds of a Retry-After header (RFC 9110 §10.2.3), at most a day; None if missing or invalid."""
    value = value.strip()
    if not value:
        return None
    if value.isdecimal() and value.isascii():
        return min(MAX_RETRY_AFTER_S, float(value[:9]))
    try:
        return min(MAX_RETRY_AFTER_S, max(0.0, (parsedate_to_datetime(value) - now).total_seconds()))
    except (ValueError, TypeError, OverflowError):
        return None
