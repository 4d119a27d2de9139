"""Publishing of items that no poller delivers."""

from collections.abc import Sequence
from datetime import datetime

from streams.brokers.base import Broker, RedisCommand
from streams.records import Item
from workers.counters import increment_commands
from workers.dead_letters import from_feed_entry
from workers.intake.embargo import drop_commands, hold_commands, item_message


async def publish(
    broker: Broker,
    items: Sequence[Item],
    *,
    failed: Sequence[tuple[str, str, str]] = (),
    held: Sequence[tuple[datetime, Item]] = (),
    state_writes: Sequence[RedisCommand] = (),
) -> None:
    """Publish *items*, a dead letter for each of *failed* (source, entry, error), and *state_writes*.

    *held*: (end of the embargo, item); `embargo.release_loop` publishes these items later.
    The counters of the stage `intake` change in the same step.
    """
    messages = [item_message(item) for item in items]
    messages += [from_feed_entry(source, entry, error) for source, entry, error in failed]
    counts = increment_commands("intake", {"new": len(items) + len(held), "failed": len(failed)})
    await broker.publish(messages, [*counts, *hold_commands(held), *drop_commands(items), *state_writes])
