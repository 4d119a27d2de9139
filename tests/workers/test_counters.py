"""Counters on a real Valkey."""

import asyncio
from collections import Counter

from streams.brokers import open_broker
from streams.config.settings import Settings
from workers.counters import STAGES, increment_commands, is_consistent, read_counters


def test_counters_balance_by_construction(settings: Settings) -> None:
    async def go() -> None:
        broker = open_broker(settings)
        await broker.publish(
            [], [*increment_commands("desk", Counter(new=3, failed=1)), *increment_commands("poll", Counter(new=4))]
        )
        counters = await read_counters(broker.state)
        assert counters["desk"] == {"received": 4, "new": 3, "revised": 0, "duplicate": 0, "filtered": 0, "failed": 1}
        assert is_consistent(counters)
        counters["desk"]["new"] -= 1
        assert not is_consistent(counters)
        await broker.close()

    asyncio.run(go())
    assert set(STAGES) == {"poll", "desk"}
