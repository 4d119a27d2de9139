from datetime import UTC, datetime

import pytest

from workers.http.retry_after import MAX_RETRY_AFTER_S, is_retryable, parse_retry_after

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120), (" 5 ", 5), ("Mon, 05 Jan 2026 10:01:00 GMT", 60), ("Mon, 05 Jan 2026 09:00:00 GMT", 0),
     ("soon", None), ("", None), ("-3", None), ("1" + "0" * 30, MAX_RETRY_AFTER_S),
     ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_RETRY_AFTER_S), ("²", None), ("١٢", None)],
)  # fmt: skip
def test_parse_retry_after(value: str, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


def test_is_retryable_statuses() -> None:
    statuses = (200, 304, 400, 404, 408, 410, 425, 429, 500, 503, 599)
    assert [s for s in statuses if is_retryable(s)] == [408, 425, 429, 500, 503, 599]
