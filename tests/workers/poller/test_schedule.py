"""The schedule: history, intervals, hints and backoff."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.poller import schedule
from workers.poller.schedule import DAY_S, HOUR_S, History, PollHints, expected_wait_s, initial_history, update_history

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)  # a Monday
NOW_S = NOW.timestamp()
INTERVAL_S = 900.0

waits = st.floats(0, DAY_S)
hints = st.builds(
    PollHints,
    wait_s=waits,
    skip_hours=st.lists(st.integers(0, 23), max_size=23, unique=True).map(tuple),
    skip_days=st.lists(st.integers(0, 6), max_size=6, unique=True).map(tuple),
)
polls = st.lists(st.tuples(st.floats(1, 5 * DAY_S), st.integers(0, 50)), max_size=30)


def history_after(polls: list[tuple[float, int]]) -> tuple[History, float]:
    """Return the history after *polls*, as (seconds since the previous poll, new items), and its time."""
    history, now_s = initial_history(NOW_S, []), NOW_S
    for passed_s, count in polls:
        now_s += passed_s
        history = update_history(history, now_s, [now_s - passed_s * n / (count + 1) for n in range(count)])
    return history, now_s


@given(polls)
def test_next_poll_within_bounds(polls: list[tuple[float, int]]) -> None:
    history, now_s = history_after(polls)
    wait_s = expected_wait_s(history, now_s, INTERVAL_S)
    assert INTERVAL_S * schedule.MIN_FACTOR <= wait_s <= INTERVAL_S * schedule.MAX_FACTOR
    assert all(count >= 0 for count in history.hours)
    assert history.weight_s <= schedule.HISTORY_DECAY_S + schedule.FRESH_S + 5 * DAY_S


def test_interval_shrinks_with_rate() -> None:
    def wait_s(a_day: int) -> float:
        history, now_s = history_after([(DAY_S / a_day, 1)] * (a_day * 14))
        return expected_wait_s(history, now_s, INTERVAL_S)

    waits_s = [wait_s(a_day) for a_day in (2, 6, 24, 96, 288)]
    assert waits_s == sorted(waits_s, reverse=True)
    assert waits_s[0] > 5 * waits_s[-1]


def test_reference_rate_gets_the_usual_interval() -> None:
    history, now_s = history_after([(HOUR_S, 3)] * 24 * 14)
    assert expected_wait_s(history, now_s, INTERVAL_S) == pytest.approx(INTERVAL_S, rel=0.1)


def test_interval_depends_on_hour_of_day() -> None:
    history = initial_history(NOW_S, [])
    for hour in range(24 * 14):
        history = update_history(history, NOW_S + hour * HOUR_S, [NOW_S + hour * HOUR_S] * (6 if hour % 24 < 8 else 0))
    end_s = NOW_S + 14 * DAY_S
    busy_s, quiet_s = (expected_wait_s(history, end_s + h * HOUR_S, INTERVAL_S) for h in (2, 10))
    assert quiet_s > 3 * busy_s


def test_burst_shortens_interval_and_decays() -> None:
    calm, now_s = history_after([(HOUR_S, 1)] * 24 * 7)
    burst = update_history(calm, now_s + 600, [now_s + 300] * 8)
    after = update_history(burst, now_s + 5 * HOUR_S, [])
    assert expected_wait_s(burst, now_s + 600, INTERVAL_S) < 0.6 * expected_wait_s(calm, now_s, INTERVAL_S)
    assert expected_wait_s(after, now_s + 5 * HOUR_S, INTERVAL_S) > 0.8 * expected_wait_s(calm, now_s, INTERVAL_S)


def test_initial_history_uses_dates_of_first_document() -> None:
    busy = initial_history(NOW_S, [NOW_S - n * 600 for n in range(30)])
    assert busy.per_hour == pytest.approx(6, rel=0.1)
    assert initial_history(NOW_S, []).per_hour == pytest.approx(schedule.FIRST_PER_HOUR)
    assert initial_history(NOW_S, [NOW_S + DAY_S] * 9).per_hour == pytest.approx(schedule.FIRST_PER_HOUR)


@given(waits, hints, st.integers(0, 100), polls)
def test_hints_extend_wait_to_a_day(
    wait_s: float, hints: PollHints, document_items: int, polls: list[tuple[float, int]]
) -> None:
    history, _ = history_after(polls)
    extended_s = schedule.apply_hints_s(wait_s, hints, document_items, history, NOW)
    assert wait_s <= extended_s <= DAY_S + HOUR_S


def test_hints_never_lose_items() -> None:
    history, _ = history_after([(HOUR_S, 5)] * 24 * 14)
    assert schedule.apply_hints_s(600, PollHints(wait_s=DAY_S), 10, history, NOW) == pytest.approx(HOUR_S, rel=0.1)


@pytest.mark.parametrize(
    ("wait_s", "hints", "due"),
    [
        (600, PollHints(), "Mon 10:10"),
        (600, PollHints(wait_s=3600), "Mon 11:00"),
        (600, PollHints(skip_hours=(10,)), "Mon 11:00"),
        (600, PollHints(skip_hours=(10, 11, 13)), "Mon 12:00"),
        (3600 * 14, PollHints(skip_days=(1,)), "Tue 10:00"),  # no longer than a day after the last poll
    ],
)
def test_apply_hints(wait_s: float, hints: PollHints, due: str) -> None:
    extended_s = schedule.apply_hints_s(wait_s, hints, 0, None, NOW)
    assert f"{NOW + timedelta(seconds=extended_s):%a %H:%M}" == due


@pytest.mark.parametrize(
    ("channel", "body", "hints"),
    [
        ({}, b"", PollHints()),
        ({"ttl": "60"}, b"", PollHints(wait_s=3600)),
        ({"ttl": "1000000000000"}, b"", PollHints(wait_s=DAY_S)),
        ({"ttl": "-5"}, b"", PollHints()),
        ({"ttl": "an hour"}, b"", PollHints()),
        ({"sy_updateperiod": "hourly", "sy_updatefrequency": "2"}, b"", PollHints(wait_s=1800)),
        ({"sy_updateperiod": " Daily "}, b"", PollHints(wait_s=DAY_S)),
        ({"sy_updateperiod": "hourly", "sy_updatefrequency": "1000000000"}, b"", PollHints(wait_s=3.6e-6)),
        ({}, b"<skipHours><hour>0</hour><hour> 24 </hour><hour>7</hour></skipHours>", PollHints(skip_hours=(0, 7))),
        ({}, b"<skipDays><day>Sunday</day><day>Someday</day></skipDays>", PollHints(skip_days=(6,))),
        (
            {},
            b"<skipDays>" + b"".join(b"<day>%s</day>" % d.encode() for d in schedule._DAYS) + b"</skipDays>",
            PollHints(),
        ),
    ],
)
def test_poll_hints_from_document(channel: dict[str, str], body: bytes, hints: PollHints) -> None:
    assert schedule.feed_hints(channel, body) == hints


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"cache-control": "public, max-age=300"}, 300),
        ({"cache-control": "max-age=300", "age": "100"}, 200),
        ({"cache-control": "s-maxage=900"}, 0),
        ({"cache-control": "no-cache, max-age=300"}, 0),
        ({"cache-control": "max-age=1000000000000000"}, DAY_S),
        ({"expires": "Mon, 05 Jan 2026 10:30:00 GMT"}, 1800),
        ({"expires": "0"}, 0),
        ({"expires": "Mon, 05 Jan 2026 09:30:00 GMT"}, 0),
    ],
)
def test_freshness_lifetime(headers: dict[str, str], seconds: float) -> None:
    assert schedule.freshness_lifetime_s(headers, NOW) == seconds


@given(st.floats(0.01, 3 * DAY_S), st.integers(1, 10_000), st.sampled_from([0, 200, 404, 410, 429, 500, 503]))
def test_backoff_within_bounds(interval_s: float, failures: int, status: int) -> None:
    wait_s = schedule.backoff_s(interval_s, failures, status)
    assert wait_s >= interval_s or wait_s == schedule.GONE_INTERVAL_S
    assert wait_s <= max(DAY_S, interval_s) or (status == 410 and wait_s == schedule.GONE_INTERVAL_S)
    if status in (429, 503):
        assert wait_s >= schedule.BUSY_S


@pytest.mark.parametrize("status", [0, 404, 500, 503])
@pytest.mark.parametrize("interval_s", [60.0, 900.0, 14_400.0])
def test_feed_recovers_within_a_day_of_outage(interval_s: float, status: int) -> None:
    rng = random.Random(7)
    now_s, failures, polls = 0.0, 0, 0
    while now_s < 14 * DAY_S:
        failures, polls = failures + 1, polls + 1
        now_s += schedule.jittered_s(schedule.backoff_s(interval_s, failures, status), rng)
    assert now_s - 14 * DAY_S <= 1.1 * DAY_S
    assert 14 <= polls < 60


@given(waits, st.integers())
def test_jitter_within_bounds(wait_s: float, seed: int) -> None:
    assert abs(schedule.jittered_s(wait_s, random.Random(seed)) - wait_s) <= wait_s * schedule.JITTER + 1e-9
