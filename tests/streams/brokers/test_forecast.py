"""The forecast of short memory: growth of the last day, from an hour on."""

from typing import Any

import pytest

from streams.brokers import open_broker
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.brokers.redis_streams.forecast import MemorySampler, Sample, read_forecast, seconds_until_full
from streams.config.settings import Settings
from workers.commands.status import check_memory

HOUR_S = 3600.0


@pytest.mark.parametrize(
    ("samples", "expected_s"),
    [
        ([], None),
        ([Sample(0, 100)], None),
        ([Sample(0.5 * HOUR_S, 200), Sample(0, 100)], None),  # too short a trend
        ([Sample(10 * HOUR_S, 200), Sample(5 * HOUR_S, 190), Sample(0, 100)], 80 * HOUR_S),
        ([Sample(10 * HOUR_S, 100), Sample(0, 100)], None),
        ([Sample(10 * HOUR_S, 1_200), Sample(0, 100)], 0.0),
        ([Sample(10 * HOUR_S, 200), Sample(90 * HOUR_S, 150), Sample(0, 100)], 80 * HOUR_S),  # a clock put back
    ],
)
def test_forecast_follows_growth_of_samples(samples: list[Sample], expected_s: float | None) -> None:
    assert seconds_until_full(samples, 1_000) == expected_s


async def test_forecast_reads_samples_of_the_broker(settings: Settings) -> None:
    broker = open_broker(settings)
    assert isinstance(broker, RedisStreamsBroker)
    state: Any = broker.state
    before = (await state.config_get("maxmemory"))["maxmemory"]
    try:
        await state.config_set("maxmemory", 10**9)
        await MemorySampler(broker).sample()
        await MemorySampler(broker).sample()  # another desk, at the same time
        key = broker.key("memory", "samples")
        [sample] = await broker.state.execute_command("LRANGE", key, 0, -1)
        assert await read_forecast(broker) is None
        time_s, used = sample.split(b"|")
        await broker.write_state(("RPUSH", key, f"{int(time_s) - 36_000}|{int(used) // 2}"))
        forecast_s = await read_forecast(broker)
        assert forecast_s is not None
        assert 0 < forecast_s < 36_000 * 2 * 10**9 / int(used)
    finally:
        await state.config_set("maxmemory", before)
        await broker.close()


def test_check_shows_forecast() -> None:
    removed: dict[str, Any] = {"messages": {}, "articles_ago_s": None}
    assert "short in 2.0 days" in check_memory(0.5, 2 * 86_400.0, removed).message
    assert "short" not in check_memory(0.5, None, removed).message
