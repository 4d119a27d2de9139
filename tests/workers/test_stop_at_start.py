"""A stop signal during the start of a worker: tasks are cancelled before their first step."""

import asyncio
import contextlib
import gc
import time
import warnings

from streams.config.settings import Settings
from workers.desk.slow_items import SlowItems
from workers.services import _start_upkeep, connect


class NoPartitions:
    """The membership of a desk that owns nothing."""

    def assignment(self) -> list[tuple[str, int]]:
        return []

    def is_rebalancing(self) -> bool:
        return False


async def test_upkeep_cancelled_at_once_leaves_no_coroutine(settings: Settings) -> None:
    """Python warns of a coroutine that is never awaited."""
    broker = await connect(settings, settings.broker_url)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        upkeep = _start_upkeep(settings, broker, NoPartitions(), SlowItems(broker, time.time))  # type: ignore[arg-type]
        upkeep.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await upkeep
        gc.collect()
    await broker.close()
    assert [str(warning.message) for warning in caught] == []
