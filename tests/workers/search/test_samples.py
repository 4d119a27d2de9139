"""Rates between samples of the counters, and the polls of a feed."""

from typing import Any

from streams.config.settings import Settings
from workers.search.samples import KEPT_S, Sample, SampleStore, rates
from workers.search.tables import open_database

START_S = 1_800_000_000.0 // 600 * 600


def sample(minute: float, new: int, lag: int = 0, **more: Any) -> Sample:
    return Sample(START_S + 60 * minute, {"new": new}, lag, more)


def new_per_minute(points: list[dict[str, Any]]) -> list[float | None]:
    return [point["per_minute"] and point["per_minute"]["new"] for point in points]


def test_rates_are_per_minute() -> None:
    samples = [sample(0, 100), sample(1, 130), sample(2, 130), sample(3, 136)]
    points = rates(samples, START_S + 200, 240, 60)
    assert new_per_minute(points) == [None, 30, 0, 6]
    assert [point["time_s"] for point in points] == [START_S, START_S + 60, START_S + 120, START_S + 180]


def test_rates_of_longer_steps_are_means() -> None:
    samples = [sample(minute, 10 * minute) for minute in range(21)]
    assert new_per_minute(rates(samples, START_S + 1200, 1800, 600)) == [10, 10, 10]


def test_rates_skip_the_time_without_samples() -> None:
    samples = [sample(0, 0), sample(1, 5), sample(60, 9_000), sample(61, 9_004)]
    points = rates(samples, START_S + 61 * 60, 3600, 60)
    assert new_per_minute(points)[-2:] == [None, 4]
    assert sum(value or 0 for value in new_per_minute(points)) == 4


def test_rates_start_at_zero_after_a_reset() -> None:
    assert new_per_minute(rates([sample(0, 900), sample(1, 7)], START_S + 60, 60, 60)) == [7]


def test_points_have_highest_lag_and_latency() -> None:
    samples = [sample(0, 0), sample(1, 0, lag=9, p50=3.0), sample(2, 0, lag=2, p50=4.0)]
    [point] = rates(samples, START_S + 180, 600, 600)
    assert (point["lag"], point["latency_ms"]) == (9, {"p50": 4.0})


def test_rates_without_samples_are_empty() -> None:
    assert new_per_minute(rates([], START_S, 180, 60)) == [None, None, None]


async def test_store_keeps_a_day_of_samples(settings: Settings) -> None:
    database = open_database(settings)
    store = SampleStore(database)
    await store.add(sample(0, 1, p50=2.5))
    await store.add(sample(0.2, 2))  # of the same minute
    await store.add(sample(10, 3, p99=8.0))
    assert [entry.counts["new"] for entry in await store.read()] == [2, 3]
    assert (await store.read())[1].latency_ms == {"p99": 8.0}
    await store.add(sample(5, 9))  # the clock was set back
    assert [entry.counts["new"] for entry in await store.read()] == [2, 9]
    await store.add(sample(KEPT_S / 60 + 3, 20))
    assert [entry.counts["new"] for entry in await store.read()] == [9, 20]
    await database.close()
