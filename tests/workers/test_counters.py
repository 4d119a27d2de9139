"""Counters on a real Valkey."""

import asyncio
from collections import Counter

from streams.brokers import open_broker
from streams.config.settings import Settings
from workers.counters import STAGES, increment_commands, is_balanced, read_counters


def test_counters_balance_by_construction(settings: Settings) -> None:
    async def go() -> None:
        broker = open_broker(settings)
        await broker.publish(
            [], [*increment_commands("desk", Counter(new=3, dead=1)), *increment_commands("poll", Counter(sent=4))]
        )
        counters = await read_counters(broker.state)
        assert counters["desk"] == {"in": 4, "new": 3, "revised": 0, "duplicate": 0, "filtered": 0, "dead": 1}
        assert is_balanced(counters)
        counters["desk"]["new"] -= 1
        assert not is_balanced(counters)
        await broker.close()

    asyncio.run(go())
    assert set(STAGES) == {"poll", "desk"}
