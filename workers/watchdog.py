"""The watchdog of a desk worker: it ends a process that makes no progress, so that a supervisor restarts it.

It must not know the pipeline. It reads the shared counters and the lag of the desk's consumer group.
"""

import asyncio
import time

from streams.brokers.base import Broker
from streams.errors import UnavailableError
from streams.exit_codes import ExitCode, abort
from streams.topics import DESK_GROUP, ITEMS
from workers.counters import RECEIVED, read_counters
from workers.dedupe.rebuild import INTACT_KEY

STALL_TIMEOUT_S = 30.0


async def watchdog(broker: Broker, stall_timeout_s: float = STALL_TIMEOUT_S) -> None:
    """End this process when items wait and no desk worker makes progress for *stall_timeout_s*.

    A consumer group's rebalance may get stuck where brokers die in the middle of it. No other check detects that. The
    restarted worker joins the group anew. The process also ends when the shared state has been lost: the restarted
    worker rebuilds it from the articles topic.
    """
    last_count, progress_at_s = -1, time.monotonic()
    while True:
        await asyncio.sleep(stall_timeout_s / 10)
        try:
            if not await _is_state_intact(broker):
                abort(ExitCode.TEMPFAIL, "shared state lost", key=INTACT_KEY, next_step="restarting to rebuild it")
            count = (await read_counters(broker.state))["desk"][RECEIVED]
            lag = await broker.lag(ITEMS.name, DESK_GROUP)
        except UnavailableError:
            last_count = -1  # no figures during an outage: the timeout starts anew when the broker is back
            continue
        if not lag or count != last_count:
            last_count, progress_at_s = count, time.monotonic()
        elif time.monotonic() - progress_at_s > stall_timeout_s:
            abort(
                ExitCode.TEMPFAIL, "no progress of any desk", seconds=stall_timeout_s, lag=lag, next_step="restarting"
            )


async def _is_state_intact(broker: Broker) -> bool:
    return bool(await broker.state.exists(INTACT_KEY))
