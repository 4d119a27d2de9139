"""Counters on a real Valkey."""

import re
from collections import Counter
from pathlib import Path

from streams.brokers import open_broker
from streams.config.settings import Settings
from workers.counters import STAGES, increment_commands, is_consistent, read_counters


async def test_counters_balance_by_construction(settings: Settings) -> None:
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
    assert set(STAGES) == {"poll", "intake", "desk"}


def test_metrics_reference_lists_all_outcomes() -> None:
    text = (Path(__file__).parents[2] / "docs" / "reference" / "metrics.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \|", text, re.MULTILINE)
    assert rows == [(stage, outcome) for stage, outcomes in STAGES.items() for outcome in outcomes]
